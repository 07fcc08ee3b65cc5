// A video by Luma's own client: luma.mjs <base URL> <key> <prompt> <image URL>
// Prints the generation as it ended.
import { setTimeout as sleep } from "node:timers/promises";

import LumaAI from "lumaai";

const [baseURL, authToken, prompt, url] = process.argv.slice(2);
const client = new LumaAI({ authToken, baseURL, maxRetries: 0 });
let made = await client.generations.create({ model: "ray-2", prompt, resolution: "720p", duration: "5s", keyframes: { frame0: { type: "image", url } } });
while (made.state !== "completed" && made.state !== "failed") {
  await sleep(50);
  made = await client.generations.get(made.id);
}
console.log(JSON.stringify(made));
