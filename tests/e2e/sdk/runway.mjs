// A video by Runway's own client: runway.mjs <base URL> <key> <image URL> <prompt>
// Prints the task as it ended.
import { setTimeout as sleep } from "node:timers/promises";

import RunwayML from "@runwayml/sdk";

const [baseURL, apiKey, promptImage, promptText] = process.argv.slice(2);
const client = new RunwayML({ apiKey, baseURL, maxRetries: 0 });
const { id } = await client.imageToVideo.create({ model: "gen4_turbo", promptImage, promptText, ratio: "1280:720", duration: 5 });
let task = await client.tasks.retrieve(id);
while (!["SUCCEEDED", "FAILED", "CANCELLED"].includes(task.status)) {
  await sleep(50);
  task = await client.tasks.retrieve(id);
}
console.log(JSON.stringify(task));
