// A Jimeng job, signed by Volcengine's own client: volc.mjs <base URL> <access key> <secret key> <prompt>
// Prints {"status", "answer"}.
import openapi from "@volcengine/openapi";

const [base, accessKeyId, secretKey, prompt] = process.argv.slice(2);
const body = JSON.stringify({ req_key: "jimeng_t2v_v30", prompt, frames: 121, aspect_ratio: "16:9" });
const request = {
  region: "cn-north-1",
  method: "POST",
  pathname: "/",
  params: { Action: "CVSync2AsyncSubmitTask", Version: "2022-08-31" },
  headers: { "Content-Type": "application/json", Host: new URL(base).host },
  body,
};
new openapi.Signer(request, "cv").addAuthorization({ accessKeyId, secretKey, sessionToken: "" });
const { Host: _, ...headers } = request.headers; // fetch sets it
const answer = await fetch(`${base}/?${new URLSearchParams(request.params)}`, { method: "POST", headers, body });
console.log(JSON.stringify({ status: answer.status, answer: await answer.json() }));
