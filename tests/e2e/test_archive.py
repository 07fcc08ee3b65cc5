"""What vendors' links give, what is kept of it, and how it is served."""
import hashlib
import http.client
import os
import random
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from harness import (
    PNG,
    Redis,
    Sim,
    Spool,
    Vendor,
    account,
    eventually,
    exchange,
    fail_fsync,
    main,
    preload,
)
from vendors.kling import kling_account

# Several of the pieces that files are read and written in.
BIG = PNG + random.Random(7).randbytes(700_000)


def config(vendor, root=None, **fields):
    return {"accounts": [account(vendor, **fields)], **(root or {})}


def download(url):
    with urllib.request.urlopen(url) as answer:
        return answer.headers, answer.read()


def open_files(spool):
    """Of the process; where only root may look there, its connections."""
    try:
        return len(os.listdir(f"/proc/{spool.pid}/fd"))
    except PermissionError:
        return spool.metric("http_connections")


def files_below(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


class Archive(unittest.TestCase):
    def kept(self, spool, task):
        """The task's only artifact, once it has succeeded: as it is shown, its bytes."""
        self.assertEqual(spool.wait(task)["status"], "SUCCESS")
        (artifact,) = spool.task(task)["artifacts"]
        headers, data = download(artifact["url"])
        self.assertEqual(artifact["bytes"], len(data))
        self.assertEqual(artifact["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(artifact["content_type"], headers["Content-Type"])
        return artifact, data

    def attempts(self, spool, task):
        return [e["detail"] for e in spool.timeline(task) if e["event"] == "archive_failed"]

    def check_nothing_is_left(self, spool, count):
        tmp = os.path.join(spool.data_dir, "tmp")
        eventually(lambda: files_below(tmp) == [], 5, "an empty tmp")
        self.assertEqual(len(files_below(os.path.join(spool.data_dir, "media"))), count)


class Links(Archive):
    def test_cut_twice(self):
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            task = spool.submit("a lighthouse [flaky-link]")
            self.kept(spool, task)
            self.assertGreaterEqual(sim.get("/sim/stats")["downloads"], 3)
            self.check_nothing_is_left(spool, 1)

    def resumed(self, answer):
        """`answer` serves BIG, 700 kB, whose first download is cut; what was asked for of it."""
        with Vendor() as vendor:
            vendor.on("/files/", answer)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                data = self.kept(spool, task)[1]
                self.assertTrue(data == BIG, len(data))
                self.check_nothing_is_left(spool, 1)
                failed = self.attempts(spool, task)
            return [asked.headers for asked in vendor.at("/files/")], failed

    def test_a_dead_link_is_asked_for_anew(self):
        """The link in the first answer has expired; the vendor's next answer has another."""
        with Vendor() as vendor:
            shown = vendor.shown

            def renewed(job):
                looks = len(vendor.at("/fetch")) + len(vendor.at("list-by-condition"))
                return {**shown(job), "imageUrl": f"{vendor.url}/files/link-{looks}.png"}

            vendor.shown = renewed
            vendor.on("/files/link-1.png", lambda asked: (403, {}, b"expired"))
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                self.kept(spool, task)
                self.assertEqual(self.attempts(spool, task), [])
            self.assertEqual([asked.path for asked in vendor.at("/files/")], [f"/files/link-{n}.png" for n in (1, 2)])

    def test_it_goes_on_where_it_was_cut(self):
        def answer(asked):
            headers = {"Content-Type": "image/png", "ETag": '"one"'}
            if "range" not in asked.headers:
                return 200, {**headers, "Content-Length": str(len(BIG))}, BIG[:300000]
            at = int(re.match(r"bytes=(\d+)-$", asked.headers["range"]).group(1))
            end = min(at + 200000, len(BIG)) if at == 300000 else len(BIG)
            headers["Content-Range"] = f"bytes {at}-{len(BIG) - 1}/{len(BIG)}"
            return 206, {**headers, "Content-Length": str(len(BIG) - at)}, BIG[at:end]

        asked, failed = self.resumed(answer)
        self.assertEqual(failed, [], "one attempt was enough")
        self.assertEqual([a.get("range") for a in asked], [None, "bytes=300000-", "bytes=500000-"])
        self.assertEqual(asked[1]["if-range"], '"one"')

    def test_it_has_changed_meanwhile(self):
        def answer(asked):
            if "range" not in asked.headers:
                other = b"\xff\xd8\xff" + BIG[3:]
                return 200, {"ETag": '"old"', "Content-Length": str(len(BIG))}, other[:300000]
            return 200, {"ETag": '"new"'}, BIG

        asked, failed = self.resumed(answer)
        self.assertEqual((len(asked), failed), (2, []))

    def test_another_part_than_asked_for(self):
        parts = []

        def answer(asked):
            if "range" in asked.headers:
                parts.append(asked)
                whole = f"bytes 7-{len(BIG) - 1}/{len(BIG)}"
                return 206, {"ETag": '"one"', "Content-Range": whole}, BIG[7:]
            if parts:
                return 200, {"ETag": '"one"'}, BIG
            return 200, {"ETag": '"one"', "Content-Length": str(len(BIG))}, BIG[:300000]

        asked, failed = self.resumed(answer)
        self.assertEqual((len(asked), len(failed)), (3, 1))

    def test_the_rest_of_another_file(self):
        """Some servers don't mind If-Range: then the length, or the ETag, tells."""
        for etag, longer in (('"two"', 0), ('"one"', 5)):
            parts = []

            def answer(asked, etag=etag, longer=longer, parts=parts):
                if "range" in asked.headers:
                    parts.append(asked)
                    whole = f"bytes 300000-{len(BIG) + longer - 1}/{len(BIG) + longer}"
                    return 206, {"ETag": etag, "Content-Range": whole}, BIG[300000:] + bytes(longer)
                if parts:
                    return 200, {"ETag": etag}, BIG
                return 200, {"ETag": '"one"', "Content-Length": str(len(BIG))}, BIG[:300000]

            with self.subTest(etag=etag):
                asked, failed = self.resumed(answer)
                self.assertEqual((len(asked), len(failed)), (3, 1))

    def test_a_length_beside_chunks(self):
        """The chunks count. (RFC 9112 6.3)"""

        def answer(asked):
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BIG), BIG)
            return 200, {"Transfer-Encoding": "chunked", "Content-Length": "1000"}, chunks

        asked, failed = self.resumed(answer)
        self.assertEqual((len(asked), failed), (1, []))

    def test_no_etag_or_a_weak_one(self):
        for etag in ({}, {"ETag": 'W/"one"'}):
            cut = [1]

            def answer(asked, etag=etag, cut=cut):
                self.assertNotIn("range", asked.headers)
                if cut:
                    cut.pop()
                    return 200, {**etag, "Content-Length": str(len(BIG))}, BIG[:300000]
                return 200, etag, BIG

            asked, failed = self.resumed(answer)
            self.assertEqual((len(asked), len(failed)), (2, 1))

    def test_dead_ones(self):
        """Tried for a while, then the task fails, or the operator prefers the vendor's link."""
        words = ["[deadlink]", "[html-link]"]
        with Sim(speed=20) as sim, Vendor() as renews:
            shown = renews.shown
            renews.shown = lambda job: {**shown(job), "imageUrl": f"{renews.url}/files/{len(renews.asked)}.png"}
            renews.on("/files/", lambda asked: (403, {}, b"expired"))
            renewed = self.enterContext(Spool(config(renews)))
            never = renewed.submit("its links are always new")
            spool = self.enterContext(Spool(config(sim)))
            prefers = self.enterContext(Spool(config(sim, {"storage": {"on_failure": "vendor_url"}})))
            tasks = [spool.submit(f"a lighthouse {word}") for word in words]
            linked = [prefers.submit(f"another {word}") for word in words]
            for task in tasks:
                shown = spool.wait(task)
                self.assertEqual((shown["status"], shown["imageUrl"]), ("FAILURE", ""))
                error = spool.task(task)["error"]
                self.assertEqual(error["code"], "archive_failed")
                self.assertEqual(shown["failReason"], error["message"])
                self.assertGreaterEqual(len(self.attempts(spool, task)), 3)
            self.assertEqual(renewed.wait(never)["status"], "FAILURE")
            for task in linked:
                shown = prefers.wait(task)
                self.assertEqual(shown["status"], "SUCCESS")
                url = f"{sim.url}/sim/files/{prefers.upstream(task)}.png"
                self.assertEqual(shown["imageUrl"], url)
                (artifact,) = prefers.task(task)["artifacts"]
                self.assertEqual(artifact, {"kind": "image", "url": url, "archived": False})
            for one in (spool, prefers):
                self.check_nothing_is_left(one, 0)

    def test_short_ones_are_no_success(self):
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            task = spool.submit("a lighthouse [truncate]")
            eventually(lambda: len(self.attempts(spool, task)) >= 2, what="a second attempt")
            self.assertEqual(spool.task(task)["phase"], "archiving")
            shown = spool.fetch(task)
            self.assertEqual((shown["status"], shown["imageUrl"]), ("IN_PROGRESS", ""))
            self.assertEqual(spool.redis("HEXISTS", f"{{spool}}:t:{task}", "slot"), "0", "the vendor is done")
            status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
            self.assertEqual((status, answer["status"]), (200, "cancelled"))
            self.check_nothing_is_left(spool, 0)

    def test_the_bytes_say_what_it_is(self):
        kinds = {
            "png": ("image/png", "png", PNG),
            "jpg": ("image/jpeg", "jpg", b"\xff\xd8\xff\xe0" + bytes(100)),
            "webp": ("image/webp", "webp", b"RIFF\x10\0\0\0WEBPVP8 " + bytes(100)),
            "gif": ("image/gif", "gif", b"GIF89a" + bytes(100)),
            "mp4": ("video/mp4", "mp4", b"\0\0\0\x18ftypmp42" + bytes(100)),
        }
        with Vendor() as vendor:
            prompts = {}

            def answer(asked):
                job = re.search(r"/files/(\d+)", asked.path).group(1)
                return 200, {"Content-Type": "text/plain"}, kinds[vendor.jobs[job]["prompt"]][2]

            vendor.on("/files/", answer)
            with Spool(config(vendor)) as spool:
                prompts = {word: spool.submit(word) for word in kinds}
                for word, task in prompts.items():
                    artifact, data = self.kept(spool, task)
                    content_type, extension, expected = kinds[word]
                    self.assertEqual((artifact["content_type"], data), (content_type, expected))
                    self.assertEqual(artifact["kind"], content_type.split("/", 1)[0])
                    self.assertTrue(artifact["url"].endswith(f"{task}.{extension}"), artifact)

    def test_whatever_the_vendor_calls_it(self):
        with Sim(speed=20) as sim, Spool(config(sim)) as spool:
            for word in ("[jpeg-named]", "[webp-ext]"):
                artifact, _ = self.kept(spool, spool.submit(f"a lighthouse {word}"))
                self.assertEqual(artifact["content_type"], "image/png")
                self.assertTrue(artifact["url"].endswith(".png"))

    def test_several(self):
        with Vendor() as vendor:
            shown = vendor.shown

            def with_more(job):
                links = [{"url": f"{vendor.url}/files/{job}-{n}.png"} for n in range(3)]
                return {**shown(job), "imageUrls": links}

            vendor.shown = with_more
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                end = spool.wait(task)
                artifacts = spool.task(task)["artifacts"]
                names = [a["url"].rsplit("/", 1)[1] for a in artifacts]
                self.assertEqual(names, [f"{task}.png"] + [f"{task}-{n}.png" for n in (1, 2, 3)])
                self.assertEqual([link["url"] for link in end["imageUrls"]], [a["url"] for a in artifacts])
                self.check_nothing_is_left(spool, 4)

    def test_what_is_done_needn_t_be_done_again(self):
        """One file of several fails for a while, then its link for a moment: neither loses the others."""
        with Vendor() as vendor:
            shown = vendor.shown
            answers = [(503, {}, b""), (503, {}, b""), (403, {}, b"")]

            def with_more(job):
                links = [{"url": f"{vendor.url}/files/{job}-{n}.png"} for n in range(2)]
                return {**shown(job), "imageUrls": links}

            vendor.shown = with_more
            vendor.on("-0.png", lambda asked: answers.pop(0) if answers else None)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                eventually(lambda: len(self.attempts(spool, task)) == 3, 15, "the last failure")
                self.assertEqual(spool.task(task)["artifacts"], [])
                spool.wait(task)
                artifacts = spool.task(task)["artifacts"]
                self.assertEqual([a["bytes"] for a in artifacts], [len(PNG)] * 3)
                self.assertEqual({name for a in artifacts for name in a}, set(artifacts[0]))
                self.check_nothing_is_left(spool, 3)
            asked = [a.path for a in vendor.at("/files/")]
            self.assertEqual(sorted(len([a for a in asked if a == path]) for path in set(asked)), [1, 1, 4])

    def test_redirects(self):
        with Vendor() as vendor:
            hops = []

            def answer(asked):
                if len(hops) == 3:
                    return None
                hops.append(asked)
                there = f"{asked.path}-{len(hops)}"
                return 302, {"Location": there if len(hops) % 2 else vendor.url + there}, b""

            vendor.on("/files/", answer)
            with Spool(config(vendor)) as spool:
                self.kept(spool, spool.submit("a lighthouse"))
                self.assertEqual(len(hops), 3)

    def test_only_the_vendor_s_own_host_is_private(self):
        """A link to, or a redirect to, another service of the network leads nowhere."""
        with Vendor() as vendor, Vendor() as inside:
            vendor.on("/files/", lambda asked: (302, {"Location": f"{inside.url}/files/1.png"}, b""))
            with Spool(config(vendor)) as spool:
                task = spool.submit("redirected")
                eventually(lambda: self.attempts(spool, task), what="an attempt")
                shown = vendor.shown
                vendor.shown = lambda job: {**shown(job), "imageUrl": f"{inside.url}/files/2.png"}
                other = spool.submit("linked")
                eventually(lambda: self.attempts(spool, other), what="an attempt")
                self.assertEqual(inside.asked, [])
                for one in (task, other):
                    self.assertNotEqual(spool.task(one)["status"], "succeeded")

    def test_odd_links(self):
        with Vendor() as vendor:
            shown = vendor.shown
            links = ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/x", "//127.0.0.1/x"]
            links += ["what?", "http://"]
            vendor.shown = lambda job: {**shown(job), "imageUrl": vendor.jobs[job]["prompt"]}
            with Spool(config(vendor)) as spool:
                for task in [spool.submit(link) for link in links]:
                    eventually(lambda t=task: self.attempts(spool, t), what="an attempt")
                    self.assertNotEqual(spool.task(task)["status"], "succeeded")
                self.check_nothing_is_left(spool, 0)

    def test_killed_in_the_middle(self):
        """What the dead one left in tmp goes, too, once it can be nobody's."""
        with Vendor() as vendor, Redis() as redis:
            cut = [1]

            def answer(asked):
                if cut:
                    cut.pop()
                    spool.kill()
                return 200, {}, BIG

            vendor.on("/files/", answer)
            with Spool(config(vendor, {"lease_ms": 1000}), redis=redis) as spool:
                old = os.path.join(spool.data_dir, "tmp", "0123456789abcdef01234567")
                eventually(spool.is_ready)
                task = spool.submit("a lighthouse")
                eventually(lambda: not cut, what="a download")
                spool.process.wait()
                os.makedirs(os.path.dirname(old), exist_ok=True)
                with open(old, "wb") as file:
                    file.write(b"left over")
                os.utime(old, (time.time() - 3 * 86400,) * 2)
                spool.ended()
                spool.start()
                eventually(spool.is_ready)
                self.assertEqual(self.kept(spool, task)[1], BIG)
                eventually(lambda: not os.path.exists(old), 5, "its end")

    def test_what_has_outlived_its_task_goes(self):
        with Vendor() as vendor, Spool(config(vendor, {"retention_hours": 1})) as spool:
            self.kept(spool, spool.submit("a lighthouse"))
            (young,) = files_below(os.path.join(spool.data_dir, "media"))
            folder = os.path.join(spool.data_dir, "media", "task-artifacts", "2024", "02", "29")
            os.makedirs(folder)
            for name, hours in (("old.png", 26), ("younger.png", 20)):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(PNG)
                os.utime(file.name, (time.time() - hours * 3600,) * 2)
            spool.stop()
            spool.start()
            eventually(lambda: not os.path.exists(os.path.join(folder, "old.png")), 5, "its end")
            left = files_below(os.path.join(spool.data_dir, "media"))
            self.assertEqual(sorted(left), sorted([young, os.path.join(folder, "younger.png")]))


@unittest.skipUnless(os.geteuid() == 0, "mounts a file system")
class Disk(Archive):
    """What can't be kept is no success, and waits until it can."""

    def check_waits_then_ends(self, why, mend):
        task = self.spool.submit("a lighthouse")
        eventually(lambda: self.attempts(self.spool, task), what="an attempt")
        self.assertIn(why, self.attempts(self.spool, task)[0])
        self.assertEqual(self.spool.task(task)["phase"], "archiving")
        self.assertEqual(self.spool.fetch(task)["imageUrl"], "")
        self.assertEqual(files_below(os.path.join(self.spool.data_dir, "media")), [])
        self.assertGreaterEqual(self.spool.metric("archive_failures_total"), 1)
        mend()
        self.assertEqual(self.kept(self.spool, task)[1], BIG[:500000])
        self.check_nothing_is_left(self.spool, 1)


class Fsync(Disk):
    def test_input_output_error(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        sign = os.path.join(folder, "sign")
        env = {**preload(fail_fsync()), "FAIL_FSYNC": sign}
        vendor, redis = self.enterContext(Vendor()), self.enterContext(Redis())
        vendor.on("/files/", lambda asked: (200, {}, BIG[:500000]))
        self.spool = self.enterContext(Spool(config(vendor), redis=redis, env=env))
        eventually(self.spool.is_ready)
        open(sign, "w").close()
        self.check_waits_then_ends("Input/output error", lambda: os.unlink(sign))


class Room(Disk):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spool-room-")
        self.addCleanup(os.rmdir, self.dir)
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.dir]
        done = subprocess.run(mount, capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("no mounts here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.dir], check=True)
        self.redis = self.enterContext(Redis())
        self.vendor = self.enterContext(Vendor())
        self.vendor.on("/files/", lambda asked: (200, {}, BIG[:500000]))
        self.spool = self.enterContext(Spool(config(self.vendor), redis=self.redis, data_dir=self.dir))
        eventually(self.spool.is_ready)

    def test_full(self):
        ballast = os.path.join(self.dir, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(900000))
        self.check_waits_then_ends("No space left", lambda: os.unlink(ballast))

    def test_read_only(self):
        def remount(how):
            subprocess.run(["mount", "-o", f"remount,{how}", self.dir], check=True)

        remount("ro")
        self.check_waits_then_ends("Read-only", lambda: remount("rw"))


class Media(unittest.TestCase):
    """What lies in data_dir/media is served without a key, and nothing else is."""

    @classmethod
    def setUpClass(cls):
        vendor = cls.enterClassContext(Vendor())
        vendor.on("/files/", lambda asked: (200, {}, BIG))
        cls.spool = cls.enterClassContext(Spool(config(vendor)))
        shown = cls.spool.wait(cls.spool.submit("a lighthouse"))
        cls.path = shown["imageUrl"][len(cls.spool.url) :]
        cls.etag = cls.ask("HEAD")[1]["etag"]

    @classmethod
    def ask(cls, method="GET", path=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return exchange(cls.spool.port, method, path or cls.path, None, named)

    def raw(self, target, method="GET", more=""):
        with socket.create_connection(("127.0.0.1", self.spool.port), timeout=10) as connection:
            head = f"{method} {target} HTTP/1.1\r\nHost: spool\r\nConnection: close\r\n{more}\r\n"
            connection.sendall(head.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return int(answer.split(b" ", 2)[1]), answer

    def test_whole(self):
        status, headers, data = self.ask()
        self.assertEqual((status, data == BIG), (200, True))
        self.assertEqual(headers["content-type"], "image/png")
        self.assertEqual(headers["content-length"], str(len(BIG)))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["accept-ranges"], "bytes")
        self.assertRegex(headers["etag"], r'^"[^"]+"$')
        name = self.path.rsplit("/", 1)[1]
        self.assertEqual(headers["content-disposition"], f'inline; filename="{name}"')
        self.assertEqual(headers["cache-control"], "public, max-age=31536000, immutable")
        self.assertNotIn("content-range", headers)
        self.assertIn("x-request-id", headers)

    def test_head(self):
        status, headers, data = self.ask("HEAD")
        self.assertEqual((status, data), (200, b""))
        whole = self.ask()[1]
        for name in ("content-type", "content-length", "etag", "x-content-type-options", "accept-ranges"):
            self.assertEqual(headers[name], whole[name])
        self.assertEqual(self.ask("HEAD", self.path + "x")[0], 404)
        status, _, data = self.ask("GET", self.path + "x")
        self.assertEqual((status, data["error"]["code"]), (404, "not_found"))
        self.assertEqual(self.ask("HEAD", Range="bytes=0-1")[0], 200, "ranges are for GET")

    def test_what_was_answered_is_counted(self):
        def counts():
            text = exchange(self.spool.port, "GET", "/metrics")[2].decode()
            found = re.findall(r'^spool_http_requests_total\{route="/media/\*",code="(\d+)"\} (\d+)$', text, re.M)
            return {int(code): int(count) for code, count in found}

        before = counts()
        asked = [
            self.ask(), self.ask("HEAD"), self.ask(Range="bytes=0-9"), self.ask(Range="bytes=-0"),
            self.ask(If_None_Match=self.etag), self.ask("GET", self.path + "x"), self.ask("GET", "/media/"),
        ]  # fmt: skip
        self.assertEqual([answer[0] for answer in asked], [200, 200, 206, 416, 304, 404, 404])
        now = counts()
        more = {code: now[code] - before.get(code, 0) for code in now if now[code] != before.get(code)}
        self.assertEqual(more, {200: 2, 206: 1, 304: 1, 404: 2, 416: 1})

    def test_ranges(self):
        size = len(BIG)
        parts = {
            "bytes=0-0": (0, 1),
            "bytes=100-199": (100, 200),
            "bytes=65535-65536": (65535, 65537),
            "bytes=100-": (100, size),
            f"bytes={size - 1}-": (size - 1, size),
            "bytes=-1": (size - 1, size),
            "bytes=-100": (size - 100, size),
            f"bytes=-{size}": (0, size),
            "bytes=-99999999999999999999": (0, size),
            "bytes=0-99999999999999999999": (0, size),
            f"bytes=10-{size + 5}": (10, size),
            "BYTES=1-2": (1, 3),
        }
        for text, (start, end) in parts.items():
            with self.subTest(range=text):
                status, headers, data = self.ask(Range=text)
                self.assertEqual((status, data == BIG[start:end]), (206, True), headers)
                self.assertEqual(headers["content-range"], f"bytes {start}-{end - 1}/{size}")
                self.assertEqual(headers["content-length"], str(end - start))
                self.assertEqual(headers["content-type"], "image/png")
        for text in (f"bytes={size}-", "bytes=99999999999999999999-", "bytes=-0", f"bytes={size}-{size + 1}"):
            with self.subTest(range=text):
                status, headers, data = self.ask(Range=text)
                self.assertEqual((status, headers.get("content-range"), data), (416, f"bytes */{size}", b""))

    def test_what_is_no_range_is_ignored(self):
        for text in (
            "bytes=0-1,5-6", "bytes=0-1, 5-6", "bytes=5-2", "items=0-1", "bytes=a-b", "bytes=", "bytes=-",
            "bytes=1-2-3", "bytes=1-2-", "bytes=--5", "bytes=--9223372036854775808", "bytes=-5-6",
            "bytes=+1-2", "bytes=1--2", "bytes 0-1", "0-1", "bytes=0x1-0x2", "bytes=1", "",
        ):
            with self.subTest(range=text):
                status, headers, data = self.ask(Range=text)
                self.assertEqual((status, len(data), data == BIG), (200, len(BIG), True))
                self.assertNotIn("content-range", headers)

    def test_conditions(self):
        other = '"other"'
        for headers, status in (
            ({"If_None_Match": self.etag}, 304),
            ({"If_None_Match": "*"}, 304),
            ({"If_None_Match": f"{other}, {self.etag}"}, 304),
            ({"If_None_Match": f"W/{self.etag}"}, 304),
            ({"If_None_Match": other}, 200),
            ({"If_None_Match": self.etag, "Range": "bytes=0-1"}, 304),
            ({"If_Range": self.etag, "Range": "bytes=0-1"}, 206),
            ({"If_Range": other, "Range": "bytes=0-1"}, 200),
            ({"If_Range": f"W/{self.etag}", "Range": "bytes=0-1"}, 200),
            ({"If_Range": other, "Range": f"bytes={len(BIG)}-"}, 200),
        ):
            got, answered, data = self.ask(**headers)
            self.assertEqual(got, status, headers)
            if status == 304:
                self.assertEqual((data, answered["etag"]), (b"", self.etag))

    def test_one_connection_serves_many(self):
        """No answer's end is mistaken, whatever its kind."""
        connection = http.client.HTTPConnection("127.0.0.1", self.spool.port, timeout=10)
        for headers, method, expected in (
            ({"If-None-Match": self.etag}, "GET", b""),
            ({}, "HEAD", b""),
            ({"Range": f"bytes={len(BIG)}-"}, "GET", b""),
            ({"Range": "bytes=0-9"}, "GET", BIG[:10]),
            ({}, "GET", BIG),
            ({}, "GET", BIG),
        ):
            connection.request(method, self.path, headers=headers)
            self.assertEqual(connection.getresponse().read(), expected)
        connection.close()

    def test_who_goes_away(self):
        """Clients that hang up in the middle of a file leave nothing behind."""
        before = open_files(self.spool)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.spool.port)) as connection:
                connection.sendall(f"GET {self.path} HTTP/1.1\r\nHost: spool\r\n\r\n".encode())
                connection.recv(10)
        eventually(lambda: open_files(self.spool) <= before, 10, "closed files")
        self.assertEqual(self.ask()[2], BIG)

    def test_methods(self):
        for method in ("POST", "PUT", "DELETE"):
            self.assertIn(self.ask(method)[0], (404, 405))

    def test_nothing_else_is_served(self):
        media = os.path.join(self.spool.data_dir, "media")
        secret = os.path.join(self.spool.data_dir, "secret.txt")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("canary-7")
        os.symlink(secret, os.path.join(media, "link.png"))
        os.symlink("../secret.txt", os.path.join(media, "relative.png"))
        os.symlink("..", os.path.join(media, "up"))
        os.symlink("/", os.path.join(media, "root"))
        os.mkfifo(os.path.join(media, "fifo.png"))
        up = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "..%00", "%c0%ae%c0%ae"]
        slashes = ["/", "%2f", "%2F", "\\", "%5c", "//", "/./", "%252f"]
        targets = [f"/media/{dots}{slash}secret.txt" for dots in up for slash in slashes]
        targets += [f"/media/a{s}{dots}{s}{dots}{s}secret.txt" for dots in up for s in slashes]
        targets += [f"/media{slash}{dots}{slash}secret.txt" for dots in up for slash in slashes]
        targets += [
            "/media/link.png", "/media/relative.png", "/media/up/secret.txt", f"/media/root{secret}",
            "/media/fifo.png", f"/media/{secret}", f"/media//{secret}", "/media/", "/media", "/media/.",
            "/media/task-artifacts", "/media/task-artifacts/", "/media/../", "/media/" + "../" * 30 + secret,
            "http://spool/media/../secret.txt", self.path + "/", self.path + "%00", self.path + "%00.txt",
            "/media/secret.txt%00.png", "/media/" + "x" * 5000,
        ]
        for target in targets:
            status, answer = self.raw(target)
            self.assertIn(status, (400, 404, 405), target)
            self.assertNotIn(b"canary-7", answer, target)
            self.assertNotIn(b"root:", answer, target)
        self.assertEqual(self.raw(self.path)[0], 200)
        self.assertEqual(self.raw("/media" + self.path[6:] + "?x=1")[0], 200)



class Several(unittest.TestCase):
    """Of several files, those that can be had count; the others are named."""

    def images(self, vendor, names):
        """A Kling whose jobs have ended with images that are called so."""
        images = [{"index": n, "url": f"{vendor.url}/files/{name}.png"} for n, name in enumerate(names)]

        def answer(asked):
            data = {"task_id": "one", "task_status": "submitted" if asked.method == "POST" else "succeed"}
            return 200, {}, {"code": 0, "message": "", "data": {**data, "task_result": {"images": images}}}

        vendor.on("/v1/images/generations", answer)
        vendor.on("/dead-", lambda asked: (404, {}, b"gone"))

    def begin(self, names, **storage):
        vendor = self.enterContext(Vendor())
        self.images(vendor, names)
        accounts = [kling_account(vendor, poll_interval_ms=100)]
        spool = self.enterContext(Spool({"accounts": accounts, "storage": storage}))
        body = {"model_name": "kling-v1", "prompt": "a lighthouse", "n": len(names)}
        return vendor, spool, spool.request("POST", "/kling/v1/images/generations", body)[2]["task_id"]

    def links(self, spool, task):
        """As the family shows them."""
        return spool.get(f"/kling/v1/images/generations/{task}")["data"]["metadata"]["urls"]

    def test_dead_ones(self):
        # All at the same time: a link is dead after ten seconds.
        one = self.begin(["one", "dead-two", "three"])
        none = self.begin(["dead-one", "dead-two"])
        linked = self.begin(["one", "dead-two"], on_failure="vendor_url")
        self.check_one(*one)
        self.check_none(*none)
        self.check_linked(*linked)

    def check_one(self, vendor, spool, task):
        shown = spool.end_of(task)
        self.assertEqual(shown["status"], "succeeded")
        first, missing, third = shown["artifacts"]
        self.assertEqual({**missing, "error": None}, {"kind": "image", "url": "", "error": None})
        self.assertEqual(missing["error"]["code"], "archive_failed")
        self.assertIn("404", missing["error"]["message"])
        for artifact in (first, third):
            self.assertEqual(download(artifact["url"])[1], PNG)
        self.assertTrue(third["url"].endswith("-2.png"), third["url"])
        self.assertEqual([len(vendor.at(f"/files/{name}.png")) for name in ("one", "three")], [1, 1])
        self.assertEqual(self.links(spool, task), [first["url"], third["url"]])

    def check_none(self, _, spool, task):
        shown = spool.end_of(task)
        self.assertEqual(shown["status"], "failed")
        self.assertEqual(shown["error"]["code"], "archive_failed")

    def check_linked(self, vendor, spool, task):
        shown = spool.end_of(task)
        self.assertEqual(shown["status"], "succeeded")
        link = f"{vendor.url}/files/dead-two.png"
        self.assertEqual((shown["artifacts"][1]["url"], shown["artifacts"][1]["archived"]), (link, False))
        self.assertEqual(shown["artifacts"][1]["error"]["code"], "archive_failed")
        self.assertEqual(self.links(spool, task)[1], link)


class Blocked(unittest.TestCase):
    """A link that leads where we don't go is a setting's mistake; what was paid for stays."""

    def test_until_the_setting_allows_it(self):
        with Vendor() as vendor, Vendor() as files, Spool(config(vendor)) as spool:
            shown = vendor.shown
            vendor.shown = lambda job: {**shown(job), "imageUrl": f"{files.url}/files/{job}.png"}
            task = spool.submit("a lighthouse")
            waiting = eventually(lambda: spool.task(task)["waiting"], what="a reason")
            self.assertEqual(waiting["reason"], "blocked_address")
            self.assertIn("allow_networks", waiting["detail"])
            time.sleep(12)
            self.assertEqual(spool.task(task)["phase"], "archiving", "longer than a dead link is believed")
            self.assertEqual(files.asked, [])
            spool.stop()
            spool.config["allow_networks"] = ["127.0.0.0/8"]
            spool.start()
            self.assertEqual(spool.wait(task, 20)["status"], "SUCCESS")
            self.assertIsNone(spool.task(task)["waiting"])


if __name__ == "__main__":
    main()
