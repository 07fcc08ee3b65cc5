"""The clip dialect of Suno, as front ends speak it: clips that have names at once."""
import time
import unittest

from harness import Family, check_artifacts, main, words_seen
from vendors.suno import suno_account

GENERATE, DESCRIBE, LYRICS = "/suno/generate", "/suno/generate/description-mode", "/suno/generate/lyrics/"
CUSTOM = {"prompt": "la la", "tags": "pop", "mv": "chirp-v4", "title": "La", "make_instrumental": False}
# What the front end leaves empty.
EMPTY = {"continue_clip_id": "", "continue_at": None, "task": ""}
INSPIRED = {"gpt_description_prompt": "a song", "mv": "chirp-v4", "make_instrumental": False, "prompt": ""}
CLIP = ["audio", "cover", "cover", "video"]


class Clips(Family):
    @classmethod
    def accounts(cls):
        return [suno_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def make(self, path, body):
        """The task, and the names of its clips."""
        status, _, answer = self.post(path, body)
        self.assertEqual(status, 200, answer)
        return answer["id"], [clip["id"] for clip in answer["clips"]]

    def feed(self, *clips):
        status, answer = self.look(f"/suno/feed/{','.join(clips)}")
        self.assertEqual(status, 200, answer)
        return answer

    def asked(self, task):
        (asked,) = [a for a in self.vendor.at("/suno/submit/") if a.headers["idempotency-key"] == task]
        return asked

    def test_a_song_from_words_to_sound(self):
        for path, body in ((GENERATE, {**CUSTOM, **EMPTY}), (DESCRIBE, INSPIRED)):
            task, clips = self.make(path, body)
            self.assertEqual(clips, [f"{task}-1", f"{task}-2"])
            words = []
            while not words or words[-1] not in ("complete", "error"):
                shown = self.feed(*clips)
                self.assertEqual([clip["id"] for clip in shown], clips)
                words.append(shown[0]["status"])
                time.sleep(0.02)
            self.assertEqual(words_seen(words, "submitted")[-1], "complete")
            self.assertLessEqual(set(words), {"submitted", "queued", "streaming", "complete"})
            files = check_artifacts(self.spool.task(task), *2 * CLIP)
            links = [artifact["url"] for artifact in self.spool.task(task)["artifacts"]]
            places = ("audio_url", "image_url", "image_large_url", "video_url")
            self.assertEqual([clip[place] for clip in shown for place in places], links)
            self.assertEqual(len(files), 8)
            self.assertGreater(shown[1]["metadata"]["duration"], 0)
            self.assertEqual(shown[0]["model_name"], "chirp-v4")
            self.assertEqual(self.feed(clips[1]), shown[1:])
        self.assertEqual(self.asked(task).path, "/suno/submit/music")

    def test_without_a_title(self):
        """Only our own page wants one."""
        task, _ = self.make(GENERATE, {"prompt": "la la", "title": "", "tags": "", "mv": "chirp-v4"})
        self.assertEqual(self.asked_when_sent(task).body["prompt"], "la la")

    def asked_when_sent(self, task):
        self.spool.end_of(task)
        return self.asked(task)

    def test_it_goes_on(self):
        """A clip is continued by our name for it, on either dialect."""
        parent, clips = self.make(GENERATE, CUSTOM)
        self.spool.end_of(parent)
        theirs = [clip["id"] for clip in self.look(f"/suno/fetch/{parent}")[1]["data"]["data"]]
        body = {"prompt": "more", "continue_clip_id": clips[1], "continue_at": 60, "tags": "pop", "title": "La"}
        child, _ = self.make(GENERATE, body)
        other = self.post("/suno/submit/music", body)[2]["result"]
        whole = self.post("/suno/submit/concat", {"clip_id": clips[0]})[2]["result"]
        for task in (child, other):
            sent = self.asked_when_sent(task).body
            self.assertEqual((sent["continue_clip_id"], sent["task_id"]), (theirs[1], self.spool.upstream(parent)))
        self.assertEqual(self.asked_when_sent(whole).body["clip_id"], theirs[0])
        for wrong in (f"{parent}-3", f"{parent}-0", "task_" + "0" * 26 + "-1"):
            answer = self.post(GENERATE, {**body, "continue_clip_id": wrong})
            self.assertEqual((answer[0], answer[2]["code"]), (404, "task_not_exist"), answer)

    def test_lyrics(self):
        for path in (LYRICS, LYRICS.rstrip("/")):
            task = self.submit(path, {"prompt": "la"})
            self.spool.end_of(task)
            shown = self.look(f"/suno/lyrics/{task}")[1]
            self.assertEqual((shown["id"], shown["status"]), (task, "complete"))
            self.assertTrue(shown["title"] and shown["text"])
            self.assertEqual(self.look(f"/suno/fetch/{task}")[1]["data"]["text"], shown["text"])

    def test_failures(self):
        task, clips = self.make(DESCRIBE, {**INSPIRED, "gpt_description_prompt": "a song [fail]"})
        reason = self.spool.end_of(task)["error"]["message"]
        for clip in self.feed(*clips):
            self.assertEqual((clip["status"], clip["audio_url"], clip["metadata"]["error_message"]), ("error", "", reason))
        _, clips = self.make(DESCRIBE, {**INSPIRED, "gpt_description_prompt": "a song [mixed]"})
        self.spool.end_of(clips[0].rsplit("-", 1)[0])
        self.assertEqual(sorted(clip["status"] for clip in self.feed(*clips)), ["complete", "error"])

    def test_many_and_strangers(self):
        mine = [self.make(DESCRIBE, INSPIRED)[1][0] for _ in range(3)]
        theirs = self.post(DESCRIBE, INSPIRED, "other")[2]["clips"][0]["id"]
        asked = [mine[2], "x", theirs, mine[0], "", "task_" + "0" * 26 + "-1", mine[1] * 9, mine[1]]
        self.assertEqual([clip["id"] for clip in self.feed(*asked)], [mine[2], mine[0], mine[1]])
        self.assertEqual(len(self.feed(*mine * 60)), 180)
        self.assertEqual(self.feed(theirs), [])
        self.assertEqual(self.look(f"/suno/lyrics/{theirs[:-2]}"), (404, self.unknown))

    def test_wrong_input(self):
        for path, body, field in (
            (GENERATE, {}, "prompt"),
            (GENERATE, {"prompt": 5}, "prompt"),
            (GENERATE, {"prompt": "x" * 10001}, "prompt"),
            (GENERATE, {"prompt": "x", "make_instrumental": "no"}, "make_instrumental"),
            (LYRICS, {}, "prompt"),
            (LYRICS, {"prompt": ["x"]}, "prompt"),
        ):
            status, _, answer = self.post(path, body)
            self.assertEqual((status, answer["code"], answer["data"]), (400, "invalid_request", None), (path, body))
            self.assertTrue(answer["message"].startswith(f"{field}: "), answer)

    def test_webhooks(self):
        _, hooks = self.hooks(DESCRIBE, INSPIRED, "processing", "complete")
        self.assertTrue(hooks[-1]["output"]["audio_url"])


if __name__ == "__main__":
    main()
