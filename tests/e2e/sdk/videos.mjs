// Videos of several models, listed and deleted, by OpenAI's own client:
// videos.mjs <base URL> <key> <model>…
// Prints the ids as they were made, and as each way to list them shows them.
import { setTimeout as sleep } from "node:timers/promises";

import OpenAI from "openai";

const [baseURL, apiKey, ...wanted] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const list = async (query) => {
  const ids = [];
  for await (const video of client.videos.list(query)) ids.push(video.id);
  return ids;
};

const models = [];
for await (const model of client.models.list()) models.push(model.id);

const made = [];
for (const model of wanted) {
  let video = await client.videos.create({ model, prompt: "a lighthouse in the rain", seconds: "5" });
  made.push(video.id);
  while (video.status === "queued" || video.status === "in_progress") {
    await sleep(50);
    video = await client.videos.retrieve(video.id);
  }
  if (video.status !== "completed") throw new Error(JSON.stringify(video));
}
const newest = await list({ limit: 1 });
const oldest = await list({ limit: 2, order: "asc" });
const page = (await client.videos.list({ limit: 2 })).data.map((video) => video.id);
const deleted = await client.videos.delete(made[0]);
const after = await list({});
const status = await client.videos.retrieve(made[0]).then(
  () => 200,
  (error) => error.status,
);
console.log(JSON.stringify({ models, made, newest, oldest, page, deleted, after, status }));
