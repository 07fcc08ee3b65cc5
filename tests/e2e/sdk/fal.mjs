// A video by fal's own client, whose requests go to another host: fal.mjs <base URL> <key> <endpoint> <prompt>
// Prints {"link"}.
import { createFalClient } from "@fal-ai/client";

const [base, credentials, endpoint, prompt] = process.argv.slice(2);
const client = createFalClient({
  credentials,
  requestMiddleware: async (request) => ({ ...request, url: request.url.replace("https://queue.fal.run", base) }),
});
const { request_id } = await client.queue.submit(endpoint, { input: { prompt } });
let status = await client.queue.status(endpoint, { requestId: request_id });
while (status.status !== "COMPLETED") {
  await new Promise((done) => setTimeout(done, 50));
  status = await client.queue.status(endpoint, { requestId: request_id });
}
const { data } = await client.queue.result(endpoint, { requestId: request_id });
console.log(JSON.stringify({ link: data.video.url }));
