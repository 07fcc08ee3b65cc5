// Images and speech by OpenAI's own client: images.mjs <base URL> <key> <picture>
// Prints what the images are (links, or the sums of files) and what the sound is.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

import OpenAI from "openai";

const [baseURL, apiKey, picture] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const model = "gpt-image-2";
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");
const shown = ({ url, b64_json }) => url ?? sum(Buffer.from(b64_json, "base64"));

const made = await client.images.generate({ model, prompt: "a lighthouse", n: 2, size: "1024x1024", quality: "low" });
const edited = await client.images.edit({
  model,
  prompt: "the same at night",
  image: [createReadStream(picture), createReadStream(picture)],
  mask: createReadStream(picture),
  n: 1,
});
const events = [];
for await (const event of await client.images.generate({ model, prompt: "a lighthouse, live", stream: true }))
  events.push({ type: event.type, size: event.size, sha256: sum(Buffer.from(event.b64_json, "base64")) });
const speech = await client.audio.speech.create({ model: "tts-1", voice: "nova", input: "The first tram.", response_format: "wav" });
const sound = Buffer.from(await speech.arrayBuffer());
const refused = await client.images
  .generate({ model, prompt: "a lighthouse [refuse]" })
  .catch(({ status, code, type }) => ({ status, code, type }));

console.log(
  JSON.stringify({
    made: { ...made, data: made.data.map(shown) },
    edited: { ...edited, data: edited.data.map(shown) },
    events,
    sound: { type: speech.headers.get("content-type"), bytes: sound.length, sha256: sum(sound) },
    refused,
  }),
);
