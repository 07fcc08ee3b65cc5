"""MiniMax: its own form on the public path; both its generations, and other Spools, behind it."""
import base64
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, eventually, exchange, main
from harness import words_seen
from vendors.minimax import SUBMIT, minimax_account

QUERY, FILES = "/minimax/v1/query/video_generation", "/minimax/v1/files/retrieve"
CREATE, VIDEOS = "/v1/video/create", "/v1/videos"
RAW = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + RAW
LINK = "https://example.com/a.png"
FINE = {"status_code": 0, "status_msg": "success"}
UNKNOWN = {"base_resp": {"status_code": 2013, "status_msg": "task_id: there is no such task"}}
UNKNOWN_FILE = {"base_resp": {"status_code": 2013, "status_msg": "file_id: there is no such file"}}
HAILUO, H3 = "MiniMax-Hailuo-02", "MiniMax-H3"
DEFAULTS = {"duration": 6, "resolution": "768P"}


def film(words, model="video-01", **fields):
    return {"model": model, "prompt": words, **fields}


def text(words):
    return {"type": "text", "text": words}


def frame(url, role="first_frame"):
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


class MiniMax(Family):
    @classmethod
    def accounts(cls):
        return [minimax_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["task_id"] if "task_id" in answer else answer["id"]

    def shown(self, task, path=QUERY, name="task_id"):
        status, answer = self.look(f"{path}?{name}={task}")
        self.assertEqual(status, 200, answer)
        return answer

    def file(self, task):
        return self.shown(task, FILES, "file_id")

    def refused(self, path, body, status, code, key="dev"):
        """The words of {"base_resp"}, whose code is MiniMax' own; those of others elsewhere."""
        if not path.startswith("/minimax"):
            return super().refused(path, body, status, code, key)
        got, _, answer = self.post(path, body, key)
        self.assertEqual((got, set(answer)), (status, {"base_resp"}), (path, body, answer))
        self.assertEqual(answer["base_resp"]["status_code"], 2013, (path, body, answer))
        return answer["base_resp"]["status_msg"]

    def posts(self, words):
        return [a for a in self.vendor.at("/video_generation") if a.method == "POST" and words.encode() in a.raw]

    def sends(self, words, body, path, expected, public=SUBMIT):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task = self.submit(public, {**body, **hooks})
        check_artifacts(self.succeeded(task), "video")
        (asked,) = self.posts(words)
        self.maxDiff = None
        self.assertEqual((asked.path, asked.body), (path, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its links are public")
        return task


class Sending(MiniMax):
    def test_first_generation(self):
        more = {"prompt_optimizer": False, "fast_pretreatment": True, "aigc_watermark": True}
        subject = [{"type": "character", "image": [LINK]}]
        for words, body, expected in (
            ("by an old name", film("by an old name"), film("by an old name", HAILUO, **DEFAULTS)),
            ("an old face", film("an old face", first_frame_image=LINK), film("an old face", HAILUO, first_frame_image=LINK, **DEFAULTS)),
            ("a puppet", film("a puppet", "video-01-live2d", first_frame_image=RAW), film("a puppet", "I2V-01-live", first_frame_image=IMAGE)),
            ("longer", film("longer", "MiniMax-Hailuo-2.3", duration=10, **more), film("longer", "MiniMax-Hailuo-2.3", duration=10, resolution="768P", **more)),
            ("sharper", film("sharper", HAILUO, resolution="1080P", first_frame_image=""), film("sharper", HAILUO, resolution="1080P", duration=6)),
            ("both ends", film("both ends", HAILUO, first_frame_image=IMAGE, last_frame_image=LINK), film("both ends", HAILUO, first_frame_image=IMAGE, last_frame_image=LINK, **DEFAULTS)),
            ("directed", film("directed", "T2V-01-Director"), film("directed", "T2V-01-Director")),
            ("somebody", film("somebody", "S2V-01", subject_reference=subject), film("somebody", "S2V-01", subject_reference=subject)),
        ):
            with self.subTest(words):
                task = self.sends(words, body, "/v1/video_generation", expected)
                self.assertTrue(self.vendor.at(f"/v1/query/video_generation?task_id={self.spool.upstream(task)}"))
        body = {"model": "I2V-01", "first_frame_image": LINK + "?alone"}
        self.sends("?alone", body, "/v1/video_generation", body)

    def test_second_generation(self):
        for words, body, expected in (
            ("new text", film("new text", H3), {"content": [text("new text")], "ratio": "16:9"}),
            ("new face", film("new face", H3, first_frame_image=RAW, duration=15), {"content": [text("new face"), frame(IMAGE)], "duration": 15}),
            (
                "new ends",
                film("new ends", H3, first_frame_image=LINK, last_frame_image=LINK + "2", resolution="2K", prompt_optimizer=True),
                {"content": [text("new ends"), frame(LINK), frame(LINK + "2", "last_frame")], "resolution": "2K"},
            ),
        ):
            with self.subTest(words):
                task = self.sends(words, body, "/v2/video_generation", {"model": H3, **expected})
                self.assertTrue(self.vendor.at(f"/v2/query/video_generation/{self.spool.upstream(task)}"))
        self.assertEqual(self.vendor.at("/v2/files"), [])

    def test_unified(self):
        v1, v2 = "/v1/video_generation", "/v2/video_generation"
        body = {**film("by size"), "size": "1280x720", "duration": "6"}
        task = self.sends("by size", body, v1, film("by size", HAILUO, **DEFAULTS), CREATE)
        status, answer = self.look(f"/v1/video/query?id={task}")
        url = self.spool.task(task)["artifacts"][0]["url"]
        self.assertEqual((status, answer["status"], answer["video_url"]), (200, "completed", url))
        body = {**film("by two", HAILUO), "images": [LINK, RAW], "aspect_ratio": "9:16"}
        expected = film("by two", HAILUO, first_frame_image=LINK, last_frame_image=IMAGE, **DEFAULTS)
        self.sends("by two", body, v1, expected, "/v1/video/generations")
        body = {**film("by ratio", H3), "aspect_ratio": "9:16", "size": "2k"}
        expected = {"model": H3, "content": [text("by ratio")], "ratio": "9:16", "resolution": "2K"}
        self.sends("by ratio", body, v2, expected, CREATE)
        body = {**film("as openai", H3), "seconds": "5", "size": "1280x720"}
        expected = {"model": H3, "content": [text("as openai")], "ratio": "16:9", "resolution": "768P", "duration": 5}
        task = self.sends("as openai", body, v2, expected, VIDEOS)
        shown = self.look(f"{VIDEOS}/{task}")[1]
        self.assertEqual((shown["status"], shown["seconds"], shown["size"]), ("completed", "5", "1280x720"))


class Showing(MiniMax):
    def test_task_and_file(self):
        before = int(time.time())
        status, _, answer = self.post(SUBMIT, film("a gull [late-file]"))
        task = answer.get("task_id")
        self.assertEqual((status, answer), (200, {"task_id": task, "base_resp": FINE}))
        ended = self.succeeded(task)
        self.assertEqual([ended[n] for n in ("provider", "action", "model")], ["minimax", "video", "video-01"])
        (artifact,) = ended["artifacts"]
        self.assertRegex(artifact["url"], f"/minimax-1/video/{task}\\.mp4$")
        expected = {"task_id": task, "status": "Success", "file_id": task, "video_url": artifact["url"], "base_resp": FINE}
        self.assertEqual(self.shown(task), expected)
        answer = self.file(task)
        made = answer["file"].pop("created_at")
        self.assertTrue(before <= made <= time.time() + 1, made)
        file = {"file_id": task, "bytes": artifact["bytes"], "filename": f"{task}.mp4", "purpose": "video_generation"}
        self.assertEqual(answer, {"file": {**file, "download_url": artifact["url"]}, "base_resp": FINE})

    def test_the_vendor_s_file(self):
        """Its id is larger than a double holds; it is asked for once there is one, and again where that goes wrong."""
        task = self.submit(SUBMIT, film("a tern [file-fails]"))
        check_artifacts(self.succeeded(task), "video")
        number = int(self.spool.upstream(task)) + 7 * 10**18
        self.assertEqual(len(self.vendor.at(f"/v1/files/retrieve?file_id={number}")), 2)
        task = self.submit(SUBMIT, film("a tern [lower]"))
        check_artifacts(self.succeeded(task), "video")

    def test_words_on_the_way(self):
        task = self.submit(SUBMIT, film("a gull [slow]"))
        words = []
        while self.spool.task(task)["status"] in ("queued", "in_progress"):
            shown, file = self.shown(task), self.file(task)
            if shown["status"] in ("Queueing", "Processing"):
                self.assertEqual(shown, {"task_id": task, "status": shown["status"], "base_resp": FINE})
                if "file" not in file:
                    expected = {"status_code": 2013, "status_msg": "file_id: the file isn't there yet"}
                    self.assertEqual(file, {"base_resp": expected})
            words.append(shown["status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "Queueing")[0], "Processing")

    def test_failures(self):
        for model in ("video-01", H3):
            for word, code, number, message in (
                ("fail", "vendor_failed", 1000, "the simulated job failed"),
                ("moderation", "content_filter", 1026, "output new_sensitive"),
                ("refuse", "content_filter", 1026, "input new_sensitive"),
                ("invalid", "invalid_request", 2013, "invalid params, prompt"),
                ("expired", "vendor_failed", 1000, "the simulated job failed"),
            ):
                with self.subTest(word, model=model):
                    task = self.submit(SUBMIT, film(f"a gull [{word}]", model))
                    self.assertEqual(self.failed(task), {"code": code, "message": message})
                    expected = {"status_code": number, "status_msg": message}
                    self.assertEqual(self.shown(task), {"task_id": task, "status": "Fail", "base_resp": expected})
                    self.assertEqual(self.file(task)["base_resp"]["status_msg"], "file_id: there is no such file")

    def test_webhooks(self):
        task, (first, last) = self.hooks(SUBMIT, film("a gull [slow]", duration=6), "processing", "succeed", name="notifyHook")
        output = {"video_url": "", "cover_url": "", "duration": 6}
        self.assertEqual((first["type"], first["output"]), ("video", output))
        output["video_url"] = self.spool.task(task)["artifacts"][0]["url"]
        self.assertEqual((last["id"], last["output"]), (task, output))
        _, (only,) = self.hooks(SUBMIT, film("a gull [refuse]"), "failed")
        self.assertEqual(only["error"]["code"], "content_filter")

    def test_cancel(self):
        """MiniMax can't."""
        task = self.submit(SUBMIT, film("a gull [hang]"))
        self.spool.wait_phase(task, "rendering")
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"], answer["status"]), (200, "not_supported_may_be_billed", "cancelled"))
        expected = {"status_code": 1000, "status_msg": "cancelled"}
        self.assertEqual(self.shown(task), {"task_id": task, "status": "Fail", "base_resp": expected})


# Body, the field that is named.
WRONG = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    ({}, "model"),
    ({"prompt": "x"}, "model"),
    (film("x", 5), "model"),
    (film("x", ""), "model"),
    ({"model": "video-01"}, "prompt"),
    (film(""), "prompt"),
    (film(None), "prompt"),
    (film(["x"]), "prompt"),
    (film("x" * 2001), "prompt"),
    (film("x", first_frame_image=5), "first_frame_image"),
    (film("x", first_frame_image="a\nb"), "first_frame_image"),
    (film("x", last_frame_image=[LINK]), "last_frame_image"),
    (film("x", "MiniMax-Hailuo-2.3", last_frame_image=LINK), "last_frame_image"),
    (film("x", "video-01-live2d"), "first_frame_image"),
    (film("x", "MiniMax-Hailuo-2.3-Fast"), "first_frame_image"),
    (film("x", "T2V-01", first_frame_image=LINK), "first_frame_image"),
    (film("x", "S2V-01"), "subject_reference"),
    (film("x", "S2V-01", subject_reference="x"), "subject_reference"),
    (film("x", "S2V-01", subject_reference=["x"]), "subject_reference.0"),
    (film("x", "S2V-01", subject_reference=[{"type": "character"}]), "subject_reference.0.image"),
    (film("x", subject_reference=[{"image": [LINK]}]), "subject_reference"),
    (film("x", duration=7), "duration"),
    (film("x", duration=0), "duration"),
    (film("x", duration="6"), "duration"),
    (film("x", duration=6.5), "duration"),
    (film("x", duration=10, resolution="1080P"), "duration"),
    (film("x", "T2V-01", duration=10), "duration"),
    (film("x", H3, duration=3), "duration"),
    (film("x", H3, duration=16), "duration"),
    (film("x", resolution="720P"), "resolution"),
    (film("x", resolution=768), "resolution"),
    (film("x", "T2V-01", resolution="768P"), "resolution"),
    (film("x", H3, resolution="1080P"), "resolution"),
    (film("x", ratio="9:16"), "ratio"),
    (film("x", H3, ratio="adaptive"), "ratio"),
    (film("x", H3, ratio=1), "ratio"),
    (film("x", prompt_optimizer="yes"), "prompt_optimizer"),
    (film("x", fast_pretreatment=1), "fast_pretreatment"),
    (film("x", aigc_watermark="no"), "aigc_watermark"),
    (film("x", notifyHook="ftp://example.com/"), "notifyHook"),
    (film("x", callback_url=5), "callback_url"),
]
WRONG_UNIFIED = [
    (film("x", "T2V-01", images=[LINK]), "images.0"),
    (film("x", "I2V-01", images=[LINK, LINK]), "images"),
    (film("x", images=[LINK] * 3), "images"),
    (film("x", duration=7), "duration"),
    (film("x", size="1000x333"), "size"),
    (film("x", size="480x480"), "size"),
    (film("x", size="720x1280"), "size"),
    (film("x", aspect_ratio="9:16"), "aspect_ratio"),
    (film("x", H3, aspect_ratio="5:1"), "aspect_ratio"),
    (film("x", negative_prompt="n"), "negative_prompt"),
    (film("x" * 2001), "prompt"),
]


class Refusing(MiniMax):
    def test_wrong_input(self):
        cases = [(SUBMIT, body, field) for body, field in WRONG]
        self.check_wrong_input(cases + [(CREATE, body, field) for body, field in WRONG_UNIFIED])

    def test_characters_are_counted(self):
        check_artifacts(self.succeeded(self.submit(SUBMIT, film("风" * 2000))), "video")
        self.refused(SUBMIT, film("风" * 2001), 400, "invalid_request")

    def test_a_model_nobody_serves(self):
        self.assertIn("MiniMax-9", self.refused(SUBMIT, film("x", "MiniMax-9"), 404, "model_not_found"))
        self.refused(CREATE, film("x", "MiniMax-9"), 404, "model_not_found")

    def test_no_key_and_strangers(self):
        task = self.submit(SUBMIT, film("a gull"))
        places = ((QUERY, "task_id"), (FILES, "file_id"))
        for headers in ({}, {"Authorization": "Bearer sk-no"}):
            for method, path, body in (("POST", SUBMIT, film("x")), *(("GET", f"{p}?{n}={task}", None) for p, n in places)):
                status, _, answer = exchange(self.spool.port, method, path, body, headers)
                self.assertEqual((status, set(answer)), (401, {"error"}), path)
        self.succeeded(task)
        upstream = self.spool.upstream(task)
        for path, name in places:
            unknown = UNKNOWN if name == "task_id" else UNKNOWN_FILE
            for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev"), (upstream, "dev")):
                self.assertEqual(self.look(f"{path}?{name}={one}", key), (404, unknown), (one, key))
            for query in ("", f"?{name}=", f"?x={task}"):
                expected = {"base_resp": {"status_code": 2013, "status_msg": f"{name}: is required"}}
                self.assertEqual(self.look(path + query), (400, expected), query)

    def test_idempotency_keys(self):
        key = {"Idempotency-Key": "one"}
        first, again = self.post(SUBMIT, film("once"), **key), self.post(SUBMIT, film("once"), **key)
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        status, _, answer = self.post(SUBMIT, film("twice"), **key)
        self.assertEqual((status, answer["base_resp"]["status_code"]), (422, 2013))
        self.succeeded(self.id_of(first[2]))
        self.assertEqual(self.sim.jobs("minimax")[0]["once"], 1)


class Later(unittest.TestCase):
    def test_refusals(self):
        """Too fast passes; no money doesn't, although all of it is HTTP 200."""
        with Sim(speed=50) as sim, Spool({"accounts": [minimax_account(sim)]}) as spool:
            words = ("429", "busy", "balance", "usage")
            tasks = {word: spool.request("POST", SUBMIT, film(f"[{word}]"))[2]["task_id"] for word in words}
            for word in words[:2]:
                self.assertEqual(spool.end_of(tasks[word])["status"], "succeeded", word)
            for word in words[2:]:
                eventually(lambda: "refused" in spool.events(tasks[word]), what="a refusal")
                self.assertEqual((spool.task(tasks[word])["phase"], spool.metric("accounts_out")), ("queued", 0))

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=50) as sim, Spool({"accounts": [minimax_account(sim, api_key="wrong")]}) as spool:
            spool.request("POST", SUBMIT, film("x"))
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")

            def refused():
                answer = spool.request("POST", SUBMIT, film("x"))
                return answer if answer[0] != 200 else None

            status, headers, answer = eventually(refused, 5, "a refusal")
            self.assertEqual((status, answer["base_resp"]["status_code"]), (503, 1002))
            self.assertIn("retry-after", headers)


class Calling(MiniMax):
    """MiniMax calls back; it is asked once a minute."""

    settings = {"vendor_callbacks": "always"}

    @classmethod
    def accounts(cls):
        return [minimax_account(cls.vendor, poll_interval_ms=60000)]

    def call(self, task, body):
        """At the path of the task's submit."""
        (asked,) = [a for a in self.vendor.at("/video_generation") if a.method == "POST" and task.encode() in a.raw]
        url = asked.body["callback_url"]
        self.assertRegex(url, f"^{self.spool.url}/v1/callbacks/{task}\\.[0-9a-f]{{24}}$")
        return exchange(self.spool.port, "POST", url[len(self.spool.url) :], body)

    def test_it_is_followed_by_its_callbacks(self):
        """Only a path that gives the challenge back is ever called."""
        for model in ("video-01", H3):
            task = self.submit(SUBMIT, film("a called gull", model))
            check_artifacts(self.spool.end_of(task, 6), "video")
        # v1's lost submit is closed by it, v2's too, whatever the list shows.
        for word in ("cut", "502", "html", "empty"):
            task = self.submit(SUBMIT, film(f"a lost gull [{word}]"))
            check_artifacts(self.spool.end_of(task, 12), "video")
            self.assertEqual(self.spool.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"], word)
            self.assertEqual(self.sim.jobs("minimax")[0][f"a lost gull [{word}]"], 1)

    def test_challenges(self):
        task = self.submit(SUBMIT, film("a challenged gull [hang]"))
        self.spool.wait_phase(task, "submitted", "rendering")
        for challenge in ("abc", 'a "b" \\ é', 9007199254740993, "x" * 4000):
            status, _, answer = self.call(task, {"challenge": challenge})
            self.assertEqual((status, answer), (200, {"challenge": challenge}))
        for body in ({"challenge": "x" * 5000}, {"challenge": None}, {"hello": 1}, {"task_id": "1"}):
            self.assertEqual(self.call(task, body)[::2], (200, {}), body)
        port, path = self.spool.port, f"/v1/callbacks/{task}.{'0' * 24}"
        self.assertEqual(exchange(port, "POST", path, {"challenge": "abc"})[0], 404, "strangers get nothing")
        looks = [a for a in self.vendor.at("/v1/query") if self.spool.upstream(task) in a.path]
        self.call(task, {"task_id": self.spool.upstream(task), "status": "processing"})
        eventually(lambda: len([a for a in self.vendor.at("/v1/query") if self.spool.upstream(task) in a.path]) > len(looks), what="a look")


class Relayed(unittest.TestCase):
    """front ── wire ── back ── simulator"""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.back = cls.enterClassContext(Spool({"accounts": [minimax_account(cls.sim)]}))
        cls.wire = cls.enterClassContext(Between(cls.back))
        fields = {"dialect": "relay", "api_key": "sk-dev", "poll_interval_ms": 50}
        cls.front = cls.enterClassContext(Spool({"accounts": [minimax_account(cls.wire, "minimax-r", **fields)]}))

    def end(self, path, body):
        status, _, answer = self.front.request("POST", path, body)
        self.assertEqual(status, 200, answer)
        task = MiniMax.id_of(answer)
        return task, self.front.end_of(task)

    def test_every_kind(self):
        for body in (
            film("far"),
            film("far image", "video-01-live2d", first_frame_image=IMAGE),
            film("far person", "S2V-01", subject_reference=[{"type": "character", "image": [LINK]}]),
            film("far and new", H3, ratio="21:9", resolution="2K", duration=4),
        ):
            with self.subTest(body["model"]):
                task, ended = self.end(SUBMIT, body)
                check_artifacts(ended, "video")
                self.assertEqual(self.back.task(self.front.upstream(task))["model"], body["model"])
                (sent,) = self.wire.sent(SUBMIT, prompt=body["prompt"])
                self.assertEqual(sent, body)

    def test_a_relay_that_has_no_links(self):
        """Then the file is asked for by its id."""

        def strip(asked):
            status, headers, data = self.wire.usual(asked)
            return status, headers, data.replace(b'"video_url"', b'"other"')

        self.wire.on(QUERY, strip)
        _, ended = self.end(SUBMIT, film("far, by its file"))
        check_artifacts(ended, "video")
        self.assertTrue(self.wire.at(FILES))

    def test_unified(self):
        body = {**film("far and unified", H3), "size": "1280x720", "duration": 5}
        _, ended = self.end(CREATE, body)
        check_artifacts(ended, "video")
        (sent,) = self.wire.sent(SUBMIT, prompt="far and unified")
        self.assertEqual(sent, film("far and unified", H3, duration=5, ratio="16:9", resolution="768P"))

    def test_failures(self):
        for word, code in (("fail", "vendor_failed"), ("moderation", "content_filter"), ("refuse", "content_filter")):
            task, ended = self.end(SUBMIT, film(f"far [{word}]"))
            theirs = self.back.task(self.front.upstream(task))["error"]
            self.assertEqual(ended["error"], {"code": code, "message": theirs["message"]})


if __name__ == "__main__":
    main()
