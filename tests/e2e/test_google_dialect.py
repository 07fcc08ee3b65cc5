"""Google's own dialect for videos: operations, keys as its clients send them, its errors."""
import base64
import time
import unittest

from harness import PNG, Between, Sim, Spool, account, download, exchange, main

MODEL = "veo-3.1-generate-preview"
SUBMIT = f"/v1beta/models/{MODEL}:predictLongRunning"
BODY = {"instances": [{"prompt": "a boat"}], "parameters": {"aspectRatio": "16:9"}}
IMAGE = {"bytesBase64Encoded": base64.b64encode(PNG).decode(), "mimeType": "image/png"}


class Google(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        veo = account(cls.vendor, "veo-1", provider="veo", dialect="gemini", models={MODEL: MODEL}, poll_interval_ms=50)
        tokens = [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")]
        cls.spool = cls.enterClassContext(Spool({"accounts": [veo], "tokens": tokens}))

    def ask(self, method, path, body=None, **headers):
        return exchange(self.spool.port, method, path, body, headers or {"x-goog-api-key": "sk-dev"})

    def operation(self, name, **headers):
        while True:
            status, _, answer = self.ask("GET", f"/v1beta/{name}", **headers)
            self.assertEqual((status, answer["name"]), (200, name))
            if "done" in answer:
                return answer
            self.assertEqual(set(answer), {"name"})
            time.sleep(0.02)

    def make(self, body, path=SUBMIT):
        status, _, answer = self.ask("POST", path, body)
        self.assertEqual(status, 200, answer)
        return answer["name"]

    def test_a_video(self):
        for path in (SUBMIT, SUBMIT.replace("v1beta", "v1")):
            name = self.make(BODY, path)
            self.assertRegex(name, f"^models/{MODEL}/operations/task_[0-9A-Z]{{26}}$")
            (sample,) = self.operation(name)["response"]["generateVideoResponse"]["generatedSamples"]
            uri = sample["video"]["uri"]
            self.assertRegex(uri, rf"^{self.spool.url}/v1beta/files/[0-9a-z]{{26}}:download\?alt=media$")
            place = uri[len(self.spool.url):]  # fmt: skip
            (artifact,) = self.spool.task(name.rsplit("/", 1)[1])["artifacts"]
            file = download(artifact["url"])[2]
            for query, headers in (("", {"x-goog-api-key": "sk-dev"}), ("&key=sk-dev", {"accept": "*/*"})):
                for version in ("v1beta", "v1"):
                    status, _, data = download(f"{self.spool.url}{place.replace('v1beta', version)}{query}", headers)
                    self.assertEqual((status, data), (200, file))
            self.assertEqual(self.ask("GET", place, x="y")[0], 401)
            self.assertEqual(self.ask("GET", place + "&key=sk-wrong", x="y")[0], 401)
            self.assertEqual(self.ask("GET", place, **{"x-goog-api-key": "sk-other"})[0], 404)

    def test_what_the_vendor_gets(self):
        parameters = {
            "aspectRatio": "9:16", "resolution": "720p", "durationSeconds": 8, "negativePrompt": "text",
            "personGeneration": "allow_all", "sampleCount": 1,
        }  # fmt: skip
        body = {"instances": [{"prompt": "what it gets", "image": IMAGE}], "parameters": parameters}
        self.operation(self.make(body))
        (sent,) = [one for one in self.vendor.sent(":predictLongRunning") if one["instances"][0].get("prompt") == "what it gets"]
        self.assertEqual(sent, body)

    def test_failures(self):
        for word, code in (("[fail]", 13), ("[filtered]", 3)):
            answer = self.operation(self.make({"instances": [{"prompt": f"a boat {word}"}]}))
            self.assertEqual(answer["error"]["code"], code, answer)
            self.assertTrue(answer["error"]["message"])

    def test_keys(self):
        for headers in ({"x": "y"}, {"x-goog-api-key": "sk-wrong"}, {"x-goog-api-key": ""}, {"Authorization": "Basic sk-dev"}):
            self.assertEqual(self.ask("POST", SUBMIT, BODY, **headers)[0], 401, headers)
        self.assertEqual(self.ask("POST", SUBMIT + "?key=sk-dev", BODY, x="y")[0], 200)
        self.assertEqual(self.ask("POST", SUBMIT + "?key=sk-wrong", BODY, x="y")[0], 401)
        self.assertEqual(self.ask("POST", SUBMIT, BODY, Authorization="Bearer sk-dev")[0], 200)
        # Elsewhere `key` is another thing.
        self.assertEqual(self.ask("GET", "/v1/tasks?key=sk-dev", x="y")[0], 401)
        name = self.make(BODY)
        self.assertEqual(self.ask("GET", f"/v1beta/{name}", **{"x-goog-api-key": "sk-other"})[0], 404)

    def test_wrong_input(self):
        parameters = lambda **fields: {**BODY, "parameters": fields}
        for body, field in (
            ({}, "instances"),
            ({"instances": []}, "instances"),
            ({"instances": [{"prompt": "a"}, {"prompt": "b"}]}, "instances"),
            ({"instances": {"prompt": "a"}}, "instances"),
            ({"instances": [{}]}, "instances.0.prompt"),
            ({"instances": [{"prompt": 5}]}, "instances.0.prompt"),
            ({"instances": [5]}, "instances.0"),
            ({"instances": [{"prompt": "x", "image": "y"}]}, "instances.0.image"),
            ({"instances": [{"prompt": "x", "image": []}]}, "instances.0.image"),
            ({**BODY, "parameters": []}, "parameters"),
            ({**BODY, "parameters": "x"}, "parameters"),
            ({**BODY, "parameters": 5}, "parameters"),
            ({"instances": [{"prompt": "x" * 20001}]}, "instances.0.prompt"),
            ({"instances": [{"prompt": "x", "image": {"bytesBase64Encoded": "?"}}]}, "instances.0.image.bytesBase64Encoded"),
            ({"instances": [{"prompt": "x", "lastFrame": IMAGE}]}, "instances.0.lastFrame"),
            ({"instances": [{"prompt": "x", "image": {"gcsUri": "gs://a/b"}}]}, "instances.0.image.gcsUri"),
            (parameters(sampleCount=2), "parameters.sampleCount"),
            (parameters(aspectRatio="1:1"), "parameters.aspectRatio"),
            (parameters(durationSeconds=5), "parameters.durationSeconds"),
            (parameters(durationSeconds="x"), "parameters.durationSeconds"),
            (parameters(resolution="12p"), "parameters.resolution"),
        ):
            status, _, answer = self.ask("POST", SUBMIT, body)
            self.assertEqual((status, answer["error"]["code"], answer["error"]["status"]), (400, 400, "INVALID_ARGUMENT"), (body, answer))
            self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), (body, answer))
        for method, path in (
            ("POST", "/v1beta/models/nobody-1:predictLongRunning"),
            ("GET", f"/v1beta/models/{MODEL}/operations/task_{'0' * 26}"),
            ("GET", f"/v1beta/files/{'0' * 26}:download"),
        ):
            status, _, answer = self.ask(method, path, BODY if method == "POST" else None)
            self.assertEqual((status, answer["error"]["status"]), (404, "NOT_FOUND"), (path, answer))


if __name__ == "__main__":
    main()
