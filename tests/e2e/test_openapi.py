"""/openapi.json: what it says is what is done, and what reads OpenAPI reads it."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import PNG, Sim, Spool, account, exchange, free_port, main
from vendors import accounts_of_all
from test_sdk import install, node_of

HERE = os.path.dirname(os.path.abspath(__file__))
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG + b"\r\n--b--\r\n"
NO_TASK = "task_" + "0" * 26


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        config = {
            "accounts": accounts_of_all(cls.sim),
            "tokens": [{"name": "dev", "key": "sk-dev", "admin": True}, {"name": "other", "key": "sk-other"}],
            "webhook": {"allow_private_networks": True},
        }
        cls.spool = cls.enterClassContext(Spool(config))
        cls.answer = exchange(cls.spool.port, "GET", "/openapi.json")
        cls.document = cls.answer[2]

    def test_how_it_is_served(self):
        """To anybody, and once."""
        status, headers, document = self.answer
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        self.assertEqual((document["openapi"], document["servers"]), ("3.1.0", [{"url": self.spool.url}]))
        for etag in (headers["etag"], "*", f'"x", {headers["etag"]}'):
            status, again, body = exchange(self.spool.port, "GET", "/openapi.json", None, {"If-None-Match": etag})
            self.assertEqual((status, again["etag"], body), (304, headers["etag"], b""))
        again = exchange(self.spool.port, "GET", "/openapi.json", None, {"If-None-Match": '"x"'})
        self.assertEqual((again[0], again[2]), (200, document))
        self.assertEqual(exchange(self.spool.port, "HEAD", "/openapi.json")[1]["etag"], headers["etag"])

    def test_what_forms_are_made_from(self):
        """Each submit has an example, and what its fields are."""
        submits = 0
        for path, method, operation in operations(self.document):
            self.assertTrue(operation["summary"], path)
            self.assertTrue(operation["responses"], path)
            if not any(parameter.get("$ref", "").endswith("/IdempotencyKey") for parameter in operation["parameters"]):
                continue
            if method != "post":
                continue
            submits += 1
            media = operation["requestBody"]["content"]["application/json"]
            self.assertTrue(media["example"], path)
            for schema in media["schema"].get("anyOf", [media["schema"]]):
                self.assertEqual(schema["type"], "object", path)
                fields = schema["properties"]
                self.assertLessEqual({"notifyHook", "callback_url"}, set(fields), path)
                self.assertLessEqual(set(schema.get("required", [])), set(fields), path)
                for name, field in fields.items():
                    self.assertTrue(field.keys() & {"type", "anyOf", "description"}, (path, name))
        self.assertGreaterEqual(submits, 40)

    def places(self, task, url):
        """What stands for the names in a path."""
        place = self.spool.request("POST", "/v1/files/uploads/presign", {"content_type": "image/png"})[2]
        return {
            "id": task, "n": "1", "name": place["upload_url"].rsplit("/", 1)[1], "token": "none", "key": url.split("/media/")[1],
        }  # fmt: skip

    def body_of(self, operation):
        """(body, headers) of the example."""
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            return json.dumps(content["application/json"]["example"]), {"Content-Type": "application/json"}
        if "multipart/form-data" in content:
            return FORM, {"Content-Type": "multipart/form-data; boundary=b"}
        if "application/octet-stream" in content:
            return PNG, {"Content-Type": "image/png"}
        return None, {}

    def call(self, path, method, operation, names, key="sk-dev", **more):
        filled = path.replace("{name}", "mj-1") if path.startswith("/admin/") else path
        for name, value in names.items():
            filled = filled.replace("{" + name + "}", value)
        body, headers = self.body_of(operation)
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        if path == "/v1/video/query":
            filled += f"?id={names['id']}"
        status, headers, answer = exchange(self.spool.port, method.upper(), filled, body, {**headers, **more})
        self.assertIn(str(status), operation["responses"], f"{method} {filled}: {answer}")
        documented = operation["responses"][str(status)].get("content", {})
        kind = headers.get("content-type", "").split(";")[0]
        if documented and "application/octet-stream" not in documented and status != 101:
            self.assertIn(kind, documented, f"{method} {filled}")
        found = {"path": path, "method": method, "status": str(status), "type": kind}
        return {**found, "body": answer if isinstance(answer, (dict, list)) else None}

    def test_every_operation(self):
        """With its example: what comes is what is documented. Then what reads OpenAPI reads all of it."""
        done = self.spool.request("POST", "/v1/videos", {"model": "kling-v3", "prompt": "p", "callback_url": "http://127.0.0.1:1/h"})
        task = done[2]["id"]
        url = self.spool.end_of(task)["artifacts"][0]["url"]
        answers = []
        for path, method, operation in sorted(operations(self.document), key=lambda one: one[1] == "delete"):
            for names in (self.places(task, url), {**self.places(task, url), "id": NO_TASK, "key": "none.png"}):
                if method == "delete" and names["id"] == task:
                    continue
                with self.subTest(f"{method} {path}", **names):
                    answers.append(self.call(path, method, operation, names))
            with self.subTest(f"{method} {path}", key=None):
                got = self.call(path, method, operation, self.places(task, url), key=None)
                if operation["security"]:
                    self.assertEqual(got["status"], "401", path)
                answers.append(got)
        submits = [one for one in answers if "{" not in one["path"] and one["method"] == "post" and one["status"] == "200"]
        self.assertGreater(len(submits), 40)
        events = self.document["paths"]["/v1/events"]["get"]
        self.assertEqual(self.call("/v1/events", "get", events, {}, **UPGRADE)["status"], "101")
        delete = self.document["paths"]["/v1/videos/{id}"]["delete"]
        answers.append(self.call("/v1/videos/{id}", "delete", delete, {"id": task}))
        self.assertEqual(answers[-1]["status"], "200")
        self.check_with_a_validator(answers)

    def check_with_a_validator(self, answers):
        modules = os.path.join(install(), "node_modules")
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(modules, os.path.join(folder, "node_modules"))
            for name in ("package.json", "openapi.mjs"):
                shutil.copy(os.path.join(HERE, "sdk", name), folder)
            for name, value in (("document.json", self.document), ("answers.json", answers)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    json.dump(value, file)
            command = [node_of(modules), "openapi.mjs", "document.json", "answers.json"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = json.loads(done.stdout)
        self.assertEqual(got["errors"], [])
        self.assertGreater(got["examples"], 40)

    def test_operators_alone(self):
        other = {"Authorization": "Bearer sk-other"}
        for path, method, operation in operations(self.document):
            if path.startswith("/admin/"):
                status = exchange(self.spool.port, method.upper(), path.replace("{name}", "mj-1").replace("{id}", NO_TASK), None, other)[0]
                self.assertEqual((status, "403" in operation["responses"]), (403, True))


class Listeners(unittest.TestCase):
    def test_what_is_served_elsewhere(self):
        """Is in the document there, and not here."""
        port = free_port()
        with Spool({"accounts": [account("http://127.0.0.1:1")], "admin_listen": f"127.0.0.1:{port}"}) as spool:
            here, there = (exchange(at, "GET", "/openapi.json") for at in (spool.port, port))
            self.assertNotEqual(here[1]["etag"], there[1]["etag"])
            missing = set(there[2]["paths"]) - set(here[2]["paths"])
            self.assertEqual({path for path in there[2]["paths"] if path.startswith("/admin/")} | {"/metrics"}, missing)
            self.assertLess(set(here[2]["paths"]), set(there[2]["paths"]))


if __name__ == "__main__":
    main()
