// Images by fal's own client, whose requests go to another host:
// fal_images.mjs <base URL> <key> <endpoint> <input> run|subscribe|cancel
// Prints {"data", "requestId", "seen"}, or {"error": {"name", "status", "body"}, "seen"}.
import { createFalClient } from "@fal-ai/client";

const [base, credentials, endpoint, text, way] = process.argv.slice(2);
const elsewhere = (url) => url.replace("https://fal.run", base).replace("https://queue.fal.run", `${base}/queue`);
const client = createFalClient({ credentials, requestMiddleware: async (request) => ({ ...request, url: elsewhere(request.url) }) });
const input = JSON.parse(text);
const seen = [];
const ways = {
  run: () => client.run(endpoint, { input }),
  subscribe: () => client.subscribe(endpoint, { input, pollInterval: 20, onQueueUpdate: ({ status }) => seen.push(status) }),
  cancel: async () => {
    const { request_id: requestId } = await client.queue.submit(endpoint, { input });
    await client.queue.cancel(endpoint, { requestId });
    return { requestId };
  },
};
try {
  console.log(JSON.stringify({ ...(await ways[way]()), seen }));
} catch (error) {
  const { name, status, body } = error;
  console.log(JSON.stringify({ error: { name, status, body }, seen }));
}
