// Images and speech by the AI SDK: aisdk_openai.mjs <base URL> <key> <image model>
// Prints what came.
import { createHash } from "node:crypto";

import { createOpenAI } from "@ai-sdk/openai";
import { experimental_generateSpeech as generateSpeech, generateImage } from "ai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const openai = createOpenAI({ baseURL, apiKey });
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

const { images } = await generateImage({ model: openai.image(model), prompt: "a lighthouse", maxRetries: 0 });
const { audio } = await generateSpeech({ model: openai.speech("tts-1"), voice: "nova", text: "The first tram.", maxRetries: 0 });

console.log(
  JSON.stringify({
    images: images.map(({ mediaType, uint8Array }) => ({ mediaType, sha256: sum(uint8Array) })),
    audio: { mediaType: audio.mediaType, sha256: sum(audio.uint8Array) },
  }),
);
