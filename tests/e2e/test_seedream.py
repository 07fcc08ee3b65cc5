"""Seedream: OpenAI's form on the public path, Ark and other Spools behind it."""
import base64
import concurrent.futures
import json
import threading
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, bearer, check_artifacts, download, eventually, exchange, main
from harness import accounts as common
from vendors.seedream import seedream_account

MAKE, EDIT, VARY, CALL = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations", "/api/v3/images/generations"
LINK, OTHER = "https://example.com/a.png", "https://example.com/b.png"
RAW = base64.b64encode(PNG).decode()
DATA = "data:image/png;base64," + RAW
HOUSE = {"model": "doubao-seedream-4-5", "prompt": "a tea house"}
DATED = "doubao-seedream-4-5-251128"
GROUP, OPTIONS = "sequential_image_generation", "sequential_image_generation_options"
ALONE = {GROUP: "disabled", "response_format": "url", "watermark": False}


def group_of(count):
    return {GROUP: "auto", OPTIONS: {"max_images": count}, "response_format": "url", "watermark": False}


def together(fn, items):
    """What the function gives for each, asked for at once."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(fn, items))


class Seedream(Family):
    @classmethod
    def accounts(cls):
        return [seedream_account(cls.vendor), seedream_account(cls.vendor, "listed", models={"art": "ep-20261120101500-abcde"})]

    def make(self, body, path=MAKE, **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(path, body, **headers)
        self.assertEqual(status, 200, answer)
        return answer, self.spool.end_of(sent["x-task-id"])

    def failing(self, body, path=MAKE):
        """(status, error, the task as it ended)"""
        status, sent, answer = self.post(path, body)
        self.assertEqual(set(answer), {"error"}, answer)
        return status, answer["error"], self.spool.end_of(sent["x-task-id"])

    def billed(self, prompt):
        return self.sim.jobs("seedream")[0].get(prompt, 0)

    def asked(self, prompt):
        (asked,) = [one for one in self.vendor.at(CALL) if one.body["prompt"] == prompt]
        return asked

    def sends(self, body, expected, path=MAKE, count=1):
        """What Ark gets, and as many images as come of it."""
        answer, task = self.make(body, path)
        self.maxDiff = None
        asked = self.asked(body["prompt"])
        self.assertEqual(asked.body, expected)
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        self.assertNotIn("idempotency-key", asked.headers)
        check_artifacts(task, *["image"] * count)
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
        self.assertEqual(self.billed(body["prompt"]), 1)
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its links are signed")
        return answer, task


class Sending(Seedream):
    def test_text(self):
        more = {"size": "2K", "optimize_prompt_options": {"mode": "standard"}}
        body = {**HOUSE, **more, "n": 1, "response_format": "url", "watermark": False}
        hooks = {"notifyHook": "", "callback_url": self.receiver.url + "/here"}
        answer, task = self.sends({**body, **hooks}, {**HOUSE, **more, **ALONE, "model": DATED})
        self.assertEqual(set(answer), {"created", "data", "usage"})
        self.assertEqual(answer["data"][0]["size"], "2048x2048")
        self.assertEqual(answer["usage"]["generated_images"], 1)
        self.assertLess(abs(answer["created"] - time.time()), 60)
        self.assertEqual((task["provider"], task["action"], task["model"]), ("seedream", "generate", HOUSE["model"]))
        self.assertEqual(task["artifacts"][0]["content_type"], "image/jpeg")

    def test_each_model(self):
        for model, theirs, fields in (
            ("doubao-seedream-5-0", "doubao-seedream-5-0-260128", {"size": "3K", "output_format": "png"}),
            ("doubao-seedream-4-0", "doubao-seedream-4-0-250828", {"size": "1K", "optimize_prompt_options": {"mode": "fast"}}),
            (DATED, DATED, {"size": "2560x1440", "watermark": True}),
            ("art", "ep-20261120101500-abcde", {"size": "4K"}),
        ):
            body = {"model": model, "prompt": f"of {model}", **fields}
            single = {GROUP: "disabled"} if model != "art" else {}
            expected = {"response_format": "url", "watermark": False, **body, **single, "model": theirs}
            answer, _ = self.sends({**body, "user": "u", "quality": "hd", "style": "natural"}, expected)
            if "x" in fields["size"]:
                self.assertEqual(answer["data"][0]["size"], fields["size"])
        old = {"model": "doubao-seedream-3-0", "prompt": "old", "size": "1024x768", "seed": 7, "guidance_scale": 2.5}
        rest = {"response_format": "url", "watermark": False}
        self.sends(old, {**old, **rest, "model": "doubao-seedream-3-0-t2i-250415"})
        old = {"model": "doubao-seededit-3-0", "prompt": "older", "size": "adaptive", "image": LINK}
        self.sends(old, {**old, **rest, "model": "doubao-seededit-3-0-i2i-250628"}, EDIT)

    def test_references(self):
        for number, (path, fields, image) in enumerate(
            (
                (MAKE, {"image_input": LINK}, LINK),
                (MAKE, {"image_input": [LINK, OTHER]}, [LINK, OTHER]),
                (MAKE, {"image": RAW}, DATA),
                (MAKE, {"image": [DATA, "", LINK]}, [DATA, LINK]),
                (EDIT, {"image": LINK}, LINK),
                (EDIT, {"images": [{"image_url": LINK}, {"image_url": DATA}]}, [LINK, DATA]),
                (MAKE, {"image_input": [LINK] * 14}, [LINK] * 14),
            )
        ):
            words = {**HOUSE, "prompt": f"reference {number}"}
            self.sends({**words, **fields}, {**words, **ALONE, "model": DATED, "image": image}, path)

    def test_groups(self):
        for number, (fields, count) in enumerate(
            (
                ({"n": 4}, 4),
                ({"n": "2"}, 2),
                ({"n": 3, GROUP: "auto"}, 3),
                ({GROUP: "auto", OPTIONS: {"max_images": 5}}, 5),
            )
        ):
            words = {**HOUSE, "prompt": f"group {number}"}
            self.sends({**words, **fields}, {**words, **group_of(count), "model": DATED}, count=count)
        words = {**HOUSE, "prompt": "any group", GROUP: "auto", "image_input": [LINK, OTHER]}
        expected = {**words, "model": DATED, "image": [LINK, OTHER], "response_format": "url", "watermark": False}
        del expected["image_input"]
        self.sends(words, expected, count=3)
        answer, task = self.make({**HOUSE, "prompt": "as it likes [fewer]", "n": 3})
        self.assertEqual((len(answer["data"]), task["status"]), (2, "succeeded"))

    def test_base64(self):
        answer, task = self.make({**HOUSE, "prompt": "in the answer", "response_format": "b64_json", "n": 2})
        files = check_artifacts(task, "image", "image")
        self.assertEqual([base64.b64decode(one["b64_json"], validate=True) for one in answer["data"]], files)
        self.assertEqual(self.asked("in the answer").body["response_format"], "url")

    def test_stream(self):
        status, headers, data = self.post(MAKE, {**HOUSE, "prompt": "streamed", "stream": True})
        self.assertEqual((status, headers["content-type"]), (200, "text/event-stream"))
        (line,) = [line for line in data.decode().split("\n") if line.startswith("data: ")]
        shown = json.loads(line[len("data: "):])
        (file,) = check_artifacts(self.spool.end_of(headers["x-task-id"]), "image")
        self.assertEqual((shown["type"], base64.b64decode(shown["b64_json"])), ("image_generation.completed", file))
        self.assertNotIn("stream", self.asked("streamed").body)


class Ending(Seedream):
    def test_some_of_a_group(self):
        for word, missing, code in (("part", 0, "content_filter"), ("broken", 2, "vendor_failed")):
            answer, task = self.make({**HOUSE, "prompt": f"some [{word}]", "n": 3})
            self.assertEqual((task["status"], task["error"]), ("succeeded", None))
            self.assertEqual([one["kind"] for one in task["artifacts"]], ["image"] * 3)
            lost = task["artifacts"].pop(missing)
            self.assertEqual((lost["url"], lost["error"]["code"]), ("", code))
            self.assertIn("The ", lost["error"]["message"])
            check_artifacts(task, "image", "image")
            self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
            self.assertEqual({one["size"] for one in answer["data"]}, {"2048x2048"})
            self.assertEqual(answer["usage"]["generated_images"], 2)

    def test_refusals(self):
        for word, status, code, billed in (
            ("refuse", 400, "content_filter", 0),
            ("moderation", 400, "content_filter", 0),
            ("invalid", 400, "invalid_request", 0),
            ("closed", 404, "model_not_found", 0),
            ("lost", 400, "content_filter", 1),
            ("none", 502, "vendor_failed", 1),
            ("error-200", 502, "vendor_failed", 1),
        ):
            got, error, task = self.failing({**HOUSE, "prompt": f"no [{word}]"})
            self.assertEqual((got, error["code"], task["status"]), (status, code, "failed"), word)
            self.assertEqual((error["code"], error["message"]), (task["error"]["code"], task["error"]["message"]))
            self.assertEqual(self.billed(f"no [{word}]"), billed)

    def test_a_lost_answer_is_never_asked_for_again(self):
        for word in ("cut", "502", "html", "empty", "500", "503", "cut-length", "cut-chunks"):
            prompt = f"lost [{word}]"
            status, error, task = self.failing({**HOUSE, "prompt": prompt})
            self.assertEqual((status, error["code"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.assertEqual(self.asked(prompt).body["prompt"], prompt)

    def test_refused_for_now(self):
        made = together(lambda word: self.make({**HOUSE, "prompt": f"busy [{word}]"})[1], ("429", "overloaded"))
        for word, task in zip(("429", "overloaded"), made):
            self.assertEqual(self.spool.events(task["id"]).count("refused"), 2)
            self.assertEqual(self.billed(f"busy [{word}]"), 1)

    def test_an_account_that_can_t(self):
        words = ("balance", "quota", "cap")
        with Spool({"accounts": [seedream_account(self.vendor)], "queue_timeout_ms": 1500}) as spool:
            answers = together(lambda word: spool.request("POST", MAKE, {**HOUSE, "prompt": f"poor [{word}]"}), words)
        for word, (status, _, answer) in zip(words, answers):
            self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"), word)
            self.assertEqual(self.billed(f"poor [{word}]"), 0)

    def test_another_can(self):
        accounts = [seedream_account(self.sim, "poor", api_key="wrong"), seedream_account(self.sim, "rich")]
        with Spool({"accounts": accounts}) as spool:
            for number in range(3):
                status, headers, _ = spool.request("POST", MAKE, {**HOUSE, "prompt": f"rich {number}"})
                self.assertEqual(status, 200)
                self.assertIn("/rich/", spool.task(headers["x-task-id"])["artifacts"][0]["url"])


class Rest(Seedream):
    def test_webhook(self):
        place = "/hook-seedream"
        self.make({**HOUSE, "prompt": "told [part]", "n": 2, "callback_url": self.receiver.url + place})
        self.receiver.wait(place)
        eventually(lambda: self.receiver.at(place)[-1].word == "succeed", what="the last word")
        told = self.receiver.at(place)[-1].body
        self.assertEqual((told["type"], list(told["output"])), ("image", ["image_url"]))
        self.assertEqual(download(told["output"]["image_url"])[0], 200)
        self.assertNotIn(place.encode(), self.asked("told [part]").raw)

    def test_cancel(self):
        held = []
        thread = threading.Thread(target=lambda: held.append(self.post(MAKE, {**HOUSE, "prompt": "held [never]"})))
        thread.start()
        eventually(lambda: self.billed("held [never]"), what="the call")
        (task,) = [t["id"] for t in self.spool.get("/v1/tasks?limit=5")["data"] if t["status"] == "queued"]
        status, _, answer = self.post(f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        thread.join(10)
        ((status, _, answer),) = held
        self.assertEqual((status, answer["error"]["code"]), (409, "cancelled"))

    def test_wrong_input(self):
        for path, fields, field in (
            (MAKE, {"prompt": ""}, "prompt"),
            (MAKE, {"prompt": 5}, "prompt"),
            (MAKE, {"model": ""}, "model"),
            (MAKE, {"n": 0}, "n"),
            (MAKE, {"n": 16}, "n"),
            (MAKE, {"n": "two"}, "n"),
            (MAKE, {"n": 2, GROUP: "disabled"}, "n"),
            (MAKE, {"n": 2, "image_input": [LINK] * 14}, "n"),
            (MAKE, {"n": 2, GROUP: "auto", OPTIONS: {"max_images": 3}}, "n"),
            (MAKE, {"n": 2, "model": "doubao-seedream-3-0"}, "n"),
            (MAKE, {GROUP: "on"}, GROUP),
            (MAKE, {GROUP: True}, GROUP),
            (MAKE, {OPTIONS: {"max_images": 3}}, OPTIONS),
            (MAKE, {OPTIONS: 3}, OPTIONS),
            (MAKE, {GROUP: "auto", OPTIONS: {"max_images": 0}}, f"{OPTIONS}.max_images"),
            (MAKE, {"size": "1K"}, "size"),
            (MAKE, {"size": "1024x1024"}, "size"),
            (MAKE, {"size": "huge"}, "size"),
            (MAKE, {"size": 2048}, "size"),
            (MAKE, {"size": "4K", "model": "doubao-seedream-5-0"}, "size"),
            (MAKE, {"size": "2K", "model": "doubao-seedream-3-0"}, "size"),
            (MAKE, {"size": "256x256", "model": "doubao-seedream-3-0"}, "size"),
            (MAKE, {"image_input": [LINK] * 15}, "image_input"),
            (MAKE, {"image_input": 5}, "image_input"),
            (MAKE, {"image": [LINK, {"image_url": 5}]}, "image.1.image_url"),
            (MAKE, {"image": LINK, "model": "doubao-seedream-3-0"}, "image"),
            (MAKE, {"watermark": "perhaps"}, "watermark"),
            (MAKE, {"response_format": "gif"}, "response_format"),
            (MAKE, {"optimize_prompt_options": {"mode": "fast"}}, "optimize_prompt_options.mode"),
            (MAKE, {"optimize_prompt_options": "standard"}, "optimize_prompt_options"),
            (MAKE, {"seed": 7}, "seed"),
            (MAKE, {"seed": -2, "model": "doubao-seedream-3-0"}, "seed"),
            (MAKE, {"guidance_scale": 11, "model": "doubao-seedream-3-0"}, "guidance_scale"),
            (MAKE, {"output_format": "png"}, "output_format"),
            (MAKE, {"aspect_ratio": "1:1"}, "aspect_ratio"),
            (MAKE, {"background": "transparent"}, "background"),
            (MAKE, {"callback_url": "ftp://a"}, "callback_url"),
            (EDIT, {}, "image"),
            (EDIT, {"image": LINK, "mask": DATA}, "mask"),
            (EDIT, {"image": [LINK, LINK], "model": "doubao-seededit-3-0"}, "image"),
            (VARY, {"image": LINK}, "model"),
        ):
            with self.subTest(path=path, fields=str(fields)[:80]):
                status, _, answer = self.post(path, {**HOUSE, **fields}, "empty")
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_models(self):
        status, _, answer = self.post("/v1/video/create", HOUSE)
        self.assertEqual((status, answer["message"]), (400, "model: doubao-seedream-4-5 doesn't make videos"))
        status, _, answer = self.post(MAKE, {**HOUSE, "model": "doubao-seedream-9-0"})
        self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
        models = {one["id"]: one["owned_by"] for one in self.spool.get("/v1/models")["data"]}
        self.assertEqual({models[name] for name in ("doubao-seedream-5-0", "doubao-seedream-3-0", "art")}, {"seedream"})

    def test_another_key_s_task(self):
        _, task = self.make({**HOUSE, "prompt": "mine"})
        self.assertEqual(self.look(f"/v1/tasks/{task['id']}", "other")[0], 404)
        self.assertEqual(exchange(self.spool.port, "POST", MAKE, HOUSE)[0], 401)


class Again(unittest.TestCase):
    def test_files_are_fetched_again_but_what_was_never_made(self):
        """An operator can't have what the vendor hasn't got."""
        sim = self.enterContext(Sim(speed=50))
        wire = self.enterContext(Between(sim))
        tokens = [{"name": "op", "key": "sk-op", "admin": True}]
        spool = self.enterContext(Spool({"accounts": [seedream_account(wire)], "tokens": tokens}))
        spool.key = "sk-op"
        broken = [True]
        wire.on("/files/", lambda asked: (403, {}, b"no") if broken else None)
        status, headers, answer = spool.request("POST", MAKE, {**HOUSE, "prompt": "dead [part]", "n": 2}, timeout=30)
        self.assertEqual((status, answer["error"]["code"]), (502, "archive_failed"))
        self.assertIn("403", answer["error"]["message"])
        broken.clear()
        task = headers["x-task-id"]
        self.assertEqual(spool.request("POST", f"/admin/v1/tasks/{task}/resolve", {"do": "archive"})[0], 200)
        eventually(lambda: spool.task(task)["status"] == "succeeded", timeout=20, what="the archive")
        shown = spool.task(task)
        lost = shown["artifacts"].pop(0)
        self.assertEqual((lost["url"], lost["error"]["code"]), ("", "content_filter"))
        check_artifacts(shown, "image")
        self.assertEqual(len(wire.at(CALL)), 1)


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator."""

    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [seedream_account(sim)]}))
        wire = self.enterContext(Between(back))
        account = common.account(wire, "relay", provider="seedream", dialect="relay", api_key=back.key)
        front = self.enterContext(Spool({"accounts": [account]}))
        for path, fields, count in (
            (MAKE, {"size": "2K"}, 1),
            (MAKE, {"n": 3, "image_input": [DATA, LINK], "watermark": True}, 3),
            (MAKE, {"n": 2, "response_format": "b64_json"}, 2),
            (MAKE, {"prompt": "some [part]", "n": 3}, 2),
            (EDIT, {"image": LINK}, 1),
        ):
            status, headers, answer = front.request("POST", path, {**HOUSE, **fields})
            self.assertEqual((status, len(answer["data"])), (200, count), answer)
            task = front.end_of(headers["x-task-id"])
            (asked,) = [one for one in wire.at(MAKE) if one.headers.get("idempotency-key") == task["id"]]
            theirs = back.get("/v1/tasks?limit=1")["data"][0]
            sums = [[one["sha256"] for one in each["artifacts"] if one["url"] != ""] for each in (task, theirs)]
            self.assertEqual((sums[0], len(sums[0])), (sums[1], count))
            self.assertEqual(asked.headers["authorization"], f"Bearer {back.key}")
            self.assertEqual(asked.body["watermark"], fields.get("watermark", False))
        for word, status, code in (("refuse", 400, "content_filter"), ("none", 502, "submit_outcome_unknown")):
            got, _, answer = front.request("POST", MAKE, {**HOUSE, "prompt": f"no [{word}]"})
            self.assertEqual((got, answer["error"]["code"]), (status, code))
            self.assertLessEqual(sim.jobs("seedream")[0].get(f"no [{word}]", 0), 1)


if __name__ == "__main__":
    main()
