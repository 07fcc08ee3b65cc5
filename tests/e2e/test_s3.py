"""What is kept in a bucket: artifacts, and requests too large for Redis. What happens while the store fails.

The store is OpenStack Swift, which verifies what it is sent (swift.py); what is there is looked at through
its own API. Tests with the same words share a moment of trouble, as that costs seconds each time.
"""
import base64
import calendar
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from harness import PNG, Between, Clock, Receiver, Redis, Sim, Spool, Vendor, account, as_stored, download, eventually
from harness import exchange, main, preload, set_clock
from vendors.kling import KlingFamily
from vendors.veo import veo_account
from swift import Swift

MIB = 1 << 20
PART = 32 * MIB  # of a file whose size is known; up to that it goes in one PUT
LEAST_PART = 5 * MIB
PREFIX = "some/prefix"
NOISE = random.Random(7).randbytes(60 * MIB)
swift = None
dead = None  # has a task whose link is dead, begun before all other tests: it takes 10 s
slow = []  # of begin_what_is_slow: Spool, task, file
unfinished = []  # those of begin_what_cannot_be_finished: the same


def setUpModule():
    global swift, dead
    swift = unittest.enterModuleContext(Swift())
    begin_what_cannot_be_finished()
    begin_what_is_slow()
    sim = unittest.enterModuleContext(Sim(speed=50))
    swift.create_bucket("dead")
    storage = {**bucket("dead"), "on_failure": "vendor_url"}
    dead = unittest.enterModuleContext(Spool({"accounts": [account(sim), veo_account(sim)], "storage": storage}))
    dead.tasks = [dead.submit("a lighthouse [deadlink]"), dead.submit("another")]
    closed = {"model": "veo-3.1", "prompt": "a ship [deadlink]"}
    dead.tasks.append(dead.request("POST", "/v1/videos", closed)[2]["id"])
    dead.vendor = sim


def bucket(name, prefix=PREFIX, **fields):
    """`storage` of a configuration."""
    place = {"url": f"s3://{name}/{prefix}", "endpoint": swift.endpoint, "region": swift.region}
    return {**place, "access_key": swift.access_key, "secret_key": swift.secret_key, **fields}


def mp4(size):
    return b"\0\0\0\x18ftypmp42" + NOISE[: size - 12]


def picture(number, size=4 * MIB):
    """Each number's is another."""
    return PNG + b"%d" % number + NOISE[number * size : (number + 1) * size]


def data_url(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


def md5(data):
    return hashlib.md5(data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def etag_of(data, size=PART):
    """As S3 makes it of an object, or of parts of that size."""
    if len(data) <= PART and size == PART:
        return md5(data)
    sums = [hashlib.md5(data[at : at + size]).digest() for at in range(0, len(data), size)]
    return f"{md5(b''.join(sums))}-{len(sums)}"


def files_below(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


class File:
    """What a link gives, a bit at a time; `ranges` are those that were asked for, `sent` counts bytes.

    With `gate` the first download stops at that byte until open() is called; with `slow` it goes on from that
    byte with 3 KB a second, for so many seconds.
    """

    def __init__(self, data, etag=None, is_chunked=False, gate=None, slow=None):
        self.data = data
        self.etag = etag
        self.is_chunked = is_chunked
        self.gate_at = gate
        self.slow_at, self.slow_s = slow or (None, 0)
        self.gate = threading.Event()
        self.is_at_gate = threading.Event()
        self.ranges = []
        self.sent = 0

    def open(self):
        self.gate.set()

    def send(self, request):
        given = request.headers.get("Range")
        self.ranges.append(given)
        at = 0
        if given is not None and self.etag is not None and request.headers.get("If-Range") == self.etag:
            at = int(re.match(r"bytes=(\d+)-$", given).group(1))
        size = len(self.data)
        request.send_response(200 if at == 0 else 206 if at < size else 416)
        if self.etag is not None:
            request.send_header("ETag", self.etag)
        if at >= size:
            request.send_header("Content-Range", f"bytes */{size}")
        elif at > 0:
            request.send_header("Content-Range", f"bytes {at}-{size - 1}/{size}")
        request.send_header("Content-Type", "application/octet-stream")
        if self.is_chunked:
            request.send_header("Transfer-Encoding", "chunked")
        else:
            request.send_header("Content-Length", str(max(size - at, 0)))
        request.end_headers()
        slow_until = time.monotonic() + self.slow_s
        while at < size:
            piece = self.data[at : at + 65536]
            if self.slow_at is not None and at >= self.slow_at and time.monotonic() < slow_until:
                piece = piece[:1500]
                time.sleep(0.5)
            if self.gate_at is not None and at + len(piece) > self.gate_at and not self.gate.is_set():
                self.is_at_gate.set()
                self.gate.wait(30)
            request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.is_chunked else piece)
            at += len(piece)
            self.sent += len(piece)
        if self.is_chunked:
            request.wfile.write(b"0\r\n\r\n")


class Media(Vendor):
    """Its jobs' prompts are names of files."""

    def __init__(self):
        self.files = {}
        super().__init__()

    def give(self, prompt, data, **how):
        self.files[prompt] = File(data, **how)
        return self.files[prompt]

    def handle(self, request):
        found = re.match(r"/files/(\d+)\.png$", request.path)
        if found is None:
            super().handle(request)
        else:
            self.files[self.jobs[found.group(1)]["prompt"]].send(request)

    def close(self):
        for file in self.files.values():
            file.open()
        super().close()


class Front(Vendor):
    """Before Swift: keeps what it is asked, and fails where on() says so."""

    def __init__(self):
        super().__init__()
        handler = self.server.RequestHandlerClass
        handler.do_HEAD = handler.do_PUT = handler.do_GET

    def usual(self, asked):
        hop = ("connection", "expect")
        headers = {name: value for name, value in asked.headers.items() if name not in hop}
        connection = http.client.HTTPConnection("127.0.0.1", swift.ports["proxy"], timeout=60)
        try:
            connection.request(asked.method, asked.path, asked.raw or None, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        gone = ("Connection", "Transfer-Encoding", "Date")
        return response.status, {name: v for name, v in response.getheaders() if name not in gone}, data

    def count(self, method, words):
        return len([asked for asked in self.at(words) if asked.method == method])


class Bucket(unittest.TestCase):
    """One bucket per class, which is empty at first."""

    @classmethod
    def setUpClass(cls):
        cls.bucket = "b-" + cls.__name__.lower()
        swift.create_bucket(cls.bucket)

    def key_of(self, spool, task, extension, action="imagine", name="mj-1"):
        """Without the prefix."""
        day = time.strftime("%Y/%m/%d", time.gmtime(spool.task(task)["created_at"] / 1000))
        return f"task-artifacts/{day}/{name}/{action}/{task}.{extension}"

    def check_kept(self, spool, task, data, kind, extension, etag=None, timeout=30, **where):
        """The task has succeeded, and the store has its only file; the artifact as it is shown."""
        shown = spool.end_of(task, timeout)
        self.assertEqual((shown["status"], shown["error"]), ("succeeded", None), shown)
        (artifact,) = shown["artifacts"]
        key = f"{PREFIX}/{self.key_of(spool, task, extension, **where)}"
        told = (artifact["kind"], artifact["content_type"], artifact["bytes"], artifact["sha256"])
        self.assertEqual(told, (kind, f"{kind}/{extension}", len(data), sha256(data)))
        self.assertEqual(swift.objects(self.bucket)[key], (len(data), etag or etag_of(data)))
        self.assertEqual(swift.entries(self.bucket)[key]["content_type"], f"{kind}/{extension}")
        self.assertEqual(sha256(swift.read(self.bucket, key)), sha256(data))
        self.assertEqual(urllib.parse.urlsplit(artifact["url"]).path, f"/{self.bucket}/{key}")
        self.check_label(key, task, data, artifact["url"])
        return artifact

    is_whole_labelled = True  # a store that is in trouble, or whose ETags are none, leaves the SHA-256 out

    def check_label(self, key, task, data, url):
        """What the object says about itself. The SHA-256 of one that came in parts isn't known when it is begun."""
        headers = download(url, {"Range": "bytes=0-0"})[1]
        self.assertEqual(headers["x-amz-meta-task-id"], task)
        self.assertEqual(headers["cache-control"], "public, max-age=31536000, immutable")
        self.assertEqual(headers["content-disposition"], f'inline; filename="{key.rsplit("/", 1)[1]}"')
        if "x-amz-meta-sha256" in headers or (self.is_whole_labelled and len(data) <= LEAST_PART):
            self.assertEqual(headers["x-amz-meta-sha256"], sha256(data))

    def check_clean(self, tasks, spool=None):
        """No parts of theirs are nobody's; an upload that is given up goes a little later."""

        def uploads():
            return [key for key, _ in swift.uploads(self.bucket) if any(task in key for task in tasks)]

        eventually(lambda: uploads() == [], 8, "the end of all uploads", 0.1)
        parts = [name for name in swift.orphans(self.bucket) if any(task in name for task in tasks)]
        self.assertEqual(parts, [])
        if spool is not None:
            self.assertEqual(files_below(os.path.join(spool.data_dir, "media")), [])
            self.assertEqual(files_below(os.path.join(spool.data_dir, "tmp")), [])

    def parts_of(self, key):
        """[(bytes, etag)] in their order."""
        parts = swift.parts(self.bucket)
        names = [name for name in parts if key in name]
        return [parts[name] for name in sorted(names, key=lambda name: int(name.rsplit("/", 1)[1]))]

    def attempts(self, spool, task):
        """Why each failed."""
        return [e["detail"] for e in spool.timeline(task) if e["event"] == "archive_failed"]

    def check_waits(self, spool, task):
        shown = spool.task(task)
        told = (shown["phase"], shown["status"], shown["error"])
        self.assertEqual(told, ("archiving", "in_progress", None))
        self.assertEqual(shown["artifacts"], [])


def begin_what_cannot_be_finished():
    """All bytes are there, but not what makes an object of them, or what checks it: for more than the 10 s
    after which a link that is refused is dead. The link isn't."""
    large, small = mp4(PART + MIB), picture(1)
    cases = (
        (large, ("video", "mp4"), "POST", "uploadId="),
        (large, ("video", "mp4"), "HEAD", ".mp4"),
        (small, ("image", "png"), "HEAD", ".png"),
    )
    end = time.monotonic() + 20
    swift.create_bucket("unfinished")
    media = unittest.enterModuleContext(Media())
    for number, (data, kind, method, words) in enumerate(cases):

        def answer(asked, method=method, words=words):
            is_it = asked.method == method and words in asked.path and "partNumber" not in asked.path
            return (503, {}, b"") if is_it and time.monotonic() < end else None

        front = unittest.enterModuleContext(Front())
        front.on("/", answer)
        file = media.give(f"file {number}", data, etag='"one"')
        config = {"accounts": [account(media)], "storage": bucket("unfinished", endpoint=front.url)}
        spool = Spool(config)
        unittest.addModuleCleanup(spool.close)
        unfinished.append((spool, spool.submit(f"file {number}"), file, data, kind, f"{method} {words}"))


def begin_what_is_slow():
    """A vendor that sends a little all the time, but for longer than the store may be silent. The store is
    another, which nobody stops meanwhile."""
    store = unittest.enterModuleContext(Swift())
    store.create_bucket("slow")
    keys = {"access_key": store.access_key, "secret_key": store.secret_key}
    place = {"url": "s3://slow", "endpoint": store.endpoint, "region": store.region, **keys}
    media = unittest.enterModuleContext(Media())
    spool = unittest.enterModuleContext(Spool({"accounts": [account(media)], "storage": place}))
    file = media.give("slow", mp4(2 * MIB), slow=(MIB, 27))
    slow.extend([spool, spool.submit("slow"), file])


class Kept(Bucket):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.media = cls.enterClassContext(Media())
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        cls.receiver = cls.enterClassContext(Receiver())
        veo = [veo_account(cls.vendor), veo_account(cls.vendor, "vertex", cls.sim.key_file())]
        tokens = [{"name": "dev", "key": "sk-dev"}, {"name": "other", "key": "sk-other"}]
        config = {"accounts": [account(cls.media), *veo], "storage": bucket(cls.bucket), "tokens": tokens}
        cls.spool = cls.enterClassContext(Spool(config))

    def video(self, model, prompt):
        status, _, answer = self.spool.request("POST", "/v1/videos", {"model": model, "prompt": prompt})
        self.assertEqual(status, 200, answer)
        return answer["id"]

    def check_signed(self, url, data):
        """A link that gives it, whole and in part, until a day has passed; nothing else gives it."""
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.assertEqual(f"{parts.scheme}://{parts.netloc}", swift.endpoint)
        self.assertEqual(query["X-Amz-Algorithm"], "AWS4-HMAC-SHA256")
        self.assertEqual(query["X-Amz-Expires"], "87300")
        signed = calendar.timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        self.assertTrue(time.time() - 901 <= signed <= time.time(), query)
        scope = time.strftime(f"%Y%m%d/{swift.region}/s3/aws4_request", time.gmtime(signed))
        self.assertEqual(query["X-Amz-Credential"], f"{swift.access_key}/{scope}")
        status, headers, got = download(url)
        self.assertEqual((status, sha256(got)), (200, sha256(data)))
        size = len(data)
        ranges = (("bytes=0-9", 0, 9), ("bytes=-7", size - 7, size - 1), ("bytes=50-", 50, size - 1))
        for given, first, last in ranges:
            status, headers, got = download(url, {"Range": given})
            self.assertEqual((status, headers["content-range"]), (206, f"bytes {first}-{last}/{size}"), given)
            self.assertEqual(sha256(got), sha256(data[first : last + 1]), given)
        for wrong in (
            url.split("?")[0],
            url.replace("X-Amz-Expires=87300", "X-Amz-Expires=87301"),
            url.replace(parts.path, parts.path[:-1]),
        ):
            self.assertIn(download(wrong)[0], (400, 401, 403), wrong)

    def test_small_and_large(self):
        files = {"small": PNG, "one put": mp4(PART), "25 MB": mp4(25 * MIB), "large": mp4(40 * MIB)}
        files["a byte more"] = mp4(PART + 1)
        for prompt, data in files.items():
            self.media.give(prompt, data)
        before = self.spool.metric("archived_bytes_total")
        tasks = {prompt: self.spool.submit(prompt) for prompt in files}
        for prompt, data in files.items():
            kind, extension = ("image", "png") if data == PNG else ("video", "mp4")
            artifact = self.check_kept(self.spool, tasks[prompt], data, kind, extension)
            self.check_signed(artifact["url"], data)
        self.check_clean(tasks.values(), self.spool)
        self.assertEqual(self.spool.metric("archived_bytes_total") - before, sum(map(len, files.values())))
        key = f"{PREFIX}/{self.key_of(self.spool, tasks['large'], 'mp4')}/"
        self.assertEqual([size for size, _ in self.parts_of(key)], [PART, 40 * MIB - PART])

    def test_webhooks_and_queries_carry_the_link(self):
        self.media.give("told", PNG)
        task = self.spool.submit("told", notifyHook=self.receiver.url + "/told")
        (artifact,) = self.spool.end_of(task)["artifacts"]
        eventually(lambda: "SUCCESS" in self.receiver.words("/told"), what="the webhook")
        hook = [hook.body for hook in self.receiver.at("/told") if hook.word == "SUCCESS"][0]
        listed = self.spool.request("POST", "/mj/task/list-by-condition", {"ids": [task]})[2]
        links = [hook["imageUrl"], self.spool.fetch(task)["imageUrl"], artifact["url"], listed[0]["imageUrl"]]
        path = f"/{self.bucket}/{PREFIX}/{self.key_of(self.spool, task, 'png')}"
        for link in links:
            self.assertEqual(urllib.parse.urlsplit(link).path, path)
            self.check_signed(link, PNG)

    def test_a_public_base(self):
        name = self.bucket + "-public"
        swift.create_bucket(name, is_public=True)
        base = f"{swift.endpoint}/v1/AUTH_test/{name}"
        for number, (given, prefix) in enumerate(((base, PREFIX), (base + "/", ""), (base, "one/"))):
            storage = bucket(name, prefix, public_base=given)
            self.media.give("public", PNG)
            config = {"accounts": [account(self.media)], "storage": storage}
            with Spool(config) as spool:
                task = spool.submit("public")
                (artifact,) = spool.end_of(task)["artifacts"]
                folder = ("some/prefix/", "", "one/")[number]
                link = f"{base}/{folder}{self.key_of(spool, task, 'png')}"
                self.assertEqual((artifact["url"], spool.fetch(task)["imageUrl"]), (link, link))
                self.assertEqual(download(link)[2], PNG)
                self.assertEqual(files_below(os.path.join(spool.data_dir, "media")), [])

    def test_content(self):
        task = self.video("veo-3.1", "a boat [big]")
        eventually(lambda: self.spool.get(f"/v1/videos/{task}")["status"] == "completed", 30, "the video")
        (asked,) = [a for a in self.vendor.at("/sim/files/")]
        data = download(self.sim.url + asked.path)[2]
        self.assertGreater(len(data), 24_000_000)
        artifact = self.check_kept(self.spool, task, data, "video", "mp4", action="video", name="veo-gemini")
        path = f"/v1/videos/{task}/content"
        for query in ("", "?variant=video"):
            for headers in ({}, {"Range": "bytes=0-9"}):
                status, answered, body = self.spool.request("GET", path + query, None, headers)
                self.assertEqual((status, body), (302, {}))
                self.check_signed(answered["location"], data)
        self.assertEqual(answered["location"].split("?")[0], artifact["url"].split("?")[0])
        self.assertEqual(self.spool.request("GET", path, None, {"Authorization": "Bearer sk-other"})[0], 404)
        self.assertEqual(self.spool.request("GET", path, None, {"Authorization": "Bearer sk-no"})[0], 401)
        self.assertEqual(self.spool.request("GET", path + "?variant=thumbnail")[0], 404)
        running = self.video("veo-3.1", "a boat [hang]")
        self.assertEqual(self.spool.request("GET", f"/v1/videos/{running}/content")[0], 409)

    @unittest.skipUnless(shutil.which("node"), "no node")
    def test_content_as_the_openai_client_gets_it(self):
        """By fetch, which follows the redirect and leaves the key behind: a store refuses two signatures."""
        task = self.video("veo-3.1", "a ship")
        (artifact,) = self.spool.end_of(task)["artifacts"]
        script = """
            const [url, range] = process.argv.slice(1);
            const headers = {authorization: "Bearer sk-dev", ...(range ? {range} : {})};
            const answer = await fetch(url, {headers});
            const type = answer.headers.get("content-type");
            const bytes = Buffer.from(await answer.arrayBuffer());
            const sum = require("crypto").createHash("sha256").update(bytes);
            console.log(JSON.stringify([answer.status, type, sum.digest("hex")]));
        """
        script = f"(async () => {{{script}}})();"
        url = f"{self.spool.url}/v1/videos/{task}/content"
        data = download(artifact["url"])[2]
        for given, status, expected in (((), 200, data), (("bytes=10-99",), 206, data[10:100])):
            command = ["node", "-e", script, url, *given]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            self.assertEqual(json.loads(done.stdout), [status, "video/mp4", sha256(expected)])

    def test_files_of_unknown_size(self):
        """Six at once; only four may be gathered at a time."""
        sizes = [100, 70_000, 5 * MIB, 11 * MIB, 12 * MIB + 1, 17 * MIB + 7]
        files = {f"chunked {size}": mp4(size) for size in sizes}
        for prompt, data in files.items():
            self.media.give(prompt, data, is_chunked=True)
        tasks = {prompt: self.spool.submit(prompt) for prompt in files}
        for prompt, data in files.items():
            task = tasks[prompt]
            self.assertEqual(self.spool.end_of(task, 12)["status"], "succeeded")
            key = f"{PREFIX}/{self.key_of(self.spool, task, 'mp4')}/"
            parts = self.parts_of(key)
            self.assertTrue(all(size >= LEAST_PART for size, _ in parts[:-1]), parts)
            if len(data) > LEAST_PART + 65536:
                self.assertEqual(sum(size for size, _ in parts), len(data))
                sums = b"".join(bytes.fromhex(etag) for _, etag in parts)
                etag = f"{md5(sums)}-{len(parts)}"
            else:
                self.assertEqual(parts, [])
                etag = md5(data)
            self.check_kept(self.spool, task, data, "video", "mp4", etag)
            self.assertEqual(self.media.files[prompt].ranges, [None])
        self.check_clean(tasks.values(), self.spool)

    def test_a_file_inside_the_answer_to_a_poll(self):
        task = self.video("veo-3.1-fast", "a boat [big]")
        (artifact,) = self.spool.end_of(task)["artifacts"]
        answers = [a for a in self.vendor.at("fetchPredictOperation")]
        body = self.sim_answer(answers[-1])
        (video,) = body["response"]["videos"]
        data = base64.b64decode(video["bytesBase64Encoded"])
        self.assertGreater(len(data), 24_000_000)
        self.assertEqual((artifact["bytes"], artifact["sha256"]), (len(data), sha256(data)))
        key = f"{PREFIX}/{self.key_of(self.spool, task, 'mp4', 'video', 'veo-vertex')}"
        self.assertEqual(sha256(swift.read(self.bucket, key)), sha256(data))
        self.assertEqual(swift.entries(self.bucket)[key]["content_type"], "video/mp4")
        self.check_signed(artifact["url"], data)
        self.check_clean([task], self.spool)

    def sim_answer(self, asked):
        headers = {"Authorization": asked.headers["authorization"], "Content-Type": "application/json"}
        return exchange(self.sim.port, "POST", asked.path, asked.raw, headers)[2]


class Faults(Bucket):
    """The store fails in the middle of an upload, and comes back. Each test has a bucket of its own."""

    def setUp(self):
        self.bucket = "b-" + self._testMethodName.replace("_", "-")
        swift.create_bucket(self.bucket)
        self.media = self.enterContext(Media())
        self.addCleanup(self.mend)

    def mend(self):
        swift.resume()
        for name, start in (("object", swift.start_objects), ("proxy", swift.start_proxy)):
            if swift.processes[name].poll() is not None:
                start()

    def spool(self, vendor=None, redis=None, **config):
        vendor = vendor or self.media
        config = {"accounts": [account(vendor)], "storage": bucket(self.bucket), **config}
        spool = self.enterContext(Spool(config, redis=redis))
        eventually(spool.is_ready)
        return spool

    def begin(self, spool, *prompts):
        """The tasks of files that have a gate, once it is reached."""
        tasks = [spool.submit(prompt) for prompt in prompts]
        for prompt in prompts:
            self.assertTrue(self.media.files[prompt].is_at_gate.wait(20), prompt)
        return tasks

    def let(self, *prompts):
        for prompt in prompts:
            self.media.files[prompt].open()

    def test_paused(self):
        """Who can, goes on behind the last part that was kept."""
        data = mp4(60 * MIB)
        marked = self.media.give("marked", data, etag='"one"', gate=40 * MIB)
        plain = self.media.give("plain", data[: 50 * MIB], gate=40 * MIB)
        spool = self.spool()
        before = len(swift.parts(self.bucket))
        tasks = self.begin(spool, "marked", "plain")
        eventually(lambda: len(swift.parts(self.bucket)) >= before + 2, 10, "the first parts")
        time.sleep(0.3)  # that Spool has heard of it
        swift.pause()
        self.let("marked", "plain")
        eventually(lambda: len(marked.ranges) > 1 and len(plain.ranges) > 1, 10, "a second download")
        for task in tasks:
            self.check_waits(spool, task)
        swift.resume()
        self.check_kept(spool, tasks[0], data, "video", "mp4")
        self.check_kept(spool, tasks[1], data[: 50 * MIB], "video", "mp4")
        # What the vendor served: the first time to where it was paused, and what the kernel had room for.
        self.assertEqual(set(marked.ranges[1:]), {f"bytes={PART}-"})
        self.assertLess(marked.sent, 100 * MIB)
        self.assertEqual(set(plain.ranges), {None})
        self.assertEqual(self.attempts(spool, tasks[0]), [], "one attempt was enough")
        self.check_clean(tasks, spool)

    def check_outage(self, take_down, bring_up, reason):
        """Some seconds: tasks wait, say why, and finish by themselves."""
        files = {"marked": mp4(40 * MIB), "plain": mp4(35 * MIB), "small": PNG}
        self.media.give("marked", files["marked"], etag='"one"', gate=20 * MIB)
        self.media.give("plain", files["plain"], gate=34 * MIB)
        self.media.give("small", PNG)
        spool = self.spool()
        tasks = dict(zip(files, self.begin(spool, "marked", "plain")))
        failures = spool.metric("archive_failures_total")
        take_down()
        self.let("marked", "plain")
        tasks["small"] = spool.submit("small")
        for task in tasks.values():
            eventually(lambda: len(self.attempts(spool, task)) >= 2, 15, "a second attempt")
        counted = sum(len(self.attempts(spool, task)) for task in tasks.values())
        self.assertGreaterEqual(spool.metric("archive_failures_total") - failures, counted)
        for task in tasks.values():
            self.check_waits(spool, task)
            for detail in self.attempts(spool, task):
                self.assertRegex(detail, reason)
            self.assertEqual(spool.fetch(task)["imageUrl"], "")
        bring_up()
        for prompt, data in files.items():
            kind = ("image", "png") if prompt == "small" else ("video", "mp4")
            self.check_kept(spool, tasks[prompt], data, *kind)
        self.check_clean(tasks.values(), spool)

    def test_proxy_stopped(self):
        reason = r"^storage: .*([Cc]onnect|reset|[Bb]roken pipe)"
        self.check_outage(swift.stop_proxy, swift.start_proxy, reason)

    def test_objects_killed(self):
        self.check_outage(swift.kill_objects, swift.start_objects, r"^storage: the store answers HTTP 503")

    def test_killed_in_the_middle(self):
        data = mp4(40 * MIB)
        file = self.media.give("killed", data, etag='"one"', gate=36 * MIB)
        redis = self.enterContext(Redis())
        spool = self.spool(redis=redis, lease_ms=1000)
        (task,) = self.begin(spool, "killed")
        eventually(lambda: len(swift.uploads(self.bucket)) == 1, what="an upload")
        self.assertEqual(swift.objects(self.bucket).get(f"{PREFIX}/{self.key_of(spool, task, 'mp4')}"), None)
        spool.kill()
        spool.start()
        eventually(spool.is_ready)
        file.open()
        self.check_kept(spool, task, data, "video", "mp4")
        self.assertEqual(file.ranges, [None, None])


class Encrypted(Bucket):
    """By a key of the store's: its ETags have the form of an MD5 and aren't one."""

    is_whole_labelled = False

    def test_etags_are_not_believed(self):
        front, media = self.enterContext(Front()), self.enterContext(Media())
        media.give("small", PNG)
        says_so = []

        def answer(asked):
            if asked.method not in ("PUT", "HEAD") or "task-artifacts" not in asked.path:
                return None
            status, headers, data = front.usual(asked)
            how = {"x-amz-server-side-encryption": "aws:kms"} if says_so else {}
            kept = {name: value for name, value in headers.items() if name.lower() != "etag"}
            return status, {**kept, **how, "ETag": f'"{md5(b"another")}"'}, data

        front.on("/", answer)
        config = {"accounts": [account(media)], "storage": bucket(self.bucket, endpoint=front.url)}
        with Spool(config) as spool:
            task = spool.submit("small")
            eventually(lambda: self.attempts(spool, task), 10, "a refusal")
            self.assertIn("something else than was sent", self.attempts(spool, task)[0])
            says_so.append(True)
            self.check_kept(spool, task, PNG, "image", "png")


class LeftOvers(Bucket):
    """Uploads of processes that are gone for good: nobody else knows of them."""

    def leave(self, key, id):
        parts = f"{self.bucket}+segments"
        swift.create_bucket(parts)
        for name in (f"{key}/{id}", f"{key}/{id}/1"):
            self.assertEqual(swift.ask("PUT", parts, name, body=b"part")[0], 201)
        return (key, id)

    def test_what_is_older_than_a_day_goes(self):
        ours = self.leave(f"{PREFIX}/task-artifacts/old.png", "aWQx")
        others = [
            self.leave(f"{PREFIX}/task-artifacts/young.png", "aWQy"),
            self.leave(f"{PREFIX}/somebody/old.png", "aWQz"),
            self.leave("another/task-artifacts/old.png", "aWQw"),
        ]
        self.assertEqual(sorted(swift.uploads(self.bucket)), sorted([ours, *others]))
        front = self.enterContext(Front())
        aged = []

        def answer(asked):
            """The list as it will be in a day, but for the young one."""
            if asked.method != "GET" or "uploads" not in asked.path:
                return None
            status, headers, data = front.usual(asked)
            then = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 86400 - 60)).encode()
            uploads = re.findall(rb"<Upload>.*?</Upload>", data, re.S)
            aged.append(len(uploads))
            for upload in uploads:
                if b"young" not in upload:
                    old = re.sub(rb"(<Initiated>)[^<]*", rb"\g<1>" + then, upload)
                    data = data.replace(upload, old)
            return status, {**headers, "Content-Length": str(len(data))}, data

        front.on(f"/{self.bucket}", answer)
        with Spool({"storage": bucket(self.bucket, endpoint=front.url)}):
            eventually(lambda: ours not in swift.uploads(self.bucket), 8, "its end", 0.1)
            eventually(lambda: f"{ours[0]}/{ours[1]}/1" not in swift.parts(self.bucket), 8, "the part's", 0.1)
        self.assertEqual(sorted(swift.uploads(self.bucket)), sorted(others))
        self.assertEqual(len(swift.parts(self.bucket)), 3)
        self.assertEqual(sum(aged), 3, "only those behind our prefix are asked for")
        self.assertEqual(front.count("DELETE", "uploadId"), 1, "the start tries the bucket, and tidies up")


class Refusals(Bucket):
    """What an operator has to mend: tasks wait for it, where it wasn't known to be wrong at the start."""

    def test_wrong(self):
        redis, front = self.enterContext(Redis()), self.enterContext(Front())
        is_down = [True]
        front.on("/", lambda asked: CUT if is_down[0] else None)
        clock = Clock()
        self.addCleanup(clock.close)
        clock.set(-20 * 60)
        late = {**preload(set_clock()), **clock.env}
        cases = {
            "secret_key": ({"secret_key": "wrong"}, "storage.secret_key: is not the one of the access key"),
            "region": ({"region": "us-east-1"}, "storage.region: is not the bucket's"),
            "url": ({"url": f"s3://{self.bucket}-missing/{PREFIX}"}, "storage.url: there is no such bucket"),
            "clock": ({}, "the clock of this machine and the store's are too far apart"),
        }
        data = mp4(PART + 1)
        media = self.enterContext(Media())
        media.give("small", PNG)
        media.give("large", data)
        media.give("unknown", mp4(3 * MIB), is_chunked=True)
        prompts = ["small", "large", "unknown"]
        spools, tasks = {}, {}
        for name, (wrong, _) in cases.items():
            config = {"accounts": [account(media)], "storage": {**bucket(self.bucket, endpoint=front.url), **wrong}}
            other = {"redis": redis, "env": late} if name == "clock" else {}
            spool = self.enterContext(Spool(config, **other))
            eventually(spool.is_ready)
            spools[name] = spool
        is_down[0] = False
        for name, spool in spools.items():
            tasks[name] = [spool.submit(prompt) for prompt in prompts]
        for name, spool in spools.items():
            hint = cases[name][1]
            for task in tasks[name]:
                eventually(lambda: len(self.attempts(spool, task)) >= 3, 20, f"three of a wrong {name}")
            with self.subTest(wrong=name):
                for task in tasks[name]:
                    self.check_waits(spool, task)
                    for why in self.attempts(spool, task):
                        self.assertEqual(why[: len(hint)], hint)
                every = spool.log().decode().splitlines()
                self.assertFalse([line for line in every if " warn  archive.failed " in line])
                lines = [line for line in every if " storage.refused " in line]
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f'error="{hint}', lines[0])
                self.assertIn(" error ", lines[0])
                self.assertNotIn(swift.secret_key, spool.log().decode())
        for name, spool in spools.items():
            spool.stop()
            spool.config["storage"] = bucket(self.bucket)
            for variable in late:
                spool.env.pop(variable, None)
            spool.start()
        for name, spool in spools.items():
            eventually(spool.is_ready)
            with self.subTest(mended=name):
                self.check_kept(spool, tasks[name][0], PNG, "image", "png")
                self.check_kept(spool, tasks[name][1], data, "video", "mp4")
                self.assertEqual(spool.end_of(tasks[name][2])["status"], "succeeded")
                self.check_clean(tasks[name], spool)


class Last(Bucket):
    """Begun by setUpModule; by now it has had its time."""

    is_whole_labelled = False

    @classmethod
    def setUpClass(cls):
        cls.bucket = "unfinished"

    def test_the_end_fails(self):
        for spool, task, file, data, kind, what in unfinished:
            with self.subTest(fails=what):
                self.assertIsNone(spool.process.poll(), "Spool runs")
                self.check_kept(spool, task, data, *kind)
                for why in self.attempts(spool, task):
                    self.assertRegex(why, "^storage: ")
                self.assertGreaterEqual(len(self.attempts(spool, task)), 2)
                self.assertLess(len(file.ranges), 60)
                spool.stop()

    def test_a_slow_vendor(self):
        spool, task, file = slow
        (artifact,) = spool.end_of(task, 30)["artifacts"]
        self.assertEqual(artifact["sha256"], sha256(file.data))
        self.assertEqual(sha256(download(artifact["url"])[2]), sha256(file.data))
        self.assertEqual((self.attempts(spool, task), file.ranges), ([], [None]))

    def test_the_vendor_s_link(self):
        lost, fine, closed = dead.tasks
        shown = dead.end_of(lost)
        url = f"{dead.vendor.url}/sim/files/{dead.upstream(lost)}.png"
        self.assertEqual((shown["status"], shown["error"]), ("succeeded", None))
        self.assertEqual(shown["artifacts"], [{"kind": "image", "url": url, "archived": False}])
        self.assertEqual(dead.fetch(lost)["imageUrl"], url)
        (artifact,) = dead.end_of(fine)["artifacts"]
        self.assertEqual(artifact["url"].split("/task-artifacts/")[0], f"{swift.endpoint}/dead/{PREFIX}")
        self.assertEqual(sha256(download(artifact["url"])[2]), artifact["sha256"])
        self.assertEqual(len(swift.objects("dead")), 1)
        shown = dead.end_of(closed)  # whose link takes the account's key
        self.assertEqual((shown["status"], shown["error"]["code"]), ("failed", "archive_failed"))
        self.assertEqual(shown["artifacts"], [])


class Large:
    """Requests of several MB, with either store below: `stored` are those that it keeps."""

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.redis = self.enterContext(Redis())
        self.gates = []
        self.addCleanup(lambda: [gate.set() for gate in self.gates])

    def spool(self, redis=None, settings=None, **fields):
        config = {"accounts": [account(self.vendor, **fields)], **self.storage(), **(settings or {})}
        spool = self.enterContext(Spool(config, redis=redis or self.redis))
        eventually(spool.is_ready)
        return spool

    def forgotten(self, spool, what="the end of the stored request"):
        eventually(lambda: self.stored(spool) == [], 4, what)

    def large(self, spool, prompt, headers=None, number=0):
        body = {"prompt": prompt, "base64Array": [data_url(picture(number))]}
        return spool.request("POST", "/mj/submit/imagine", body, headers)

    def submit_large(self, spool, prompt):
        status, _, answer = self.large(spool, prompt)
        self.assertEqual((status, answer["code"] in (1, 22)), (200, True), answer)
        return answer["result"]

    def sent(self, prompt):
        """The bodies that the vendor has got."""
        return [a.body for a in self.vendor.at("/submit/imagine") if a.body["prompt"] == prompt]

    def ends_well(self, spool, task, prompt):
        self.vendor.is_held = False
        self.assertEqual(spool.wait(task)["status"], "SUCCESS")
        (body,) = self.sent(prompt)
        self.assertEqual(len(body["base64Array"]), 1)
        self.assertEqual(md5(body["base64Array"][0].encode()), md5(data_url(picture(0)).encode()))
        self.forgotten(spool)

    def sizes(self):
        """{key: bytes}, of all of Redis; and the longest value below any key is looked for."""
        longest = """
            local t, found = redis.call('TYPE', KEYS[1]).ok, 0
            local function see(s) if #tostring(s) > found then found = #tostring(s) end end
            local function each(v)
                if type(v) == 'table' then for _, x in ipairs(v) do each(x) end else see(v) end
            end
            if t == 'string' then see(redis.call('GET', KEYS[1]))
            elseif t == 'hash' then each(redis.call('HGETALL', KEYS[1]))
            elseif t == 'list' then each(redis.call('LRANGE', KEYS[1], 0, -1))
            elseif t == 'set' then each(redis.call('SMEMBERS', KEYS[1]))
            elseif t == 'zset' then each(redis.call('ZRANGE', KEYS[1], 0, -1))
            elseif t == 'stream' then each(redis.call('XRANGE', KEYS[1], '-', '+')) end
            return found
        """
        sizes = {}
        for key in self.redis.cli("KEYS", "*").split():
            sizes[key] = int(self.redis.cli("MEMORY", "USAGE", key, "SAMPLES", "0") or 0)
            self.assertLess(int(self.redis.cli("EVAL", longest, "1", key)), 65536, key)
        return sizes

    def check_small(self, task):
        sizes = self.sizes()
        self.assertLess(max(sizes.values()), 65536, sizes)
        own = {key: size for key, size in sizes.items() if as_stored(task) in key}
        self.assertIn(as_stored(f"{{spool}}:t:{task}"), own)
        self.assertLess(sum(own.values()), 2048, own)

    def test_five_images(self):
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        first = spool.submit("holds the slot")
        spool.wait_phase(first, "submitted", "rendering")
        images = [data_url(picture(number)) for number in range(5)]
        body = {"base64Array": images, "state": "five"}
        status, _, answer = spool.request("POST", "/mj/submit/blend", body)
        self.assertEqual((status, answer["code"] in (1, 22)), (200, True), answer)
        task = answer["result"]
        self.assertEqual(len(self.stored(spool)), 1)
        self.check_small(task)
        self.assertEqual(spool.task(task)["phase"], "queued")
        self.vendor.is_held = False
        self.assertEqual(spool.wait(task)["status"], "SUCCESS")
        (asked,) = self.vendor.at("/submit/blend")
        sent = [md5(image.encode()) for image in asked.body["base64Array"]]
        self.assertEqual(sent, [md5(image.encode()) for image in images])
        self.assertEqual(spool.fetch(task)["state"], "five")
        self.forgotten(spool)
        self.check_small(task)

    def test_refused(self):
        refusal = {"code": 24, "description": "banned words", "properties": {}}
        self.vendor.on("/submit/imagine", lambda asked: (200, {}, refusal))
        spool = self.spool()
        task = self.submit_large(spool, "a [refuse]")
        self.assertEqual(spool.wait(task)["status"], "FAILURE")
        self.assertEqual(len(self.sent("a [refuse]")), 1)
        self.forgotten(spool)

    def test_cancelled(self):
        """While it is queued, and while the vendor thinks about a submit that it then refuses."""
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        task = self.submit_large(spool, "cancelled")
        self.assertEqual(len(self.stored(spool)), 1)
        status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["status"]), (200, "cancelled"))
        self.forgotten(spool)
        self.assertEqual(self.sent("cancelled"), [])

    def test_cancelled_while_it_is_sent(self):
        gate = threading.Event()
        self.gates.append(gate)
        self.vendor.on("/submit/imagine", lambda asked: (429, {}, {}) if gate.wait(20) else None)
        spool = self.spool()
        task = self.submit_large(spool, "refused late")
        eventually(lambda: self.sent("refused late"), what="a submit")
        spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        gate.set()
        self.assertEqual(spool.end_of(task)["status"], "cancelled")
        self.forgotten(spool)

    def test_down_at_submit(self):
        spool = self.spool()
        self.break_store(spool)
        status, _, answer = self.large(spool, "nowhere to keep it")
        self.assertEqual(status, 503, answer)
        self.assertEqual(self.redis.cli("KEYS", "{spool}:t:*"), "")
        self.assertEqual(spool.get("/v1/tasks")["data"], [])
        small = spool.submit("small ones need none")
        spool.wait_phase(small, "submitted", "rendering", "archiving", "succeeded")
        self.mend_store(spool)
        self.ends_well(spool, self.submit_large(spool, "kept now"), "kept now")
        self.assertEqual(self.sent("nowhere to keep it"), [])
        self.assertEqual(files_below(os.path.join(spool.data_dir, "tmp")), [])

    def test_down_when_it_is_wanted(self):
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        task = self.submit_large(spool, "later")
        self.break_store(spool)
        self.vendor.is_held = False

        def failures():
            return [e["detail"] for e in spool.timeline(task) if e["event"] == "input_failed"]

        eventually(failures, 10, "a try")
        self.assertEqual(spool.task(task)["status"], "queued")
        for why in failures():
            self.assertRegex(why, "^storage: ")
        self.assertEqual(self.sent("later"), [])
        self.mend_store(spool)
        self.ends_well(spool, task, "later")


class LargeInBucket(Large, Bucket):
    def setUp(self):
        super().setUp()
        self.front = self.enterContext(Front())
        self.is_down = False
        self.front.on("/", lambda asked: (503, {}, b"") if self.is_down else None)
        for name in swift.entries(self.bucket):
            swift.delete(self.bucket, name)

    def storage(self):
        return {"storage": bucket(self.bucket, endpoint=self.front.url)}

    def stored(self, spool):
        self.assertEqual(files_below(os.path.join(spool.data_dir, "inputs")), [])
        return [name for name in swift.entries(self.bucket) if name.startswith(f"{PREFIX}/inputs/")]

    def break_store(self, spool):
        self.is_down = True

    def mend_store(self, spool):
        self.is_down = False

    def test_refused_for_now(self):
        """It is sent again, with all that it had."""
        busy = [1]
        self.vendor.on("/submit/imagine", lambda a: (429, {}, {}) if busy and busy.pop() else None)
        spool = self.spool()
        task = self.submit_large(spool, "busy")
        self.assertEqual(spool.wait(task)["status"], "SUCCESS")
        sent = {md5(body["base64Array"][0].encode()) for body in self.sent("busy")}
        self.assertEqual(sent, {md5(data_url(picture(0)).encode())})
        self.assertEqual(len(self.sent("busy")), 2)
        self.forgotten(spool)

    def test_the_same_twice(self):
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        key = {"Idempotency-Key": "one"}
        answers = [None] * 4

        def ask(number):
            answers[number] = self.large(spool, "twice", key)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers.append(self.large(spool, "twice", key))
        self.assertEqual({status for status, _, _ in answers}, {200})
        (task,) = {answer["result"] for _, _, answer in answers}
        self.assertEqual(answers[-1][1].get("idempotent-replayed"), "true")
        self.assertEqual(len([a for a in answers if a[1].get("idempotent-replayed") == "true"]), 4)
        eventually(lambda: len(self.stored(spool)) == 1, what="one stored request")
        for other in (self.large(spool, "another", key), self.large(spool, "twice", key, number=1)):
            self.assertEqual((other[0], other[2]["code"]), (422, 4), other)
        eventually(lambda: len(self.stored(spool)) == 1, what="one stored request")
        self.ends_well(spool, task, "twice")
        self.assertEqual(self.large(spool, "twice", key)[2]["result"], task)
        self.assertEqual(self.stored(spool), [])

    def test_the_queue_is_full(self):
        spool = self.spool(settings={"queue_limit": 1}, max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        task = self.submit_large(spool, "fits")
        status, _, answer = self.large(spool, "does not")
        self.assertEqual((status, answer["code"]), (200, 23), answer)
        eventually(lambda: len(self.stored(spool)) == 1, what="one stored request")
        self.assertIn(task, self.stored(spool)[0])
        self.ends_well(spool, task, "fits")

    def test_killed_before_it_is_sent(self):
        asked = threading.Event()
        gate = threading.Event()
        self.gates.append(gate)

        def hold(request):
            if request.method == "GET" and not asked.is_set():
                asked.set()
                gate.wait(20)

        self.front.on("/inputs/", hold)
        spool = self.spool(settings={"lease_ms": 1000})
        task = self.submit_large(spool, "killed")
        self.assertTrue(asked.wait(10))
        self.assertEqual(spool.task(task)["phase"], "submitting")
        spool.kill()
        gate.set()
        spool.start()
        eventually(spool.is_ready)
        self.ends_well(spool, task, "killed")
        self.assertNotIn("in_doubt", spool.events(task), "it can't have left")

    def test_cancelled_while_it_is_fetched(self):
        asked = threading.Event()
        gate = threading.Event()
        self.gates.append(gate)

        def hold(request):
            if request.method == "GET":
                asked.set()
                gate.wait(20)
                return 503, {}, b""
            return None

        self.front.on("/inputs/", hold)
        spool = self.spool()
        task = self.submit_large(spool, "cancelled early")
        self.assertTrue(asked.wait(10))
        spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        gate.set()
        self.assertEqual(spool.end_of(task)["status"], "cancelled")
        self.assertEqual(self.sent("cancelled early"), [])
        self.forgotten(spool)

    def test_lost(self):
        """Someone has emptied the bucket."""
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        task = self.submit_large(spool, "lost")
        (name,) = self.stored(spool)
        swift.delete(self.bucket, name)
        self.vendor.is_held = False
        error = spool.end_of(task)["error"]
        self.assertEqual(error["code"], "input_lost")
        self.assertEqual(self.sent("lost"), [])

    def test_a_gateway_s_404(self):
        """It says nothing of the file."""
        answers = [(404, {}, b"<html>no such backend</html>"), (404, {}, b"")]
        self.front.on("/inputs/", lambda asked: answers.pop(0) if asked.method == "GET" and answers else None)
        spool = self.spool()
        self.ends_well(spool, self.submit_large(spool, "behind"), "behind")
        self.assertEqual(answers, [])

    def test_the_check_fails(self):
        """A PUT that arrived, but can't be made sure of: no task, and nothing stays."""
        self.front.on("/inputs/", lambda asked: (503, {}, b"") if asked.method == "HEAD" else None)
        spool = self.spool()
        status, _, answer = self.large(spool, "unsure")
        self.assertEqual(status, 503, answer)
        self.forgotten(spool)


class LargeOnDisk(Large, unittest.TestCase):
    def storage(self):
        return {}

    def stored(self, spool):
        return files_below(os.path.join(spool.data_dir, "inputs"))

    def break_store(self, spool):
        """A folder that leads to itself."""
        path = os.path.join(spool.data_dir, "inputs")
        if os.path.exists(path):
            os.rename(path, path + "-away")
        os.symlink("inputs", path)

    def mend_store(self, spool):
        path = os.path.join(spool.data_dir, "inputs")
        os.unlink(path)
        if os.path.exists(path + "-away"):
            os.rename(path + "-away", path)

    def test_nobody_else_s(self):
        """Requests aren't served, whatever the path says."""
        spool = self.spool(max_concurrency=1)
        self.vendor.is_held = True
        spool.wait_phase(spool.submit("holds the slot"), "submitted", "rendering")
        task = self.submit_large(spool, "private")
        (path,) = self.stored(spool)
        self.assertEqual(os.path.relpath(path, spool.data_dir), f"inputs/{task}.json")
        for target in (f"/media/../inputs/{task}.json", f"/media/inputs/{task}.json", f"/inputs/{task}.json"):
            self.assertIn(spool.request("GET", target)[0], (400, 404), target)
        self.ends_well(spool, task, "private")


class Frames(KlingFamily):
    """Kling takes images bare."""

    @classmethod
    def setUpClass(cls):
        swift.create_bucket("frames")
        cls.settings = {"storage": bucket("frames")}
        super().setUpClass()

    def test_image2video(self):
        path = "/kling/v1/videos/image2video"
        body = {"model_name": "kling-v3", "prompt": "waves", "image": data_url(picture(3))}
        task = self.submit(path, body)
        shown = self.succeeded(task)
        self.assertEqual([artifact["kind"] for artifact in shown["artifacts"]], ["video"])
        (sent,) = self.vendor.sent("/v1/videos/image2video", external_task_id=task)
        self.assertEqual(md5(sent["image"].encode()), md5(base64.b64encode(picture(3))))
        self.assertEqual((sent["prompt"], sent["model_name"]), ("waves", "kling-v3"))
        eventually(lambda: not any("/inputs/" in name for name in swift.entries("frames")), 8, "no request")
        self.assertEqual(len(swift.objects("frames")), 1)
        self.assertLess(int(self.spool.redis("MEMORY", "USAGE", f"{{spool}}:t:{task}")), 2048)


@unittest.skipUnless(os.geteuid() == 0, "mounts a file system")
class Room(Bucket):
    """The local store without a bucket: no room, or no right, then there is."""

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spool-room-")
        self.addCleanup(os.rmdir, self.dir)
        self.mount("-t", "tmpfs", "-o", "size=1m", "none", self.dir)
        self.media = self.enterContext(Media())
        redis = self.enterContext(Redis())
        config = {"accounts": [account(self.media)]}
        self.spool = self.enterContext(Spool(config, redis=redis, data_dir=self.dir))
        eventually(self.spool.is_ready)

    def mount(self, *words):
        done = subprocess.run(["mount", *words], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("no mounts here")
        self.addCleanup(subprocess.run, ["umount", "-l", words[-1]], check=True)

    def check_waits_then_ends(self, why, size, mend):
        data = mp4(size)
        self.media.give("waits", data)
        task = self.spool.submit("waits")
        eventually(lambda: len(self.attempts(self.spool, task)) >= 2, what="a second attempt")
        for reason in self.attempts(self.spool, task):
            self.assertIn(why, reason)
        self.check_waits(self.spool, task)
        self.assertGreaterEqual(self.spool.metric("archive_failures_total"), 2)
        self.assertEqual(files_below(os.path.join(self.dir, "media")), [])
        mend()
        (artifact,) = self.spool.end_of(task)["artifacts"]
        self.assertEqual((artifact["bytes"], artifact["sha256"]), (len(data), sha256(data)))
        self.assertEqual(sha256(download(artifact["url"])[2]), sha256(data))
        self.assertEqual(len(files_below(os.path.join(self.dir, "media"))), 1)
        eventually(lambda: files_below(os.path.join(self.dir, "tmp")) == [], what="an empty tmp")

    def test_full(self):
        def mend():
            subprocess.run(["mount", "-o", "remount,size=8m", self.dir], check=True)

        self.check_waits_then_ends("No space left", 3 * MIB, mend)

    def test_read_only_media(self):
        media = os.path.join(self.dir, "media")
        os.makedirs(media, exist_ok=True)
        subprocess.run(["mount", "--bind", media, media], check=True)
        mounted = [media]
        self.addCleanup(lambda: [subprocess.run(["umount", "-l", path], check=True) for path in mounted])
        subprocess.run(["mount", "-o", "remount,bind,ro", media], check=True)

        def mend():
            subprocess.run(["umount", mounted.pop()], check=True)

        self.check_waits_then_ends("storage: ", 300_000, mend)

    def test_no_room_for_a_request(self):
        body = {"prompt": "large", "base64Array": [data_url(picture(0))]}
        status, _, answer = self.spool.request("POST", "/mj/submit/imagine", body)
        self.assertEqual(status, 503, answer)
        self.assertEqual(self.spool.get("/v1/tasks")["data"], [])
        self.assertEqual(files_below(os.path.join(self.dir, "inputs")), [])
        eventually(lambda: files_below(os.path.join(self.dir, "tmp")) == [], what="an empty tmp")
        subprocess.run(["mount", "-o", "remount,size=16m", self.dir], check=True)
        self.media.give("large", PNG)
        status, _, answer = self.spool.request("POST", "/mj/submit/imagine", body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.spool.wait(answer["result"])["status"], "SUCCESS")
        (asked,) = self.media.at("/submit/imagine")
        self.assertEqual(md5(asked.body["base64Array"][0].encode()), md5(data_url(picture(0)).encode()))
        eventually(lambda: files_below(os.path.join(self.dir, "inputs")) == [], what="no stored request")


if __name__ == "__main__":
    main()
