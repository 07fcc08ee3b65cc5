// The usual front of a vendor that answers with the images: the vendor's own client, and a file for each.
// node images.js <port> <base URL of the vendor> <folder>
const { writeFile } = require("node:fs/promises");
const OpenAI = require("openai");
const fastify = require("fastify")({ logger: false });

const [port, baseURL, folder] = process.argv.slice(2);
const client = new OpenAI({ apiKey: "sim-secret", baseURL, maxRetries: 0 });
let count = 0;

fastify.post("/v1/images/generations", async (request) => {
  const made = await client.images.generate(request.body);
  const data = [];
  for (const image of made.data) {
    const name = `${++count}.png`;
    await writeFile(`${folder}/${name}`, Buffer.from(image.b64_json, "base64"));
    data.push({ url: `http://127.0.0.1/${name}` });
  }
  return { created: made.created, data };
});
fastify.listen({ port: Number(port), host: "127.0.0.1" }).then(() => console.log("ready"));
