// Images by fal's own client, whose requests go to another host: fal_images.mjs <base URL> <key> <endpoint> <input>
// Prints {"data", "requestId"}, or {"error": {"name", "status", "body"}}.
import { createFalClient } from "@fal-ai/client";

const [base, credentials, endpoint, input] = process.argv.slice(2);
const client = createFalClient({
  credentials,
  requestMiddleware: async (request) => ({ ...request, url: request.url.replace("https://fal.run", base) }),
});
try {
  console.log(JSON.stringify(await client.run(endpoint, { input: JSON.parse(input) })));
} catch (error) {
  const { name, status, body } = error;
  console.log(JSON.stringify({ error: { name, status, body } }));
}
