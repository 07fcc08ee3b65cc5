"""Sora at a relay, by the calls of OpenAI's SDK: create, look, list, remix, content, delete."""
import time
import unittest

from harness import PNG, Between, Receiver, Sim, Spool, Vendor, check_artifacts, download, eventually, main
from vendors import relay_accounts
from vendors.kling import kling_account
from vendors.luma import luma_account
from vendors.seedance import seedance_account
from vendors.sora import sora_account

VIDEOS = "/v1/videos"
ALL = ["video", "cover", "image"]  # with its thumbnail, and its spritesheet
MOVIE = (200, {"Content-Type": "video/mp4"}, b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
PICTURE = (200, {"Content-Type": "image/png"}, PNG)
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

    def make(self, body, spool=None, kinds=ALL):
        status, _, answer = self.post(VIDEOS, body, spool)
        self.assertEqual(status, 200, answer)
        check_artifacts((spool or self.spool).end_of(answer["id"]), *kinds)
        return answer["id"]

    def content(self, task, query="", spool=None):
        return (spool or self.spool).request("GET", f"{VIDEOS}/{task}/content{query}")

    def missing(self, task, variant, spool=None):
        status, _, answer = self.content(task, f"?variant={variant}", spool)
        self.assertEqual((status, answer["error"]["code"]), (404, "not_found"), answer)
        self.assertEqual(answer["error"]["message"], f"the vendor has given no {variant}")

    def test_a_video(self):
        task = self.make(BOAT)
        self.assertEqual(self.wire.sent(VIDEOS)[0], BOAT)
        shown = self.spool.get(f"{VIDEOS}/{task}")
        self.assertEqual((shown["status"], shown["seconds"], shown["progress"]), ("completed", "8", 100))
        # The vendor's file wants the key, the host that it redirects to mustn't get it.
        self.assertEqual(self.wire.at("/content")[0].headers["authorization"], "Bearer sim-secret")

    def test_the_variants(self):
        """The vendor's own bytes, by whichever family's path the video was asked for."""
        with Receiver() as receiver:
            for path in (VIDEOS, "/v1/video/create"):
                body = {"model": "sora-2", "prompt": f"variants by {path}", "notifyHook": f"{receiver.url}/hook"}
                task = self.post(path, body)[2]["id"]
                video, cover, sheet = self.spool.end_of(task)["artifacts"]
                for query, artifact, kind, content_type, ending in (
                    ("", video, "video", "video/mp4", ".mp4"),
                    ("?variant=", video, "video", "video/mp4", ".mp4"),
                    ("?variant=video", video, "video", "video/mp4", ".mp4"),
                    ("?variant=thumbnail", cover, "cover", "image/jpeg", "-thumbnail.jpeg"),
                    ("?variant=spritesheet", sheet, "image", "image/png", "-spritesheet.png"),
                ):
                    status, headers, data = self.content(task, query)
                    self.assertEqual((status, headers["content-type"]), (200, content_type), query)
                    self.assertEqual(set(artifact), {"kind", "url", "content_type", "bytes", "sha256"})
                    self.assertEqual((artifact["kind"], artifact["content_type"]), (kind, content_type))
                    self.assertTrue(data == download(artifact["url"])[2], query)
                    self.assertTrue(data == download(f"{self.sim.url}/sim/files/sora-{self.spool.upstream(task)}{ending}")[2], query)
                # The families' one link is the video's, and a webhook's cover the thumbnail's.
                self.assertEqual(self.spool.get(f"{VIDEOS}/{task}")["video"]["url"], video["url"])
                self.assertEqual(self.spool.get(f"/v1/video/query?id={task}")["video_url"], video["url"])
                last = eventually(lambda: [hook for hook in receiver.at("/hook") if hook.body["status"] == "succeed"], what="the last hook")[-1]
                output = {"video_url": video["url"], "cover_url": cover["url"]}
                self.assertEqual({name: last.body["output"][name] for name in output}, output)
                receiver.hooks.clear()
                for word in ("poster", "Video", "thumbnail,video", "image"):
                    status, _, answer = self.content(task, f"?variant={word}")
                    self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                    message = "variant: must be one of: video, thumbnail, spritesheet"
                    self.assertEqual(answer["error"]["message"], message)
                files = [one["url"] for one in (video, cover, sheet)]
                self.assertEqual(self.spool.request("DELETE", f"{VIDEOS}/{task}")[0], 200)
                eventually(lambda: [download(url)[0] for url in files] == [404] * 3, what="the end of the files")

    def test_variants_that_there_are_not(self):
        """The task doesn't wait for them, nor names what its vendor hasn't got: a relay may give the video whatever is asked for."""
        for word in ("no-variants", "any-variant", "any-variant] [big"):
            begun = time.monotonic()
            task = self.make({**BOAT, "prompt": f"a boat [{word}]"}, kinds=["video"])
            self.assertLess(time.monotonic() - begun, 8)
            self.assertEqual(self.content(task)[0], 200)
            for variant in ("thumbnail", "spritesheet"):
                self.missing(task, variant)

    def test_what_else_may_become_of_variants(self):
        """An error is waited for as a dead link is, and named; those of a video that is fetched again are, too."""
        with Vendor() as vendor:
            sheets = [(503, {}, b""), (503, {}, b""), PICTURE]
            dead = {"video_gone": (404, {}, b"")}

            def content(asked):
                if any(job in asked.path for job in dead):
                    return dead["video_gone"]
                if "video_ill" not in asked.path:
                    return MOVIE if "variant" not in asked.path else PICTURE
                return MOVIE if "variant" not in asked.path else (500, {}, b"") if "thumbnail" in asked.path else sheets.pop(0)

            def shown(asked):
                job = asked.body["prompt"] if asked.method == "POST" else asked.path.rsplit("/", 1)[1]
                status = "queued" if asked.method == "POST" else "completed"
                return 200, {}, {"id": job, "object": "video", "status": status, "progress": 0}

            vendor.on("/content", content)
            vendor.on(VIDEOS, shown)
            tokens = [{"name": "op", "key": "sk-dev", "admin": True}]
            with Spool({"accounts": [sora_account(vendor, poll_interval_ms=50)], "tokens": tokens}) as spool:
                begun = time.monotonic()
                ill, gone = [self.post(VIDEOS, {**BOAT, "prompt": job}, spool)[2]["id"] for job in ("video_ill", "video_gone")]
                video, cover, sheet = spool.end_of(ill)["artifacts"]
                self.assertLess(time.monotonic() - begun, 20)
                self.assertEqual(cover["error"]["message"], "the vendor's link answers HTTP 500")
                self.assertEqual((video["kind"], cover["kind"], cover["url"], sheet["kind"]), ("video", "cover", "", "image"))
                status, _, answer = self.content(ill, "?variant=thumbnail", spool)
                self.assertEqual((status, answer["error"]["message"]), (404, "the thumbnail couldn't be archived"))
                self.assertTrue(self.content(ill, "?variant=spritesheet", spool)[2] == PNG)
                self.assertEqual(spool.end_of(gone)["error"]["code"], "archive_failed")
                self.assertEqual(self.content(gone, "?variant=thumbnail", spool)[0], 409)
                dead.clear()
                self.assertEqual(self.post(f"/admin/v1/tasks/{gone}/resolve", {"do": "archive"}, spool)[0], 200)
                eventually(lambda: spool.task(gone)["status"] == "succeeded", what="its files")
                self.assertEqual([one["kind"] for one in spool.task(gone)["artifacts"]], ALL)
            self.assertEqual([asked.headers["authorization"] for asked in vendor.at("ill/content?variant=spritesheet")], ["Bearer sim-secret"] * 3)

    def test_other_vendors_have_covers(self):
        """No image of theirs is a spritesheet, be it a last frame."""
        with Vendor() as vendor:
            files = {"video_url": f"{vendor.url}/a.mp4", "last_frame_url": f"{vendor.url}/b.png"}
            ark = {"id": "job-1", "model": "m", "status": "succeeded", "content": files, "created_at": 1, "updated_at": 1}
            assets = {"video": f"{vendor.url}/a.mp4", "image": f"{vendor.url}/b.png"}
            vendor.on("/a.mp4", lambda asked: MOVIE)
            vendor.on("/b.png", lambda asked: PICTURE)
            vendor.on("/contents/generations/tasks", lambda asked: (200, {}, ark))
            vendor.on("/generations", lambda asked: (200, {}, {"id": "job-2", "state": "completed", "assets": assets}))
            accounts = [seedance_account(vendor, poll_interval_ms=50), luma_account(vendor, poll_interval_ms=50)]
            with Spool({"accounts": accounts}) as spool:
                kite, drone = [
                    self.post(VIDEOS, {"model": model, "prompt": "a kite"}, spool)[2]["id"]
                    for model in ("doubao-seedance-1-5-pro", "ray-v2")
                ]
                self.assertEqual([one["kind"] for one in spool.end_of(kite)["artifacts"]], ["video", "image"])
                self.assertEqual([one["kind"] for one in spool.end_of(drone)["artifacts"]], ["video", "cover"])
                self.assertTrue(self.content(drone, "?variant=thumbnail", spool)[2] == PNG)
                for task, variant in ((kite, "thumbnail"), (kite, "spritesheet"), (drone, "spritesheet")):
                    self.missing(task, variant, spool)

    def test_remix(self):
        parent = self.make({**BOAT, "prompt": "a parent"})
        status, _, answer = self.post(f"{VIDEOS}/{parent}/remix", {"prompt": "at night"})
        self.assertEqual((status, answer["remixed_from_video_id"], answer["model"]), (200, parent, "sora-2"))
        check_artifacts(self.spool.end_of(answer["id"]), *ALL)
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
                # Of another Spool there is a link, and nothing else is asked for.
                parent = self.make({**BOAT, "prompt": "through two"}, front, ["video"])
                self.missing(parent, "thumbnail", front)
                self.assertEqual(wire.at("/content"), [])
                answer = self.post(f"{VIDEOS}/{parent}/remix", {"prompt": "through two again"}, front)[2]
                check_artifacts(front.end_of(answer["id"]), "video")
                self.assertEqual([asked.path for asked in wire.at("/remix") if asked.method == "POST"], [f"{VIDEOS}/{front.upstream(parent)}/remix"])


if __name__ == "__main__":
    main()
