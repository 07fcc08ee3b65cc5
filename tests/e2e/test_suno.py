"""The Suno family: songs, lyrics and what is made of songs."""
import json
import time
import unittest

from harness import (
    Between,
    Family,
    Sim,
    Spool,
    bearer,
    check_artifacts,
    eventually,
    exchange,
    main,
    words_seen,
)
from vendors.suno import suno_account

MUSIC, LYRICS, CONCAT = "/suno/submit/music", "/suno/submit/lyrics", "/suno/submit/concat"
WORDS = "[Verse]\nThe lamp goes round, the ships come home\n[Chorus]\nHarbour light, harbour light"
INSPIRED = {"gpt_description_prompt": "a song"}
CUSTOM = {"prompt": "la la", "title": "La", "tags": "pop, la"}
# Of a finished song, per clip: the cover comes in two sizes.
CLIP = ["audio", "cover", "cover", "video"]
slow = {}  # begun before all tests, because they take long


def setUpModule():
    """Without their covers songs end ten seconds later."""
    sim = unittest.enterModuleContext(Sim(speed=50))
    spool = unittest.enterModuleContext(Spool({"accounts": [suno_account(sim)]}))
    slow["spool"] = spool
    slow["task"] = spool.request("POST", MUSIC, {"gpt_description_prompt": "a song [no-cover]"})[2]["result"]


class Suno(Family):
    @classmethod
    def accounts(cls):
        return [suno_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["result"]

    def song(self, task):
        status, answer = self.look(f"/suno/fetch/{task}")
        self.assertEqual((status, answer["code"], answer["data"]["task_id"]), (200, 1, task))
        return answer["data"]

    def succeed(self, path, body, *kinds):
        """The task, and the request that the vendor got for it."""
        task = self.submit(path, body)
        check_artifacts(self.succeeded(task), *kinds)
        return task, self.asked(task)

    def asked(self, task):
        (asked,) = [a for a in self.vendor.at("/suno/submit/") if a.headers["idempotency-key"] == task]
        return asked


class Sending(Suno):
    def sends(self, path, body, expected, kinds=2 * CLIP):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task, asked = self.succeed(path, {**body, **hooks}, *kinds)
        self.assertEqual((asked.path, asked.body), (path, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        return task

    def test_inspiration(self):
        body = {
            **INSPIRED,
            "mv": "chirp-v4",
            "make_instrumental": True,
            "singer_style": "smooth male vocal, R&B",
        }
        self.sends(MUSIC, body, body)
        self.sends(MUSIC, {**INSPIRED, "mv": None}, {**INSPIRED, "make_instrumental": False})

    def test_custom(self):
        self.sends(
            MUSIC, {**CUSTOM, "mv": "chirp-v3-5"}, {**CUSTOM, "mv": "chirp-v3-5", "make_instrumental": False}
        )

    def test_other_modes_left_empty(self):
        """As forms send them: an empty field is none."""
        empty = dict.fromkeys(("gpt_description_prompt", "continue_clip_id", "audio_url", "mv"), "")
        self.sends(MUSIC, {**CUSTOM, **empty}, {**CUSTOM, "make_instrumental": False})
        empty = dict.fromkeys(("prompt", "title", "tags"), "")
        self.sends(MUSIC, {**INSPIRED, **empty}, {**INSPIRED, "make_instrumental": False})

    def test_nobody_sings(self):
        body = {"prompt": "", "title": "x", "tags": "pop", "make_instrumental": True}
        self.sends(MUSIC, body, {"title": "x", "tags": "pop", "make_instrumental": True})

    def test_from_a_recording(self):
        body = {"prompt": "add words", "audio_url": "https://example.com/a.mp3", "tags": "pop"}
        self.sends(MUSIC, body, {**body, "make_instrumental": False})

    def test_lyrics(self):
        self.sends(LYRICS, {"prompt": "rain"}, {"prompt": "rain"}, ["text"])

    def test_upper_case(self):
        task, asked = self.succeed("/suno/submit/MUSIC", INSPIRED, *2 * CLIP)
        self.assertEqual(asked.path, MUSIC)

    def test_continuation_and_concat(self):
        parent, _ = self.succeed(MUSIC, INSPIRED, *2 * CLIP)
        clips = [clip["id"] for clip in self.song(parent)["data"]]
        body = {"prompt": "more", "continue_clip_id": clips[1], "continue_at": 60, "tags": "pop"}
        expected = {**body, "task_id": self.spool.upstream(parent), "make_instrumental": False}
        child = self.sends(MUSIC, body, expected)
        # And what follows on that; the vendor wants no task for it.
        clip = self.song(child)["data"][0]["id"]
        self.assertNotIn(clip, clips)
        whole = self.sends(
            CONCAT, {"clip_id": clip, "is_infill": True}, {"clip_id": clip, "is_infill": True}, CLIP
        )
        (joined,) = self.song(whole)["data"]
        self.assertNotIn(joined["id"], [*clips, clip])


class Models(Suno):
    """Two accounts, each with its own names."""

    @classmethod
    def accounts(cls):
        one = suno_account(cls.vendor, "suno-1", poll_interval_ms=50, models={"chirp-v4": "chirp-v4-tau"})
        return [
            one,
            suno_account(cls.vendor, "suno-2", poll_interval_ms=50, models={"chirp-v5": "chirp-crow"}),
        ]

    def test_each_has_its_own(self):
        for model, account, theirs in (
            ("chirp-v4", "suno-1", "chirp-v4-tau"),
            ("chirp-v5", "suno-2", "chirp-crow"),
        ):
            task, asked = self.succeed(MUSIC, {**INSPIRED, "mv": model}, *2 * CLIP)
            self.assertEqual(asked.body["mv"], theirs)
            self.assertIn(f"/{account}/music/{task}.mp3", self.spool.task(task)["artifacts"][0]["url"])
            # A clip is at the account that made it, whatever the load.
            clip = self.song(task)["data"][0]["id"]
            for _ in range(2):
                child, _ = self.succeed(CONCAT, {"clip_id": clip}, *CLIP)
                claims = [e["detail"] for e in self.spool.timeline(child) if e["event"] == "claimed"]
                self.assertEqual(claims, [account])

    def test_nobody_s(self):
        text = self.refused(MUSIC, {**INSPIRED, "mv": "chirp-v3-5"}, 404, "model_not_found")
        self.assertIn("chirp-v3-5", text)

    def test_a_clip_s_account_without_the_model(self):
        task, _ = self.succeed(MUSIC, {**INSPIRED, "mv": "chirp-v4"}, *2 * CLIP)
        clip = self.song(task)["data"][0]["id"]
        body = {"prompt": "more", "continue_clip_id": clip, "continue_at": 1, "mv": "chirp-v5"}
        status, _, answer = self.post(MUSIC, body)
        self.assertEqual((status, answer["code"]), (404, "model_not_found"), answer)


class Showing(Suno):
    def test_a_song(self):
        status, _, answer = self.post(MUSIC, {**CUSTOM, "mv": "chirp-v4"})
        task = answer["result"]
        self.assertEqual(
            (status, answer), (200, {"code": 1, "description": "Submitted successfully", "result": task})
        )
        self.assertRegex(task, r"^task_[0-9A-Za-z]{26}$")
        ended = self.succeeded(task)
        self.assertEqual([ended[n] for n in ("provider", "action", "model")], ["suno", "MUSIC", "chirp-v4"])
        check_artifacts(ended, *2 * CLIP)
        urls = [artifact["url"] for artifact in ended["artifacts"]]
        upstream = self.spool.upstream(task)
        clips = [
            {
                "id": f"{upstream[:-1]}{number}",
                "title": "La",
                "audio_url": urls[at],
                "image_url": urls[at + 1],
                "duration": duration,
                "tags": "pop, la",
                "prompt": "la la",
                "status": "complete",
            }
            for number, at, duration in ((1, 0, 132.4), (2, 4, 128.9))
        ]
        self.maxDiff = None
        self.assertEqual(self.song(task), {"task_id": task, "status": "complete", "data": clips})

    def test_lyrics(self):
        status, _, answer = self.post(LYRICS, {"prompt": "rain"})
        task = answer["result"]
        self.assertEqual(status, 200)
        ended = self.succeeded(task)
        self.assertEqual(ended["artifacts"], [{"kind": "text", "text": WORDS}])
        expected = {"id": task, "status": "complete", "data": {"title": "Harbour Light", "text": WORDS}}
        self.assertEqual(self.look(f"/suno/fetch/{task}"), (200, expected))

    def test_lyrics_under_way(self):
        task = self.submit(LYRICS, {"prompt": "rain [slow]"})
        expected = {"id": task, "status": "submitted", "data": {"title": "", "text": ""}}
        self.assertEqual(self.look(f"/suno/fetch/{task}"), (200, expected))
        self.succeeded(task)
        self.assertEqual(len([a for a in self.vendor.at(LYRICS) if b"[slow]" in a.raw]), 1)

    def test_words_on_the_way(self):
        """Clips that are only streaming are shown to nobody."""
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [slow]"})
        words = []
        while not words or words[-1] not in ("complete", "error"):
            shown = self.song(task)
            if shown["status"] != "complete":
                self.assertEqual(shown, {"task_id": task, "status": shown["status"], "data": []})
            also = self.spool.task(task)
            if also["status"] != "succeeded":
                self.assertEqual(also["artifacts"], [])
            words.append(shown["status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "submitted"), ["processing", "complete"])
        self.assertFalse([a.path for a in self.vendor.at("/sim/files/") if "stream" in a.path])

    def test_many(self):
        song = self.submit(MUSIC, INSPIRED)
        lyrics = self.submit(LYRICS, {"prompt": "rain"})
        failed = self.submit(MUSIC, {"gpt_description_prompt": "a song [fail]"})
        theirs = self.post(MUSIC, INSPIRED, "other")[2]["result"]
        for task in (song, lyrics, failed):
            self.spool.end_of(task)
        ids = [failed, "task_unknown", theirs, lyrics, "", song]
        status, _, answer = self.post("/suno/fetch", {"ids": ids})
        expected = [self.song(failed), self.look(f"/suno/fetch/{lyrics}")[1], self.song(song)]
        self.assertEqual((status, answer), (200, {"code": 1, "data": expected}))
        for nothing in ([], [""], ["task_unknown"], [5, None, {}, []]):
            self.assertEqual(self.post("/suno/fetch", {"ids": nothing})[2], {"code": 1, "data": []})
        # Any number; what is no id is left out; what is named twice comes twice.
        ids = [song, None, *["task_" + "0" * 26] * 150, lyrics, 5, {}, *["x"] * 150, "x" * 5000, [song], song]
        status, _, answer = self.post("/suno/fetch", {"ids": ids})
        self.assertEqual((status, answer["data"]), (200, [expected[2], expected[1], expected[2]]))

    def test_they_are_asked_for_together(self):
        before = len(self.vendor.at("/suno/fetch"))
        tasks = [self.submit(MUSIC, {"gpt_description_prompt": f"number {n} [slow]"}) for n in range(8)]
        for task in tasks:
            self.succeeded(task)
        fetches = self.vendor.at("/suno/fetch")[before:]
        self.assertEqual({(asked.method, asked.path) for asked in fetches}, {("POST", "/suno/fetch")})
        counts = [len(asked.body["ids"]) for asked in fetches]
        self.assertGreaterEqual(max(counts), 2, counts)
        self.assertLess(len(counts), sum(counts) * 0.8, counts)

    def test_failures(self):
        for word, code, message in (
            ("fail", "vendor_failed", "Generation failed, please try again"),
            ("moderation", "content_filter", "Song description contains content that isn't allowed"),
            ("expired", "vendor_failed", "time out"),
            ("refuse", "invalid_request", "Song description was flagged"),
        ):
            with self.subTest(word):
                task = self.submit(MUSIC, {"gpt_description_prompt": f"a song [{word}]"})
                self.assertEqual(self.failed(task), {"code": code, "message": message})
                expected = {"task_id": task, "status": "error", "data": [], "fail_reason": message}
                self.assertEqual(self.song(task), expected)
        task = self.submit(LYRICS, {"prompt": "rain [refuse]"})
        self.failed(task)
        shown = self.look(f"/suno/fetch/{task}")[1]
        expected = {"id": task, "status": "error", "data": {"title": "", "text": ""}}
        self.assertEqual(shown, {**expected, "fail_reason": "Song description was flagged"})

    def test_one_of_two(self):
        """The vendor calls it a failure; the song that is there was paid for."""
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [mixed]"})
        ended = self.succeeded(task)
        *there, missing = ended["artifacts"]
        check_artifacts({**ended, "artifacts": there}, *CLIP)
        error = {"code": "vendor_failed", "message": "Generation failed, please try again"}
        self.assertEqual(missing, {"kind": "audio", "url": "", "error": error})
        shown = self.song(task)
        self.assertEqual((shown["status"], "fail_reason" in shown), ("complete", False))
        fine, broken = shown["data"]
        self.assertEqual((fine["status"], broken["status"]), ("complete", "error"))
        self.assertTrue(fine["audio_url"])
        self.assertEqual((broken["audio_url"], broken["image_url"]), ("", ""))
        self.refused(CONCAT, {"clip_id": broken["id"]}, 404, "task_not_exist")
        self.assertEqual(self.post(CONCAT, {"clip_id": fine["id"]})[0], 200)

    def test_webhooks_of_a_song(self):
        task, (first, last) = self.hooks(MUSIC, CUSTOM, "processing", "complete", name="notifyHook")
        output = {"audio_url": "", "title": "", "duration": 0}
        self.assertEqual(first, {"id": task, "status": "processing", "output": output})
        clip = self.song(task)["data"][0]
        output = {"audio_url": clip["audio_url"], "title": "La", "duration": 132.4}
        self.assertEqual(last, {"id": task, "status": "complete", "output": output})

    def test_webhooks_are_about_the_first_usable_clip(self):
        def swap(asked):
            """The same two clips, the broken one first."""
            if asked.method != "POST" or "/fetch" not in asked.path:
                return None
            status, headers, data = self.vendor.usual(asked)
            answer = json.loads(data)
            for one in answer["data"] or []:
                if isinstance(one["data"], list) and any(clip["status"] == "error" for clip in one["data"]):
                    one["data"].reverse()
            return status, headers, answer

        self.vendor.on("/suno/fetch", swap)
        swapped = {"gpt_description_prompt": "a song [mixed]"}
        task, (_, last) = self.hooks(MUSIC, swapped, "processing", "complete")
        broken, fine = self.song(task)["data"]
        self.assertEqual((broken["status"], broken["audio_url"]), ("error", ""))
        self.assertEqual(last["output"]["audio_url"], fine["audio_url"])
        self.assertNotEqual(fine["audio_url"], "")
        self.assertEqual(last["output"]["duration"], 132.4)

    def test_webhooks_of_lyrics_and_failures(self):
        task, (only,) = self.hooks(LYRICS, {"prompt": "rain"}, "complete")
        output = {"title": "Harbour Light", "text": WORDS}
        self.assertEqual(only, {"id": task, "status": "complete", "output": output})
        task, (only,) = self.hooks(MUSIC, {"gpt_description_prompt": "a song [refuse]"}, "error")
        output = {"audio_url": "", "title": "", "duration": 0}
        reason = "Song description was flagged"
        self.assertEqual(only, {"id": task, "status": "error", "output": output, "fail_reason": reason})


class LateVideo(Suno):
    speed = 5  # the video comes 0.6 s after the song

    def test_the_song_doesn_t_wait_for_it(self):
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [late-video] [fast]"})
        check_artifacts(self.succeeded(task), *2 * CLIP[:3])
        for clip in self.song(task)["data"]:
            self.assertEqual(clip["status"], "complete")


class WithoutCover(unittest.TestCase):
    def test_the_song_is_kept(self):
        spool, task = slow["spool"], slow["task"]
        shown = spool.end_of(task)
        self.assertEqual(shown["status"], "succeeded", shown)
        missing = [artifact["kind"] for artifact in shown["artifacts"] if "error" in artifact]
        self.assertEqual(missing, ["cover"] * 4)
        shown["artifacts"] = [artifact for artifact in shown["artifacts"] if "error" not in artifact]
        check_artifacts(shown, "audio", "video", "audio", "video")
        clips = spool.get(f"/suno/fetch/{task}")["data"]["data"]
        self.assertEqual([clip["image_url"] for clip in clips], ["", ""])
        self.assertTrue(all(clip["audio_url"] for clip in clips))


# Path, body, the field that is named.
WRONG = [
    (MUSIC, b"", "body"),
    (MUSIC, b"{", "body"),
    (MUSIC, b"[]", "body"),
    (MUSIC, {}, "prompt"),
    (MUSIC, {"prompt": "x", "tags": "x"}, "title"),
    (MUSIC, {"prompt": "x", "title": "x"}, "tags"),
    (MUSIC, {"title": "x", "tags": "x"}, "prompt"),
    (MUSIC, {"prompt": 5, "title": "x", "tags": "x"}, "prompt"),
    (MUSIC, {"prompt": "x", "title": 5, "tags": "x"}, "title"),
    (MUSIC, {"prompt": "x" * 10001, "title": "x", "tags": "x"}, "prompt"),
    (MUSIC, {"gpt_description_prompt": ""}, "prompt"),
    (MUSIC, {"gpt_description_prompt": 5}, "gpt_description_prompt"),
    (MUSIC, {**INSPIRED, "mv": 5}, "mv"),
    (MUSIC, {**INSPIRED, "make_instrumental": "yes"}, "make_instrumental"),
    (MUSIC, {**INSPIRED, "make_instrumental": 1}, "make_instrumental"),
    (MUSIC, {**INSPIRED, "singer_style": 5}, "singer_style"),
    (MUSIC, {**INSPIRED, "notifyHook": 5}, "notifyHook"),
    (MUSIC, {**INSPIRED, "notifyHook": "ftp://example.com/"}, "notifyHook"),
    (MUSIC, {**INSPIRED, "callback_url": "what?"}, "callback_url"),
    (MUSIC, {"prompt": "x", "audio_url": 5}, "audio_url"),
    (MUSIC, {"prompt": "x", "audio_url": "a\nb"}, "audio_url"),
    (MUSIC, {"title": "x", "make_instrumental": True}, "tags"),
    (MUSIC, {"continue_clip_id": "x", "continue_at": 1}, "prompt"),
    (MUSIC, {"continue_clip_id": "x", "prompt": "x"}, "continue_at"),
    (MUSIC, {"continue_clip_id": "x", "prompt": "x", "continue_at": "1"}, "continue_at"),
    (MUSIC, {"continue_clip_id": "x", "prompt": "x", "continue_at": -1}, "continue_at"),
    (MUSIC, {"continue_clip_id": 5, "prompt": "x", "continue_at": 1}, "continue_clip_id"),
    (LYRICS, {}, "prompt"),
    (LYRICS, {"prompt": ""}, "prompt"),
    (LYRICS, {"prompt": ["x"]}, "prompt"),
    (CONCAT, {}, "clip_id"),
    (CONCAT, {"clip_id": 5}, "clip_id"),
    (CONCAT, {"clip_id": "x", "is_infill": "yes"}, "is_infill"),
    ("/suno/fetch", {}, "ids"),
    ("/suno/fetch", {"ids": None}, "ids"),
    ("/suno/fetch", {"ids": ""}, "ids"),
    ("/suno/fetch", {"ids": "x"}, "ids"),
    ("/suno/fetch", {"ids": {"0": "x"}}, "ids"),
    ("/suno/fetch", b'{"ids":["x",]}', "body"),
    ("/suno/fetch", b'{"ids":["x"],"ids":["y"]}', "body"),
]


class Refusing(Suno):
    def test_wrong_input(self):
        self.check_wrong_input(WRONG)

    def test_a_model_nobody_serves(self):
        text = self.refused(MUSIC, {**INSPIRED, "mv": "udio-v99"}, 404, "model_not_found")
        self.assertIn("udio-v99", text)

    def test_unknown_paths(self):
        for method, path, status in (
            ("POST", "/suno/submit/nothing", 404),
            ("GET", MUSIC, 405),
            ("GET", "/suno/fetch", 405),
        ):
            got = self.spool.request(method, path, b"" if method == "POST" else None)
            self.assertEqual(got[0], status, (path, got[2]))

    def test_no_key_and_strangers(self):
        task = self.submit(MUSIC, INSPIRED)
        clip = None
        self.succeeded(task)
        clip = self.song(task)["data"][0]["id"]
        for headers in ({}, {"Authorization": "Bearer sk-no"}):
            for method, path in (
                ("POST", MUSIC),
                ("POST", LYRICS),
                ("POST", CONCAT),
                ("POST", "/suno/fetch"),
                ("GET", f"/suno/fetch/{task}"),
            ):
                body = {"prompt": "x"} if method == "POST" else None
                status, _, answer = exchange(self.spool.port, method, path, body, headers)
                self.assertEqual((status, set(answer)), (401, {"error"}), path)
                self.assertEqual(answer["error"]["type"], "authentication_error")
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev")):
            self.assertEqual(self.look(f"/suno/fetch/{one}", key), (404, self.unknown), (one, key))
        # Another key's clip is as unknown as none.
        more = {"prompt": "x", "continue_at": 1}
        for path, name, body in ((CONCAT, "clip_id", {}), (MUSIC, "continue_clip_id", more)):
            for one in (clip, "0" + clip[1:], "x"):
                text = self.refused(path, {**body, name: one}, 404, "task_not_exist", "other")
                self.assertEqual(text, "task_not_exist")

    def test_idempotency_keys(self):
        key = {"Idempotency-Key": "a"}
        first, again = self.post(MUSIC, CUSTOM, **key), self.post(MUSIC, CUSTOM, **key)
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        self.assertEqual(again[1]["idempotent-replayed"], "true")
        other = self.post(MUSIC, {**CUSTOM, "title": "Lo"}, **key)
        self.assertEqual(
            (other[0], other[2]["code"], other[2]["data"]), (422, "idempotency_key_reused", None)
        )
        self.succeeded(first[2]["result"])
        self.asked(first[2]["result"])
        self.assertNotEqual(self.post(MUSIC, CUSTOM, "other", **key)[2]["result"], first[2]["result"])

    def test_cancel(self):
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [hang]"})
        self.spool.wait_phase(task, "submitted", "rendering")
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        self.assertEqual(self.song(task)["status"], "error")
        self.assertEqual(self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")[0], 409)


class Doubt(Suno):
    """Nothing of ours is known to the vendor: what is lost stays unknown, and isn't sent again."""

    def test_lost(self):
        words = ("cut", "502", "html", "empty", "500", "cut-unaccepted")
        tasks = {word: self.submit(MUSIC, {"gpt_description_prompt": f"a song [{word}]"}) for word in words}
        lyrics = self.submit(LYRICS, {"prompt": "rain [cut]"})
        for word, task in [*tasks.items(), ("lyrics", lyrics)]:
            error = self.failed(task)
            self.assertEqual(error["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.spool.events(task), ["accepted", "claimed", "in_doubt", "failed"], word)
            self.asked(task)  # only one
        self.assertEqual(self.song(tasks["cut"])["fail_reason"], error["message"])
        counts = {prompt: n for prompt, n in self.sim.jobs("suno")[0].items() if "slow" not in prompt}
        expected = {f"a song [{word}]": 1 for word in ("cut", "502", "html", "empty")}
        self.assertEqual(counts, {**expected, "rain [cut]": 1})

    def test_late(self):
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [slow-answer]"})
        self.succeeded(task)
        self.asked(task)


class Retry(Suno):
    @classmethod
    def accounts(cls):
        return [suno_account(cls.vendor, poll_interval_ms=50, on_unknown_submit="retry")]

    def test_the_operator_may_prefer_to_pay_twice(self):
        task = self.submit(MUSIC, {"gpt_description_prompt": "a song [500]"})
        self.succeeded(task)
        self.assertEqual(len(self.vendor.at(MUSIC)), 2)
        expected = ["accepted", "claimed", "in_doubt", "retried_unknown", "claimed", "submitted"]
        self.assertEqual(self.spool.events(task)[:6], expected)


class Later(unittest.TestCase):
    def submit(self, spool, prompt):
        return spool.request("POST", MUSIC, {"gpt_description_prompt": prompt})[2]["result"]

    def test_refusals(self):
        """Too fast, no credits, no quota: nothing was accepted, so it waits; then it is sent again."""
        words = ("429", "402", "quota")
        with Sim(speed=50) as sim:
            vendors = [self.enterContext(Between(sim)) for _ in words]
            spools = [self.enterContext(Spool({"accounts": [suno_account(vendor)]})) for vendor in vendors]
            tasks = [self.submit(spool, f"a song [{word}]") for spool, word in zip(spools, words)]
            self.assertEqual(spools[0].end_of(tasks[0])["status"], "succeeded")
            at = [asked.at for asked in vendors[0].at(MUSIC)]
            self.assertEqual(len(at), 3)
            self.assertTrue(0.9 < at[1] - at[0] < 1.8 < at[2] - at[1], at)
            for spool, task, vendor in list(zip(spools, tasks, vendors))[1:]:
                self.assertEqual(spool.task(task)["phase"], "queued")
                events = spool.events(task)
                self.assertEqual(events[:4], ["accepted", "claimed", "refused", "claimed"])
                self.assertEqual(spool.metric("accounts_out"), 0)
                self.assertIn(len(vendor.at(MUSIC)), (2, 3))
            self.assertEqual(sim.jobs("suno")[0], {"a song [429]": 1})

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=50) as sim, Spool({"accounts": [suno_account(sim, api_key="wrong")]}) as spool:
            self.submit(spool, "a song")
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")
            for path, body in ((MUSIC, {**INSPIRED, "mv": "chirp-v4"}), (LYRICS, {"prompt": "x"})):

                def refused():
                    status, headers, answer = spool.request("POST", path, body)
                    return (status, headers, answer) if status != 200 else None

                status, headers, answer = eventually(refused, 5, "a refusal")
                self.assertEqual((status, answer["code"], answer["data"]), (503, "get_channel_failed", None))
                self.assertIn("retry-after", headers)


if __name__ == "__main__":
    main()
