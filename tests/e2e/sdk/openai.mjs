// A video from a picture, a file or a link, by OpenAI's own client:
// openai.mjs <base URL> <key> <model> <picture>
// Prints the video as it was when it was made and when it was done, and what its content is, also by
// each variant's name, or why there is none.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import OpenAI from "openai";

const [baseURL, apiKey, model, picture] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const made = await client.videos.create({
  model,
  prompt: "a lighthouse in the rain",
  seconds: "8",
  size: "1280x720",
  input_reference: /^(https?|data):/.test(picture) ? { image_url: picture } : createReadStream(picture),
});
let video = made;
while (video.status === "queued" || video.status === "in_progress") {
  await sleep(50);
  video = await client.videos.retrieve(made.id);
}
if (video.status !== "completed") throw new Error(JSON.stringify(video));

const content = async (query) => {
  const answer = await client.videos.downloadContent(video.id, query);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { contentType: answer.headers.get("content-type"), bytes: bytes.length, sha256 };
};
const variants = {};
for (const variant of ["video", "thumbnail", "spritesheet", "poster"])
  variants[variant] = await content({ variant }).catch(({ status, message }) => ({ status, message }));
console.log(JSON.stringify({ made, video, ...(await content()), variants }));
