"""Sora at a relay, by the calls of OpenAI's SDK: create, look, list, remix, content, delete."""
import unittest

from harness import Between, Sim, Spool, check_artifacts, download, main
from vendors import relay_accounts
from vendors.kling import kling_account
from vendors.sora import sora_account

VIDEOS = "/v1/videos"
BOAT = {"model": "sora-2", "prompt": "a paper boat", "seconds": "8", "size": "1280x720"}


class Sora(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.wire = cls.enterClassContext(Between(cls.sim))
        accounts = [sora_account(cls.wire, poll_interval_ms=50), kling_account(cls.sim, poll_interval_ms=50)]
        cls.spool = cls.enterClassContext(Spool({"accounts": accounts}))

    def post(self, path, body, spool=None):
        return (spool or self.spool).request("POST", path, body)

    def make(self, body, spool=None):
        status, _, answer = self.post(VIDEOS, body, spool)
        self.assertEqual(status, 200, answer)
        check_artifacts((spool or self.spool).end_of(answer["id"]), "video")
        return answer["id"]

    def test_a_video(self):
        task = self.make(BOAT)
        self.assertEqual(self.wire.sent(VIDEOS)[0], BOAT)
        shown = self.spool.get(f"{VIDEOS}/{task}")
        self.assertEqual((shown["status"], shown["seconds"], shown["progress"]), ("completed", "8", 100))
        (artifact,) = self.spool.task(task)["artifacts"]
        headers = {"Authorization": "Bearer sk-dev"}
        self.assertEqual(download(f"{self.spool.url}{VIDEOS}/{task}/content", headers)[2], download(artifact["url"])[2])
        # The vendor's file wants the key, the host that it redirects to mustn't get it.
        self.assertEqual(self.wire.at("/content")[0].headers["authorization"], "Bearer sim-secret")
        for variant in ("thumbnail", "spritesheet"):
            status, _, answer = self.spool.request("GET", f"{VIDEOS}/{task}/content?variant={variant}")
            self.assertIn(status, (400, 404), answer)
            self.assertTrue(answer["error"]["message"])

    def test_remix(self):
        parent = self.make({**BOAT, "prompt": "a parent"})
        status, _, answer = self.post(f"{VIDEOS}/{parent}/remix", {"prompt": "at night"})
        self.assertEqual((status, answer["remixed_from_video_id"], answer["model"]), (200, parent, "sora-2"))
        check_artifacts(self.spool.end_of(answer["id"]), "video")
        (asked,) = self.wire.at("/remix")
        self.assertEqual((asked.path, asked.body), (f"{VIDEOS}/{self.spool.upstream(parent)}/remix", {"prompt": "at night"}))
        self.assertEqual(self.spool.get(f"{VIDEOS}/{answer['id']}")["remixed_from_video_id"], parent)

    def test_what_can_t_be_remixed(self):
        other = self.post(VIDEOS, {"model": "kling-v2-6", "prompt": "a cat"})[2]["id"]
        self.spool.end_of(other)
        runs = self.post(VIDEOS, {**BOAT, "prompt": "a boat [hang]"})[2]["id"]
        stranger = self.post("/kling/v1/videos/text2video", {"model": "kling-v2-6", "prompt": "a cat"})[2]["task_id"]
        for task, status, text in (
            (other, 400, "id: kling-v2-6 can't remix a video"),
            (runs, 400, "id: the video is "),
            (stranger, 404, "no such video"),
            ("task_" + "0" * 26, 404, "no such video"),
        ):
            got, _, answer = self.post(f"{VIDEOS}/{task}/remix", {"prompt": "x"})
            self.assertEqual(got, status, answer)
            self.assertTrue(answer["error"]["message"].startswith(text), answer)
        for body in ({}, {"prompt": ""}, {"prompt": 5}):
            got, _, answer = self.post(f"{VIDEOS}/{other}/remix", body)
            self.assertEqual(got, 400)
            self.assertTrue(answer["error"]["message"].startswith("prompt: "), answer)

    def test_failures(self):
        for word, code in (("[fail]", "vendor_failed"), ("[moderation]", "content_filter"), ("[refuse]", "vendor_failed")):
            task = self.post(VIDEOS, {**BOAT, "prompt": f"a boat {word}"})[2]["id"]
            ended = self.spool.end_of(task)
            self.assertEqual(ended["status"], "failed")
            if word != "[refuse]":
                self.assertEqual(ended["error"]["code"], code)

    def test_through_another_spool(self):
        with Between(self.spool) as wire:
            wire.key = self.spool.key
            accounts = [one for one in relay_accounts(wire, poll_interval_ms=50) if one["provider"] == "sora"]
            with Spool({"accounts": accounts}) as front:
                parent = self.make({**BOAT, "prompt": "through two"}, front)
                answer = self.post(f"{VIDEOS}/{parent}/remix", {"prompt": "through two again"}, front)[2]
                check_artifacts(front.end_of(answer["id"]), "video")
                self.assertEqual([asked.path for asked in wire.at("/remix") if asked.method == "POST"], [f"{VIDEOS}/{front.upstream(parent)}/remix"])


if __name__ == "__main__":
    main()
