// The headers that Volcengine's own client makes for the request of test_volc_sign.c.
import openapi from "@volcengine/openapi";

const request = {
  region: "cn-north-1",
  method: "POST",
  pathname: "/",
  params: { Action: "CVSync2AsyncSubmitTask", Version: "2022-08-31" },
  headers: { Host: "visual.volcengineapi.com" },
  body: '{"req_key":"jimeng_t2v_v30","prompt":"a paper boat","seed":-1,"frames":121,"aspect_ratio":"16:9"}',
};
const keys = { accessKeyId: "AKLTEXAMPLE0001", secretKey: "c2VjcmV0LWV4YW1wbGU=", sessionToken: "" };
new openapi.Signer(request, "cv").addAuthorization(keys, new Date("2026-11-20T10:00:00Z"));
console.log(JSON.stringify(request.headers));
