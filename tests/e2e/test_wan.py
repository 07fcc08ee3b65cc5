"""Wan: DashScope's form on the public path, DashScope and other Spools behind it."""
import base64
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, download, eventually, exchange, main
from harness import words_seen
from vendors.wan import SUBMIT, wan_account

TASKS = "/alibailian/api/v1/tasks"
CREATE, VIDEOS = "/v1/video/create", "/v1/videos"
SERVICES, JOBS = "/api/v1/services/aigc/", "/api/v1/tasks"
MAKE, FRAMES = f"{SERVICES}video-generation/video-synthesis", f"{SERVICES}image2video/video-synthesis"
RAW = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + RAW
LINK, SOUND = "https://example.com/a.png", "https://example.com/a.mp3"


def film(words, model="wan2.5-t2v-preview", parameters=None, **fields):
    body = {"model": model, "input": {"prompt": words, **fields}}
    return {**body, "parameters": parameters} if parameters else body


def voice(image=LINK, **parameters):
    body = {"model": "wan2.2-s2v", "input": {"image_url": image, "audio_url": SOUND}}
    return {**body, "parameters": parameters} if parameters else body


class Wan(Family):
    @classmethod
    def accounts(cls):
        return [wan_account(cls.vendor)]

    @classmethod
    def id_of(cls, answer):
        return answer["output"]["task_id"] if "output" in answer else answer["id"]

    def shown(self, task):
        status, answer = self.look(f"{TASKS}/{task}")
        self.assertEqual(status, 200, answer)
        return answer

    def asked(self, words):
        (asked,) = [a for a in self.vendor.at(SERVICES) if words in str(a.body["input"])]
        return asked

    def sends(self, words, body, path, expected, public=SUBMIT):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task = self.submit(public, {**body, **hooks})
        check_artifacts(self.succeeded(task), "video")
        asked = self.asked(words)
        self.maxDiff = None
        self.assertEqual((asked.path, asked.body), (path, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        self.assertEqual(asked.headers["x-dashscope-async"], "enable")
        for one in self.vendor.at(f"{JOBS}/{self.spool.upstream(task)}"):
            self.assertNotIn("x-dashscope-async", one.headers)
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its links are signed")
        return task


class Sending(Wan):
    def test_text(self):
        more = {"duration": 10, "prompt_extend": False, "watermark": True, "audio": True, "seed": 7}
        body = film("a kite", parameters={"resolution": "720P", **more}, negative_prompt="rain", audio_url=SOUND)
        expected = {**body, "parameters": {"size": "1280*720", **more}}
        self.sends("a kite", body, MAKE, expected)

    def test_text_of_each_generation(self):
        for words, body, parameters in (
            ("newer", film("newer", "wan2.6-t2v", {"size": "1632*1248", "duration": 15}), None),
            ("older", film("older", "wan2.2-t2v-plus", {"resolution": "480P", "duration": 5, "audio": True}), {"size": "832*480"}),
            ("nulls", film("nulls", parameters={"resolution": "", "seed": None}, negative_prompt=""), {}),
        ):
            expected = {"model": body["model"], "input": {"prompt": words}}
            parameters = body["parameters"] if parameters is None else parameters
            self.sends(words, body, MAKE, {**expected, "parameters": parameters} if parameters else expected)

    def test_image(self):
        body = film("a boat", "wan2.5-i2v-preview", {"resolution": "480P", "audio": False}, img_url=IMAGE)
        self.sends("a boat", body, MAKE, body)
        body = film("bare", "wan2.2-i2v-flash", {"resolution": "720P", "duration": 5}, img_url=RAW)
        expected = film("bare", "wan2.2-i2v-flash", {"resolution": "720P"}, img_url=IMAGE)
        self.sends("bare", body, MAKE, expected)
        body = {"model": "wan2.2-i2v-plus", "input": {"img_url": LINK + "?alone", "template": "flying"}}
        self.sends("?alone", body, MAKE, body)

    def test_key_frames(self):
        frames = {"first_frame_url": LINK, "last_frame_url": IMAGE}
        body = film("day, night", "wan2.2-kf2v-flash", {"resolution": "720P", "duration": 5}, **frames)
        self.sends("day, night", body, FRAMES, {**body, "parameters": {"resolution": "720P"}})
        body = film("hug", "wan2.2-kf2v-flash", first_frame_url=LINK, template="hug")
        self.sends("'hug'", body, FRAMES, body)

    def test_a_file_becomes_a_link(self):
        """Where the model takes links alone."""
        body = voice(IMAGE)
        body["input"]["audio_url"] = LINK + "?a-file-beside"
        check_artifacts(self.succeeded(self.submit(SUBMIT, body)), "video")
        url = self.asked("?a-file-beside").body["input"]["image_url"]
        self.assertEqual(download(url)[2], PNG)

    def test_voice(self):
        body = voice(LINK + "?spoken", resolution="720P", duration=5)
        body["input"]["prompt"] = "Speak."
        task = self.sends("?spoken", body, FRAMES, voice(LINK + "?spoken", resolution="720P"))
        self.assertEqual(self.shown(task)["usage"], {"SR": 720, "duration": 5.2, "video_count": 1})

    def test_open_weights(self):
        task = self.sends(
            "open text",
            {"model": "wan-ai/wan2.1-t2v-14b", "prompt": "open text", "aspect_ratio": "9:16"},
            MAKE,
            film("open text", "wan2.1-t2v-plus", {"size": "720*1280"}),
            CREATE,
        )
        status, answer = self.look(f"/v1/video/query?id={task}")
        url = self.spool.task(task)["artifacts"][0]["url"]
        self.assertEqual((status, answer["status"], answer["video_url"]), (200, "completed", url))
        body = {"model": "wan-ai/wan2.1-i2v-14b-720p", "prompt": "open image", "images": [LINK], "aspect_ratio": "16:9"}
        self.sends("open image", body, MAKE, film("open image", "wan2.1-i2v-plus", img_url=LINK), CREATE)

    def test_unified(self):
        body = {"model": "wan2.5-t2v-preview", "prompt": "by size", "size": "832x480", "duration": "10", "negative_prompt": "n"}
        expected = film("by size", parameters={"size": "832*480", "duration": 10}, negative_prompt="n")
        self.sends("by size", body, MAKE, expected, CREATE)
        body = {"model": "wan2.2-kf2v-flash", "prompt": "two", "images": [LINK, RAW], "size": "720P"}
        frames = {"first_frame_url": LINK, "last_frame_url": IMAGE}
        expected = film("two", "wan2.2-kf2v-flash", {"resolution": "720P"}, **frames)
        self.sends("'two'", body, FRAMES, expected, "/v1/video/generations")
        body = {"model": "wan2.5-t2v-preview", "prompt": "as openai", "seconds": "5", "size": "1280x720"}
        expected = film("as openai", parameters={"size": "1280*720", "duration": 5})
        task = self.sends("as openai", body, MAKE, expected, VIDEOS)
        shown = self.look(f"{VIDEOS}/{task}")[1]
        self.assertEqual((shown["status"], shown["seconds"], shown["size"]), ("completed", "5", "1280x720"))


class Showing(Wan):
    def test_task(self):
        before = time.time()
        body = film("a gull", parameters={"resolution": "480P", "duration": 10})
        status, _, answer = self.post(SUBMIT, body)
        task = answer["output"]["task_id"]
        self.assertEqual(status, 200)
        self.assertEqual((set(answer), answer["output"]), ({"request_id", "output"}, {"task_id": task, "task_status": "PENDING"}))
        ended = self.succeeded(task)
        self.assertEqual([ended[n] for n in ("provider", "action", "model")], ["wan", "video", body["model"]])
        (artifact,) = ended["artifacts"]
        self.assertRegex(artifact["url"], f"/wan-1/video/{task}\\.mp4$")
        shown = self.shown(task)
        output = shown["output"]
        times = [output.pop(name) for name in ("submit_time", "scheduled_time", "end_time")]
        self.assertEqual(times, sorted(times))
        format = "%Y-%m-%d %H:%M:%S"
        self.assertGreaterEqual(times[0], time.strftime(format, time.gmtime(before + 8 * 3600)))
        self.assertLess(times[2], time.strftime(format, time.gmtime(time.time() + 8 * 3600 + 1)))
        expected = {
            "task_id": task,
            "task_status": "SUCCEEDED",
            "video_url": artifact["url"],
            "orig_prompt": "a gull",
            "actual_prompt": "Seen by the simulator.",
        }
        self.assertEqual(output, expected)
        self.assertEqual(shown["usage"], {"SR": 480, "duration": 10, "video_count": 1})
        self.assertEqual(set(shown), {"request_id", "output", "usage"})

    def test_words_on_the_way(self):
        task = self.submit(SUBMIT, film("a gull [slow]"))
        words = []
        while self.spool.task(task)["status"] in ("queued", "in_progress"):
            output = self.shown(task)["output"]
            if output["task_status"] in ("PENDING", "RUNNING"):
                self.assertNotIn("video_url", output)
                self.assertNotIn("end_time", output)
            words.append(output["task_status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "PENDING")[0], "RUNNING")

    def test_failures(self):
        for word, code, message in (
            ("fail", "vendor_failed", "The simulated job failed."),
            ("moderation", "content_filter", "Output data may contain inappropriate content."),
            ("refuse", "content_filter", "Input data may contain inappropriate content."),
            ("invalid", "invalid_request", "The prompt is not valid."),
        ):
            with self.subTest(word):
                task = self.submit(SUBMIT, film(f"a gull [{word}]"))
                self.assertEqual(self.failed(task), {"code": code, "message": message})
                shown = self.shown(task)
                code = "task_failed" if code == "vendor_failed" else code
                got = [shown["output"][name] for name in ("task_status", "code", "message")]
                self.assertEqual(got, ["FAILED", code, message])
                self.assertNotIn("usage", shown)

    def test_a_voice_may_fail(self):
        task = self.submit(SUBMIT, voice(LINK + "?[moderation]"))
        self.assertEqual(self.failed(task)["code"], "content_filter")

    def test_webhooks(self):
        body = film("a gull [slow]", parameters={"duration": 10})
        task, (first, last) = self.hooks(SUBMIT, body, "processing", "succeed", name="notifyHook")
        output = {"video_url": "", "cover_url": "", "duration": 10}
        self.assertEqual((first["type"], first["output"]), ("video", output))
        output["video_url"] = self.spool.task(task)["artifacts"][0]["url"]
        self.assertEqual((last["id"], last["output"]), (task, output))
        _, (only,) = self.hooks(SUBMIT, film("a gull [refuse]"), "failed")
        self.assertEqual(only["error"]["code"], "content_filter")


class Cancel(Wan):
    def cancel(self, task):
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        return status, answer

    def cancels(self, task):
        return [a for a in self.vendor.at(f"{self.spool.upstream(task)}/cancel") if a.method == "POST"]

    def test_while_it_is_queued_there(self):
        task = self.submit(SUBMIT, film("a gull [stay-queued]"))
        self.spool.wait_phase(task, "submitted")
        status, answer = self.cancel(task)
        self.assertEqual((status, answer["cancel"], answer["status"]), (200, "requested", "in_progress"))
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        (asked,) = self.cancels(task)
        self.assertEqual(asked.path, f"{JOBS}/{self.spool.upstream(task)}/cancel")
        self.assertNotIn("x-dashscope-async", asked.headers)
        output = self.shown(task)["output"]
        self.assertEqual((output["task_status"], output["code"]), ("CANCELED", "cancelled"))
        self.assertEqual(self.cancel(task)[0], 409)

    def test_while_it_runs_there(self):
        task = self.submit(SUBMIT, film("a gull [slow]"))
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.cancel(task)[1]["cancel"], "requested")
        check_artifacts(self.succeeded(task), "video")
        self.assertEqual(self.cancels(task), [])


class Pace(Wan):
    """However many jobs run, and however often each is to be looked at."""

    @classmethod
    def accounts(cls):
        return [wan_account(cls.vendor, poll_interval_ms=50)]

    def test_no_second_has_more_looks_than_the_vendor_takes(self):
        tasks = [self.submit(SUBMIT, film(f"number {n} [hang]")) for n in range(30)]
        time.sleep(3.5)
        looks = [a for a in self.vendor.at(f"{JOBS}/") if a.method == "GET"]
        at = [a.at for a in looks]
        most = max(sum(one <= other < one + 0.98 for other in at) for one in at)
        self.assertLessEqual(most, 20)
        self.assertGreater(len(at), 35, "as many as there may be")
        seen = {a.path.rsplit("/", 1)[1] for a in looks}
        self.assertEqual(seen, {self.spool.upstream(task) for task in tasks}, "nobody is forgotten")
        self.assertEqual(self.spool.metric("poll_failures_total"), 0)


TEXT, PICTURE = {"model": "wan2.5-t2v-preview"}, {"model": "wan2.5-i2v-preview"}
OLD, KEYS, VOICE = {"model": "wan2.2-t2v-plus"}, {"model": "wan2.2-kf2v-flash"}, {"model": "wan2.2-s2v"}


def asks(**parameters):
    return film("x", parameters=parameters)


# Body, the field that is named.
WRONG = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    ({}, "model"),
    ({"input": {"prompt": "x"}}, "model"),
    ({"model": 5, "input": {"prompt": "x"}}, "model"),
    ({"model": "", "input": {"prompt": "x"}}, "model"),
    (TEXT, "input"),
    ({**TEXT, "input": "x"}, "input"),
    ({**TEXT, "input": ["x"]}, "input"),
    ({**TEXT, "input": {"negative_prompt": "x"}}, "input.prompt"),
    ({**TEXT, "input": {"prompt": ["x"]}}, "input.prompt"),
    (film("x" * 1501), "input.prompt"),
    (film("x" * 801, **OLD), "input.prompt"),
    (film("x", negative_prompt=5), "input.negative_prompt"),
    (film("x", negative_prompt="x" * 501), "input.negative_prompt"),
    (film("x", img_url=LINK), "input.img_url"),
    (film("x", audio_url=5), "input.audio_url"),
    (film("x", **OLD, audio_url=SOUND), "input.audio_url"),
    (film("x", **PICTURE), "input.img_url"),
    (film("x", **PICTURE, img_url=5), "input.img_url"),
    (film("x", **PICTURE, img_url="a\nb"), "input.img_url"),
    (film("x", **PICTURE, img_url=LINK, image_url=LINK), "input.image_url"),
    (film("x", **PICTURE, img_url=LINK, template=5), "input.template"),
    (film("x", **KEYS), "input.first_frame_url"),
    (film("x", **KEYS, first_frame_url=LINK), "input.last_frame_url"),
    (film("x", **KEYS, first_frame_url=LINK, last_frame_url=[LINK]), "input.last_frame_url"),
    ({**VOICE, "input": {"image_url": LINK}}, "input.audio_url"),
    ({**VOICE, "input": {"audio_url": SOUND}}, "input.image_url"),
    (voice("data:image/png;base64,AAAAAAAA"), "input.image_url"),
    (voice("oss://a/b"), "input.image_url"),
    (voice(resolution="1080P"), "parameters.resolution"),
    ({**TEXT, "input": {"prompt": "x"}, "parameters": "720P"}, "parameters"),
    ({**TEXT, "input": {"prompt": "x"}, "parameters": [1]}, "parameters"),
    (asks(resolution="4K"), "parameters.resolution"),
    (asks(resolution=720), "parameters.resolution"),
    (film("x", parameters={"resolution": "720P"}, **OLD), "parameters.resolution"),
    (asks(size="720P"), "parameters.size"),
    (asks(size="1280x720"), "parameters.size"),
    (asks(size=5), "parameters.size"),
    (film("x", parameters={"size": "1280*720"}, **OLD), "parameters.size"),
    (asks(duration=7), "parameters.duration"),
    (asks(duration=0), "parameters.duration"),
    (asks(duration="5"), "parameters.duration"),
    (asks(duration=5.5), "parameters.duration"),
    (film("x", parameters={"duration": 10}, **OLD), "parameters.duration"),
    (film("x", "wan2.6-t2v", {"duration": 16}), "parameters.duration"),
    (film("x", "wan2.6-t2v", {"duration": 1}), "parameters.duration"),
    (asks(prompt_extend="yes"), "parameters.prompt_extend"),
    (asks(watermark=1), "parameters.watermark"),
    (asks(audio="no"), "parameters.audio"),
    (asks(seed="1"), "parameters.seed"),
    (asks(seed=-1), "parameters.seed"),
    (asks(seed=2147483648), "parameters.seed"),
    ({**film("x"), "notifyHook": "ftp://example.com/"}, "notifyHook"),
    ({**film("x"), "callback_url": 5}, "callback_url"),
]
WRONG_UNIFIED = [
    ({**TEXT, "prompt": "x", "images": [LINK]}, "images"),
    ({**PICTURE, "prompt": "x"}, "images"),
    ({**PICTURE, "prompt": "x", "images": [LINK, LINK]}, "images"),
    ({**KEYS, "prompt": "x", "images": [LINK]}, "images"),
    ({**VOICE, "prompt": "x", "images": [LINK]}, "model"),
    ({**TEXT, "prompt": "x", "duration": 7}, "duration"),
    ({**TEXT, "prompt": "x", "size": "1000x333"}, "size"),
    ({**TEXT, "prompt": "x", "aspect_ratio": "21:9"}, "aspect_ratio"),
    ({**OLD, "prompt": "x", "size": "1280x720"}, "size"),
    ({**PICTURE, "images": [LINK], "size": "640x360"}, "size"),
    ({**TEXT, "prompt": "x" * 1501}, "prompt"),
]


class Refusing(Wan):
    def test_wrong_input(self):
        cases = [(SUBMIT, body, field) for body, field in WRONG]
        self.check_wrong_input(cases + [(CREATE, body, field) for body, field in WRONG_UNIFIED])

    def test_characters_are_counted(self):
        check_artifacts(self.succeeded(self.submit(SUBMIT, film("风" * 1500))), "video")
        self.refused(SUBMIT, film("风" * 1501), 400, "invalid_request")

    def test_a_model_nobody_serves(self):
        self.assertIn("wan9-t2v", self.refused(SUBMIT, film("x", "wan9-t2v"), 404, "model_not_found"))

    def test_no_key_and_strangers(self):
        task = self.submit(SUBMIT, film("a gull"))
        for headers in ({}, {"Authorization": "Bearer sk-no"}):
            for method, path, body in (("POST", SUBMIT, film("x")), ("GET", f"{TASKS}/{task}", None)):
                status, _, answer = exchange(self.spool.port, method, path, body, headers)
                self.assertEqual((status, set(answer)), (401, {"error"}), path)
        self.succeeded(task)
        upstream = self.spool.upstream(task)
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev"), (upstream, "dev")):
            self.assertEqual(self.look(f"{TASKS}/{one}", key), (404, self.unknown), (one, key))

    def test_idempotency_keys(self):
        key = {"Idempotency-Key": "one"}
        first, again = self.post(SUBMIT, film("once"), **key), self.post(SUBMIT, film("once"), **key)
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        status, _, answer = self.post(SUBMIT, film("twice"), **key)
        self.assertEqual((status, answer["code"]), (422, "idempotency_key_reused"))
        self.succeeded(self.id_of(first[2]))
        self.assertEqual(self.sim.jobs("wan")[0]["once"], 1)


class Later(unittest.TestCase):
    def test_refusals(self):
        """Too fast passes; no money doesn't, although DashScope calls it a bad request."""
        with Sim(speed=50) as sim, Spool({"accounts": [wan_account(sim)]}) as spool:
            task = spool.request("POST", SUBMIT, film("[429]"))[2]["output"]["task_id"]
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            task = spool.request("POST", SUBMIT, film("[balance]"))[2]["output"]["task_id"]
            eventually(lambda: "refused" in spool.events(task), what="a refusal")
            self.assertEqual((spool.task(task)["phase"], spool.metric("accounts_out")), ("queued", 0))

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=50) as sim, Spool({"accounts": [wan_account(sim, api_key="wrong")]}) as spool:
            spool.request("POST", SUBMIT, film("x"))
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")


class Relayed(unittest.TestCase):
    """front ── wire ── back ── simulator"""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.back = cls.enterClassContext(Spool({"accounts": [wan_account(cls.sim)]}))
        cls.wire = cls.enterClassContext(Between(cls.back))
        fields = {"dialect": "relay", "api_key": "sk-dev", "poll_interval_ms": 50}
        cls.front = cls.enterClassContext(Spool({"accounts": [wan_account(cls.wire, "wan-r", **fields)]}))

    def end(self, path, body):
        status, _, answer = self.front.request("POST", path, body)
        self.assertEqual(status, 200, answer)
        task = Wan.id_of(answer)
        return task, self.front.end_of(task)

    def test_every_kind(self):
        frames = {"first_frame_url": LINK, "last_frame_url": IMAGE}
        for body in (
            film("far", parameters={"resolution": "720P", "duration": 10}),
            film("far image", "wan2.2-i2v-plus", {"resolution": "1080P"}, img_url=IMAGE),
            film("far frames", "wan2.2-kf2v-flash", {"resolution": "720P", "duration": 5}, **frames),
            voice(resolution="480P", duration=5),
            film("far open", "wan-ai/wan2.1-t2v-14b"),
        ):
            with self.subTest(body["model"]):
                task, ended = self.end(SUBMIT, body)
                check_artifacts(ended, "video")
                theirs = self.front.upstream(task)
                self.assertEqual(self.back.task(theirs)["model"], body["model"])
                (sent,) = [a for a in self.wire.at(SUBMIT) if a.body["model"] == body["model"] and a.body["input"] == body["input"]]
                self.assertEqual((sent.body, sent.headers["idempotency-key"]), (body, task))

    def test_unified(self):
        body = {"model": "wan2.5-t2v-preview", "prompt": "far and unified", "size": "1280x720", "duration": 5}
        _, ended = self.end(CREATE, body)
        check_artifacts(ended, "video")
        (sent,) = [a.body for a in self.wire.at(SUBMIT) if a.body["input"] == {"prompt": "far and unified"}]
        self.assertEqual(sent, film("far and unified", parameters={"size": "1280*720", "duration": 5}))

    def test_failures(self):
        for word, code in (("fail", "vendor_failed"), ("moderation", "content_filter"), ("refuse", "content_filter")):
            task, ended = self.end(SUBMIT, film(f"far [{word}]"))
            theirs = self.back.task(self.front.upstream(task))["error"]
            self.assertEqual(ended["error"], {"code": code, "message": theirs["message"]})


if __name__ == "__main__":
    main()
