// Reads Spool's OpenAPI document: openapi.mjs <document> <answers>
// Checks it against OpenAPI's own schema, each example against its schema, and each answer that came
// ({"path", "method", "status", "type", "body"}) against the schema of that answer. Prints {"errors": […]}.
import { readFile } from "node:fs/promises";

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const [document, answers] = await Promise.all(
  process.argv.slice(2).map(async (path) => JSON.parse(await readFile(path, "utf8"))),
);
const errors = [];

const read = await new Validator().validate(structuredClone(document));
if (!read.valid) errors.push({ where: "the document", errors: read.errors });

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: "spool", ...document });

const check = (where, place, value) => {
  const pointer = place.map((step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1"));
  const validate = ajv.compile({ $ref: `spool#/${pointer.map(encodeURIComponent).join("/")}` });
  if (!validate(value)) errors.push({ where, value, errors: validate.errors });
};

let examples = 0;
for (const [path, item] of Object.entries(document.paths))
  for (const [method, operation] of Object.entries(item))
    for (const [type, media] of Object.entries(operation.requestBody?.content ?? {}))
      if (media.example !== undefined) {
        examples++;
        check(`${method} ${path}: its example`, ["paths", path, method, "requestBody", "content", type, "schema"], media.example);
      }
for (const { path, method, status, type, body } of answers) {
  const content = document.paths[path][method].responses[status].content;
  if (content?.[type]?.schema !== undefined)
    check(`${method} ${path}: ${status}`, ["paths", path, method, "responses", status, "content", type, "schema"], body);
}
console.log(JSON.stringify({ errors, examples, version: read.valid ? "3.1" : "" }));
