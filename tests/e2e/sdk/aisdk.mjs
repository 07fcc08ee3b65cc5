// A video by Vercel's AI SDK: aisdk.mjs <provider> <base URL> <key> <model> <prompt>
// Prints {"bytes", "sha256"}.
import { createHash } from "node:crypto";

import { experimental_generateVideo as generateVideo } from "ai";

const [provider, base, apiKey, name, prompt] = process.argv.slice(2);
const makers = {
  google: async () => (await import("@ai-sdk/google")).createGoogleGenerativeAI({ apiKey, baseURL: `${base}/v1beta` }).video(name),
  bytedance: async () => (await import("@ai-sdk/bytedance")).createByteDance({ apiKey, baseURL: base }).video(name),
  fal: async () => {
    // It gives its key to fal's own hosts alone, which this one stands for.
    const headers = (init) => ({ ...Object.fromEntries(new Headers(init.headers)), authorization: `Key ${apiKey}` });
    const elsewhere = (url, init) => fetch(String(url).replace("https://queue.fal.run", base), { ...init, headers: headers(init) });
    return (await import("@ai-sdk/fal")).createFal({ apiKey, fetch: elsewhere }).video(name);
  },
  alibaba: async () => (await import("@ai-sdk/alibaba")).createAlibaba({ apiKey, videoBaseURL: base }).video(name),
};
const options = { pollIntervalMs: 100, pollTimeoutMs: 30000 };
const { video } = await generateVideo({
  model: await makers[provider](),
  prompt,
  maxRetries: 0,
  providerOptions: { google: options, bytedance: options, alibaba: options, fal: options },
  // Its own download refuses this machine's addresses.
  download: async ({ url }) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
    return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get("content-type") };
  },
});
const data = video.uint8Array;
console.log(JSON.stringify({ bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") }));
