// Images by Google's own client: genai_images.mjs <base URL> <key> <model> <picture>
// Prints what it has read of an answer and of the next turn, and of prompts that come to nothing.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import { GoogleGenAI } from "@google/genai";

const [baseUrl, apiKey, model, picture] = process.argv.slice(2);
const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
const sum = (data) => createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
const shown = ({ text, inlineData, thoughtSignature }) =>
  inlineData ? { type: inlineData.mimeType, sha256: sum(inlineData.data), signed: thoughtSignature !== undefined } : { text };
const read = (response) => ({
  parts: response.candidates[0].content.parts.filter((part) => !part.thought).map(shown),
  finish: response.candidates[0].finishReason,
  data: response.data === undefined ? null : sum(response.data),
  tokens: response.usageMetadata.totalTokenCount,
  id: response.responseId,
});

const inlineData = { mimeType: "image/png", data: (await readFile(picture)).toString("base64") };
const config = { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "2K" } };
const chat = ai.chats.create({ model, config });
const first = await chat.sendMessage({ message: [{ text: "a lighthouse [talk] [thoughts]" }, { inlineData }] });
const next = await chat.sendMessage({ message: "the same at night" });
const alone = await ai.models.generateContent({ model, contents: "a cat", config: { responseModalities: ["IMAGE"] } });
const fails = (contents) =>
  ai.models.generateContent({ model, contents }).then(
    ({ promptFeedback }) => ({ blocked: promptFeedback?.blockReason }),
    ({ status, message }) => ({ status, message }),
  );

console.log(
  JSON.stringify({
    first: read(first),
    next: read(next),
    alone: read(alone),
    blocked: await fails("a cat [block]"),
    invalid: await fails("a cat [invalid]"),
  }),
);
