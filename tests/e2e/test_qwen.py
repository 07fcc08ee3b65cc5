"""Qwen's images: OpenAI's form on the public path, DashScope's tasks and calls and other Spools behind it."""
import base64
import concurrent.futures
import threading
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, download, eventually, exchange, main
from harness import accounts as common
from vendors.qwen import qwen_account

MAKE, EDIT, VARY = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
SERVICES, JOBS = "/api/v1/services/aigc/", "/api/v1/tasks"
CALL, TASK = f"{SERVICES}multimodal-generation/generation", f"{SERVICES}text2image/image-synthesis"
LINK = "https://example.com/a.png"
RAW = base64.b64encode(PNG).decode()
DATA = "data:image/png;base64," + RAW
PLUS, MAX, TWO, PRO = "qwen-image-plus", "qwen-image-max", "qwen-image-2.0", "qwen-image-2.0-pro"


def says(words, *images):
    content = [*({"image": image} for image in images), {"text": words}]
    return {"messages": [{"role": "user", "content": content}]}


def together(fn, items):
    """What the function gives for each, asked for at once."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(fn, items))


class Qwen(Family):
    @classmethod
    def accounts(cls):
        return [qwen_account(cls.vendor), qwen_account(cls.vendor, "listed", models={"pictures": "qwen-image-plus-2026-01-09"})]

    def make(self, body, path=MAKE, **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(path, body, **headers)
        self.assertEqual(status, 200, answer)
        return answer, self.spool.end_of(sent["x-task-id"])

    def failing(self, model, prompt, **fields):
        """(status, error, the task as it ended)"""
        status, sent, answer = self.post(MAKE, {"model": model, "prompt": prompt, **fields})
        self.assertEqual(set(answer), {"error"}, answer)
        return status, answer["error"], self.spool.end_of(sent["x-task-id"])

    def billed(self, prompt):
        return self.sim.jobs("qwen")[0].get(prompt, 0)

    def asked(self, prompt):
        (asked,) = [one for one in self.vendor.at(SERVICES) if f'"{prompt}"'.encode() in one.raw]
        return asked

    def sends(self, body, vendor_path, expected, path=MAKE, count=1):
        """What DashScope gets, and as many images as come of it."""
        answer, task = self.make({**body, "notifyHook": self.receiver.url + "/here", "callback_url": ""}, path)
        self.maxDiff = None
        asked = self.asked(body["prompt"])
        self.assertEqual((asked.path, asked.body), (vendor_path, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        self.assertEqual(asked.headers.get("x-dashscope-async"), "enable" if vendor_path == TASK else None)
        for one in self.vendor.at(JOBS):
            self.assertNotIn("x-dashscope-async", one.headers)
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its links are signed")
        check_artifacts(task, *["image"] * count)
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
        self.assertEqual(self.billed(body["prompt"]), 1)
        return answer, task


class Sending(Qwen):
    def test_calls(self):
        body = {"model": MAX, "prompt": "a poster", "size": "1024x1024", "n": 1, "response_format": "url"}
        expected = {"model": MAX, "input": says("a poster"), "parameters": {"size": "1328*1328", "n": 1}}
        answer, task = self.sends(body, CALL, expected)
        self.assertEqual((answer["size"], answer["usage"]["image_count"]), ("1328x1328", 1))
        self.assertEqual((task["provider"], task["action"], task["model"]), ("qwen", "generate", MAX))
        self.assertNotIn("submitted", self.spool.events(task["id"]))
        more = {"negative_prompt": "rain", "seed": 7, "prompt_extend": False, "watermark": True}
        body = {"model": PRO, "prompt": "more", "size": "800x1200", "n": 3, "quality": "hd", "user": "u"}
        expected = {"model": PRO, "input": says("more"), "parameters": {**more, "size": "800*1200", "n": 3}}
        self.sends({**body, **more}, CALL, expected, count=3)

    def test_tasks(self):
        more = {"seed": 7, "prompt_extend": False, "watermark": False}
        body = {"model": PLUS, "prompt": "a paper boat", "size": "1664x928", "n": 1, "negative_prompt": "rain", **more}
        given = {"prompt": "a paper boat", "negative_prompt": "rain"}
        expected = {"model": PLUS, "input": given, "parameters": {**more, "size": "1664*928", "n": 1}}
        answer, task = self.sends(body, TASK, expected)
        self.assertEqual(answer["data"][0]["revised_prompt"], "Seen by the simulator.")
        self.assertGreater(len(self.vendor.at(f"{JOBS}/{self.spool.upstream(task['id'])}")), 0)
        body = {"model": "pictures", "prompt": "by another name"}
        self.sends(body, TASK, {"model": "qwen-image-plus-2026-01-09", "input": {"prompt": "by another name"}})
        body = {"model": "qwen-image", "prompt": "the first"}
        self.sends(body, TASK, {"model": "qwen-image", "input": {"prompt": "the first"}})

    def test_sizes(self):
        for size, theirs in (("1792x1024", "1664*928"), ("1536x1024", "1472*1104"), ("1024x1536", "1104*1472"), ("928*1664", "928*1664")):
            body = {"model": MAX, "prompt": f"as {size}", "size": size}
            self.sends(body, CALL, {"model": MAX, "input": says(f"as {size}"), "parameters": {"size": theirs}})

    def test_references(self):
        for number, (path, model, fields, images) in enumerate(
            (
                (EDIT, TWO, {"image": LINK}, [LINK]),
                (EDIT, "qwen-image-edit-plus", {"image": [RAW, LINK]}, [DATA, LINK]),
                (EDIT, "qwen-image-edit", {"images": [{"image_url": DATA}]}, [DATA]),
                (MAKE, PRO, {"image_input": [LINK, DATA, LINK]}, [LINK, DATA, LINK]),
            )
        ):
            words = f"reference {number}"
            self.sends({"model": model, "prompt": words, **fields}, CALL, {"model": model, "input": says(words, *images)}, path)

    def test_base64_and_streams(self):
        for model in (PLUS, MAX):
            answer, task = self.make({"model": model, "prompt": "in the answer", "response_format": "b64_json"})
            (data,) = check_artifacts(task, "image")
            self.assertEqual(base64.b64decode(answer["data"][0]["b64_json"], validate=True), data)
            status, headers, data = self.post(MAKE, {"model": model, "prompt": "streamed", "stream": True})
            self.assertEqual((status, headers["content-type"]), (200, "text/event-stream"))
            self.assertIn(b"event: image_generation.completed\n", data)


class Ending(Qwen):
    def test_some_of_several(self):
        answer, task = self.make({"model": TWO, "prompt": "some [part]", "n": 3})
        lost = task["artifacts"].pop()
        self.assertEqual((task["status"], lost["url"], lost["error"]["code"]), ("succeeded", "", "vendor_failed"))
        check_artifacts(task, "image", "image")
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])

    def test_refusals(self):
        for model, word, status, code, billed in (
            (MAX, "refuse", 400, "content_filter", 0),
            (MAX, "invalid", 400, "invalid_request", 0),
            (MAX, "none", 502, "vendor_failed", 1),
            (MAX, "error-200", 502, "vendor_failed", 1),
            (PLUS, "refuse", 400, "content_filter", 0),
            (PLUS, "moderation", 400, "content_filter", 1),
            (PLUS, "lost", 400, "content_filter", 1),
            (PLUS, "fail", 502, "vendor_failed", 1),
        ):
            prompt = f"no [{word}] of {model}"
            got, error, task = self.failing(model, prompt)
            self.assertEqual((got, error["code"], task["status"]), (status, code, "failed"), prompt)
            self.assertEqual((error["code"], error["message"]), (task["error"]["code"], task["error"]["message"]))
            self.assertEqual(self.billed(prompt), billed)

    def test_a_lost_call_is_never_asked_for_again(self):
        for word in ("cut", "502", "html", "empty", "500", "503", "cut-length", "cut-chunks"):
            prompt = f"lost [{word}]"
            status, error, task = self.failing(MAX, prompt)
            self.assertEqual((status, error["code"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.asked(prompt)

    def test_a_lost_task_may_be_found(self):
        """Where the list shows prompts, and nothing else looks the same."""
        for word in ("cut", "html"):
            answer, task = self.make({"model": PLUS, "prompt": f"gone [listed] [{word}]"})
            self.assertEqual(len(answer["data"]), 1)
            self.assertIn("in_doubt", self.spool.events(task["id"]))
            self.assertEqual(self.billed(f"gone [listed] [{word}]"), 1)
        lists = self.vendor.at(f"{JOBS}?")
        self.assertGreaterEqual(len(lists), 2)
        for asked in lists:
            self.assertIn("model_name=qwen-image-plus&", asked.path, "a call isn't listed")

    def test_refused_for_now(self):
        made = together(lambda model: self.make({"model": model, "prompt": f"busy [429] of {model}"})[1], (PLUS, MAX))
        for task in made:
            self.assertEqual(self.spool.events(task["id"]).count("refused"), 2)
            self.assertEqual(self.billed(f"busy [429] of {task['model']}"), 1)

    def test_an_account_that_can_t(self):
        words = [(model, word) for model in (PLUS, MAX) for word in ("balance", "quota")]
        with Spool({"accounts": [qwen_account(self.vendor)], "queue_timeout_ms": 1500}) as spool:
            ask = lambda one: spool.request("POST", MAKE, {"model": one[0], "prompt": f"poor [{one[1]}] of {one[0]}"})
            for (model, word), (status, _, answer) in zip(words, together(ask, words)):
                self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"), word)
                self.assertEqual(self.billed(f"poor [{word}] of {model}"), 0)


class Rest(Qwen):
    def test_webhooks(self):
        for model in (PLUS, MAX):
            place = f"/hook-{model}"
            self.make({"model": model, "prompt": f"told of {model}", "callback_url": self.receiver.url + place})
            self.receiver.wait(place)
            eventually(lambda: self.receiver.at(place)[-1].word == "succeed", what="the last word")
            told = self.receiver.at(place)[-1].body
            self.assertEqual((told["type"], list(told["output"])), ("image", ["image_url"]))
            self.assertEqual(download(told["output"]["image_url"])[0], 200)
            self.assertNotIn(place.encode(), self.asked(f"told of {model}").raw)

    def test_cancel(self):
        for model, word, said in ((MAX, "never", "not_supported_may_be_billed"), (PLUS, "stay-queued", "requested")):
            held, prompt = [], f"held [{word}]"
            thread = threading.Thread(target=lambda: held.append(self.post(MAKE, {"model": model, "prompt": prompt})))
            thread.start()
            eventually(lambda: self.billed(prompt), what="the submit")
            task = self.spool.get("/v1/tasks?limit=1")["data"][0]["id"]
            self.spool.wait_phase(task, "submitting" if model == MAX else "submitted")
            status, _, answer = self.post(f"/v1/tasks/{task}/cancel", b"")
            self.assertEqual((status, answer["cancel"]), (200, said))
            thread.join(10)
            ((status, _, answer),) = held
            self.assertEqual((status, answer["error"]["code"]), (409, "cancelled"))

    def test_wrong_input(self):
        for path, model, fields, field in (
            (MAKE, MAX, {"prompt": ""}, "prompt"),
            (MAKE, MAX, {"prompt": "字" * 801}, "prompt"),
            (MAKE, PLUS, {"prompt": 5}, "prompt"),
            (MAKE, "", {}, "model"),
            (MAKE, MAX, {"n": 2}, "n"),
            (MAKE, PLUS, {"n": 2}, "n"),
            (MAKE, "qwen-image-max-2025-12-30", {"n": 2}, "n"),
            (MAKE, TWO, {"n": 7}, "n"),
            (MAKE, TWO, {"n": 0}, "n"),
            (MAKE, TWO, {"n": "two"}, "n"),
            (MAKE, MAX, {"size": "2K"}, "size"),
            (MAKE, MAX, {"size": "0x0"}, "size"),
            (MAKE, MAX, {"size": 1024}, "size"),
            (MAKE, PRO, {"size": "256x256"}, "size"),
            (MAKE, PRO, {"size": "4096x4096"}, "size"),
            (MAKE, MAX, {"negative_prompt": "x" * 501}, "negative_prompt"),
            (MAKE, MAX, {"seed": -1}, "seed"),
            (MAKE, MAX, {"seed": "7"}, "seed"),
            (MAKE, MAX, {"watermark": "perhaps"}, "watermark"),
            (MAKE, MAX, {"prompt_extend": 1}, "prompt_extend"),
            (MAKE, MAX, {"response_format": "png"}, "response_format"),
            (MAKE, MAX, {"aspect_ratio": "1:1"}, "aspect_ratio"),
            (MAKE, MAX, {"output_format": "png"}, "output_format"),
            (MAKE, MAX, {"sequential_image_generation": "auto"}, "sequential_image_generation"),
            (MAKE, MAX, {"image": LINK}, "image"),
            (MAKE, PLUS, {"image_input": [LINK]}, "image_input"),
            (MAKE, TWO, {"image": [LINK] * 4}, "image"),
            (MAKE, "qwen-image-edit", {}, "images"),
            (MAKE, MAX, {"callback_url": "ftp://a"}, "callback_url"),
            (EDIT, TWO, {}, "image"),
            (EDIT, TWO, {"image": LINK, "mask": DATA}, "mask"),
            (EDIT, "qwen-image-edit", {"image": LINK, "n": 2}, "n"),
            (VARY, TWO, {"image": LINK}, "model"),
        ):
            with self.subTest(path=path, model=model, fields=str(fields)[:80]):
                status, _, answer = self.post(path, {"model": model, "prompt": "x", **fields}, "empty")
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_models(self):
        status, _, answer = self.post("/v1/video/create", {"model": PLUS, "prompt": "x"})
        self.assertEqual((status, answer["message"]), (400, "model: qwen-image-plus doesn't make videos"))
        status, _, answer = self.post(MAKE, {"model": "qwen-image-9", "prompt": "x"})
        self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
        status, _, answer = self.post(MAKE, {"model": "qwen-max", "prompt": "x"})
        self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
        models = {one["id"]: one["owned_by"] for one in self.spool.get("/v1/models")["data"]}
        self.assertEqual({models[name] for name in (PLUS, MAX, TWO, PRO, "pictures")}, {"qwen"})

    def test_keys(self):
        self.assertEqual(exchange(self.spool.port, "POST", MAKE, {"model": PLUS, "prompt": "x"})[0], 401)
        _, task = self.make({"model": PLUS, "prompt": "mine"})
        self.assertEqual(self.look(f"/v1/tasks/{task['id']}", "other")[0], 404)
        with Spool({"accounts": [qwen_account(self.sim, api_key="wrong")], "queue_timeout_ms": 1000}) as spool:
            for status, _, answer in together(lambda model: spool.request("POST", MAKE, {"model": model, "prompt": "x"}), (PLUS, MAX)):
                self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"))


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator."""

    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [qwen_account(sim)]}))
        wire = self.enterContext(Between(back))
        account = common.account(wire, "relay", provider="qwen", dialect="relay", api_key=back.key)
        front = self.enterContext(Spool({"accounts": [account]}))
        for path, body, count in (
            (MAKE, {"model": PLUS, "size": "1024x1024"}, 1),
            (MAKE, {"model": MAX, "response_format": "b64_json", "seed": 7}, 1),
            (MAKE, {"model": TWO, "n": 3}, 3),
            (EDIT, {"model": PRO, "image": [DATA, LINK], "n": 2}, 2),
        ):
            status, headers, answer = front.request("POST", path, {"prompt": "a boat", **body})
            self.assertEqual((status, len(answer["data"])), (200, count), answer)
            task = front.end_of(headers["x-task-id"])
            (asked,) = [one for one in wire.at(path) if one.headers.get("idempotency-key") == task["id"]]
            theirs = back.get("/v1/tasks?limit=1")["data"][0]
            sums = [[one["sha256"] for one in each["artifacts"]] for each in (task, theirs)]
            self.assertEqual((sums[0], len(sums[0])), (sums[1], count))
            self.assertEqual(asked.headers["authorization"], f"Bearer {back.key}")
        for model, word, status, code in (
            (PLUS, "refuse", 400, "content_filter"),
            (PLUS, "moderation", 400, "content_filter"),
            (MAX, "none", 502, "submit_outcome_unknown"),
        ):
            got, _, answer = front.request("POST", MAKE, {"model": model, "prompt": f"no [{word}]"})
            self.assertEqual((got, answer["error"]["code"]), (status, code))
            self.assertLessEqual(sim.jobs("qwen")[0].get(f"no [{word}]", 0), 1)


if __name__ == "__main__":
    main()
