"""/v1/videos: every vendor's video models by name, the list, and forgetting."""
import os
import threading
import time
import unittest
import urllib.parse

from harness import CUT, PNG, Between, Family, Receiver, Redis, Sim, Spool, Vendor, account, bearer, check_artifacts, download
from harness import eventually, exchange, main
from vendors.kling import kling_account
from vendors.seedance import seedance_account
from vendors.suno import suno_account
from vendors.veo import veo_account

VIDEOS, CREATE = "/v1/videos", "/v1/video/create"
IMAGE = "https://example.com/first.png"
TASK = "task_" + "0" * 26
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"


def files_in(spool):
    return [name for _, _, names in os.walk(os.path.join(spool.data_dir, "media")) for name in names]


class Videos(Family):
    settings = {"max_body_bytes": 1 << 20}

    @classmethod
    def accounts(cls):
        return [
            account(cls.vendor, poll_interval_ms=50),
            kling_account(cls.vendor, poll_interval_ms=50),
            kling_account(cls.vendor, "kling-2", models={"boat": "kling-v2-6"}, poll_interval_ms=50),
            seedance_account(cls.vendor, poll_interval_ms=50),
            suno_account(cls.vendor),
            veo_account(cls.vendor, poll_interval_ms=50),
        ]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def asked(self, path, prompt):
        """What the vendor was sent."""
        found = [a for a in self.vendor.at(path) if a.method == "POST" and prompt.encode() in a.raw]
        self.assertEqual(len(found), 1, prompt)
        return found[0].body

    def refused(self, path, body, status, code, key="dev"):
        got, _, answer = self.post(path, body, key)
        error = answer["error"] if path == VIDEOS else answer
        self.assertEqual((got, error["code"]), (status, code), answer)
        return error["message"]


class Models(Videos):
    def test_each_vendor(self):
        for model in ("kling-v3", "boat", "doubao-seedance-1-5-pro", "veo-3.1"):
            for path in (VIDEOS, CREATE, "/v1/video/generations"):
                with self.subTest(model=model, path=path):
                    task = self.submit(path, {"model": model, "prompt": f"of {model}"})
                    shown = self.succeeded(task)
                    check_artifacts(shown, *(artifact["kind"] for artifact in shown["artifacts"]))
                    video = self.look(f"{VIDEOS}/{task}")[1]
                    self.assertEqual((video["status"], video["model"], video["prompt"]), ("completed", model, f"of {model}"))
                    self.assertEqual(download(video["video"]["url"])[0], 200)
                    seen = self.look(f"/v1/video/query?id={task}")[1]
                    self.assertEqual((seen["status"], seen["video_url"]), ("completed", video["video"]["url"]))

    def test_kling(self):
        body = {"model": "kling-v3", "prompt": "all of it", "seconds": "5", "size": "1080x1920", "private": True}
        task = self.submit(VIDEOS, body)
        shown = self.succeeded(task)
        self.assertEqual((shown["provider"], shown["action"]), ("kling", "text2video"))
        sent = self.asked("/videos/text2video", "all of it")
        wanted = {"model_name": "kling-v3", "prompt": "all of it", "duration": "5", "aspect_ratio": "9:16", "mode": "pro"}
        self.assertEqual(sent, {**wanted, "external_task_id": task})
        video = self.look(f"{VIDEOS}/{task}")[1]
        self.assertEqual((video["size"], video["seconds"].split(".")[0]), ("1080x1920", "5"))
        self.assertEqual((video["video"]["width"], video["video"]["height"]), (1080, 1920))

    def test_kling_from_images(self):
        for body in ({"image_url": IMAGE}, {"images": [IMAGE]}, {"input_reference": {"image_url": IMAGE}}):
            prompt = f"from {next(iter(body))}"
            self.succeeded(self.submit(VIDEOS, {"model": "kling-v2-6", "prompt": prompt, **body}))
            self.assertEqual(self.asked("/videos/image2video", prompt)["image"], IMAGE)
        self.succeeded(self.submit(CREATE, {"model": "kling-v2-6", "prompt": "first and last", "images": [IMAGE, IMAGE + "2"]}))
        sent = self.asked("/videos/image2video", "first and last")
        self.assertEqual((sent["image"], sent["image_tail"], "images" in sent), (IMAGE, IMAGE + "2", False))

    def test_seedance(self):
        body = {"model": "doubao-seedance-1-5-pro", "prompt": "a kite", "seconds": "5", "size": "1280x720", "image_url": IMAGE}
        task = self.submit(VIDEOS, body)
        self.assertEqual(self.succeeded(task)["provider"], "seedance")
        content = [{"type": "text", "text": "a kite"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
        self.assertEqual(
            self.asked("/contents/generations/tasks", "a kite"),
            {"model": "doubao-seedance-1-5-pro-251215", "content": content, "duration": 5, "ratio": "16:9", "resolution": "720p"},
        )
        video = self.look(f"{VIDEOS}/{task}")[1]
        self.assertEqual((video["size"], video["prompt"]), ("1280x720", "a kite"))

    def test_a_file(self):
        """A form with a picture, as OpenAI's SDKs send it."""
        line = b"--b\r\nContent-Disposition: form-data; name="
        fields = {"model": b"doubao-seedance-1-5-pro", "prompt": b"of a file"}
        parts = b"".join(line + f'"{name}"\r\n\r\n'.encode() + text + b"\r\n" for name, text in fields.items())
        parts += line + b'"input_reference"; filename="a.png"\r\nContent-Type: application/octet-stream\r\n\r\n' + PNG + b"\r\n--b--\r\n"
        status, _, answer = self.post(VIDEOS, parts, **{"Content-Type": "multipart/form-data; boundary=b"})
        self.assertEqual(status, 200, answer)
        self.succeeded(answer["id"])
        sent = self.asked("/contents/generations/tasks", "of a file")
        self.assertTrue(sent["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR"), sent)

    def test_refused_by_the_client_s_names(self):
        for path, body, field in (
            (VIDEOS, {"model": "kling-v3", "seconds": "60"}, "seconds"),
            (CREATE, {"model": "kling-v3", "duration": 60}, "duration"),
            (VIDEOS, {"model": "kling-v3", "size": "1024x768"}, "size"),
            (CREATE, {"model": "kling-v3", "aspect_ratio": "4:3"}, "aspect_ratio"),
            (CREATE, {"model": "kling-v3", "images": [IMAGE] * 3}, "images"),
            (VIDEOS, {"model": "kling-v3", "storyboard": [{"prompt": "p"}]}, "storyboard"),
            (VIDEOS, {"model": "doubao-seedance-1-5-pro", "size": "3840x2160"}, "size"),
            (CREATE, {"model": "doubao-seedance-1-5-pro", "aspect_ratio": "5:4"}, "aspect_ratio"),
            (CREATE, {"model": "doubao-seedance-1-5-pro", "negative_prompt": "n"}, "negative_prompt"),
            (VIDEOS, {"model": "doubao-seedance-1-5-pro", "seconds": "61"}, "seconds"),
        ):
            with self.subTest(path=path, body=body):
                message = self.refused(path, {"prompt": "p", **body}, 400, "invalid_request", "empty")
                self.assertTrue(message.startswith(f"{field}: "), message)

    def test_models_of_nobody(self):
        for path in (VIDEOS, CREATE):
            for model in ("kling-v99", "doubao-seedance-9", "sora-2", "chirp-v4", "midjourney"):
                self.refused(path, {"model": model, "prompt": "p"}, 404, "model_not_found")

    def test_replays(self):
        """The same body is the same, whatever form it takes for its vendor."""
        body, headers = {"model": "kling-v3", "prompt": "once"}, {"Idempotency-Key": f"once-{time.monotonic_ns()}"}
        first = self.post(VIDEOS, body, **headers)
        again = self.post(VIDEOS, body, **headers)
        self.assertEqual((again[0], again[1].get("idempotent-replayed"), again[2]), (200, "true", first[2]))
        self.assertEqual(self.post(VIDEOS, {**body, "prompt": "twice"}, **headers)[0], 422)


class List(Videos):
    def page(self, key="dev", **query):
        return self.look(f"{VIDEOS}?{urllib.parse.urlencode(query)}", key)

    def ids(self, **query):
        status, answer = self.page("other", **query)
        self.assertEqual((status, set(answer)), (200, {"object", "data", "first_id", "last_id", "has_more"}), answer)
        ids = [video["id"] for video in answer["data"]]
        self.assertEqual((answer["object"], answer["first_id"], answer["last_id"]), ("list", ids[0] if ids else None, ids[-1] if ids else None))
        return ids, answer["has_more"]

    def test_list(self):
        self.assertEqual(self.page("empty"), (200, {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}))
        made = []
        for n in range(5):
            for path, body in ((VIDEOS, {"model": "kling-v3"}), ("/kling/v1/videos/text2video", {"model_name": "kling-v3"}),
                               ("/mj/submit/imagine", {})):  # fmt: skip
                status, _, answer = self.post(path, {**body, "prompt": f"number {n}"}, "other")
                self.assertEqual(status, 200, answer)
                made += [answer["id"]] if path == VIDEOS else []
        newest = made[::-1]
        self.assertEqual(self.ids(), (newest, False))
        self.assertEqual(self.ids(order="asc"), (made, False))
        self.assertEqual(self.ids(limit=2), (newest[:2], True))
        self.assertEqual(self.ids(limit=2, after=newest[1]), (newest[2:4], True))
        self.assertEqual(self.ids(limit=2, after=newest[3]), (newest[4:], False))
        self.assertEqual(self.ids(limit=5), (newest, False))
        self.assertEqual(self.ids(limit=2, order="asc", after=made[1]), (made[2:4], True))
        self.assertEqual(self.ids(after=made[0], order="desc"), ([], False))
        for task in made:
            self.assertEqual(self.look(f"{VIDEOS}/{task}", "other")[0], 200)
        # The list goes on behind one that was deleted.
        self.assertEqual(self.spool.request("DELETE", f"{VIDEOS}/{made[2]}", None, bearer("other"))[0], 200)
        self.assertEqual(self.ids(), (newest[:2] + newest[3:], False))
        self.assertEqual(self.ids(limit=1, after=made[2]), ([made[1]], True))
        self.assertEqual(self.ids(limit=1, after=made[2], order="asc"), ([made[3]], True))

    def test_wrong_queries(self):
        for query, field in (({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "x"}, "limit"),
                             ({"order": "up"}, "order"), ({"after": "x"}, "after")):  # fmt: skip
            status, answer = self.page(**query)
            self.assertEqual((status, answer["error"]["message"].split(":")[0]), (400, field))


class Forgetting(Videos):
    def delete(self, task, key="dev", path=VIDEOS):
        status, _, answer = self.spool.request("DELETE", f"{path}/{task}", None, bearer(key))
        return status, answer

    def check_gone(self, task):
        paths = (f"{VIDEOS}/{task}", f"{VIDEOS}/{task}/content", f"/v1/tasks/{task}", f"/v1/tasks/{task}/timeline",
                 f"/v1/tasks/{task}/deliveries", f"/v1/video/query?id={task}", f"/v1/tasks/{task}/events")  # fmt: skip
        for path in paths:
            self.assertEqual(self.look(path)[0], 404, path)
        self.assertEqual(self.delete(task)[0], 404)
        self.assertEqual(self.post(f"/v1/tasks/{task}/cancel", None)[0], 404)
        self.assertNotIn(task, [shown["id"] for shown in self.look("/v1/tasks?limit=100")[1]["data"]])
        self.assertNotIn(task, [shown["id"] for shown in self.look(VIDEOS + "?limit=100")[1]["data"]])

    def keys(self, task):
        return [key for key in self.spool.redis("KEYS", f"*{task}*").split("\n") if key.strip()]

    def files(self):
        return [name for _, _, names in os.walk(os.path.join(self.spool.data_dir, "media")) for name in names]

    def test_one_that_has_ended(self):
        place = f"/hook-{time.monotonic_ns()}"
        task = self.submit(VIDEOS, {"model": "kling-v3", "prompt": "to be forgotten", "callback_url": self.receiver.url + place})
        url = self.succeeded(task)["artifacts"][0]["url"]
        eventually(lambda: all(d["status"] == "delivered" for d in self.spool.deliveries(task)), what="the webhooks")
        self.assertEqual(download(url)[0], 200)
        self.assertEqual(self.delete(task, "other")[0], 404)
        self.assertEqual(self.delete(task), (200, {"id": task, "object": "video.deleted", "deleted": True}))
        self.check_gone(task)
        self.assertEqual(self.keys(task), [])
        eventually(lambda: not [name for name in self.files() if task in name], what="the file to go")
        self.assertEqual(download(url)[0], 404)

    def test_one_of_the_other_path(self):
        task = self.submit(CREATE, {"model": "veo-3.1", "prompt": "made elsewhere"})
        self.succeeded(task)
        self.assertEqual(self.delete(task)[0], 200)
        self.check_gone(task)

    def test_one_that_is_no_video(self):
        task = self.spool.submit("a picture")
        self.assertEqual(self.delete(task)[0], 404)
        self.assertEqual(self.delete(TASK)[0], 404)
        self.assertEqual(self.look(f"/v1/tasks/{task}")[0], 200)

    def test_a_key_of_idempotency(self):
        """It goes on standing for its first answer: a submit that comes late makes no second job."""
        body, headers = {"model": "kling-v3", "prompt": "late"}, {"Idempotency-Key": f"late-{time.monotonic_ns()}"}
        first = self.post(VIDEOS, body, **headers)[2]["id"]
        self.succeeded(first)
        self.assertEqual(self.delete(first)[0], 200)
        status, got, answer = self.post(VIDEOS, body, **headers)
        self.assertEqual((status, got["idempotent-replayed"], answer["id"]), (200, "true", first))
        self.check_gone(first)
        self.assertEqual(len([a for a in self.vendor.at("/videos/text2video") if b'"late"' in a.raw]), 1)


class Running(unittest.TestCase):
    """What runs is cancelled, and nothing comes of it."""

    def delete(self, spool, task):
        return spool.request("DELETE", f"{VIDEOS}/{task}")[0]

    def submit(self, spool, receiver, model):
        body = {"model": model, "prompt": "p", "callback_url": receiver.url + "/hook"}
        status, _, answer = spool.request("POST", VIDEOS, body)
        assert status == 200, answer
        return answer["id"]

    def keys(self, spool, task):
        return [key for key in spool.redis("KEYS", f"{{spool}}:?:{task}").split("\n") if key.strip()]

    def test_queued(self):
        answered = threading.Event()
        accepted = {"code": 0, "message": "", "request_id": "r", "data": {"task_id": "job-1", "task_status": "submitted"}}
        with Receiver() as receiver, Vendor() as vendor:
            vendor.on("/videos/text2video", lambda asked: answered.wait(20) and (200, {}, accepted))
            accounts = [kling_account(vendor, max_concurrency=1, task_timeout_ms=1000)]
            with Spool({"accounts": accounts, "webhook": {"allow_private_networks": True}}) as spool:
                first, task = (self.submit(spool, receiver, "kling-v3") for _ in range(2))
                eventually(lambda: spool.task(first)["phase"] == "submitting", what="the first")
                self.assertEqual(self.delete(spool, task), 200)
                self.assertEqual(self.keys(spool, task), [])
                self.assertEqual(spool.request("GET", f"/v1/tasks/{task}")[0], 404)
                # One whose submit is on its way is hidden, and goes when that is over.
                self.assertEqual(self.delete(spool, first), 200)
                self.assertEqual(spool.request("GET", f"{VIDEOS}/{first}")[0], 404)
                self.assertNotEqual(self.keys(spool, first), [])
                spool.check_keys()
                answered.set()
                eventually(lambda: self.keys(spool, first) == [], 20, "the end of its watch")
                self.assertEqual(receiver.at("/hook"), [])

    def test_what_watches(self):
        """A stream of events ends when it looks whether its task is still there."""
        with Receiver() as receiver, Vendor() as vendor:
            vendor.on("/videos", lambda asked: (429, {}, {"code": 1303, "message": "busy"}))
            with Spool({"accounts": [kling_account(vendor)], "webhook": {"allow_private_networks": True}}) as spool:
                task = self.submit(spool, receiver, "kling-v3")
                answers = []
                thread = threading.Thread(target=lambda: answers.append(spool.request("GET", f"/v1/tasks/{task}/events")))
                thread.start()
                time.sleep(0.3)
                self.assertEqual(self.delete(spool, task), 200)
                thread.join(25)
                self.assertEqual(answers[0][0], 200)
                self.assertNotRegex(answers[0][2], rb'"status":"(failed|succeeded|cancelled)"')

    def test_at_the_vendor(self):
        """Kling can't cancel: the slot is held until the job is over there."""
        with Receiver() as receiver, Sim(speed=4) as sim:
            accounts = [kling_account(sim, max_concurrency=1, poll_interval_ms=50), seedance_account(sim, poll_interval_ms=50)]
            with Spool({"accounts": accounts, "webhook": {"allow_private_networks": True}}) as spool:
                for model in ("kling-v3", "doubao-seedance-1-5-pro"):
                    task = self.submit(spool, receiver, model)
                    spool.wait_phase(task, "submitted", "rendering")
                    self.assertEqual(self.delete(spool, task), 200)
                    self.assertEqual(spool.request("GET", f"{VIDEOS}/{task}")[0], 404)
                    spool.check_keys()
                    told = len(receiver.at("/hook"))
                    eventually(lambda task=task: self.keys(spool, task) == [], 30, "the end of it")
                    self.assertEqual(len(receiver.at("/hook")), told)
                for labels in ('provider="kling",status="cancelled",code=""', 'provider="seedance",status="cancelled",code="cancelled"'):
                    self.assertEqual(spool.metric(f"tasks_total{{{labels}}}"), 1)
                media = os.path.join(spool.data_dir, "media")
                self.assertEqual([names for _, _, names in os.walk(media) if names], [])
                # The slot is free again.
                spool.end_of(self.submit(spool, receiver, "kling-v3"))

    def test_while_it_is_archived(self):
        """What is there already goes, too, whoever stores it and whoever forgets it, and whether its vendor can cancel."""
        rest = threading.Event()
        self.addCleanup(rest.set)
        with Receiver() as receiver, Vendor() as vendor, Redis() as redis:
            job = {"task_id": "job-1", "task_status": "succeed", "created_at": 1, "updated_at": 1}
            videos = [{"id": str(i), "url": f"{vendor.url}/files/{i}.mp4", "duration": "5"} for i in range(2)]
            kling = {"code": 0, "message": "", "request_id": "r", "data": {**job, "task_result": {"videos": videos}}}
            content = {"video_url": videos[0]["url"], "last_frame_url": f"{vendor.url}/files/1.mp4"}
            ark = {"id": "job-2", "model": "m", "status": "succeeded", "content": content, "created_at": 1, "updated_at": 1}
            vendor.on("/files/0.mp4", lambda asked: (200, {"Content-Type": "video/mp4"}, MP4))
            vendor.on("/files/1.mp4", lambda asked: rest.wait(20) and CUT)
            vendor.on("/videos/text2video", lambda asked: (200, {}, kling))
            vendor.on("/contents/generations/tasks", lambda asked: (200, {}, ark))
            accounts = [kling_account(vendor, poll_interval_ms=50), seedance_account(vendor, poll_interval_ms=50)]
            config = {"accounts": accounts, "lease_ms": 600, "webhook": {"allow_private_networks": True}}
            api = self.enterContext(Spool(config, redis=redis, roles=["api", "webhook"]))
            worker = self.enterContext(Spool(config, redis=redis, roles=["worker"]))
            eventually(api.is_ready)
            for model in ("kling-v3", "doubao-seedance-1-5-pro"):
                task = self.submit(api, receiver, model)
                eventually(lambda: files_in(worker), what="the first file")
                self.assertEqual(api.task(task)["phase"], "archiving")
                self.assertEqual(self.delete(api, task), 200)
                if model == "doubao-seedance-1-5-pro":
                    rest.set()  # nothing stops this one before its end
                eventually(lambda: files_in(worker) == [], what="the end of the file")


if __name__ == "__main__":
    main()
