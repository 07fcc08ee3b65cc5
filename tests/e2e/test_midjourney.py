"""The Midjourney family from the client's side: every path, every wrong input, every stranger."""
import base64
import hashlib
import json
import re
import socket
import threading
import time
import unittest
import urllib.request

from harness import PNG, Receiver, Sim, Spool, Vendor, account, eventually, exchange, main

IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()
KEYS = ["dev", "other", "empty"]
RANK = ["NOT_START", "SUBMITTED", "IN_PROGRESS", "SUCCESS"]


def tokens():
    return [{"name": name, "key": f"sk-{name}"} for name in KEYS]


def bearer(name):
    return {"Authorization": f"Bearer sk-{name}"}


def download(url):
    with urllib.request.urlopen(url) as answer:
        return answer.headers, answer.read()


class Family(unittest.TestCase):
    """One Spool and one simulator, whose jobs take a seventh of a second."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.receiver = cls.enterClassContext(Receiver())
        cls.spool = cls.enterClassContext(Spool({"tokens": tokens(), "max_body_bytes": 262144}, cls.sim))

    def post(self, path, body, key="dev", headers=None):
        return self.spool.request("POST", path, body, {**bearer(key), **(headers or {})})

    def accept(self, path, body, **fields):
        status, _, answer = self.post(path, {**body, **fields})
        self.assertEqual((status, answer["code"] in (1, 22)), (200, True), answer)
        self.assertTrue(answer["description"])
        self.assertIsInstance(answer["properties"], dict)
        self.assertRegex(answer["result"], r"^task_[0-9A-Za-z]{26}$")
        return answer["result"]

    def succeed(self, task):
        shown = self.spool.wait(task)
        self.assertEqual(shown["status"], "SUCCESS", shown)
        return shown

    def grid(self, prompt="a lighthouse", **fields):
        """A finished imagine: its id and what is shown of it."""
        task = self.accept("/mj/submit/imagine", {"prompt": prompt}, **fields)
        return task, self.succeed(task)

    def press(self, task, shown, beginning, **fields):
        button = next(b for b in shown["buttons"] if b["customId"].startswith(beginning))
        return self.accept("/mj/submit/action", {"taskId": task, "customId": button["customId"]}, **fields)

    def refused(self, path, body, status, code, key="dev"):
        got, _, answer = self.post(path, body, key)
        self.assertEqual((got, answer["code"]), (status, code), (path, body, answer))
        self.assertEqual(set(answer), {"code", "description"})
        return answer["description"]


class Results(Family):
    def test_imagine(self):
        before = time.time() * 1000
        task, shown = self.grid("a lighthouse --ar 16:9")
        self.assertEqual(shown["id"], task)
        self.assertEqual(shown["action"], "IMAGINE")
        self.assertEqual(shown["prompt"], "a lighthouse --ar 16:9")
        self.assertEqual(shown["promptEn"], "a lighthouse --ar 16:9")
        self.assertIsInstance(shown["description"], str)
        self.assertEqual(shown["state"], "")
        self.assertEqual(shown["progress"], "100%")
        self.assertEqual(shown["failReason"], "")
        self.assertIsInstance(shown["properties"], dict)
        times = [shown["submitTime"], shown["startTime"], shown["finishTime"]]
        self.assertTrue(all(type(at) is int for at in times), times)
        self.assertEqual(times, sorted(times))
        self.assertTrue(before - 2000 < times[0] and times[2] < time.time() * 1000 + 2000, times)
        self.assertEqual(len(shown["buttons"]), 9)
        for button in shown["buttons"]:
            self.assertTrue(button["customId"].startswith("MJ::JOB::"), button)
            self.assertIsInstance(button["label"], str)
            self.assertIsInstance(button["emoji"], str)
            self.assertIsInstance(button["style"], int)

    def test_the_file_is_the_vendor_s_and_no_preview(self):
        task, shown = self.grid()
        (artifact,) = self.spool.task(task)["artifacts"]
        headers, data = download(shown["imageUrl"])
        path = f"/task-artifacts/\\d{{4}}/\\d\\d/\\d\\d/mj-1/imagine/{task}\\.png"
        self.assertRegex(shown["imageUrl"], f"^{self.spool.url}/media{path}$")
        self.assertEqual(artifact["url"], shown["imageUrl"])
        self.assertEqual(artifact["kind"], "image")
        self.assertEqual(artifact["content_type"], "image/png")
        self.assertEqual(headers["Content-Type"], "image/png")
        self.assertEqual(artifact["bytes"], len(data))
        self.assertEqual(artifact["sha256"], hashlib.sha256(data).hexdigest())
        theirs = f"{self.sim.url}/sim/files/{self.spool.upstream(task)}"
        self.assertEqual(data, download(f"{theirs}.png")[1])
        self.assertNotEqual(data, download(f"{theirs}-preview.png")[1])

    def test_on_its_way(self):
        """Words and progress go forwards; nothing that isn't final is shown."""
        task = self.accept("/mj/submit/imagine", {"prompt": "a slow lighthouse [slow]"})
        words, progress = [], []
        while not words or words[-1] not in ("SUCCESS", "FAILURE"):
            shown = self.spool.fetch(task)
            words.append(shown["status"])
            progress.append(int(shown["progress"].rstrip("%")))
            if shown["status"] != "SUCCESS":
                self.assertEqual((shown["imageUrl"], shown["buttons"], shown["finishTime"]), ("", [], 0))
            also = self.spool.task(task)
            if also["status"] != "succeeded":
                self.assertEqual(also["artifacts"], [])
            time.sleep(0.02)
        self.assertEqual(words, sorted(words, key=RANK.index))
        self.assertEqual(progress, sorted(progress))
        self.assertIn("IN_PROGRESS", words)
        self.assertTrue(any(0 < p < 100 for p in progress), progress)

    def test_task_object(self):
        task, _ = self.grid(state="mine")
        shown = self.spool.task(task)
        expected = {
            "id": task, "object": "task", "provider": "midjourney", "action": "IMAGINE", "model": "",
            "status": "succeeded", "phase": "succeeded", "progress": 100, "error": None, "state": "mine",
        }
        self.assertEqual({name: shown[name] for name in expected}, expected)
        self.assertGreater(shown["version"], 3)
        self.assertLessEqual(shown["created_at"], shown["started_at"])
        self.assertLessEqual(shown["started_at"], shown["finished_at"])
        waited = self.spool.get(f"/v1/tasks/{task}?wait=30")
        self.assertEqual(waited, shown)
        events = [entry["event"] for entry in self.spool.timeline(task)]
        self.assertEqual(events[:3], ["accepted", "claimed", "submitted"])
        self.assertEqual(events[-1], "archived")

    def test_a_failure(self):
        task = self.accept("/mj/submit/imagine", {"prompt": "a lighthouse [fail]"})
        shown = self.spool.wait(task)
        self.assertEqual(shown["status"], "FAILURE")
        self.assertEqual(shown["failReason"], "[Invalid parameter] simulated")
        self.assertEqual((shown["imageUrl"], shown["buttons"]), ("", []))
        error = self.spool.task(task)["error"]
        self.assertEqual(error, {"code": "vendor_failed", "message": "[Invalid parameter] simulated"})

    def test_with_reference_images(self):
        task, shown = self.grid(base64Array=[IMAGE, IMAGE], botType="NIJI_JOURNEY")
        self.assertEqual(shown["action"], "IMAGINE")

    def test_any_text_comes_back_as_it_was(self):
        prompt = 'مرحبا 灯塔 🗼 "quoted" \\ back\nline\ttab \u2028'
        task, shown = self.grid(prompt, state="stâte ✓\n")
        self.assertEqual((shown["prompt"], shown["state"]), (prompt, "stâte ✓\n"))

    def test_blend(self):
        task = self.accept("/mj/submit/blend", {"base64Array": [IMAGE] * 2, "dimensions": "SQUARE"})
        shown = self.succeed(task)
        self.assertEqual(shown["action"], "BLEND")
        self.assertIn(f"/mj-1/blend/{task}.png", shown["imageUrl"])
        self.assertEqual(shown["prompt"], "")

    def test_describe(self):
        task = self.accept("/mj/submit/describe", {"base64": IMAGE})
        self.check_texts(task, "DESCRIBE")

    def test_shorten(self):
        task = self.accept("/mj/submit/shorten", {"prompt": "a very long prompt about a lighthouse"})
        self.check_texts(task, "SHORTEN")

    def check_texts(self, task, action):
        shown = self.succeed(task)
        self.assertEqual(shown["action"], action)
        final = shown["properties"]["finalPrompt"]
        self.assertEqual(final.count("\n"), 3)
        self.assertIn("a lighthouse at dusk", final)
        texts = [a for a in self.spool.task(task)["artifacts"] if a["kind"] == "text"]
        self.assertEqual(texts, [{"kind": "text", "text": final}])

    def test_upload(self):
        status, _, answer = self.post("/mj/submit/upload-discord-images", {"base64Array": [IMAGE, IMAGE]})
        self.assertEqual((status, answer["code"]), (200, 1), answer)
        self.assertEqual(len(answer["result"]), 2)
        self.assertTrue(all(url.startswith("http://") for url in answer["result"]))

    def test_questions_are_no_tasks(self):
        """They are in no list, and no answer names them."""
        before = self.spool.get("/v1/tasks?limit=100")["data"]
        self.post("/mj/submit/upload-discord-images", {"base64Array": [IMAGE]})
        after = self.spool.get("/v1/tasks?limit=100")["data"]
        self.assertEqual([t["id"] for t in before], [t["id"] for t in after])

    def test_list_by_condition(self):
        tasks = [self.grid(f"number {number}")[0] for number in range(3)]
        others = self.post("/mj/submit/imagine", {"prompt": "not yours"}, "other")[2]["result"]
        ids = [tasks[2], "task_unknown", others, tasks[0], "", "\0", tasks[1] + "\0", tasks[1]]
        status, _, answer = self.post("/mj/task/list-by-condition", {"ids": ids})
        self.assertEqual(status, 200)
        self.assertEqual([shown["id"] for shown in answer], [tasks[2], tasks[0], tasks[1]])
        for shown in answer:
            self.assertEqual(shown, self.spool.fetch(shown["id"]))
        for nothing in ({}, {"ids": []}, {"ids": None}, {"ids": ["task_unknown"]}):
            self.assertEqual(self.post("/mj/task/list-by-condition", nothing)[2], [])

    def test_the_key_s_list(self):
        ids = [self.post("/mj/submit/imagine", {"prompt": f"{n}"}, "other")[2]["result"] for n in range(5)]
        seen, after = [], ""
        while True:
            path = f"/v1/tasks?limit=2&after={after}"
            page = exchange(self.spool.port, "GET", path, None, bearer("other"))[2]
            self.assertEqual(page["object"], "list")
            self.assertLessEqual(len(page["data"]), 2)
            seen += [shown["id"] for shown in page["data"]]
            if not page["has_more"]:
                break
            after = page["next"]
        self.assertEqual(seen[:5], ids[::-1])
        self.assertEqual(len(seen), len(set(seen)))
        for query, status in (("status=odd", 400), ("limit=0", 400), ("limit=x", 400), ("after=x", 400)):
            got = exchange(self.spool.port, "GET", f"/v1/tasks?{query}", None, bearer("other"))
            self.assertEqual(got[0], status, query)
            self.assertEqual(set(got[2]["error"]), {"message", "type", "code"})

    def test_codes_of_a_queue(self):
        with Spool({"accounts": [account(self.sim, "mj-1", max_concurrency=1)]}) as spool:
            body = {"prompt": "[never]"}
            answers = [spool.request("POST", "/mj/submit/imagine", body)[2] for _ in range(4)]
        self.assertEqual(answers[0]["code"], 1)
        self.assertEqual(answers[-1]["code"], 22)
        self.assertGreaterEqual(answers[-1]["properties"]["numberOfQueues"], 1)


class FollowUps(Family):
    def test_buttons(self):
        task, shown = self.grid()
        upscale = self.press(task, shown, "MJ::JOB::upsample::2", state="up")
        variation = self.press(task, shown, "MJ::JOB::variation::3")
        reroll = self.press(task, shown, "MJ::JOB::reroll")
        for one, action in ((upscale, "UPSCALE"), (variation, "VARIATION"), (reroll, "REROLL")):
            end = self.succeed(one)
            self.assertEqual(end["action"], action)
            self.assertEqual(end["prompt"], "a lighthouse")
            self.assertIn(f"/mj-1/{action.lower()}/{one}.png", end["imageUrl"])
            self.assertEqual(end["state"], "up" if one == upscale else "")
        # What follows on a follow-up.
        deeper = self.press(variation, self.spool.fetch(variation), "MJ::JOB::upsample::1")
        self.assertEqual(self.succeed(deeper)["action"], "UPSCALE")

    def test_asked_again_it_is_the_same(self):
        task, shown = self.grid()
        body = {"taskId": task, "customId": shown["buttons"][0]["customId"]}
        first = self.accept("/mj/submit/action", body)
        for _ in range(2):
            status, _, answer = self.post("/mj/submit/action", body)
            self.assertEqual((status, answer["code"], answer["result"]), (200, 21, first))
        self.succeed(first)
        self.assertEqual(self.post("/mj/submit/action", body)[2]["code"], 21)
        accepted = self.sim.get(f"/sim/submits?state={first}")["accepted"]
        self.assertEqual(accepted, 1)

    def test_a_failed_one_may_be_asked_again(self):
        vendor = self.enterContext(Vendor())
        refusals = [(200, {}, {"code": 24, "description": "banned"})]
        vendor.on("/submit/action", lambda asked: refusals.pop() if refusals else None)
        with Spool(sim=vendor) as spool:
            task = spool.submit("a lighthouse")
            button = spool.wait(task)["buttons"][0]["customId"]
            body = {"taskId": task, "customId": button}
            first = spool.request("POST", "/mj/submit/action", body)[2]["result"]
            self.assertEqual(spool.wait(first)["status"], "FAILURE")
            second = spool.request("POST", "/mj/submit/action", body)[2]
            self.assertEqual(second["code"], 1)
            self.assertNotEqual(second["result"], first)
            self.assertEqual(spool.wait(second["result"])["status"], "SUCCESS")

    def test_what_is_noted_of_a_parent_goes_with_it(self):
        """Every key of a task that has ended has a life time."""
        with Spool(sim=self.sim) as spool:
            task = spool.submit("a lighthouse")
            button = spool.wait(task)["buttons"][0]["customId"]
            body = {"taskId": task, "customId": button}
            spool.wait(spool.request("POST", "/mj/submit/action", body)[2]["result"])
            for name in spool.redis("--scan", "--pattern", "{spool}:*").split():
                if re.match(r"{spool}:(t|b|r|d|once|idem):", name):
                    self.assertGreater(int(spool.redis("TTL", name)), 0, name)

    def test_bad_ones(self):
        task, shown = self.grid()
        button = shown["buttons"][0]["customId"]
        action, modal = "/mj/submit/action", "/mj/submit/modal"
        found = self.refused(action, {"taskId": task, "customId": "MJ::JOB::upsample::9::x"}, 400, 4)
        self.assertTrue(found.startswith("customId: "), found)
        found = self.refused(action, {"taskId": "task_unknown", "customId": button}, 404, 3)
        self.assertTrue(found.startswith("taskId: "), found)
        found = self.refused(modal, {"taskId": task, "prompt": "x"}, 400, 4)
        self.assertTrue(found.startswith("taskId: "), found)
        running = self.accept("/mj/submit/imagine", {"prompt": "[never]"})
        found = self.refused(action, {"taskId": running, "customId": button}, 400, 4)
        self.assertTrue(found.startswith("taskId: "), found)
        failed = self.accept("/mj/submit/imagine", {"prompt": "[fail]"})
        self.spool.wait(failed)
        self.refused(action, {"taskId": failed, "customId": button}, 400, 4)

    def test_they_go_to_the_parent_s_account(self):
        first, second = self.enterContext(Sim(speed=20)), self.enterContext(Sim(speed=20))
        sims = {"mj-1": first, "mj-2": second}
        with Spool({"accounts": [account(sim, name) for name, sim in sims.items()]}) as spool:
            tasks = [spool.submit(f"number {number}") for number in range(6)]
            ends = {task: spool.wait(task) for task in tasks}
            parents = {}
            for task, shown in ends.items():
                parents[task] = re.search(r"/(mj-\d)/imagine/", shown["imageUrl"]).group(1)
            self.assertEqual(set(parents.values()), set(sims), "both accounts have work")
            for task, name in parents.items():
                body = {"taskId": task, "customId": ends[task]["buttons"][0]["customId"]}
                one = spool.request("POST", "/mj/submit/action", body)[2]["result"]
                self.assertIn(f"/{name}/upscale/", spool.wait(one)["imageUrl"])
                self.assertEqual(sims[name].get(f"/sim/submits?state={one}")["accepted"], 1)

    def open_window(self, beginning="MJ::CustomZoom", **fields):
        """A task that waits for its window to be confirmed."""
        task, shown = self.grid()
        upscale = self.press(task, shown, "MJ::JOB::upsample::1")
        window = self.press(upscale, self.succeed(upscale), beginning, **fields)
        eventually(lambda: self.spool.fetch(window)["status"] == "MODAL", what="MODAL")
        return window

    def test_modal(self):
        window = self.open_window(notifyHook=self.receiver.url + "/window")
        self.assertEqual(self.spool.task(window)["status"], "in_progress")
        body = {"taskId": window, "prompt": "a rainbow --zoom 2", "state": "sure"}
        confirm = self.accept("/mj/submit/modal", body, notifyHook=self.receiver.url + "/confirm")
        end, parent = self.succeed(confirm), self.succeed(window)
        self.assertEqual((end["action"], end["prompt"], end["state"]), ("MODAL", body["prompt"], "sure"))
        self.assertEqual(parent["action"], "ZOOM")
        for shown in (end, parent):
            data = download(shown["imageUrl"])[1]
            (artifact,) = self.spool.task(shown["id"])["artifacts"]
            self.assertEqual(artifact["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(self.spool.upstream(confirm), self.spool.upstream(window))
        for path in ("/window", "/confirm"):
            eventually(lambda p=path: self.receiver.words(p)[-1:] == ["SUCCESS"], what=f"SUCCESS at {path}")
        self.assertIn("MODAL", self.receiver.words("/window"))

    def test_modal_with_a_mask(self):
        window = self.open_window("MJ::Inpaint")
        confirm = self.accept("/mj/submit/modal", {"taskId": window, "maskBase64": IMAGE})
        self.assertEqual(self.succeed(confirm)["prompt"], "a lighthouse")
        self.assertEqual(self.succeed(window)["action"], "INPAINT")

    def test_modal_twice(self):
        window = self.open_window()
        confirm = self.accept("/mj/submit/modal", {"taskId": window, "prompt": "x"})
        status, _, answer = self.post("/mj/submit/modal", {"taskId": window, "prompt": "x"})
        if answer["code"] == 21:  # it still showed its window
            self.assertEqual((status, answer["result"]), (200, confirm))
        else:
            self.assertEqual((status, answer["code"]), (400, 4))
        self.succeed(confirm)

    def test_a_follow_up_is_replayed_whatever_became_of_its_parent(self):
        window = self.open_window()
        body, once = {"taskId": window, "prompt": "x"}, {"Idempotency-Key": "modal-1"}
        first = self.post("/mj/submit/modal", body, headers=once)
        self.assertEqual(first[0], 200, first)
        self.succeed(first[2]["result"])
        again = self.post("/mj/submit/modal", body, headers=once)
        self.assertEqual((again[0], again[2]), (200, first[2]))
        self.assertEqual(again[1].get("idempotent-replayed"), "true")
        other = self.post("/mj/submit/modal", {**body, "prompt": "y"}, headers=once)
        self.assertEqual(other[0], 422, other)

    def test_seed_is_remembered(self):
        vendor = self.enterContext(Vendor())
        seed = {"code": 1, "description": "success", "result": "1234567890"}
        vendor.on("/image-seed", lambda asked: (200, {}, seed))
        with Spool(sim=vendor) as spool:
            task = spool.submit("a lighthouse")
            spool.wait(task)
            for _ in range(3):
                answer = spool.get(f"/mj/task/{task}/image-seed")
                self.assertEqual(answer, {"code": 1, "description": "Success", "result": "1234567890"})
        self.assertEqual(len(vendor.at("/image-seed")), 1)

    def test_seed(self):
        task, _ = self.grid()
        answer = self.spool.get(f"/mj/task/{task}/image-seed")
        self.assertRegex(answer["result"], r"^\d+$")
        self.assertEqual(self.spool.get(f"/mj/task/{task}/image-seed"), answer)
        running = self.accept("/mj/submit/imagine", {"prompt": "[never]"})
        for one, status, code in ((running, 400, 4), ("task_unknown", 404, 3)):
            got, _, answer = self.spool.request("GET", f"/mj/task/{one}/image-seed")
            self.assertEqual((got, answer["code"]), (status, code), answer)


class Passing(unittest.TestCase):
    """What the vendor gets to see."""

    @classmethod
    def setUpClass(cls):
        cls.vendor = cls.enterClassContext(Vendor())
        cls.receiver = cls.enterClassContext(Receiver())
        cls.spool = cls.enterClassContext(Spool({"accounts": [account(cls.vendor, "mj-1")]}))

    def sent(self, prompt):
        (asked,) = [a for a in self.vendor.at("/submit/") if a.body.get("prompt") == prompt]
        return asked

    def test_speed(self):
        for prefix in ("", "/mj-fast", "/mj-turbo", "/mj-relax"):
            prompt = f"with {prefix or 'nothing'}"
            body = {"prompt": prompt}
            status, _, answer = self.spool.request("POST", f"{prefix}/mj/submit/imagine", body)
            self.assertEqual(status, 200, answer)
            task = answer["result"]
            self.assertEqual(self.spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(self.sent(prompt).path, f"{prefix}/mj/submit/imagine")
            # Whatever the prefix, it is found; and a follow-up is as fast as its parent.
            self.assertEqual(self.spool.get(f"{prefix}/mj/task/{task}/fetch")["id"], task)
            button = self.spool.fetch(task)["buttons"][0]["customId"]
            action = {"taskId": task, "customId": button}
            one = self.spool.request("POST", "/mj/submit/action", action)[2]["result"]
            self.spool.wait(one)
            paths = [a.path for a in self.vendor.at("/submit/action") if a.body["state"] == one]
            self.assertEqual(paths, [f"{prefix}/mj/submit/action"])
        self.assertEqual(self.spool.request("POST", "/mj-slow/mj/submit/imagine", {"prompt": "x"})[0], 404)

    def test_state_and_hook_stay_here(self):
        hook = self.receiver.url + "/hook?secret=1"
        task = self.spool.submit("with a hook", state="order 7", notifyHook=hook)
        self.assertEqual(self.spool.wait(task)["state"], "order 7")
        asked = self.sent("with a hook")
        self.assertEqual(asked.body["state"], task)
        self.assertNotIn("notifyHook", asked.body)
        self.assertNotIn(b"secret", asked.raw)
        self.assertNotIn(b"order 7", asked.raw)
        eventually(lambda: self.receiver.words("/hook?secret=1")[-1:] == ["SUCCESS"], what="SUCCESS")
        self.assertEqual(self.receiver.at("/hook?secret=1")[-1].body["state"], "order 7")

    def test_only_the_vendor_s_own_key(self):
        self.spool.wait(self.spool.submit("with a key"))
        for asked in list(self.vendor.asked):
            self.assertNotIn("authorization", asked.headers)
            if asked.path.startswith("/mj"):
                self.assertEqual(asked.headers["mj-api-secret"], "sim-secret")
            else:
                self.assertNotIn("mj-api-secret", asked.headers, "a file isn't the API")
            self.assertNotIn(b"sk-dev", asked.raw)

    def test_other_fields_go_along(self):
        fields = {"botType": "NIJI_JOURNEY", "base64Array": [IMAGE], "remix": True}
        self.spool.wait(self.spool.submit("with more", **fields))
        body = self.sent("with more").body
        self.assertEqual({name: body[name] for name in fields}, fields)

    def test_relay(self):
        with Spool({"accounts": [account(self.vendor, "r-1", dialect="relay", api_key="sk-relay")]}) as spool:
            self.assertEqual(spool.wait(spool.submit("through a relay"))["status"], "SUCCESS")
        asked = self.sent("through a relay")
        self.assertEqual(asked.headers["authorization"], "Bearer sk-relay")
        self.assertNotIn("mj-api-secret", asked.headers)


DEEP = '{"prompt":"x","a":' + "[" * 40 + "]" * 40 + "}"
# Path, body, the field that is named.
WRONG = [
    ("imagine", b"", "body"),
    ("imagine", b"{", "body"),
    ("imagine", b"[]", "body"),
    ("imagine", b"null", "body"),
    ("imagine", b'"prompt"', "body"),
    ("imagine", b'{"prompt":"x"}x', "body"),
    ("imagine", b'{"prompt":"x","prompt":"y"}', "body"),
    ("imagine", b'{"prompt":NaN}', "body"),
    ("imagine", b'{"prompt":1e999}', "body"),
    ("imagine", b'{"prompt":"\xff"}', "body"),
    ("imagine", b'{"prompt":"\\ud800"}', "body"),
    ("imagine", b'{"prompt":"a\\u0000b"}', "body"),
    ("imagine", b'\xef\xbb\xbf{"prompt":"x"}', "body"),
    ("imagine", DEEP.encode(), "body"),
    ("imagine", ('{"prompt":"x","a":[' + "1," * 60000 + "1]}").encode(), "body"),
    ("imagine", {}, "prompt"),
    ("imagine", {"prompt": None}, "prompt"),
    ("imagine", {"prompt": ""}, "prompt"),
    ("imagine", {"prompt": 5}, "prompt"),
    ("imagine", {"prompt": ["x"]}, "prompt"),
    ("imagine", {"prompt": "x" * 16385}, "prompt"),
    ("imagine", {"prompt": "x", "base64Array": "x"}, "base64Array"),
    ("imagine", {"prompt": "x", "base64Array": {}}, "base64Array"),
    ("imagine", {"prompt": "x", "base64Array": [5]}, "base64Array.0"),
    ("imagine", {"prompt": "x", "base64Array": [IMAGE, "what?"]}, "base64Array.1"),
    ("imagine", {"prompt": "x", "base64Array": [IMAGE] * 21}, "base64Array"),
    ("imagine", {"prompt": "x", "botType": "DALLE"}, "botType"),
    ("imagine", {"prompt": "x", "botType": 5}, "botType"),
    ("imagine", {"prompt": "x", "state": 5}, "state"),
    ("imagine", {"prompt": "x", "state": "x" * 256}, "state"),
    ("imagine", {"prompt": "x", "notifyHook": 5}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "what?"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "ftp://example.com/"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "file:///etc/passwd"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "http://"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "http://u:p@example.com/"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "http://example.com/\r\nX: y"}, "notifyHook"),
    ("imagine", {"prompt": "x", "notifyHook": "http://example.com/" + "x" * 3000}, "notifyHook"),
    ("blend", {}, "base64Array"),
    ("blend", {"base64Array": []}, "base64Array"),
    ("blend", {"base64Array": [IMAGE]}, "base64Array"),
    ("blend", {"base64Array": [IMAGE] * 6}, "base64Array"),
    ("blend", {"base64Array": [IMAGE] * 2, "dimensions": "ROUND"}, "dimensions"),
    ("blend", {"base64Array": [IMAGE] * 2, "dimensions": 5}, "dimensions"),
    ("describe", {}, "base64"),
    ("describe", {"base64": 5}, "base64"),
    ("describe", {"base64": "data:image/png;base64,"}, "base64"),
    ("describe", {"base64": "data:image/png,iVBORw0KGgo="}, "base64"),
    ("shorten", {}, "prompt"),
    ("action", {}, "customId"),
    ("action", {"taskId": "task_x"}, "customId"),
    ("action", {"customId": "MJ::x"}, "taskId"),
    ("action", {"customId": "MJ::x", "taskId": 5}, "taskId"),
    ("action", {"customId": 5, "taskId": "task_x"}, "customId"),
    ("modal", {"prompt": "x"}, "taskId"),
    ("modal", {"taskId": "task_x", "prompt": 5}, "prompt"),
    ("modal", {"taskId": "task_x", "maskBase64": "what?"}, "maskBase64"),
    ("upload-discord-images", {}, "base64Array"),
    ("upload-discord-images", {"base64Array": []}, "base64Array"),
]


class WrongInput(Family):
    def tearDown(self):
        shown = exchange(self.spool.port, "GET", "/v1/tasks", None, bearer("empty"))[2]
        self.assertEqual(shown, {"object": "list", "data": [], "has_more": False, "next": None})
        self.assertEqual(self.spool.redis("EXISTS", "{spool}:own:empty"), "0")

    def test_table(self):
        for path, body, field in WRONG:
            with self.subTest(path=path, body=str(body)[:80]):
                text = self.refused(f"/mj/submit/{path}", body, 400, 4, "empty")
                self.assertTrue(text.startswith(f"{field}: "), text)
                self.assertTrue(min(text) >= ' ', text)

    def test_list(self):
        for body, field in (
            ({"ids": "x"}, "ids"),
            ({"ids": {}}, "ids"),
            (b"", "body"),
            (b'{"ids":["x"', "body"),
            (b'{"ids":["x",]}', "body"),
            (b'{"ids":' + b'["x",' * 40 + b"]" * 40 + b"}", "body"),
        ):
            text = self.refused("/mj/task/list-by-condition", body, 400, 4, "empty")
            self.assertTrue(text.startswith(f"{field}: "), text)

    def test_too_long(self):
        big = json.dumps({"prompt": "x" * 300000}).encode()
        status, _, answer = self.post("/mj/submit/imagine", big, "empty")
        self.assertEqual(status, 413, answer)

    def test_idempotency_keys(self):
        for key in ("", "x" * 256):
            got = self.post("/mj/submit/imagine", {"prompt": "x"}, "empty", {"Idempotency-Key": key})
            self.assertEqual((got[0], got[2]["code"]), (400, 4), got)
            self.assertTrue(got[2]["description"].startswith("Idempotency-Key: "), got)

    def test_unknown_paths_and_methods(self):
        for method, path, status in (
            ("POST", "/mj/submit/nothing", 404),
            ("GET", "/mj/submit/imagine", 405),
            ("POST", "/mj/task/task_x/fetch", 405),
            ("GET", "/mj", 404),
            ("GET", "/mj/task//fetch", 404),
        ):
            got = self.spool.request(method, path, b"" if method == "POST" else None, bearer("empty"))
            self.assertEqual(got[0], status, (method, path, got[2]))

    def test_every_answer_has_a_request_id(self):
        ids = set()
        imagine = "/mj/submit/imagine"
        for path, key in ((imagine, "empty"), ("/mj/nothing", "empty"), (imagine, "no")):
            ids.add(self.post(path, b"{", key)[1]["x-request-id"])
        self.assertEqual(len(ids), 3)


class LongLists(unittest.TestCase):
    """A gateway in front polls all its jobs in one request."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.spool = cls.enterClassContext(Spool({"tokens": tokens()}, cls.sim))

    def listed(self, ids):
        return self.spool.request("POST", "/mj/task/list-by-condition", {"ids": ids})

    def test_long_lists(self):
        """As long as a body may be, others aren't held up, and a mistake in it hides nothing."""
        tasks = [self.spool.submit(f"listed {number}") for number in range(2)]
        unknown = ["task_" + f"{number:026}" for number in range(10000)]
        junk = [None, 5, {}, [], "", "x" * 5000, [tasks[0]], {"id": tasks[0]}, True]
        for ids in (
            [tasks[1], *unknown[:100], tasks[0]],
            [*junk, tasks[1], *junk * 30, tasks[0], *junk],
            [tasks[1], *unknown, tasks[0]],
            [*unknown * 10, tasks[1], *unknown, tasks[0]],
        ):
            answers = []
            asking = threading.Thread(
                target=lambda: answers.append(self.listed(ids))
            )
            asking.start()
            while asking.is_alive():
                before = time.monotonic()
                self.assertEqual(self.spool.request("GET", "/healthz")[0], 200)
                self.assertLess(time.monotonic() - before, 1)
                asking.join(0.05)
            status, _, answer = answers[0]
            self.assertEqual((status, [shown["id"] for shown in answer]), (200, [tasks[1], tasks[0]]))
        # Each as often as it is named.
        answer = self.listed([tasks[0]] * 1000)[2]
        self.assertEqual([shown["id"] for shown in answer], [tasks[0]] * 1000)

    def test_a_client_that_leaves_its_list(self):
        task = self.spool.submit("left alone")
        body = json.dumps({"ids": [task] * 20000}).encode()
        head = "POST /mj/task/list-by-condition HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-dev\r\n"
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", self.spool.port)) as client:
                client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                time.sleep(0.1)
        before = time.monotonic()
        self.assertEqual(self.spool.request("GET", "/healthz")[0], 200)
        self.assertLess(time.monotonic() - before, 1)


class Strangers(Family):
    def paths(self, task):
        """Everything that names a task."""
        action = {"taskId": task, "customId": self.button}
        return [
            ("GET", f"/mj/task/{task}/fetch", None),
            ("GET", f"/mj/task/{task}/image-seed", None),
            ("GET", f"/mj-fast/mj/task/{task}/fetch", None),
            ("POST", "/mj/submit/action", action),
            ("POST", "/mj/submit/modal", {"taskId": task, "prompt": "x"}),
            ("GET", f"/v1/tasks/{task}", None),
            ("GET", f"/v1/tasks/{task}?wait=5", None),
            ("POST", f"/v1/tasks/{task}/cancel", b""),
            ("GET", f"/v1/tasks/{task}/timeline", None),
            ("GET", f"/v1/tasks/{task}/deliveries", None),
            ("POST", f"/v1/tasks/{task}/deliveries/1/redeliver", b""),
            ("GET", f"/v1/tasks/{task}/events", None),
        ]

    def setUp(self):
        hook = self.receiver.url + "/mine"
        self.mine, shown = self.grid(notifyHook=hook)
        self.button = shown["buttons"][0]["customId"]

    def test_another_s_task_is_as_unknown_as_none(self):
        unknown = "task_" + "0" * 26
        for (method, mine, body), (_, none, no_body) in zip(self.paths(self.mine), self.paths(unknown)):
            got = self.spool.request(method, mine, body, bearer("other"))
            expected = self.spool.request(method, none, no_body, bearer("other"))
            self.assertEqual(got[0], 404, (method, mine, got[2]))
            self.assertEqual((got[0], got[2]), (expected[0], expected[2]), (method, mine))
            if mine.startswith("/mj"):
                self.assertEqual((set(got[2]), got[2]["code"]), ({"code", "description"}, 3))
            else:
                self.assertEqual(got[2]["error"]["code"], "not_found")
        answer = self.post("/mj/task/list-by-condition", {"ids": [self.mine]}, "other")[2]
        self.assertEqual(answer, [])
        listed = exchange(self.spool.port, "GET", "/v1/tasks?limit=100", None, bearer("other"))[2]["data"]
        self.assertNotIn(self.mine, [shown["id"] for shown in listed])
        self.assertEqual(self.spool.fetch(self.mine)["status"], "SUCCESS")

    def test_another_s_running_task_can_t_be_cancelled(self):
        task = self.accept("/mj/submit/imagine", {"prompt": "a lighthouse [slow]"})
        got = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"", bearer("other"))
        self.assertEqual(got[0], 404)
        self.succeed(task)

    def check_refusal(self, got, what):
        status, headers, answer = got
        self.assertEqual(status, 401, what)
        self.assertEqual(set(answer), {"error"}, what)
        self.assertEqual(set(answer["error"]), {"message", "type", "code"}, what)
        self.assertEqual(answer["error"]["type"], "authentication_error")
        self.assertEqual(headers["www-authenticate"], "Bearer")

    def test_no_key_and_wrong_keys(self):
        bad = [
            {},
            {"Authorization": ""},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer sk-devx"},
            {"Authorization": "Bearer sk-de"},
            {"Authorization": "Bearer SK-DEV"},
            {"Authorization": "Basic c2stZGV2"},
            {"Authorization": "sk-dev"},
            {"mj-api-secret": "sk-wrong"},
            {"mj-api-secret": ""},
            {"Authorization": "Bearer sk-wrong", "mj-api-secret": "sk-dev"},
        ]
        for headers in bad:
            imagine = ("POST", "/mj/submit/imagine", {"prompt": "x"})
            for method, path, body in [*self.paths(self.mine), imagine]:
                got = exchange(self.spool.port, method, path, body, headers)
                self.check_refusal(got, (headers, method, path))
        got = exchange(self.spool.port, "GET", f"/mj/task/{self.mine}/fetch?access_token=sk-dev")
        self.check_refusal(got, "a key in the query is for WebSockets")

    def test_two_keys(self):
        head = f"GET /mj/task/{self.mine}/fetch HTTP/1.1\r\nHost: spool\r\nConnection: close\r\n"
        for two in (
            "Authorization: Bearer sk-dev\r\nAuthorization: Bearer sk-dev\r\n",
            "Authorization: Bearer sk-dev\r\nauthorization: Bearer sk-other\r\n",
            "mj-api-secret: sk-dev\r\nmj-api-secret: sk-dev\r\n",
        ):
            with socket.create_connection(("127.0.0.1", self.spool.port)) as connection:
                connection.sendall((head + two + "\r\n").encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            self.assertTrue(answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 400 ")), answer)
            self.assertIn(b'{"error":', answer)

    def test_either_header(self):
        for headers in ({"mj-api-secret": "sk-dev"}, {"Authorization": "bearer sk-dev"}):
            got = exchange(self.spool.port, "GET", f"/mj/task/{self.mine}/fetch", None, headers)
            self.assertEqual(got[0], 200, headers)


if __name__ == "__main__":
    main()
