"""Seedance and Volcengine: two shapes on one path, and Ark behind them."""
import base64
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, eventually, exchange, main
from harness import words_seen
from vendors.seedance import seedance_account

TASKS = "/volc/v1/contents/generations/tasks"
ARK = "/api/v3/contents/generations/tasks"
IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()
LINK = "https://example.com/a.png"
V2, V15 = {"model": "doubao-seedance-2-0"}, {"model": "doubao-seedance-1-5-pro"}
DATED = {
    "doubao-seedance-2-0": "doubao-seedance-2-0-260128",
    "doubao-seedance-1-5-pro": "doubao-seedance-1-5-pro-251215",
}


def text(words):
    return {"type": "text", "text": words}


def media(kind, url, role=None):
    item = {"type": f"{kind}_url", f"{kind}_url": {"url": url}}
    return {**item, "role": role} if role else item


def draft(task):
    return {"type": "draft_task", "draft_task": {"id": task}}


def film(words, **fields):
    return {**V15, "content": [text(words)], **fields}


def volc(words, **fields):
    return {"model": "doubao-video", "content": {"prompt": words, **fields}}


class Seedance(Family):
    @classmethod
    def accounts(cls):
        return [seedance_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["data"]["task_id"] if "data" in answer else answer["task_id"]

    def shown(self, task):
        status, answer = self.look(f"{TASKS}/{task}")
        self.assertEqual(status, 200, answer)
        return answer

    def asked(self, words):
        (asked,) = [a for a in self.vendor.at(ARK) if a.method == "POST" and words in str(a.body["content"])]
        return asked

    def succeed(self, body, *kinds):
        task = self.submit(TASKS, body)
        check_artifacts(self.succeeded(task), *kinds)
        return task


class Sending(Seedance):
    def sends(self, words, body, expected, *kinds):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task = self.succeed({**body, **hooks}, *(kinds or ["video"]))
        asked = self.asked(words)
        self.maxDiff = None
        self.assertEqual((asked.path, asked.body), (ARK, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its links are signed")
        return task

    def test_everything_of_the_second_generation(self):
        content = [
            text("all of it"),
            media("image", LINK, "reference_image"),
            media("image", IMAGE, "reference_image"),
            media("video", "https://example.com/a.mp4", "reference_video"),
            media("audio", "https://example.com/a.mp3", "reference_audio"),
        ]
        more = {
            "generate_audio": True,
            "ratio": "21:9",
            "resolution": "480p",
            "duration": 11,
            "watermark": False,
            "seed": 4294967295,
            "service_tier": "default",
            "safety_identifier": "user 1",
        }
        body = {**V2, "content": content, **more}
        self.sends("all of it", body, {**body, "model": DATED[V2["model"]]})

    def test_what_lies_there_already(self):
        content = [
            text("a face"),
            media("image", "asset://asset-20260301-ab1c", "reference_image"),
            media("video", "asset://asset-20260301-de2f", "reference_video"),
        ]
        body = {**V2, "content": content}
        self.sends("a face", body, {**body, "model": DATED[V2["model"]]})

    def test_what_is_left_empty(self):
        content = ["", {**text("half of it empty"), "role": ""}, None]
        empty = dict.fromkeys(("ratio", "resolution", "duration", "seed", "watermark", "frames"), "")
        body = {**V2, "content": content, **empty, "camera_fixed": None, "tools": []}
        expected = {"model": DATED[V2["model"]], "content": [text("half of it empty")]}
        self.sends("half of it empty", body, expected)
        self.succeed(volc("an empty object", image_url="", aspect_ratio=None), "video")
        self.assertEqual(self.asked("an empty object").body["content"], [text("an empty object")])

    def test_everything_of_the_first(self):
        content = [
            text("two frames"),
            media("image", LINK, "first_frame"),
            media("image", IMAGE, "last_frame"),
        ]
        more = {
            "frames": 57,
            "camera_fixed": True,
            "resolution": "1080p",
            "ratio": "adaptive",
            "draft": False,
            "return_last_frame": True,
            "service_tier": "flex",
            "execution_expires_after": 3600,
            "seed": -1,
        }
        body = {**V15, "content": content, **more}
        self.sends("two frames", body, {**body, "model": DATED[V15["model"]]}, "video", "image")

    def test_null_is_not_given(self):
        body = film("nulls", seed=None, ratio=None, duration=-1)
        expected = {"model": DATED[V15["model"]], "content": [text("nulls")], "duration": -1}
        self.sends("nulls", body, expected)

    def test_volcengine(self):
        body = volc("an object", image_url=LINK, aspect_ratio="9:16")
        content = [text("an object"), media("image", LINK)]
        expected = {"model": DATED[V15["model"]], "content": content, "ratio": "9:16"}
        self.sends("an object", body, expected)
        self.sends("no more", volc("no more"), {"model": DATED[V15["model"]], "content": [text("no more")]})

    def test_no_text(self):
        self.succeed({**V15, "content": [media("image", "https://example.com/only.png")]}, "video")


class Drafts(Seedance):
    @classmethod
    def accounts(cls):
        return [
            seedance_account(cls.vendor, name, poll_interval_ms=50) for name in ("ark-1", "ark-2", "ark-3")
        ]

    def test_draft(self):
        for number in range(3):
            parent = self.succeed(film(f"draft {number}", draft=True), "video")
            account = self.spool.task(parent)["artifacts"][0]["url"].split("/")[-3]
            child = self.succeed({**V15, "content": [draft(parent)], "seed": number}, "video")
            (sent,) = [
                a.body for a in self.vendor.at(ARK) if a.method == "POST" and a.body.get("seed") == number
            ]
            expected = {
                "model": DATED[V15["model"]],
                "content": [draft(self.spool.upstream(parent))],
                "seed": number,
            }
            self.assertEqual(sent, expected)
            claims = [e["detail"] for e in self.spool.timeline(child) if e["event"] == "claimed"]
            self.assertEqual(claims, [account])

    def test_bad_ones(self):
        running = self.submit(TASKS, film("[hang]", draft=True))
        failed = self.submit(TASKS, film("[refuse]", draft=True))
        self.failed(failed)
        parent = self.succeed(film("a draft", draft=True), "video")
        for one, key, message in (
            (running, "dev", "content.1.draft_task.id: the task has not succeeded"),
            (failed, "dev", "content.1.draft_task.id: the task has not succeeded"),
            ("task_" + "0" * 26, "dev", None),
            ("x", "dev", None),
            ("cgt-20261120101500-ab1cd", "dev", None),
            (self.spool.upstream(parent), "dev", None),
            (parent, "other", None),
        ):
            body = {**V15, "content": [text("x"), draft(one)]}
            if message is None:
                self.assertEqual(self.refused(TASKS, body, 404, "task_not_exist", key), "task_not_exist")
            else:
                self.assertEqual(self.refused(TASKS, body, 400, "invalid_request", key), message)


class Showing(Seedance):
    def test_seedance(self):
        before = int(time.time())
        status, _, answer = self.post(TASKS, film("a gull", duration=7, ratio="1:1", return_last_frame=True))
        task = answer["id"]
        self.assertEqual((status, answer), (200, {"id": task, "task_id": task}))
        ended = self.succeeded(task)
        check_artifacts(ended, "video", "image")
        self.assertEqual(
            [ended[n] for n in ("provider", "action", "model")], ["seedance", "video", V15["model"]]
        )
        video, frame = [artifact["url"] for artifact in ended["artifacts"]]
        self.assertRegex(video, f"/ark-1/video/{task}\\.mp4$")
        shown = self.shown(task)
        times = [shown.pop("created_at"), shown.pop("completed_at")]
        self.assertTrue(before <= times[0] <= times[1] <= time.time() + 1, times)
        metadata = {
            "url": video,
            "artifact_url": video,
            "last_frame_url": frame,
            "resolution": "720p",
            "ratio": "1:1",
            "frames_per_second": 24,
        }
        expected = {
            "id": task,
            "object": "video",
            "model": V15["model"],
            "status": "completed",
            "progress": 100,
            "seconds": "7",
            "metadata": metadata,
        }
        self.assertEqual(shown, expected)

    def test_volcengine(self):
        status, _, answer = self.post(TASKS, volc("a butterfly"))
        task = answer["data"]["task_id"]
        self.assertEqual(
            (status, answer), (200, {"code": 0, "message": "success", "data": {"task_id": task}})
        )
        (artifact,) = self.succeeded(task)["artifacts"]
        content = {"video_url": artifact["url"], "duration": 5}
        data = {"task_id": task, "status": "SUCCESS", "content": content}
        self.assertEqual(self.shown(task), {"code": 0, "message": "success", "data": data})

    def test_words_on_the_way(self):
        tasks = {
            "array": self.submit(TASKS, film("a gull [slow]")),
            "object": self.submit(TASKS, volc("[slow]")),
        }
        words = {"array": [], "object": []}
        while any(self.spool.task(task)["status"] in ("queued", "in_progress") for task in tasks.values()):
            shown = self.shown(tasks["array"])
            if shown["status"] != "completed":
                names = {"id", "object", "model", "status", "progress", "created_at"}
                self.assertEqual((set(shown), shown["object"]), (names, "video"))
            words["array"].append(shown["status"])
            words["object"].append(self.shown(tasks["object"])["data"]["status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words["array"], "queued")[0], "in_progress")
        self.assertEqual(words_seen(words["object"], "SUBMITTED")[0], "PROCESSING")

    def test_failures(self):
        input_text = "The request failed because the input text may contain sensitive information."
        output = "The request failed because the output video may contain sensitive information."
        for word, code, message in (
            ("fail", "vendor_failed", "The simulated job failed."),
            ("moderation", "content_filter", output),
            ("expired", "task_expired", "the vendor didn't get to it in time"),
            ("refuse", "content_filter", input_text),
            ("invalid", "invalid_request", "The prompt is not valid."),
        ):
            for body in (film(f"a gull [{word}]"), volc(f"a moth [{word}]")):
                with self.subTest(word, shape=type(body["content"]).__name__):
                    task = self.submit(TASKS, body)
                    self.assertEqual(self.failed(task), {"code": code, "message": message})
                    error = {"code": "task_failed" if code == "vendor_failed" else code, "message": message}
                    shown = self.shown(task)
                    if "data" in shown:
                        data = {"task_id": task, "status": "FAILED", "error": error}
                        self.assertEqual(shown, {"code": 0, "message": "success", "data": data})
                    else:
                        self.assertEqual((shown["status"], shown["error"]), ("failed", error))
                        self.assertNotIn("metadata", shown)

    def test_a_model_that_the_vendor_doesn_t_have(self):
        task = self.submit(TASKS, {"model": "doubao-seedance-9", "content": [text("x")]})
        self.assertEqual(self.failed(task)["code"], "model_not_found")

    @classmethod
    def accounts(cls):
        models = {**seedance_account(cls.vendor)["models"], "doubao-seedance-9": "doubao-seedance-9"}
        return [seedance_account(cls.vendor, poll_interval_ms=50, models=models)]

    def test_webhooks(self):
        for body, duration in ((film("a gull [slow]", duration=7), 7), (volc("a moth [slow]"), 5)):
            before = int(time.time())
            task, (first, last) = self.hooks(TASKS, body, "processing", "succeed", name="notifyHook")
            times = [hook.pop(name) for hook in (first, last) for name in ("created_at", "updated_at")]
            self.assertTrue(before <= times[0] == times[2] <= times[1] <= times[3] <= time.time() + 1, times)
            asked = body.get("duration", 0)
            output = {"video_url": "", "cover_url": "", "duration": asked}
            self.assertEqual(first, {"id": task, "status": "processing", "type": "video", "output": output})
            url = self.spool.task(task)["artifacts"][0]["url"]
            output = {"video_url": url, "cover_url": "", "duration": duration}
            self.assertEqual(last, {"id": task, "status": "succeed", "type": "video", "output": output})
        _, (only,) = self.hooks(TASKS, film("a gull [refuse]"), "failed")
        self.assertEqual(only["error"]["code"], "content_filter")

    def test_they_are_asked_for_together(self):
        tasks = [self.submit(TASKS, film(f"number {n} [slow]")) for n in range(8)]
        for task in tasks:
            self.succeeded(task)
        many = [
            asked for asked in self.vendor.at("filter.task_ids") if asked.path.count("filter.task_ids=") > 1
        ]
        self.assertGreater(len(many), 0)


class Cancel(Seedance):
    def cancel(self, task):
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        return status, answer

    def deletes(self, task):
        return [a for a in self.vendor.at(self.spool.upstream(task)) if a.method == "DELETE"]

    def tearDown(self):
        self.assertEqual(self.sim.get("/sim/stats")["destroyed"], 0)

    def test_while_it_is_queued_there(self):
        for body in (film("a gull [stay-queued]"), volc("a moth [stay-queued]")):
            task = self.submit(TASKS, body)
            self.spool.wait_phase(task, "submitted")
            status, answer = self.cancel(task)
            self.assertEqual((status, answer["cancel"], answer["status"]), (200, "requested", "in_progress"))
            ended = self.spool.end_of(task)
            self.assertEqual(ended["status"], "cancelled")
            (delete,) = self.deletes(task)
            self.assertEqual((delete.path, delete.raw), (f"{ARK}/{self.spool.upstream(task)}", b""))
            shown = self.shown(task)
            word, error = (shown.get("data", shown)[name] for name in ("status", "error"))
            self.assertIn(word, ("failed", "FAILED"))
            self.assertEqual(error["code"], "cancelled")
            self.assertEqual(self.cancel(task)[0], 409)

    def test_while_it_runs_there(self):
        """It may still succeed: a delete would be refused, and a late one would destroy the result."""
        task = self.submit(TASKS, film("a gull [slow]"))
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.cancel(task)[1]["cancel"], "requested")
        check_artifacts(self.succeeded(task), "video")
        self.assertEqual(self.deletes(task), [])
        self.assertIn("cancel_requested", self.spool.events(task))
        self.assertEqual(self.cancel(task)[0], 409)
        self.assertEqual(self.deletes(task), [])

    def test_all_the_time(self):
        """Whenever it comes, nothing is destroyed, and every task ends in one way."""
        tasks = []
        for number in range(30):
            tasks.append(self.submit(TASKS, film(f"number {number}")))
            time.sleep(number * 0.004)
            self.cancel(tasks[-1])
        for task in tasks:
            ended = self.spool.end_of(task)
            self.assertIn(ended["status"], ("succeeded", "cancelled"), ended)
            self.assertEqual(len(ended["artifacts"]), 1 if ended["status"] == "succeeded" else 0)

    def test_before_it_is_sent(self):
        with Spool({"accounts": [seedance_account(self.vendor, max_concurrency=1)]}) as spool:
            first = spool.request("POST", TASKS, film("[hang]"))[2]["id"]
            spool.wait_phase(first, "submitted", "rendering")
            task = spool.request("POST", TASKS, film("never sent"))[2]["id"]
            status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
            self.assertEqual(
                (status, answer["cancel"], answer["status"]), (200, "before_submit", "cancelled")
            )
        self.assertFalse([a for a in self.vendor.at(ARK) if b"never sent" in a.raw])


# Body, the field that is named.
WRONG = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    ({}, "model"),
    (V2, "content"),
    ({"model": 5, "content": [text("x")]}, "model"),
    ({**V2, "content": "x"}, "content"),
    ({**V2, "content": []}, "content"),
    ({**V2, "content": [text("x")] * 33}, "content"),
    ({**V2, "content": [5]}, "content.0.type"),
    ({**V2, "content": [{}]}, "content.0.type"),
    ({**V2, "content": [{"type": "smell"}]}, "content.0.type"),
    ({**V2, "content": [{"type": "text"}]}, "content.0.text"),
    ({**V2, "content": [text("")]}, "content.0.text"),
    ({**V2, "content": [text("x"), {"type": "image_url"}]}, "content.1.image_url.url"),
    ({**V2, "content": [{"type": "image_url", "image_url": LINK}]}, "content.0.image_url.url"),
    ({**V2, "content": [media("image", "a\nb")]}, "content.0.image_url.url"),
    ({**V2, "content": [media("image", "")]}, "content.0.image_url.url"),
    ({**V2, "content": [media("video", 5)]}, "content.0.video_url.url"),
    ({**V2, "content": [{"type": "audio_url", "audio_url": {}}]}, "content.0.audio_url.url"),
    ({**V2, "content": [{"type": "draft_task", "draft_task": {}}]}, "content.0.draft_task.id"),
    ({**V2, "content": [media("image", LINK, "middle_frame")]}, "content.0.role"),
    ({**V2, "content": [media("image", LINK)] * 10}, "content"),
    ({**V2, "content": [media("image", LINK)] + [media("video", LINK)] * 4}, "content"),
    ({**V2, "content": [media("image", LINK)] + [media("audio", LINK)] * 4}, "content"),
    (
        {**V2, "content": [media("image", LINK)] * 9 + [media("video", LINK)] * 3 + [media("audio", LINK)]},
        "content",
    ),
    ({**V2, "content": [text("x"), media("audio", LINK)]}, "content"),
    ({**V2, "content": [draft("x"), draft("y")]}, "content"),
    ({**V2, "content": [text("x")], "frames": 57}, "frames"),
    ({**V2, "content": [text("x")], "camera_fixed": True}, "camera_fixed"),
    ({**V2, "content": [text("x")], "resolution": "1080p"}, "resolution"),
    ({**V2, "content": [text("x")], "duration": 3}, "duration"),
    ({**V2, "content": [text("x")], "duration": 16}, "duration"),
    ({**V2, "content": [text("x")], "duration": "5"}, "duration"),
    (film("x", duration=5.5), "duration"),
    (film("x", duration=-2), "duration"),
    (film("x", resolution="8k"), "resolution"),
    (film("x", ratio="2:1"), "ratio"),
    (film("x", ratio=5), "ratio"),
    (film("x", seed="1"), "seed"),
    (film("x", seed=-2), "seed"),
    (film("x", frames="57"), "frames"),
    (film("x", generate_audio="yes"), "generate_audio"),
    (film("x", watermark=1), "watermark"),
    (film("x", camera_fixed="no"), "camera_fixed"),
    (film("x", draft=1), "draft"),
    (film("x", return_last_frame=1), "return_last_frame"),
    (film("x", service_tier="gold"), "service_tier"),
    (film("x", execution_expires_after=0), "execution_expires_after"),
    (film("x", notifyHook="ftp://example.com/"), "notifyHook"),
    (film("x", callback_url=5), "callback_url"),
    ({"model": "doubao-video", "content": {}}, "content.prompt"),
    ({"content": {"prompt": "x"}}, "model"),
    (volc(""), "content.prompt"),
    (volc(5), "content.prompt"),
    (volc("x", image_url=5), "content.image_url"),
    (volc("x", aspect_ratio="2:1"), "content.aspect_ratio"),
]


class Refusing(Seedance):
    def test_wrong_input(self):
        self.check_wrong_input([(TASKS, body, field) for body, field in WRONG])

    def test_as_much_as_there_may_be(self):
        files = [media("image", LINK)] * 7 + [media("video", "https://example.com/a.mp4")] * 2
        files += [media("audio", "https://example.com/a.mp3")] * 3
        self.succeed({**V2, "content": [text("as much as may be"), *files], "duration": 15}, "video")
        self.succeed({**V2, "content": [text("nine"), *[media("image", LINK)] * 9], "duration": 4}, "video")

    def test_a_model_nobody_serves(self):
        for content in ([text("x")], {"prompt": "x"}):
            words = self.refused(
                TASKS, {"model": "doubao-seedance-99", "content": content}, 404, "model_not_found"
            )
            self.assertIn("doubao-seedance-99", words)

    def test_no_key_and_strangers(self):
        task = self.submit(TASKS, film("a gull"))
        for headers in ({}, {"Authorization": "Bearer sk-no"}):
            for method, path, body in (("POST", TASKS, film("x")), ("GET", f"{TASKS}/{task}", None)):
                status, _, answer = exchange(self.spool.port, method, path, body, headers)
                self.assertEqual((status, set(answer)), (401, {"error"}), path)
                self.assertEqual(answer["error"]["type"], "authentication_error")
        self.succeeded(task)
        upstream = self.spool.upstream(task)
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev"), (upstream, "dev")):
            self.assertEqual(self.look(f"{TASKS}/{one}", key), (404, self.unknown), (one, key))
        for path in (f"/suno/fetch/{task}", f"/v1/video/query?id={task}", f"/v1/videos/{task}"):
            self.assertEqual(self.look(path)[0], 404, path)

    def test_idempotency_keys(self):
        for body, other in (
            (film("once"), film("once", seed=1)),
            (volc("once"), volc("once", aspect_ratio="1:1")),
        ):
            key = {"Idempotency-Key": str(type(body["content"]))}
            first, again = self.post(TASKS, body, **key), self.post(TASKS, body, **key)
            self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
            self.assertEqual(again[1]["idempotent-replayed"], "true")
            status, _, answer = self.post(TASKS, other, **key)
            self.assertEqual((status, answer["code"], answer["data"]), (422, "idempotency_key_reused", None))
            self.succeeded(self.id_of(first[2]))
        self.assertEqual(self.sim.jobs("seedance")[0]["once"], 2)


class Doubt(Seedance):
    """Without callbacks nothing of ours is known there: what is lost stays unknown."""

    def test_lost(self):
        words = ("cut", "502", "html", "empty", "500", "cut-unaccepted")
        tasks = {word: self.submit(TASKS, film(f"a gull [{word}]")) for word in words}
        tasks["late"] = self.submit(TASKS, film("a gull [slow-answer]"))
        self.succeeded(tasks.pop("late"))
        for word, task in tasks.items():
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.spool.events(task), ["accepted", "claimed", "in_doubt", "failed"])
            self.asked(f"a gull [{word}]")
            self.assertEqual(self.shown(task)["error"]["code"], "submit_outcome_unknown")
        expected = {f"a gull [{word}]": 1 for word in ("cut", "502", "html", "empty", "slow-answer")}
        self.assertEqual(self.sim.jobs("seedance")[0], expected)
        self.assertFalse([a for a in self.vendor.at(ARK) if a.method == "POST" and "callback_url" in a.body])


class Later(unittest.TestCase):
    def test_the_idle_hours(self):
        """What may take the vendor hours isn't over after as long as other jobs may take."""
        with Sim(speed=1) as sim:
            account = seedance_account(sim, task_timeout_ms=300, poll_interval_ms=50)
            with Spool({"accounts": [account]}) as spool:
                bodies = (
                    {**film("a gull"), "service_tier": "flex"},
                    {**film("a gull"), "execution_expires_after": 3600},
                    {**film("a gull"), "service_tier": "flex", "execution_expires_after": 1},
                    film("a gull"),
                )
                ends = [spool.end_of(spool.request("POST", TASKS, body)[2]["id"]) for body in bodies]
                codes = [(end["status"], end["error"] and end["error"]["code"]) for end in ends]
                self.assertEqual(codes, 2 * [("succeeded", None)] + 2 * [("failed", "task_timeout")])

    def test_a_model_that_not_every_account_has(self):
        """The others are asked, one after the other; that none has it is the vendor's word."""

        def lacks(asked):
            return (404, {}, error) if asked.method == "POST" else None

        error = {"error": {"code": "ModelNotOpen", "message": "not activated", "type": "NotFound"}}
        with Sim(speed=50) as sim:
            vendors = [self.enterContext(Between(sim)) for _ in range(3)]
            for vendor in vendors[:2]:
                vendor.on(ARK, lacks)
            names = ("s-1", "s-2", "s-3")
            accounts = [seedance_account(v, name=name, max_concurrency=1) for v, name in zip(vendors, names)]
            with Spool({"accounts": accounts}) as spool:
                tasks = [spool.request("POST", TASKS, film(f"a gull {i}"))[2]["id"] for i in range(6)]
                for task in tasks:
                    self.assertEqual(spool.end_of(task)["status"], "succeeded")
                    self.assertLessEqual(spool.events(task).count("refused"), 2)
                self.assertEqual(sum(sim.jobs("seedance")[0].values()), 6)
                vendors[2].on(ARK, lacks)
                end = spool.end_of(spool.request("POST", TASKS, film("a moth"))[2]["id"])
                self.assertEqual(end["error"], {"code": "model_not_found", "message": "not activated"})
                asked = [a for v in vendors for a in v.at(ARK) if a.method == "POST" and "moth" in str(a.body)]
                self.assertEqual(len(asked), 3)

    def test_refusals(self):
        """Too fast and too busy pass; no money and a spending cap don't, and are tried less and less."""
        words = ("429", "overloaded", "balance", "cap")
        with Sim(speed=50) as sim:
            vendors = [self.enterContext(Between(sim)) for _ in words]
            spools = [
                self.enterContext(Spool({"accounts": [seedance_account(vendor)]})) for vendor in vendors
            ]
            tasks = [spool.request("POST", TASKS, film(f"[{w}]"))[2]["id"] for spool, w in zip(spools, words)]
            for spool, task, vendor in list(zip(spools, tasks, vendors))[:2]:
                self.assertEqual(spool.end_of(task)["status"], "succeeded")
                at = [asked.at for asked in vendor.at(ARK) if asked.method == "POST"]
                self.assertEqual(len(at), 3)
                self.assertTrue(0.9 < at[1] - at[0] < 1.8 < at[2] - at[1], at)
            for spool, task, vendor in list(zip(spools, tasks, vendors))[2:]:
                self.assertEqual(spool.task(task)["phase"], "queued")
                self.assertEqual(spool.events(task)[:3], ["accepted", "claimed", "refused"])
                self.assertIn(len(vendor.at(ARK)), (2, 3))
                self.assertEqual(spool.metric("accounts_out"), 0)
            self.assertEqual(sim.jobs("seedance")[0], {"[429]": 1, "[overloaded]": 1})

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=50) as sim, Spool({"accounts": [seedance_account(sim, api_key="wrong")]}) as spool:
            spool.request("POST", TASKS, film("x"))
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")
            for body in (film("x"), volc("x")):

                def refused():
                    answer = spool.request("POST", TASKS, body)
                    return answer if answer[0] != 200 else None

                status, headers, answer = eventually(refused, 5, "a refusal")
                words = f"model {body['model']} is temporarily unavailable, please try again later"
                self.assertEqual(
                    (status, answer["code"], answer["message"]), (503, "get_channel_failed", words)
                )
                self.assertIn("retry-after", headers)


if __name__ == "__main__":
    main()
