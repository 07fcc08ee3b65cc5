// A video from a picture, by Google's own client: genai.mjs <base URL> <key> <model> <picture> <out>
// Prints {"name", "file", "bytes"}.
import { readFile, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { GoogleGenAI } from "@google/genai";

const [baseUrl, apiKey, model, picture, downloadPath] = process.argv.slice(2);
const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });

let operation = await ai.models.generateVideos({
  model,
  source: {
    // fetch takes the key along when a redirect leads to another host, so that one must not mind.
    prompt: "a lighthouse in the rain [any-key]",
    image: { imageBytes: (await readFile(picture)).toString("base64"), mimeType: "image/png" },
  },
  config: { aspectRatio: "16:9", resolution: "720p", durationSeconds: 8, numberOfVideos: 1 },
});
while (!operation.done) {
  await sleep(50);
  operation = await ai.operations.getVideosOperation({ operation });
}
if (operation.error) throw new Error(JSON.stringify(operation.error));

const { uri } = operation.response.generatedVideos[0].video;
// It understands whole links with https only.
const file = uri.match(/files\/[a-z0-9]+/)[0];
await ai.files.download({ file, downloadPath });
const { size } = await stat(downloadPath);
console.log(JSON.stringify({ name: operation.name, file, bytes: size }));
