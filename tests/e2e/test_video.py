"""/v1/video/* and /v1/videos: one form for every video model; Veo behind it, by both of Google's APIs."""
import base64
import hashlib
import json
import re
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, Vendor, account, bearer, check_artifacts, download
from harness import eventually, exchange, free_port, main, words_seen
from vendors.veo import veo_account

CREATE, QUERY, ALIAS, VIDEOS = (
    "/v1/video/create",
    "/v1/video/query?id=",
    "/v1/video/generations",
    "/v1/videos",
)
BARE = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + BARE
BOAT = {"model": "veo-3.1", "prompt": "a boat"}
VERTEX = {"model": "veo-3.1-fast", "prompt": "a boat"}
GEMINI_PATH = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning"
MODELS = "/v1/projects/spool-sim/locations/us-central1/publishers/google/models"
VERTEX_PATH = f"{MODELS}/veo-3.1-fast-generate-001:predictLongRunning"
GROWTH = 16 << 20

MP4 = b"\0\0\0\x18ftypmp42" + bytes(1000)


def form(fields, files=(), boundary="spool-boundary"):
    """(body, headers) of multipart/form-data, as SDKs send it."""
    parts = []
    for name, value in fields.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    for name, file_name, kind, data in files:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        head += f"Content-Type: {kind}\r\n\r\n"
        parts.append(head.encode() + data)
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Video(Family):
    @classmethod
    def accounts(cls):
        return [
            veo_account(cls.vendor, poll_interval_ms=50),
            veo_account(cls.vendor, "vertex", cls.sim.key_file(), poll_interval_ms=50),
            # Names of its own, of models that are gone at Google.
            veo_account(cls.vendor, name="veo-old", models={"old-video": "veo-retired"}),
        ]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def submits(self, prompt):
        asked = [
            a for a in self.vendor.at(":predictLongRunning") if a.body["instances"][0]["prompt"] == prompt
        ]
        return asked

    def asked(self, prompt):
        (asked,) = self.submits(prompt)
        return asked

    def refused_by_envelope(self, path, body, status, code, key="dev", **headers):
        got, _, answer = self.post(path, body, key, **headers)
        self.assertEqual((got, set(answer)), (status, {"error"}), (path, body, answer))
        self.assertEqual(set(answer["error"]), {"message", "type", "code"})
        self.assertEqual(answer["error"]["code"], code, answer)
        return answer["error"]["message"]


class Sending(Video):
    def test_gemini(self):
        body = {
            "model": "veo-3.1",
            "prompt": "everything",
            "negative_prompt": "text",
            "aspect_ratio": "9:16",
            "size": "1080P",
            "duration": 8,
            "notifyHook": self.receiver.url + "/hook",
            "callback_url": self.receiver.url + "/hook",
        }
        check_artifacts(self.succeeded(self.submit(CREATE, body)), "video")
        asked = self.asked("everything")
        parameters = {
            "sampleCount": 1,
            "aspectRatio": "9:16",
            "resolution": "1080p",
            "durationSeconds": 8,
            "negativePrompt": "text",
        }
        self.assertEqual(asked.path, GEMINI_PATH)
        self.assertEqual(asked.body, {"instances": [{"prompt": "everything"}], "parameters": parameters})
        self.assertEqual(asked.headers["x-goog-api-key"], "sim-secret")
        self.assertNotIn("authorization", asked.headers)

    def test_the_key_stays_at_its_host(self):
        """Not even where a host takes it."""
        for word in ("", " [any-key]"):
            before = len(self.vendor.asked)
            task = self.submit(CREATE, {**BOAT, "prompt": "a kept key" + word})
            check_artifacts(self.succeeded(task), "video")
            asked = self.vendor.asked[before:]
            ask, file = [a for a in asked if "files" in a.path]
            self.assertRegex(ask.path, r"^/v1beta/files/\w+:download\?alt=media$")
            self.assertEqual(ask.headers["x-goog-api-key"], "sim-secret")
            self.assertRegex(file.path, r"^/sim/files/veo-\w+\.mp4$")
            self.assertNotEqual(ask.headers["host"], file.headers["host"])
            self.assertFalse({"x-goog-api-key", "authorization"} & set(file.headers), file.headers)
            self.assertNotIn("key=", file.path)
            name = self.spool.upstream(task)
            self.assertRegex(name, r"^models/veo-3\.1-generate-preview/operations/\w+$")
            polls = [a for a in asked if a.path == f"/v1beta/{name}"]
            self.assertTrue(polls)
            self.assertEqual({a.headers["x-goog-api-key"] for a in polls}, {"sim-secret"})

    def test_vertex(self):
        body = {**VERTEX, "prompt": "by vertex", "size": "720x1280", "duration": "6"}
        task = self.submit(ALIAS, body)
        check_artifacts(self.succeeded(task), "video")
        asked = self.asked("by vertex")
        parameters = {"sampleCount": 1, "aspectRatio": "9:16", "resolution": "720p", "durationSeconds": 6}
        self.assertEqual(asked.path, VERTEX_PATH)
        self.assertEqual(asked.body, {"instances": [{"prompt": "by vertex"}], "parameters": parameters})
        name = self.spool.upstream(task)
        polls = [a for a in self.vendor.at(":fetchPredictOperation") if a.body == {"operationName": name}]
        self.assertTrue(polls)
        for one in [asked, *polls]:
            self.assertTrue(one.headers["authorization"].startswith("Bearer ya29."))
            self.assertEqual(one.headers["x-goog-user-project"], "spool-sim")
            self.assertNotIn("x-goog-api-key", one.headers)

    def test_the_file_is_the_vendor_s(self):
        for body in (BOAT, VERTEX):
            task = self.submit(CREATE, body)
            (kept,) = check_artifacts(self.succeeded(task), "video")
            job = self.spool.upstream(task).rsplit("/", 1)[1]
            theirs = download(f"{self.sim.url}/sim/files/veo-{job}.mp4")[2]
            self.assertEqual(hashlib.sha256(kept).hexdigest(), hashlib.sha256(theirs).hexdigest())

    def test_sizes(self):
        for size, resolution, ratio in (
            ("720P", "720p", None),
            ("1080p", "1080p", None),
            ("1280x720", "720p", "16:9"),
            ("1920x1080", "1080p", "16:9"),
            ("1080x1920", "1080p", "9:16"),
            ("", None, None),
        ):
            self.submit(CREATE, {**BOAT, "prompt": f"size {size}", "size": size})
            eventually(lambda: self.submits(f"size {size}"), what=size)
            parameters = {"sampleCount": 1}
            parameters.update({"resolution": resolution} if resolution else {})
            parameters.update({"aspectRatio": ratio} if ratio else {})
            self.assertEqual(self.asked(f"size {size}").body["parameters"], parameters, size)

    def test_images(self):
        with Vendor() as host:
            host.on("/moved", lambda asked: (302, {"Location": f"{host.url}/files/here.png"}, b""))
            inline = {"bytesBase64Encoded": BARE, "mimeType": "image/png"}
            links = (f"{host.url}/files/a.png", f"{host.url}/moved", IMAGE, BARE)
            for number, image in enumerate(links):
                for model in ("veo-3.1", "veo-3.1-fast"):
                    prompt = f"image {number} {model}"
                    body = {"model": model, "prompt": prompt, "images": [image]}
                    self.succeeded(self.submit(CREATE, body))
                    instance = self.asked(prompt).body["instances"][0]
                    self.assertEqual(instance, {"prompt": prompt, "image": inline})
            jpeg = base64.b64encode(b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0").decode()
            for said, data, kind in (
                ("image/jpg", jpeg, "image/jpeg"),
                ("image/png", jpeg, "image/jpeg"),
                ("image/jpg", BARE, "image/png"),
                ("application/octet-stream", BARE, "image/png"),
                ("image/webp", "aGVsbG8=", "image/webp"),  # whatever it is
            ):
                body = {**BOAT, "prompt": f"{said} {kind}", "images": [f"data:{said};base64,{data}"]}
                self.spool.end_of(self.submit(CREATE, body))
                sent = self.asked(body["prompt"]).body["instances"][0]["image"]
                self.assertEqual(sent, {"bytesBase64Encoded": data, "mimeType": kind})
            for asked in host.asked:
                self.assertFalse(
                    {"x-goog-api-key", "authorization", "cookie"} & set(asked.headers), asked.headers
                )

    def test_images_that_aren_t_there(self):
        with Vendor() as host:
            html = {"Content-Type": "image/png"}
            host.on("/html", lambda asked: (200, html, b"<html>sign in</html>"))
            host.on("/round", lambda asked: (302, {"Location": "/round"}, b""))
            for path, message in (
                ("/nothing", "input image 0 can't be fetched: its link answers HTTP 404"),
                ("/html", "input image 0 is no image that we know"),
                ("/round", "input image 0 can't be fetched: its link answers HTTP 302"),
            ):
                task = self.submit(
                    CREATE, {**BOAT, "prompt": f"no image {path}", "images": [host.url + path]}
                )
                self.assertEqual(self.failed(task), {"code": "invalid_request", "message": message})
                self.assertEqual(self.submits(f"no image {path}"), [])

    def test_one_token_for_all(self):
        before = self.sim.get("/sim/stats")["tokens_issued"]
        tasks = [self.submit(CREATE, {**VERTEX, "prompt": f"token {n}"}) for n in range(5)]
        for task in tasks:
            self.succeeded(task)
        issued = self.sim.get("/sim/stats")["tokens_issued"]
        self.assertLessEqual(issued, before + 1)
        self.assertGreaterEqual(issued, 1)
        # One that is refused is made anew, once, and the request is sent once more.
        task = self.submit(CREATE, {**VERTEX, "prompt": "a boat [401-once]"})
        self.succeeded(task)
        self.assertEqual(self.sim.get("/sim/stats")["tokens_issued"], issued + 1)
        first, second = self.submits("a boat [401-once]")
        self.assertEqual(first.raw, second.raw)
        self.assertNotEqual(first.headers["authorization"], second.headers["authorization"])
        self.assertEqual(self.spool.events(task)[:3], ["accepted", "claimed", "submitted"])
        self.assertEqual(self.spool.metric("accounts_out"), 0)


class Guard(unittest.TestCase):
    """What a client names is fetched from public addresses only."""

    def test_private_addresses(self):
        with Sim(speed=50) as sim, Between(sim) as vendor, Vendor() as host:
            config = {"accounts": [veo_account(vendor)], "webhook": {"allow_private_networks": False}}
            with Spool(config) as spool:
                for link in (
                    f"{host.url}/files/a.png",
                    "http://10.0.0.1/a.png",
                    "http://169.254.169.254/latest/meta-data",
                    "http://[::1]/a.png",
                    "http://[::ffff:127.0.0.1]/a.png",
                    "http://0x7f000001/a.png",
                ):
                    status, _, answer = spool.request("POST", CREATE, {**BOAT, "images": [link]})
                    self.assertEqual((status, answer["code"]), (400, "invalid_request"), link)
                    self.assertTrue(answer["message"].startswith("images.0: "), answer)
                status, _, answer = spool.request(
                    "POST", VIDEOS, {**BOAT, "image_url": "http://10.0.0.1/a.png"}
                )
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"))
                # A name says nothing yet; where it leads does.
                body = {**BOAT, "images": [f"http://localhost:{host.port}/files/a.png"]}
                status, _, answer = spool.request("POST", CREATE, body)
                if status == 200:
                    ended = spool.end_of(answer["id"])
                    self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "invalid_request"))
                    self.assertNotIn("127.0.0.1", ended["error"]["message"])
                # An image that came along needs no address.
                status, _, answer = spool.request("POST", CREATE, {**BOAT, "images": [IMAGE]})
                self.assertEqual(spool.end_of(answer["id"])["status"], "succeeded")
            self.assertEqual(host.asked, [])
            self.assertEqual(len(vendor.at(GEMINI_PATH)), 1)


class Showing(Video):
    def test_unified(self):
        for path in (CREATE, ALIAS):
            before = int(time.time())
            status, _, answer = self.post(path, BOAT)
            task = answer["id"]
            at = answer.pop("status_update_time")
            self.assertEqual((status, answer), (200, {"id": task, "status": "processing"}))
            self.assertTrue(type(at) is int and before <= at <= time.time(), at)
            ended = self.succeeded(task)
            (artifact,) = ended["artifacts"]
            self.assertEqual([ended[n] for n in ("provider", "action", "model")], ["veo", "video", "veo-3.1"])
            self.assertRegex(artifact["url"], f"/veo-gemini/video/{task}\\.mp4$")
            for place in (QUERY + task, f"/v1/video/query?task_id={task}", f"{ALIAS}/{task}"):
                status, shown = self.look(place)
                self.assertGreaterEqual(shown.pop("status_update_time"), at)
                expected = {"id": task, "status": "completed", "video_url": artifact["url"]}
                self.assertEqual((status, shown), (200, expected), place)
            self.assertEqual(self.look(f"{VIDEOS}/{task}")[1]["status"], "completed")

    def test_openai(self):
        before = int(time.time())
        fields = {"seconds": "8", "size": "1280x720"}
        empty = dict.fromkeys(("duration", "input_reference", "image_url"), "")
        status, _, answer = self.post(VIDEOS, {**BOAT, **fields, **empty})
        task = answer["id"]
        at = answer.pop("created_at")
        self.assertTrue(type(at) is int and before <= at <= time.time(), at)
        common = {"id": task, "object": "video", "model": "veo-3.1", **fields, "prompt": "a boat"}
        expected = {**common, "status": "queued", "progress": 0, "completed_at": None, "error": None}
        self.assertEqual((status, answer), (200, expected))
        ended = self.succeeded(task)
        shown = self.look(f"{VIDEOS}/{task}")[1]
        self.assertEqual(
            (shown.pop("created_at"), shown.pop("completed_at")), (at, ended["finished_at"] // 1000)
        )
        video = {"url": ended["artifacts"][0]["url"], "duration": 8, "width": 1280, "height": 720}
        self.assertEqual(
            shown, {**common, "status": "completed", "progress": 100, "error": None, "video": video}
        )
        sent = self.vendor.at(GEMINI_PATH)[-1].body["parameters"]
        self.assertEqual(
            (sent["durationSeconds"], sent["resolution"], sent["aspectRatio"]), (8, "720p", "16:9")
        )
        self.assertEqual(self.look(QUERY + task)[1]["video_url"], video["url"])

    def test_words_on_the_way(self):
        tasks = {path: self.submit(path, {**BOAT, "prompt": "a boat [slow]"}) for path in (CREATE, VIDEOS)}
        places = {CREATE: QUERY, VIDEOS: f"{VIDEOS}/"}
        words = {CREATE: [], VIDEOS: []}
        while any(self.spool.task(task)["status"] in ("queued", "in_progress") for task in tasks.values()):
            for path, task in tasks.items():
                shown = self.look(places[path] + task)[1]
                if shown["status"] != "completed":
                    self.assertFalse({"video_url", "video"} & set(shown))
                words[path].append(shown["status"])
            time.sleep(0.02)
        self.assertEqual(words[CREATE][0], "processing")
        self.assertLessEqual(set(words[CREATE]), {"processing", "completed"})
        self.assertEqual(words_seen(words[VIDEOS], "queued")[0], "in_progress")

    def test_failures(self):
        filtered = (
            "The prompt could not be submitted: it might violate our safety guidelines. You were not charged."
        )
        gone = "models/veo-retired is no longer available. Please update your code to use a newer model."
        for body, code, message in (
            ({**BOAT, "prompt": "a boat [filtered]"}, "content_filter", filtered),
            ({**BOAT, "prompt": "a boat [moderation]"}, "content_filter", filtered),
            ({**VERTEX, "prompt": "a boat [filtered]"}, "content_filter", filtered),
            ({**BOAT, "prompt": "a boat [fail]"}, "vendor_failed", None),
            ({**BOAT, "prompt": "a boat [expired]"}, "vendor_failed", None),
            (
                {**BOAT, "prompt": "a boat [refuse]"},
                "invalid_request",
                "The prompt violates our usage guidelines.",
            ),
            ({**BOAT, "prompt": "[forbidden]"}, "model_not_found", "The caller does not have permission."),
            ({**BOAT, "model": "old-video"}, "model_not_found", gone),
        ):
            with self.subTest(**body):
                task = self.submit(CREATE, body)
                error = self.failed(task)
                self.assertEqual(error["code"], code)
                if message is not None:
                    self.assertEqual(error["message"], message)
                shown = self.look(QUERY + task)[1]
                del shown["status_update_time"]
                public = "task_failed" if code == "vendor_failed" else code
                expected = {"code": public, "message": error["message"]}
                self.assertEqual(shown, {"id": task, "status": "failed", "error": expected})
                shown = self.look(f"{VIDEOS}/{task}")[1]
                self.assertEqual(
                    (shown["status"], shown["error"], "video" in shown), ("failed", expected, False)
                )

    def test_webhooks(self):
        before = int(time.time())
        # The word of /v1/video/create is the same until the end; that of /v1/videos isn't.
        task, (last,) = self.hooks(CREATE, {**BOAT, "duration": 8}, "succeed", name="notifyHook")
        times = [last.pop(name) for name in ("created_at", "updated_at")]
        self.assertTrue(all(type(at) is int for at in times) and before <= times[0] <= times[1], times)
        output = {"video_url": self.look(QUERY + task)[1]["video_url"], "cover_url": "", "duration": 8}
        self.assertEqual(last, {"id": task, "status": "succeed", "type": "video", "output": output})
        task, (first, last) = self.hooks(VIDEOS, {**BOAT, "seconds": 8}, "processing", "succeed")
        self.assertEqual((first["output"]["video_url"], first["output"]["duration"]), ("", 8))
        self.assertTrue(last["output"]["video_url"].endswith(f"{task}.mp4"))
        _, (only,) = self.hooks(CREATE, {**BOAT, "prompt": "a boat [refuse]"}, "failed")
        message = "The prompt violates our usage guidelines."
        self.assertEqual(only["error"], {"code": "invalid_request", "message": message})


class Content(Video):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.task = cls.submit(VIDEOS, BOAT)
        (artifact,) = cls.spool.end_of(cls.task)["artifacts"]
        cls.file = download(artifact["url"])[2]

    def content(self, task=None, query="", key="dev", method="GET", **headers):
        path = f"{VIDEOS}/{task or self.task}/content{query}"
        return self.spool.request(method, path, None, {**bearer(key), **headers})

    def test_whole(self):
        for query in ("", "?variant=video", "?variant="):
            status, headers, data = self.content(query=query)
            self.assertEqual((status, headers["content-type"]), (200, "video/mp4"))
            self.assertEqual(headers["accept-ranges"], "bytes")
            self.assertTrue(data == self.file, len(data))
        status, headers, data = self.content(method="HEAD")
        self.assertEqual((status, headers["content-length"], data), (200, str(len(self.file)), b""))

    def test_parts(self):
        size = len(self.file)
        for given, first, last in (
            ("bytes=0-9", 0, 9),
            (f"bytes=100-", 100, size - 1),
            ("bytes=-7", size - 7, size - 1),
            (f"bytes=10-{size + 100}", 10, size - 1),
        ):
            status, headers, data = self.content(Range=given)
            self.assertEqual((status, headers["content-range"]), (206, f"bytes {first}-{last}/{size}"), given)
            self.assertTrue(data == self.file[first : last + 1], given)
        status, headers, _ = self.content(Range=f"bytes={size}-")
        self.assertEqual((status, headers["content-range"]), (416, f"bytes */{size}"))

    def test_again(self):
        etag = self.content()[1]["etag"]
        status, _, data = self.content(**{"If-None-Match": etag})
        self.assertEqual((status, data), (304, b""))
        self.assertEqual(self.content(**{"If-Range": etag, "Range": "bytes=0-1"})[0], 206)
        self.assertEqual(self.content(**{"If-Range": '"other"', "Range": "bytes=0-1"})[0], 200)

    def test_there_is_none(self):
        running = self.submit(VIDEOS, {**BOAT, "prompt": "a boat [hang]"})
        failed = self.submit(VIDEOS, {**BOAT, "prompt": "a boat [refuse]"})
        self.failed(failed)
        for got, status, code in (
            (self.content(query="?variant=thumbnail"), 404, "not_found"),
            (self.content(query="?variant=spritesheet"), 404, "not_found"),
            (self.content(query="?variant=poster"), 400, "invalid_request"),
            (self.content(running), 409, "conflict"),
            (self.content(failed), 409, "conflict"),
            (self.content("task_" + "0" * 26), 404, "not_found"),
            (self.content(key="other"), 404, "not_found"),
            (self.content(key="no"), 401, "invalid_api_key"),
        ):
            self.assertEqual((got[0], got[2]["error"]["code"]), (status, code), got[2])

    def test_of_the_other_path_s_tasks(self):
        task = self.submit(CREATE, BOAT)
        (file,) = check_artifacts(self.succeeded(task), "video")
        self.assertTrue(self.content(task)[2] == file)


NO_NAMES = ("a[", "[]", "a[b", "a[b]c", "[b]", "a[][b]", "a[][]", "a[b[c]]", "a[b][c][d]", "a[b]]", "model[")


class Forms(Video):
    def send(self, fields, files=(), **headers):
        body, types = form(fields, files, headers.pop("boundary", "spool-boundary"))
        return self.post(VIDEOS, body, **{**types, **headers})

    def test_with_a_file(self):
        for number, kind in enumerate(("image/png", "application/octet-stream")):
            fields = {
                **BOAT,
                "prompt": f"a form ü {number}",
                "seconds": "8",
                "size": "720x1280",
                "private": "true",
            }
            status, _, answer = self.send(fields, [("input_reference", "a %22b%22 ü.png", kind, PNG)])
            self.assertEqual(status, 200, answer)
            self.assertEqual((answer["seconds"], answer["size"]), ("8", "720x1280"))
            self.succeeded(answer["id"])
            sent = self.asked(fields["prompt"]).body
            image = {"bytesBase64Encoded": BARE, "mimeType": "image/png"}
            self.assertEqual(sent["instances"], [{"prompt": fields["prompt"], "image": image}])
            parameters = {"sampleCount": 1, "aspectRatio": "9:16", "resolution": "720p", "durationSeconds": 8}
            self.assertEqual(sent["parameters"], parameters)

    def test_in_objects(self):
        """As OpenAI's clients flatten them: by the link, and by the file itself."""
        files = [("input_reference[image_url]", "a.png", "image/png", PNG)]
        for number, (fields, files) in enumerate(
            (({"input_reference[image_url]": IMAGE, "metadata[a][b]": "c"}, ()), ({}, files))
        ):
            prompt = f"an object {number}"
            status, _, answer = self.send({**BOAT, "prompt": prompt, **fields}, files)
            self.assertEqual(status, 200, answer)
            self.succeeded(answer["id"])
            sent = self.asked(prompt).body["instances"][0]["image"]
            self.assertEqual(sent, {"bytesBase64Encoded": BARE, "mimeType": "image/png"})

    def test_as_json(self):
        for number, image in enumerate(
            ({"input_reference": IMAGE}, {"input_reference": {"image_url": IMAGE}})
        ):
            self.succeeded(self.submit(VIDEOS, {**BOAT, "prompt": f"json {number}", **image}))
            sent = self.asked(f"json {number}").body["instances"][0]["image"]
            self.assertEqual(sent, {"bytesBase64Encoded": BARE, "mimeType": "image/png"})

    def test_bad_ones(self):
        twice = [("input_reference", "a.png", "image/png", PNG)] * 2
        for fields, files, field in (
            ({"prompt": "x"}, (), "model"),
            ({"model": "veo-3.1"}, (), "prompt"),
            ({**BOAT, "seconds": "eight"}, (), "seconds"),
            ({**BOAT, "private": "yes"}, (), "private"),
            (BOAT, twice, "input_reference"),
            (BOAT, [("input_reference", "a.txt", "text/plain", b"not an image")], "input_reference"),
            (BOAT, [("input_reference[image_url]", "a.bin", "application/octet-stream", b"x" * 99)], "input_reference.image_url"),
            ({**BOAT, "input_reference[image_url]": IMAGE}, twice[:1], "input_reference"),
            ({**BOAT, "input_reference[file_id]": "x"}, (), "input_reference.image_url"),
            ({**BOAT, "a": "b", "a[b]": "c"}, (), "a[b]"),
            ({**BOAT, "a[b]": "c", "a[b][d]": "e"}, (), "a[b][d]"),
            *(({**BOAT, name: "x"}, (), name) for name in NO_NAMES),
        ):
            status, _, answer = self.send(fields, files)
            self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), (fields, answer))
            self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        body, headers = form(BOAT)
        for wrong in (body[:-4], body[1:], b"", body.replace(b"\r\n", b"\n")):
            text = self.refused_by_envelope(VIDEOS, wrong, 400, "invalid_request", **headers)
            self.assertTrue(text)

    def test_once(self):
        """Whatever the boundary: the same form is the same."""
        key = {"Idempotency-Key": "a"}
        files = [("input_reference", "a.png", "image/png", PNG)]
        first = self.send(BOAT, files, **key)
        again = self.send(BOAT, files, **key, boundary="another")
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        self.assertEqual(again[1]["idempotent-replayed"], "true")
        other = self.send({**BOAT, "prompt": "another boat"}, files, **key)
        self.assertEqual((other[0], other[2]["error"]["code"]), (422, "idempotency_key_reused"))
        self.succeeded(first[2]["id"])
        self.assertEqual(len(self.vendor.at(GEMINI_PATH)), len({a.raw for a in self.vendor.at(GEMINI_PATH)}))


# Body, the field that is named; of either path, then of one.
WRONG = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    ({}, "model"),
    ({"prompt": "x"}, "model"),
    ({"model": 5, "prompt": "x"}, "model"),
    ({"model": "veo-3.1"}, "prompt"),
    ({**BOAT, "prompt": ""}, "prompt"),
    ({**BOAT, "prompt": 5}, "prompt"),
    ({**BOAT, "prompt": "x" * 20001}, "prompt"),
    ({**BOAT, "duration": 5}, "duration"),
    ({**BOAT, "duration": 0}, "duration"),
    ({**BOAT, "duration": 61}, "duration"),
    ({**BOAT, "duration": "long"}, "duration"),
    ({**BOAT, "duration": 7.5}, "duration"),
    ({**BOAT, "duration": 4, "size": "1920x1080"}, "duration"),
    ({**BOAT, "size": "1080x1080"}, "size"),
    ({**BOAT, "size": 720}, "size"),
    ({**BOAT, "notifyHook": "ftp://example.com/"}, "notifyHook"),
    ({**BOAT, "callback_url": 5}, "callback_url"),
]
WRONG_UNIFIED = [
    ({**BOAT, "aspect_ratio": "1:1"}, "aspect_ratio"),
    ({**BOAT, "aspect_ratio": 1}, "aspect_ratio"),
    ({**BOAT, "aspect_ratio": "9:16", "size": "1280x720"}, "aspect_ratio"),
    ({**BOAT, "images": IMAGE}, "images"),
    ({**BOAT, "images": [IMAGE, IMAGE]}, "images"),
    ({**BOAT, "images": [5]}, "images.0"),
    ({**BOAT, "images": ["what?"]}, "images.0"),
    ({**BOAT, "images": ["ftp://example.com/a.png"]}, "images.0"),
    ({**BOAT, "negative_prompt": 5}, "negative_prompt"),
]
SCENES = [
    {"prompt": "Wide shot of a forest at dawn", "duration": 3},
    {"prompt": "A deer walks into frame", "duration": 4},
    {"prompt": "Close-up of the deer looking at camera", "duration": 3},
]
WRONG_OPENAI = [
    ({**BOAT, "seconds": "x"}, "seconds"),
    ({**BOAT, "image_url": "what?"}, "image_url"),
    ({**BOAT, "image_url": 5}, "image_url"),
    ({**BOAT, "image_url": "data:text/plain;base64,YSBib2F0"}, "image_url"),
    ({**BOAT, "input_reference": "what?"}, "input_reference"),
    ({**BOAT, "input_reference": {"file_id": "x"}}, "input_reference.image_url"),
    ({**BOAT, "input_reference": {"image_url": "what?"}}, "input_reference.image_url"),
    ({**BOAT, "storyboard": "x"}, "storyboard"),
    ({**BOAT, "storyboard": SCENES}, "storyboard"),
    ({"model": "veo-3.1", "storyboard": SCENES}, "storyboard"),
    ({"model": "veo-3.1", "storyboard": []}, "prompt"),
    ({"model": "veo-3.1", "storyboard": ["x"]}, "storyboard.0"),
    ({"model": "veo-3.1", "storyboard": [*SCENES, {"duration": 3}]}, "storyboard.3.prompt"),
    ({"model": "veo-3.1", "storyboard": [{"prompt": ""}]}, "storyboard.0.prompt"),
    ({"model": "veo-3.1", "storyboard": [{"prompt": "x", "duration": 0}]}, "storyboard.0.duration"),
    ({**BOAT, "private": "maybe"}, "private"),
]


class Refusing(Video):
    def test_wrong_input(self):
        for body, field in WRONG + WRONG_UNIFIED:
            for path in (CREATE, ALIAS):
                with self.subTest(path=path, body=str(body)[:90]):
                    text = self.refused(path, body, 400, "invalid_request", "empty")
                    self.assertTrue(text.startswith(f"{field}: "), text)
        for body, field in WRONG + WRONG_OPENAI:
            with self.subTest(path=VIDEOS, body=str(body)[:90]):
                text = self.refused_by_envelope(VIDEOS, body, 400, "invalid_request", "empty")
                self.assertTrue(text.startswith(f"{field}: "), text)
        text = self.look("/v1/video/query")
        self.assertEqual(
            (text[0], text[1]["code"], text[1]["message"]), (400, "invalid_request", "id: is required")
        )
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_what_is_wrong_is_called_as_the_client_does(self):
        for body, field in (
            ({"seconds": "5"}, "seconds"),
            ({"seconds": 4, "size": "1920x1080"}, "seconds"),
            ({"seconds": "", "duration": 5}, "duration"),
            ({"image_url": "what?", "input_reference": ""}, "image_url"),
        ):
            text = self.refused_by_envelope(VIDEOS, {**BOAT, **body}, 400, "invalid_request")
            self.assertTrue(text.startswith(f"{field}: "), text)

    def test_a_model_nobody_serves(self):
        for model in ("nothing", "veo-99", "sora-2", "wan-ai/wan2.1-t2v-14b"):
            for path in (CREATE, ALIAS):
                text = self.refused(path, {**BOAT, "model": model}, 404, "model_not_found")
                self.assertIn(model, text)
            text = self.refused_by_envelope(VIDEOS, {**BOAT, "model": model}, 404, "model_not_found")
            self.assertIn(model, text)

    def test_no_key_and_strangers(self):
        task = self.submit(CREATE, BOAT)
        flat = (QUERY, "/v1/video/query?task_id=", f"{ALIAS}/")
        for headers in ({}, {"Authorization": "Bearer sk-no"}):
            for path in (CREATE, ALIAS, VIDEOS):
                status, _, answer = exchange(self.spool.port, "POST", path, BOAT, headers)
                self.assertEqual((status, answer["error"]["code"]), (401, "invalid_api_key"), path)
            for path in (*flat, f"{VIDEOS}/"):
                status, _, answer = exchange(self.spool.port, "GET", path + task, None, headers)
                self.assertEqual((status, answer["error"]["code"]), (401, "invalid_api_key"), path)
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev")):
            for path in flat:
                self.assertEqual(self.look(path + one, key), (404, self.unknown), (path, one))
            status, answer = self.look(f"{VIDEOS}/{one}", key)
            self.assertEqual((status, answer["error"]["code"]), (404, "not_found"))
        self.assertEqual(self.look(QUERY + "x" * 300), (404, self.unknown))

    def test_another_family_s_task(self):
        task = self.submit(CREATE, BOAT)
        for path in (f"/suno/fetch/{task}", f"/kling/v1/videos/text2video/{task}", f"/mj/task/{task}/fetch"):
            self.assertEqual(self.look(path)[0], 404, path)

    def test_idempotency_keys(self):
        for path in (CREATE, ALIAS, VIDEOS):
            key = {"Idempotency-Key": f"of {path}"}
            body = {**BOAT, "prompt": f"once {path}"}
            first, again = self.post(path, body, **key), self.post(path, body, **key)
            self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
            self.assertEqual(again[1]["idempotent-replayed"], "true")
            status, _, answer = self.post(path, {**body, "duration": 8}, **key)
            code = answer["error"]["code"] if path == VIDEOS else answer["code"]
            self.assertEqual((status, code), (422, "idempotency_key_reused"))
            self.succeeded(first[2]["id"])
            self.asked(body["prompt"])

    def test_cancel(self):
        task = self.submit(CREATE, {**BOAT, "prompt": "a boat [hang]"})
        self.spool.wait_phase(task, "submitted", "rendering")
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        shown = self.look(QUERY + task)[1]
        self.assertEqual((shown["status"], shown["error"]["code"]), ("failed", "cancelled"))


class Unaskable(unittest.TestCase):
    def test_an_id_that_nothing_can_be_asked_by(self):
        """Of the vendor's making, so no look is ever sent: the deadline ends the task and frees its slot."""
        with Sim(speed=50) as sim, Between(sim) as vendor:
            odd = {"name": "operations/of another kind"}
            vendor.on(VERTEX_PATH, lambda asked: (200, {}, odd) if b"odd" in asked.raw else None)
            fields = {"task_timeout_ms": 500, "max_concurrency": 1, "poll_interval_ms": 50}
            with Spool({"accounts": [veo_account(vendor, "vertex", sim.key_file(), **fields)]}) as spool:
                task, next_task = (
                    spool.request("POST", CREATE, {**VERTEX, "prompt": prompt})[2]["id"]
                    for prompt in ("odd", "a boat")
                )
                ended = spool.end_of(task, 5)
                self.assertEqual(ended["error"]["code"], "task_timeout", ended)
                self.assertEqual(spool.end_of(next_task, 5)["status"], "succeeded")


class Doubt(Video):
    def test_lost(self):
        words = ("cut", "502", "html", "empty", "500", "503", "cut-unaccepted")
        for model in ("veo-3.1", "veo-3.1-fast"):
            tasks = {w: self.submit(CREATE, {"model": model, "prompt": f"{model} [{w}]"}) for w in words}
            for word, task in tasks.items():
                self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown", word)
                self.assertEqual(self.spool.events(task), ["accepted", "claimed", "in_doubt", "failed"])
                self.asked(f"{model} [{word}]")
                self.assertEqual(self.look(QUERY + task)[1]["error"]["code"], "submit_outcome_unknown")
        expected = {
            f"{m} [{w}]": 1 for m in ("veo-3.1", "veo-3.1-fast") for w in ("cut", "502", "html", "empty")
        }
        self.assertEqual(self.sim.jobs("veo")[0], expected)


class Wordless(unittest.TestCase):
    def test_an_image_that_moves(self):
        """Vertex needs no words for it; Gemini's API does."""
        with Sim(speed=50) as sim, Spool(
            {"accounts": [veo_account(sim), veo_account(sim, "vertex", sim.key_file())]}
        ) as spool:
            for path, fields in ((CREATE, {"images": [IMAGE], "prompt": ""}), (VIDEOS, {"image_url": IMAGE})):
                status, _, answer = spool.request("POST", path, {**VERTEX, **fields})
                self.assertEqual(status, 200, answer)
                check_artifacts(spool.end_of(answer["id"]), "video")
                status, _, answer = spool.request("POST", path, {"model": "veo-3.1", **fields})
                self.assertEqual(status, 400, answer)
                message = answer.get("message") or answer["error"]["message"]
                self.assertTrue(message.startswith("prompt: "), answer)


class OthersModels(unittest.TestCase):
    """A relay's, with limits of their own."""

    def test_a_link_that_only_the_relay_can_follow(self):
        with Vendor() as vendor:
            vendor.on(CREATE, lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            vendor.on("/v1/video/query", lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            relay = account(vendor, "veo-r", provider="veo", dialect="relay")
            config = {"accounts": [relay], "webhook": {"allow_private_networks": False}}
            body = {"model": "veo-3.1", "prompt": "a boat", "images": ["http://10.0.0.1/a.png"]}
            with Spool(config) as spool:
                status, _, answer = spool.request("POST", CREATE, body)
                self.assertEqual(status, 200, answer)
                self.assertEqual(eventually(lambda: vendor.at(CREATE), 5, "the submit")[0].body, body)

    def test_the_page_s_examples(self):
        scenes = {"model": "sora-2", "storyboard": SCENES, "size": "1920x1080"}
        cat = {"model": "sora-2", "prompt": "A cat walking on the beach", "size": "1024x1792", "duration": 10}
        with Vendor() as vendor:
            vendor.on(CREATE, lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            vendor.on("/v1/video/query", lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            relay = {"provider": "veo", "dialect": "relay", "models": {"sora-2": "sora-2", "veo-3.1": "veo-3.1"}}
            with Spool({"accounts": [account(vendor, "veo-r", **relay)]}) as spool:
                for count, body in enumerate((scenes, cat), 1):
                    status, _, answer = spool.request("POST", VIDEOS, body)
                    self.assertEqual((status, answer["prompt"]), (200, body.get("prompt", "")), answer)
                    asked = eventually(lambda: vendor.at(CREATE)[count - 1 :], 5, "the submit")[0]
                    self.assertEqual(asked.body, body)
                status, _, answer = spool.request("POST", VIDEOS, {**cat, "model": "veo-3.1"})
                self.assertEqual(status, 400, answer)

    def test_new_models_and_links_of_any_kind(self):
        """What it opens itself may lie anywhere; of what is newer than our lists only it knows the limits."""
        new = {"model": "veo-9", "prompt": "a boat", "aspect_ratio": "1:1", "duration": 30}
        bodies = [
            {**new, "images": ["asset://a-1", "http://10.0.0.1/a.png"]},
            {"model": "veo-3.1", "images": ["http://10.0.0.1/a.png"]},
        ]
        with Vendor() as vendor:
            vendor.on(CREATE, lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            vendor.on("/v1/video/query", lambda asked: (200, {}, {"id": "v-1", "status": "processing"}))
            relay = account(vendor, "veo-r", provider="veo", dialect="relay")
            config = {"accounts": [relay], "webhook": {"allow_private_networks": False}}
            with Spool(config) as spool:
                for count, body in enumerate(bodies, 1):
                    status, _, answer = spool.request("POST", CREATE, body)
                    self.assertEqual(status, 200, answer)
                    asked = eventually(lambda: vendor.at(CREATE)[count - 1 :], 5, "the submit")[0]
                    self.assertEqual(asked.body, body)


class Sora(unittest.TestCase):
    """At a relay alone: here another Spool, which has the model by another name."""

    def test_a_video(self):
        with Sim(speed=20) as sim:
            model = {"sora-2": "veo-3.1-generate-preview"}
            back_config = {"accounts": [veo_account(sim, models=model)]}
            with Spool(back_config) as back, Between(back) as wire:
                sora = account(wire, "sora-r", provider="sora", dialect="relay", models={"sora-2": "sora-2"}, api_key=back.key)
                with Spool({"accounts": [sora]}) as front:
                    body = {"model": "sora-2", "prompt": "a paper boat", "seconds": "8", "size": "1280x720"}
                    for path in (VIDEOS, CREATE, ALIAS):
                        ask = body if path == VIDEOS else {"model": "sora-2", "prompt": "a boat", "aspect_ratio": "9:16"}
                        status, _, answer = front.request("POST", path, ask)
                        self.assertEqual(status, 200, answer)
                        task = answer.get("task_id") or answer["id"]
                        shown = front.end_of(task)
                        self.assertEqual((shown["status"], shown["provider"]), ("succeeded", "sora"), shown)
                        self.assertEqual(shown["artifacts"][0]["kind"], "video")
                    sent = [asked.body for asked in wire.at(VIDEOS) if asked.method == "POST"]
                    self.assertEqual(sent[0], body)
                    self.assertEqual(sent[1], {"model": "sora-2", "prompt": "a boat", "size": "720x1280"})
                    status, _, answer = front.request("POST", VIDEOS, {**body, "model": "sora-2-pro"})
                    self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))

    def test_a_file_without_a_link(self):
        """As OpenAI has it: the file is behind the key, and may be elsewhere, where the key mustn't go."""
        with Vendor() as vendor, Vendor() as elsewhere:
            done = {"id": "video_1", "object": "video", "status": "completed", "progress": 100}
            elsewhere.on("/file", lambda asked: (200, {"Content-Type": "video/mp4"}, MP4))
            redirect = {"Location": f"{elsewhere.url}/file"}
            vendor.on("/content", lambda asked: (302, redirect, b""))
            vendor.on("/v1/videos/video_1", lambda asked: (200, {}, done))
            vendor.on(VIDEOS, lambda asked: (200, {}, {**done, "status": "queued", "progress": 0}))
            sora = account(vendor, "sora-r", provider="sora", models={"sora-2": "sora-2"})
            with Spool({"accounts": [sora], "allow_networks": ["127.0.0.0/8"]}) as spool:
                status, _, answer = spool.request("POST", VIDEOS, {"model": "sora-2", "prompt": "a boat"})
                self.assertEqual(status, 200, answer)
                self.assertEqual(spool.end_of(answer["id"])["status"], "succeeded")
            self.assertEqual(vendor.at("/content")[0].headers["authorization"], "Bearer sim-secret")
            self.assertNotIn("authorization", elsewhere.at("/file")[0].headers)


class Later(unittest.TestCase):
    def test_too_fast(self):
        """It says how long to wait: 1 s."""
        with Sim(speed=50) as sim, Between(sim) as vendor, Spool(
            {"accounts": [veo_account(vendor)]}
        ) as spool:
            task = spool.request("POST", CREATE, {**BOAT, "prompt": "a boat [429]"})[2]["id"]
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            at = [asked.at for asked in vendor.at(GEMINI_PATH)]
            self.assertEqual(len(at), 3)
            self.assertTrue(0.9 < at[1] - at[0] < 1.8 < at[2] - at[1] < 3, at)
            self.assertEqual(sim.jobs("veo")[0], {"a boat [429]": 1})

    def test_refusals_aren_t_counted_with_links(self):
        with Sim(speed=50) as sim, Between(sim) as vendor, Vendor() as host, Spool(
            {"accounts": [veo_account(vendor)]}
        ) as spool:
            busy = (429, {}, {"error": {"code": 429, "message": "later", "status": "RESOURCE_EXHAUSTED"}})
            vendor.on(GEMINI_PATH, lambda asked: busy if len(vendor.at(GEMINI_PATH)) == 1 else None)
            host.on("/late", lambda asked: (500, {}, b"") if len(host.asked) == 2 else None)
            body = {**BOAT, "images": [f"{host.url}/files/late.png"]}
            task = spool.request("POST", CREATE, body)[2]["id"]
            eventually(lambda: "refused" in spool.events(task), what="a refusal")
            spool.redis("HSET", f"{{spool}}:t:{task}", "tries", "9")  # as it would be after minutes
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            self.assertEqual(spool.events(task).count("input_failed"), 1)

    def check_out(self, account):
        with Spool({"accounts": [account]}) as spool:
            model = next(iter(account["models"]))
            task = spool.request("POST", CREATE, {"model": model, "prompt": "a boat"})[2]["id"]
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")

            def refused():
                answer = spool.request("POST", CREATE, {"model": model, "prompt": "x"})
                return answer if answer[0] != 200 else None

            status, headers, answer = eventually(refused, 5, "a refusal")
            text = f"model {model} is temporarily unavailable, please try again later"
            self.assertEqual(
                (status, answer), (503, {"code": "get_channel_failed", "message": text, "data": None})
            )
            self.assertIn("retry-after", headers)
            status, _, answer = spool.request("POST", VIDEOS, {"model": model, "prompt": "x"})
            self.assertEqual((status, answer["error"]["code"]), (503, "get_channel_failed"))
            self.assertEqual(spool.task(task)["phase"], "queued")

    def test_bad_keys(self):
        with Sim(speed=50) as sim, Sim(speed=50) as stranger:
            self.check_out(veo_account(sim, api_key="wrong"))
            # Another Google's key: its token is none here.
            self.check_out(veo_account(sim, "vertex", stranger.key_file()))
            self.assertEqual(sim.jobs("veo")[0], {})

    def test_no_token_server(self):
        """Nothing was sent, so nothing is in doubt, and no key is bad."""
        with Sim(speed=50) as sim:
            path = sim.key_file()
            with open(path, encoding="utf-8") as file:
                key = json.load(file)
            key["token_uri"] = f"http://127.0.0.1:{free_port()}/oauth2/token"
            with open(path, "w", encoding="utf-8") as file:
                json.dump(key, file)
            with Spool({"accounts": [veo_account(sim, "vertex", path)]}) as spool:
                task = spool.request("POST", CREATE, VERTEX)[2]["id"]
                eventually(lambda: "refused" in spool.events(task), what="a refusal")
                self.assertEqual(spool.metric("accounts_out"), 0)
                self.assertNotIn("in_doubt", spool.events(task))


class Big(unittest.TestCase):
    """24 MB, in the answer to a poll as base64 or behind a link: never held in memory."""

    def memory(self, spool, name):
        with open(f"/proc/{spool.pid}/status", encoding="utf-8") as file:
            return int(re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.M).group(1)) << 10

    def forget_peak(self, spool):
        """From here on VmHWM counts; False where only root may say so."""
        try:
            with open(f"/proc/{spool.pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
            return True
        except PermissionError:
            return False

    def end_and_peak(self, spool, body):
        is_told = self.forget_peak(spool)
        task = spool.request("POST", CREATE, {**body, "prompt": "a boat [big]"})[2]["id"]
        peak = 0
        while spool.task(task)["status"] in ("queued", "in_progress"):
            peak = max(peak, self.memory(spool, "VmRSS"))
            time.sleep(0.003)
        return spool.task(task), self.memory(spool, "VmHWM") if is_told else peak

    def test_memory(self):
        with Sim(speed=50) as sim:
            accounts = [veo_account(sim), veo_account(sim, "vertex", sim.key_file())]
            # What a sanitizer keeps of what was freed would be all that is measured.
            with Spool({"accounts": accounts}, env={"ASAN_OPTIONS": "quarantine_size_mb=1"}) as spool:
                for body in (VERTEX, BOAT):
                    spool.end_of(spool.request("POST", CREATE, body)[2]["id"])
                for body in (VERTEX, BOAT):
                    before = self.memory(spool, "VmRSS")
                    ended, peak = self.end_and_peak(spool, body)
                    self.assertEqual(ended["status"], "succeeded", ended)
                    self.assertLess(peak - before, GROWTH, body)
                    (artifact,) = ended["artifacts"]
                    self.assertGreaterEqual(artifact["bytes"], 24 << 20)
                    job = spool.upstream(ended["id"]).rsplit("/", 1)[1]
                    theirs = download(f"{sim.url}/sim/files/veo-{job}.mp4")[2]
                    self.assertEqual(artifact["sha256"], hashlib.sha256(theirs).hexdigest())
                    print(f"{body['model']}: {(peak - before) >> 10} kB more for 24 MB")


if __name__ == "__main__":
    main()
