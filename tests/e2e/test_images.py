"""Images: calls that are answered with the result, at OpenAI's simulator and through another Spool."""
import base64
import glob
import hashlib
import http.client
import json
import os
import socket
import threading
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, Vendor, bearer, check_artifacts, download, eventually, exchange, form, main
from vendors.openai import openai_account

MAKE, EDIT, VARY = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
LIGHT = {"model": "gpt-image-2", "prompt": "a lighthouse"}
LINK = "https://example.com/a.png"
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
OLD = {name: name for name in ("dall-e-3", "dall-e-2", "grok-4-image")}


TEXT = base64.b64encode(b"a text, and more of it").decode()


def pixels(width, height):
    """The beginning of a PNG of that size."""
    head = PNG[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + PNG[24:]
    return "data:image/png;base64," + base64.b64encode(head).decode()


def events(data):
    """[(name, JSON)] of a stream."""
    found = []
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":") and ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


class Images(Family):
    settings = {"queue_timeout_ms": 4000}

    @classmethod
    def accounts(cls):
        return [
            openai_account(cls.vendor),
            openai_account(cls.vendor, "openai-old", dialect="relay", models=OLD),
        ]

    def make(self, body, path=MAKE, key="dev", **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(path, body, key, **headers)
        self.assertEqual(status, 200, answer)
        return answer, self.spool.end_of(sent["x-task-id"])

    def failed(self, body, path=MAKE):
        """(status, error, the task as it ended)"""
        status, sent, answer = self.post(path, body)
        self.assertEqual(set(answer), {"error"}, answer)
        return status, answer["error"], self.spool.end_of(sent["x-task-id"])

    def billed(self, prompt):
        return self.sim.jobs("openai")[0].get(prompt, 0)

    def sent(self, prompt):
        (asked,) = [one for one in self.vendor.at("/v1/images/") if prompt.encode() in one.raw]
        return asked

    def check_links(self, answer, task):
        files = check_artifacts(task, *["image"] * len(answer["data"]))
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
        return files


class Results(Images):
    def test_a_link(self):
        answer, task = self.make({**LIGHT, "prompt": "one", "size": "1024x1536", "quality": "low", "notifyHook": ""})
        (data,) = self.check_links(answer, task)
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(set(answer), {"created", "data", "background", "output_format", "quality", "size", "usage"})
        self.assertEqual((answer["quality"], answer["size"], answer["output_format"]), ("low", "1024x1536", "png"))
        self.assertEqual(set(answer["data"][0]), {"url"})
        self.assertLess(abs(answer["created"] - time.time()), 60)
        self.assertEqual((task["provider"], task["action"], task["model"]), ("openai", "generate", "gpt-image-2"))
        asked = self.sent('"one"')
        self.assertEqual(asked.body, {"model": "gpt-image-2", "prompt": "one", "size": "1024x1536", "quality": "low"})
        self.assertNotIn("idempotency-key", asked.headers)
        self.assertEqual(self.billed("one"), 1)

    def test_several(self):
        answer, task = self.make({**LIGHT, "n": 5, "output_format": "jpeg", "output_compression": 60})
        files = self.check_links(answer, task)
        self.assertEqual([data[:2] for data in files], [b"\xff\xd8"] * 5)
        self.assertEqual([one["content_type"] for one in task["artifacts"]], ["image/jpeg"] * 5)

    def test_some_of_several(self):
        answer, task = self.make({**LIGHT, "prompt": "some [part]", "n": 3})
        self.assertEqual(len(self.check_links(answer, task)), 2)

    def test_links_of_the_vendor(self):
        answer, task = self.make({"model": "dall-e-3", "prompt": "old", "style": "natural", "quality": "hd"})
        self.check_links(answer, task)
        self.assertEqual(answer["data"][0]["revised_prompt"], "A simulated image, number 0.")
        self.assertEqual(self.sent('"old"').headers["idempotency-key"], task["id"])
        answer, task = self.make({"model": "grok-4-image", "prompt": "a cube", "aspect_ratio": "1:1", "resolution": "1k"})
        self.check_links(answer, task)

    def test_base64(self):
        for model in ("dall-e-2", "grok-4-image"):
            answer, task = self.make({"model": model, "prompt": "in the answer", "response_format": "b64_json"})
            (data,) = check_artifacts(task, "image")
            (image,) = answer["data"]
            self.assertEqual(base64.b64decode(image["b64_json"], validate=True), data)
            self.assertNotIn("url", image)

    def test_a_large_one(self):
        answer, task = self.make({**LIGHT, "prompt": "large [big-20]"})
        (data,) = self.check_links(answer, task)
        self.assertGreater(len(data), 20 * 1024 * 1024 - 3)
        self.assertEqual(data.strip(b"\0")[:4], b"\x89PNG")

    def test_a_stream(self):
        for path, body, name in (
            (MAKE, {**LIGHT, "stream": True, "partial_images": 2, "n": 2}, "image_generation.completed"),
            (EDIT, {**LIGHT, "stream": True, "image": LINK}, "image_edit.completed"),
        ):
            status, headers, data = self.post(path, body)
            self.assertEqual((status, headers["content-type"]), (200, "text/event-stream"))
            ((event, shown),) = events(data)
            files = check_artifacts(self.spool.end_of(headers["x-task-id"]), *["image"] * body.get("n", 1))
            self.assertEqual((event, shown["type"]), (name, name))
            self.assertEqual(base64.b64decode(shown["b64_json"], validate=True), files[0])
            self.assertEqual([download(one["url"])[2] for one in shown["data"]], files)
        status, _, data = self.post(MAKE, {**LIGHT, "prompt": "streamed [refuse]", "stream": True})
        ((event, shown),) = events(data)
        self.assertEqual((status, event, shown["error"]["code"]), (200, "error", "content_filter"))


class Edits(Images):
    def test_json(self):
        for number, (body, images) in enumerate(
            (
                ({"image": LINK}, [LINK]),
                ({"image": [LINK, DATA]}, [LINK, DATA]),
                ({"images": [{"image_url": LINK}, {"image_url": DATA}]}, [LINK, DATA]),
                ({"image": DATA.split(",")[1], "mask": DATA, "n": "2"}, [DATA]),
            )
        ):
            prompt = f"edit {number}"
            answer, task = self.make({**LIGHT, "prompt": prompt, **body}, EDIT)
            self.check_links(answer, task)
            asked = self.sent(f'"{prompt}"')
            self.assertEqual((asked.path, asked.body["images"]), (EDIT, [{"image_url": one} for one in images]))
            if "mask" in body:
                self.assertEqual((asked.body["mask"], asked.body["n"]), ({"image_url": DATA}, 2))

    def test_forms(self):
        other = PNG + b"\0"
        for number, names in enumerate((["image"], ["image", "image"], ["image[]", "image[]", "mask"])):
            prompt = f"form {number}"
            files = [(name, PNG if i == 0 or name == "mask" else other) for i, name in enumerate(names)]
            body, head = form({**LIGHT, "prompt": prompt, "n": "2", "size": "1024x1024"}, *files)
            answer, task = self.make(body, EDIT, **head)
            self.assertEqual(len(self.check_links(answer, task)), 2)
            sent = self.sent(f'"{prompt}"').body
            found = [base64.b64decode(one["image_url"].split(",")[1]) for one in sent["images"]]
            self.assertEqual(found, [data for name, data in files if name != "mask"])
            self.assertEqual((sent["n"], "mask" in sent), (2, "mask" in names))

    def test_variations(self):
        answer, task = self.make({"image": DATA, "n": 2}, VARY)
        self.check_links(answer, task)
        self.assertEqual((task["model"], task["action"]), ("dall-e-2", "variation"))


class LongForms(Images):
    """Forms that don't fit into memory: their files are stored as they are read, and are links."""

    def setUp(self):
        self.before = self.uploads()

    def uploads(self):
        pattern = os.path.join(self.spool.data_dir, "**", "uploads", "**", "*.*")
        return {path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)}

    def new_uploads(self):
        return self.uploads() - self.before

    def picture(self, number, size=12 << 20):
        return PNG + bytes([number]) * (size - len(PNG))

    def send(self, fields, *files, **headers):
        body, head = form({"model": "gpt-image-2", **fields}, *files)
        return self.post(EDIT, body, **head, **headers)

    def test_links(self):
        pictures = [self.picture(i) for i in range(3)]
        files = [("image[]", picture) for picture in pictures] + [("mask", PNG)]
        status, headers, answer = self.send({"prompt": "long", "n": "2"}, *files)
        self.assertEqual(status, 200, answer)
        self.check_links(answer, self.spool.end_of(headers["x-task-id"]))
        sent = self.sent('"long"').body
        links = [one["image_url"] for one in sent["images"]] + [sent["mask"]["image_url"]]
        self.assertEqual([download(link)[2] for link in links], pictures + [PNG])
        self.assertEqual((len(self.new_uploads()), sent["n"]), (4, 2))
        # The same again is the same task, though its files have other names by now.
        again = self.send({"prompt": "long", "n": "2"}, *files, **{"X-Stainless-Retry-Count": "1"})
        self.assertEqual((again[0], again[1]["x-task-id"]), (200, headers["x-task-id"]))
        self.assertEqual((self.billed("long"), len(self.new_uploads())), (1, 4))

    def test_refused(self):
        big = ("image", self.picture(1, 40 << 20))
        for fields, files, field in (
            ({"prompt": "no", "size": "1x1"}, [big], "size"),
            ({"prompt": "no"}, [big, ("mask", b"a text, and more of it")], "mask"),
            ({"prompt": "no"}, [("image", PNG), ("image", self.picture(1, (50 << 20) + 1))], "image"),
            ({"prompt": "no"}, [big] + [("image[]", PNG)] * 16, "image"),
            ({"prompt": "no"}, [("mask", self.picture(1, 40 << 20))], "image"),
            ({"prompt": "x" * (1 << 21)}, [big], "prompt"),
            ({"prompt": "no", "model": "veo-3.1"}, [big], "model"),
        ):
            with self.subTest(field=field):
                status, _, answer = self.send(fields, *files)
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertTrue(answer["error"]["message"].startswith(field), answer)
        eventually(lambda: not self.new_uploads(), what="the files' end")

    def test_too_large(self):
        body, head = form(LIGHT)
        head["Content-Length"] = str(1 << 30)
        self.assertEqual(self.post(EDIT, body, **head)[0], 413)
        body = json.dumps({**LIGHT, "image": "x" * (33 << 20)})
        self.assertEqual(self.post(EDIT, body)[0], 413)

    def test_a_client_that_goes(self):
        body, head = form({**LIGHT, "prompt": "gone"}, ("image", self.picture(1, 40 << 20)))
        with socket.create_connection(("127.0.0.1", self.spool.port)) as client:
            lines = [f"POST {EDIT} HTTP/1.1", "Host: a", f"Authorization: {bearer('dev')['Authorization']}"]
            lines += [f"Content-Type: {head['Content-Type']}", f"Content-Length: {len(body) + 100}", "", ""]
            client.sendall("\r\n".join(lines).encode() + body)
        self.assertEqual(self.send({"prompt": "after it"}, ("image", PNG))[0], 200)
        self.assertEqual(self.new_uploads(), set())
        self.assertEqual(self.billed("gone"), 0)


class Failures(Images):
    def test_refusals(self):
        for word, status, code in (
            ("[refuse]", 400, "content_filter"),
            ("[invalid]", 400, "invalid_request"),
            ("[none]", 502, "vendor_failed"),
            ("[error-200]", 502, "vendor_failed"),
        ):
            got, error, task = self.failed({**LIGHT, "prompt": f"no {word}"})
            self.assertEqual((got, error["code"], task["status"], task["error"]["code"]), (status, code, "failed", code))
            self.assertEqual(error["message"], task["error"]["message"])
            self.assertLessEqual(self.billed(f"no {word}"), 1)

    def test_a_lost_answer_is_never_asked_for_again(self):
        for word in ("[cut]", "[502]", "[html]", "[empty]", "[500]", "[503]", "[cut-length]", "[cut-chunks]"):
            status, error, task = self.failed({**LIGHT, "prompt": f"lost {word}"})
            self.assertEqual((status, error["code"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.assertEqual(len([one for one in self.vendor.at(MAKE) if f"lost {word}".encode() in one.raw]), 1)

    def test_refused_for_now(self):
        _, task = self.make({**LIGHT, "prompt": "busy [429]"})
        self.assertEqual(len([e for e in self.spool.events(task["id"]) if e == "refused"]), 2)
        self.assertEqual(self.billed("busy [429]"), 1)

    def test_an_account_that_can_t(self):
        vendor = Between(self.sim)
        with vendor, Spool({"accounts": [openai_account(vendor)], "queue_timeout_ms": 1500}) as spool:
            for word in ("[balance]", "[quota]", "[unverified]"):
                status, _, answer = spool.request("POST", MAKE, {**LIGHT, "prompt": f"poor {word}"})
                self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"), word)


class Waiting(Images):
    speed = 4

    def test_async(self):
        status, headers, task = self.post(MAKE, {**LIGHT, "prompt": "later"}, Prefer="respond-async")
        self.assertEqual((status, task["object"], task["id"]), (202, "task", headers["x-task-id"]))
        self.spool.wait_phase(task["id"], "submitting")
        check_artifacts(self.spool.end_of(task["id"]), "image")

    def test_preferences_in_two_lines(self):
        body = json.dumps({**LIGHT, "prompt": "later, too"}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.spool.port, timeout=60)
        connection.putrequest("POST", MAKE)
        for name, value in (("Authorization", f"Bearer {self.spool.key}"), ("Prefer", "wait=5"), ("Prefer", "respond-async"),
                            ("Content-Type", "application/json"), ("Content-Length", str(len(body)))):  # fmt: skip
            connection.putheader(name, value)
        connection.endheaders(body)
        self.assertEqual(connection.getresponse().status, 202)
        connection.close()

    def test_too_long(self):
        with Spool({"accounts": [openai_account(self.vendor)], "sync_wait_ms": 100}) as spool:
            status, headers, answer = spool.request("POST", MAKE, {**LIGHT, "prompt": "long"})
            self.assertEqual(status, 504)
            self.assertIn(headers["x-task-id"], answer["error"]["message"])
            again = spool.request("POST", MAKE, {**LIGHT, "prompt": "long"})
            self.assertEqual((again[0], again[1]["x-task-id"]), (504, headers["x-task-id"]))
            self.assertEqual(self.billed("long"), 1)
            check_artifacts(spool.end_of(headers["x-task-id"]), "image")

    def test_the_same_key(self):
        answers = []

        def ask():
            answers.append(self.post(MAKE, {**LIGHT, "prompt": "once"}, **{"Idempotency-Key": "k1"}))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ask()
        self.assertEqual([answer[0] for answer in answers], [200] * 4)
        self.assertEqual(len({answer[1]["x-task-id"] for answer in answers}), 1)
        self.assertEqual(self.billed("once"), 1)
        for answer in answers[1:]:
            self.assertEqual(answer[2], answers[0][2])

    def test_a_client_that_goes(self):
        try:
            exchange(self.spool.port, "POST", MAKE, {**LIGHT, "prompt": "gone"}, bearer("dev"), timeout=0.2)
            self.fail("it was answered")
        except TimeoutError:
            pass
        (task,) = [t for t in self.spool.get("/v1/tasks?limit=5")["data"] if t["status"] != "succeeded"]
        check_artifacts(self.spool.end_of(task["id"]), "image")

    def hang_up(self, body, key="dev", **headers):
        with self.assertRaises(TimeoutError):
            exchange(self.spool.port, "POST", MAKE, body, {**bearer(key), **headers}, timeout=0.2)

    def test_sent_again_without_a_word(self):
        """Whoever hangs up and asks for the same joins the task; another's, or anything else, is another one."""
        body = {**LIGHT, "prompt": "again [after-2]"}
        self.hang_up(body)
        _, headers, _ = self.post(MAKE, body, Prefer="respond-async")
        self.hang_up(body)
        other = self.post(MAKE, {**body, "n": 2}, Prefer="respond-async")[1]["x-task-id"]
        status, again, _ = self.post(MAKE, body)
        self.assertEqual((status, again["idempotent-replayed"], again["x-task-id"]), (200, "true", headers["x-task-id"]))
        self.assertEqual(len({other, headers["x-task-id"]}), 2)
        self.assertEqual(self.billed("again [after-2]"), 2)
        # It has ended: what is asked for now is another one.
        self.assertNotEqual(self.post(MAKE, body)[1]["x-task-id"], headers["x-task-id"])

    def test_two_of_a_kind_that_both_wait(self):
        answers = []
        body = {**LIGHT, "prompt": "both"}
        threads = [threading.Thread(target=lambda: answers.append(self.post(MAKE, body))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({answer[1]["x-task-id"] for answer in answers}), 2)

    def test_sent_again_with_a_word(self):
        body = {**LIGHT, "prompt": "resent"}
        first = self.post(MAKE, body, **{"X-Stainless-Retry-Count": "0"})
        self.assertEqual(first[1]["x-should-retry"], "false")
        for number in ("1", "2"):
            again = self.post(MAKE, body, **{"X-Stainless-Retry-Count": number})
            self.assertEqual((again[0], again[1]["x-task-id"], again[2]), (200, first[1]["x-task-id"], first[2]))
        self.assertEqual(self.billed("resent"), 1)
        for key, number in (("dev", "0"), ("empty", "1")):
            another = self.post(MAKE, body, key, **{"X-Stainless-Retry-Count": number})
            self.assertNotEqual(another[1].get("x-task-id"), first[1]["x-task-id"])

    def test_cancel(self):
        held = []
        thread = threading.Thread(target=lambda: held.append(self.post(MAKE, {**LIGHT, "prompt": "held [never]"})))
        thread.start()
        eventually(lambda: self.billed("held [never]"), what="the call")
        (task,) = [t["id"] for t in self.spool.get("/v1/tasks?limit=5")["data"] if t["status"] == "queued"]
        status, _, answer = self.post(f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        thread.join(10)
        ((status, _, answer),) = held
        self.assertEqual((status, answer["error"]["code"]), (409, "cancelled"))


class Rest(Images):
    def test_webhooks(self):
        place = "/hook-image"
        self.make({**LIGHT, "prompt": "told", "callback_url": self.receiver.url + place})
        self.receiver.wait(place)
        eventually(lambda: self.receiver.at(place)[-1].word == "succeed", what="the last word")
        told = self.receiver.at(place)[-1].body
        self.assertEqual((told["type"], list(told["output"])), ("image", ["image_url"]))
        self.assertEqual(download(told["output"]["image_url"])[0], 200)
        self.assertNotIn(place.encode(), self.sent('"told"').raw)

    def test_wrong_input(self):
        for path, body, field in (
            (MAKE, {"prompt": ""}, "prompt"),
            (MAKE, {"prompt": 5}, "prompt"),
            (MAKE, {"prompt": "x" * 32001}, "prompt"),
            (MAKE, {"model": ""}, "model"),
            (MAKE, {"model": 5}, "model"),
            (MAKE, {"n": 0}, "n"),
            (MAKE, {"n": 11}, "n"),
            (MAKE, {"n": "two"}, "n"),
            (MAKE, {"size": "800x800"}, "size"),
            (MAKE, {"size": 5}, "size"),
            (MAKE, {"quality": "standard"}, "quality"),
            (MAKE, {"background": "transparent"}, "background"),
            (MAKE, {"output_format": "gif"}, "output_format"),
            (MAKE, {"output_format": "png", "output_compression": 50}, "output_compression"),
            (MAKE, {"output_compression": 101}, "output_compression"),
            (MAKE, {"moderation": "none"}, "moderation"),
            (MAKE, {"stream": "yes"}, "stream"),
            (MAKE, {"partial_images": 1}, "partial_images"),
            (MAKE, {"partial_images": 4, "stream": True}, "partial_images"),
            (MAKE, {"response_format": "url"}, "response_format"),
            (MAKE, {"style": "vivid"}, "style"),
            (MAKE, {"input_fidelity": "high"}, "input_fidelity"),
            (MAKE, {"watermark": True}, "watermark"),
            (MAKE, {"image": LINK}, "image"),
            (MAKE, {"image_input": [LINK]}, "image_input"),
            (MAKE, {"callback_url": "ftp://a"}, "callback_url"),
            (EDIT, {}, "image"),
            (EDIT, {"image": 5}, "image"),
            (EDIT, {"image": [LINK] * 17}, "image"),
            (EDIT, {"images": [{"file_id": "file-1"}]}, "images.0.image_url"),
            (EDIT, {"image": LINK, "mask": 5}, "mask"),
            (EDIT, {"image": TEXT}, "image"),
            (EDIT, {"image": [DATA, f"data:image/png;base64,{TEXT}"]}, "image.1"),
            (EDIT, {"image": "data:image/png,x"}, "image"),
            (EDIT, {"image": "data:image/png;base64,@@@"}, "image"),
            (EDIT, {"image": "a word"}, "image"),
            (EDIT, {"images": [{"image_url": DATA}], "mask": TEXT}, "mask"),
            (EDIT, {"image": pixels(64, 64), "mask": pixels(64, 32)}, "mask"),
            (VARY, {"image": LINK}, "model"),
            (MAKE, {"model": "dall-e-3", "n": 2}, "n"),
            (MAKE, {"model": "dall-e-3", "stream": True}, "stream"),
            (MAKE, {"model": "grok-4-image", "size": "1024x1024"}, "size"),
            (EDIT, {"model": "dall-e-2", "image": [LINK, LINK]}, "image"),
            (MAKE, {"model": "veo-3.1"}, "model"),
        ):
            with self.subTest(path=path, body=str(body)[:80]):
                status, _, answer = self.post(path, {**LIGHT, **body}, "empty")
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_forms_with_a_nul(self):
        for path in ("/v1/images/generations", "/v1/videos", "/mj/submit/imagine", "/suno/submit/lyrics"):
            body, headers = form({"model": "gpt-image-2", "prompt": "a\0b"})
            status, _, answer = self.post(path, body, **headers)
            self.assertEqual(status, 400, (path, answer))
            self.assertIn("prompt: has a NUL", str(answer))

    def test_forms_with_no_image(self):
        for files, field in (([("image", b"a text")], "image"), ([("image", PNG), ("mask", b"a text")], "mask")):
            body, head = form(LIGHT, *files)
            status, _, answer = self.post(EDIT, body, "empty", **head)
            self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
            self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)

    def test_models(self):
        for model in ("nobody-1", "dall-e-4", "grok-5-image"):
            status, _, answer = self.post(MAKE, {**LIGHT, "model": model})
            self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"), model)
        status, _, answer = self.post("/v1/videos", LIGHT)
        self.assertEqual((status, answer["error"]["message"]), (400, "model: gpt-image-2 doesn't make videos"))
        models = {one["id"] for one in self.spool.get("/v1/models")["data"]}
        self.assertLessEqual({"gpt-image-2", "dall-e-3"}, models)

    def test_accounts_are_tried(self):
        """The list of models costs nothing, and tells whether the key is right."""
        relay = {"dialect": "relay", "models": OLD}
        accounts = {
            "right": (openai_account(self.sim, "right"), "ok"),
            "wrong": (openai_account(self.sim, "wrong", api_key="wrong"), "bad_key"),
            "relay": (openai_account(self.spool, "relay", api_key="sk-dev", **relay), "ok"),
            "relay-wrong": (openai_account(self.spool, "relay-wrong", api_key="wrong", **relay), "bad_key"),
        }
        tokens = [{"name": "root", "key": "sk-root", "admin": True}]
        with Spool({"accounts": [one for one, _ in accounts.values()], "tokens": tokens}) as spool:
            for name, (_, state) in accounts.items():
                path = f"/admin/v1/accounts/{name}/test"
                body = spool.request("POST", path, None, {"Authorization": "Bearer sk-root"})[2]
                self.assertEqual((body["ok"], body["state"]), (state == "ok", state), body)

    def test_keys(self):
        self.assertEqual(exchange(self.spool.port, "POST", MAKE, LIGHT)[0], 401)
        with Spool({"accounts": [openai_account(self.sim, api_key="wrong")], "queue_timeout_ms": 1000}) as spool:
            status, _, answer = spool.request("POST", MAKE, LIGHT)
            self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"))


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator."""

    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [openai_account(sim), openai_account(sim, "old", models=OLD)]}))
        wire = self.enterContext(Between(back))
        common = {"dialect": "relay", "api_key": back.key}
        accounts = [openai_account(wire, **common), openai_account(wire, "old", models=OLD, **common)]
        front = self.enterContext(Spool({"accounts": accounts}))
        host = self.enterContext(Vendor())
        host.on("/files/", lambda asked: (200, {}, PNG))
        link = f"{host.url}/files/a.png"
        for path, body in (
            (MAKE, {**LIGHT, "n": 2, "quality": "hd"}),
            (EDIT, {**LIGHT, "image": [DATA, link], "mask": link, "n": 2}),
            (EDIT, {"model": "gpt-image-2", "prompt": "one", "image": link}),
            (MAKE, {"model": "dall-e-3", "prompt": "old", "response_format": "b64_json"}),
            (MAKE, {"model": "grok-4-image", "prompt": "a cube"}),
            (VARY, {"model": "dall-e-2", "image": DATA}),
        ):
            status, headers, answer = front.request("POST", path, body)
            self.assertEqual(status, 200, answer)
            task = front.end_of(headers["x-task-id"])
            (asked,) = [one for one in wire.at(path) if one.headers.get("idempotency-key") == task["id"]]
            theirs = back.get("/v1/tasks?limit=1")["data"][0]
            sums = [[one["sha256"] for one in each["artifacts"]] for each in (task, theirs)]
            self.assertEqual(sums[0], sums[1])
            self.assertEqual(len(answer["data"]), len(sums[0]))
            self.assertEqual(asked.headers["authorization"], f"Bearer {back.key}")
            is_form = path != MAKE
            self.assertEqual(asked.headers["content-type"].split(";")[0], "multipart/form-data" if is_form else "application/json")
            self.assertEqual(asked.raw.count(PNG), 0 if not is_form else len(body["image"]) + 1 if "mask" in body else 1)
            if "b64_json" in answer["data"][0]:
                data = base64.b64decode(answer["data"][0]["b64_json"])
                self.assertEqual(hashlib.sha256(data).hexdigest(), sums[0][0])
        for word, status, code in (("refuse", 400, "content_filter"), ("none", 502, "submit_outcome_unknown")):
            got, _, answer = front.request("POST", MAKE, {**LIGHT, "prompt": f"no [{word}]"})
            self.assertEqual((got, answer["error"]["code"]), (status, code))
            self.assertLessEqual(sim.jobs("openai")[0].get(f"no [{word}]", 0), 1)


if __name__ == "__main__":
    main()
