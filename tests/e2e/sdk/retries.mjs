// Requests that OpenAI's own client sends again by itself: retries.mjs <base URL> <key> <video model>
// Prints what each came to. An answer that is late is one that the client has hung up on.
import { createHash } from "node:crypto";

import OpenAI from "openai";

const [baseURL, apiKey, video] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 4 });
const sum = (bytes) => createHash("sha256").update(Buffer.from(bytes)).digest("hex");
const model = "gpt-image-2";
const said = (error) => ({ status: error.status, code: error.code });

const lost = await client.images.generate({ model, prompt: "lost" });
const late = await client.images.generate({ model, prompt: "late [after-30]" }, { timeout: 700 });
const speech = await client.audio.speech.create({ model: "tts-1", voice: "nova", input: "lost speech" });
const job = await client.videos.create({ model: video, prompt: "lost video" });
const unknown = await client.images.generate({ model, prompt: "unknown [cut]" }).catch(said);
const twice = await Promise.all([1, 2].map(() => client.images.generate({ model, prompt: "twice" })));

console.log(
  JSON.stringify({
    lost: lost.data[0].url,
    late: late.data[0].url,
    speech: sum(await speech.arrayBuffer()),
    job: job.id,
    unknown,
    twice: twice.map((one) => one.data[0].url),
  }),
);
