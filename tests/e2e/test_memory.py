"""Memory doesn't grow with the size of the media, nor with what strangers send or clients leave half sent."""
import base64
import json
import os
import re
import socket
import threading
import time
import unittest

from harness import PNG, DeadReceiver, Sim, Spool, Vendor, account, eventually, main
from form_vendor import FormVendor
from vendors.kling import kling_account
from vendors.openai import openai_account
from swift import Swift

STREAMS = 16
MB = 1 << 20
DATA = PNG + os.urandom(MB) + bytes(39 * MB)
LIMIT_KB = 64 * 1024


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


SMALL = {"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0"}
DECLARED, SENT, CROWD = 32 * MB, 31 * MB, 24
TOKENS = [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")]


class HalfSent:
    """Connections that declare a large body, send most of it and fall silent."""

    def __init__(self, spool, method, path, key="", count=CROWD, declared=DECLARED, sent=SENT, chunked=False):
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {declared}"
        head = f"{method} {path} HTTP/1.1\r\nHost: spool\r\n{length}\r\n"
        self.head = (head + (f"Authorization: Bearer {key}\r\n" if key else "") + "\r\n").encode()
        self.body = (f"{sent:x}\r\n".encode() if chunked else b"") + bytes(sent)
        self.sockets = [socket.create_connection(("127.0.0.1", spool.port), 30) for _ in range(count)]
        self.threads = [threading.Thread(target=self.send, args=(s,), daemon=True) for s in self.sockets]

    def send(self, connection):
        try:
            connection.sendall(self.head + self.body)
        except OSError:
            pass  # it was refused, or is held back until it is closed

    def answers(self, timeout=10):
        """What each was told; "" where nothing came."""
        found = []
        for connection in self.sockets:
            connection.settimeout(timeout)
            try:
                found.append(connection.recv(65536).split(b"\r\n")[0].decode())
            except OSError:
                found.append("")
        return found

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        for thread in self.threads:
            thread.join()


class Bodies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spool = cls.enterClassContext(Spool({"tokens": TOKENS, "log_level": "warn"}, env=SMALL))
        cls.spool.submit("the first")

    def most(self, seconds, idle, limit=1):
        """The most memory in so long, while each submit with the same key is answered soon."""
        most, end, slowest = 0, time.monotonic() + seconds, 0
        while time.monotonic() < end:
            began = time.monotonic()
            self.spool.submit("meanwhile")
            slowest = max(slowest, time.monotonic() - began)
            most = max(most, rss_kb(self.spool.pid))
            time.sleep(0.05)
        self.assertLess(slowest, limit)
        return (most - idle) // 1024

    def test_the_head_decides(self):
        for method, path, key, status in (
            ("POST", "/nowhere", "", 404),
            ("POST", "/mj/submit/imagine", "", 401),
            ("POST", "/mj/submit/imagine", "sk-wrong", 401),
            ("POST", "/v1/tasks", "sk-dev", 405),
            ("POST", "/v1/callbacks/x", "", 404),
            ("PUT", f"/v1/files/uploads/{'0' * 32}", "", 404),
            ("POST", "/v1/files/uploads", "", 401),
            ("GET", "/healthz", "", 413),
            ("GET", "/v1/tasks", "sk-dev", 413),
            ("POST", "/mj/submit/imagine", "sk-dev\r\nContent-Encoding: gzip", 415),
        ):
            with self.subTest(f"{method} {path} {key}"):
                idle = rss_kb(self.spool.pid)
                with HalfSent(self.spool, method, path, key) as crowd:
                    most = self.most(0.3, idle)
                    answers = crowd.answers()
                    self.assertEqual({a[9:12] for a in answers}, {str(status)}, answers)
                self.assertLess(most, 50)
                eventually(lambda: self.spool.metric("http_connections") <= 1, 5, "the end of all connections")

    def test_with_a_key(self):
        for path, chunked in (("/mj/submit/imagine", False), ("/v1/files/uploads", False), ("/mj/submit/imagine", True)):
            with self.subTest(path, chunked=chunked):
                idle = rss_kb(self.spool.pid)
                with HalfSent(self.spool, "POST", path, "sk-dev", chunked=chunked):
                    most = self.most(2, idle)
                    with self.subTest("another key has a large one"):
                        began = time.monotonic()
                        big = PNG + os.urandom(15 * MB)
                        body = {"base64": base64.b64encode(big).decode()}
                        other = {"Authorization": "Bearer sk-other"}
                        status, _, file = self.spool.request("POST", "/v1/files/uploads/base64", body, other)
                        self.assertEqual((status, file.get("bytes")), (200, len(big)), file)
                        self.assertLess(time.monotonic() - began, 10)
                print(f"{CROWD} bodies of {SENT // MB} MB, half sent: {most} MB more")
                self.assertLess(most, 100)
                eventually(lambda: rss_kb(self.spool.pid) - idle < 100 * 1024, 5, "the memory given back")

    def test_whole_ones_of_one_key(self):
        """One after the other, and another key's in between."""
        part = base64.b64encode(PNG + os.urandom(9 * MB)).decode()
        idle, statuses = rss_kb(self.spool.pid), []

        def upload():
            statuses.append(self.spool.request("POST", "/v1/files/uploads/base64", {"base64": part})[0])

        crowd = [threading.Thread(target=upload) for _ in range(12)]
        for one in crowd:
            one.start()
        most = self.most(2, idle, limit=5)
        for one in crowd:
            one.join()
        self.assertEqual(statuses, [200] * 12)
        print(f"12 whole bodies of 12 MB: {most} MB more")


class Inline(unittest.TestCase):
    """Files in base64, while the storage that they go to hangs: each is there once, and counts."""

    KEYS, EACH, PART = 4, 8, PNG + os.urandom(4 * MB)
    ROOM = 64  # MB for all bodies in memory

    def check(self, path, body, headers=""):
        tokens = [{"name": f"k{n}", "key": f"sk-k{n}"} for n in range(self.KEYS)] + TOKENS
        with DeadReceiver() as dead:
            storage = {"url": "s3://media", "endpoint": dead.url, "access_key": "a", "secret_key": "b"}
            config = {"tokens": tokens, "storage": storage, "log_level": "warn"}
            config["accounts"] = [account(dead), kling_account(dead)]
            with Spool(config, env=SMALL) as spool:
                spool.submit("the first")
                idle, most = rss_kb(spool.pid), 0
                sockets = [socket.create_connection(("127.0.0.1", spool.port), 30) for _ in range(self.KEYS * self.EACH)]

                def send(n):
                    key = f"sk-k{n % self.KEYS}"
                    head = f"POST {path} HTTP/1.1\r\nHost: spool\r\nAuthorization: Bearer {key}\r\n{headers}"
                    sockets[n].sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

                crowd = [threading.Thread(target=send, args=(n,)) for n in range(len(sockets))]
                for one in crowd:
                    one.start()
                end = time.monotonic() + 4
                while time.monotonic() < end:
                    most = max(most, rss_kb(spool.pid))
                    time.sleep(0.005)
                for one in crowd:
                    one.join()
                most = (most - idle) // 1024
                print(f"{len(sockets)} of {len(body) // MB} MB at {path}: {most} MB more")
                self.assertLess(most, self.ROOM + 4 * len(body) // MB)
                self.assertGreater(most, self.ROOM // 2, "as many as there is room for")
                for one in sockets:
                    one.close()
                eventually(lambda: rss_kb(spool.pid) - idle < self.ROOM // 3 * 1024, 30, "the memory given back")
                spool.kill()

    def test_submits(self):
        image = "data:image/png;base64," + base64.b64encode(self.PART).decode()
        self.check("/mj/submit/imagine", json.dumps({"prompt": "x", "base64Array": [image]}).encode())
        self.check("/kling/v1/images/generations", json.dumps({"model": "kling-v1", "prompt": "x", "image": image}).encode())

    def test_uploads(self):
        self.check("/v1/files/uploads/base64", json.dumps({"base64": base64.b64encode(self.PART).decode()}).encode())
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + self.PART + b"\r\n--b--\r\n"
        self.check("/v1/files/uploads", form, "Content-Type: multipart/form-data; boundary=b\r\n")


@unittest.skipUnless(os.environ.get("SPOOL_SLOW_TESTS"), "takes 30 s: set SPOOL_SLOW_TESTS")
class SlowBodies(unittest.TestCase):
    def test_the_deadline(self):
        """What never comes is given up, and what waits for room is told so."""
        with Spool({"tokens": TOKENS, "max_body_bytes": 1 * MB}, env=SMALL) as spool:
            with HalfSent(spool, "POST", "/mj/submit/imagine", "sk-dev", 60, MB, MB // 2) as crowd:
                time.sleep(1)
                spool.submit("meanwhile")
                time.sleep(32)
                answers = crowd.answers(5)
                self.assertEqual({a[9:12] for a in answers}, {"408", "503"}, answers)
            self.assertEqual(spool.metric("http_connections"), 1)


class Memory(unittest.TestCase):
    def test_many_files_at_once(self):
        with Swift(timeout=60) as swift, Vendor() as vendor:
            swift.create_bucket("media")
            keys = {"access_key": swift.access_key, "secret_key": swift.secret_key, "region": swift.region}
            storage = {"url": "s3://media", "endpoint": swift.endpoint, **keys}
            vendor.on("/files/", lambda asked: (200, {"ETag": '"one"'}, DATA))
            config = {"storage": storage, "accounts": [account(vendor, max_concurrency=0)], "log_level": "warn"}
            with Spool(config, env=SMALL) as spool:
                spool.end_of(spool.submit("the first"), 60)
                idle, most = rss_kb(spool.pid), 0
                tasks = [spool.submit(f"file {number}") for number in range(STREAMS)]
                left = list(tasks)
                began = time.monotonic()
                while left:
                    self.assertLess(time.monotonic() - began, 100, spool.timeline(left[0]))
                    most = max(most, rss_kb(spool.pid))
                    left = [task for task in left if spool.task(task)["status"] != "succeeded"]
                    time.sleep(0.05)
                print(f"{STREAMS} files of {len(DATA) // MB} MB: {(most - idle) // 1024} MB more than {idle // 1024} MB")
                self.assertLess(most - idle, LIMIT_KB)
                sizes = {size for size, _ in swift.objects("media").values()}
                eventually(lambda: swift.orphans("media") == [], 10, "no orphans")
            self.assertEqual(sizes, {len(DATA)})


class Calls(unittest.TestCase):
    """Images in base64 in the answers to calls, and in forms."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        config = {"accounts": [openai_account(cls.sim, max_concurrency=20)], "log_level": "warn"}
        cls.spool = cls.enterClassContext(Spool(config, env=SMALL))
        cls.spool.request("POST", "/v1/images/generations", {"model": "gpt-image-2", "prompt": "the first"})

    def most(self, clients):
        """MB over idle, at most, while the clients wait."""
        idle, most = rss_kb(self.spool.pid), 0
        crowd = [threading.Thread(target=client) for client in clients]
        for one in crowd:
            one.start()
        while any(one.is_alive() for one in crowd):
            most = max(most, rss_kb(self.spool.pid))
            time.sleep(0.005)
        return (most - idle) // 1024

    def test_answers(self):
        """Ten at once, of 60 MB of base64 each, for clients that want links."""
        answers = []

        def make(number):
            body = {"model": "gpt-image-2", "prompt": f"large {number} [big-45]"}
            answers.append(self.spool.request("POST", "/v1/images/generations", body, timeout=120))

        most = self.most([lambda n=n: make(n) for n in range(10)])
        print(f"10 answers of 60 MB: {most} MB more")
        self.assertEqual([answer[0] for answer in answers], [200] * 10)
        self.assertLess(most, 64)

    def test_base64(self):
        """The same for clients that want the base64: from the archive to the connection."""
        body = {"model": "gpt-image-2", "prompt": "large [big-45]", "stream": True}
        sizes = []

        def make():
            sizes.append(len(self.spool.request("POST", "/v1/images/generations", body, timeout=120)[2]))

        most = self.most([make] * 2)
        print(f"2 streams of 60 MB: {most} MB more")
        self.assertEqual([size > 60 * MB for size in sizes], [True] * 2)
        self.assertLess(most, 64)

    def test_forms(self):
        part = b'--b\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n\r\n' + PNG + bytes(25 * MB) + b"\r\n"
        fields = {"prompt": "long", "model": "gpt-image-2"}.items()
        body = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
        body = body.encode() + part * 16 + b"--b--"
        answers = []

        def edit():
            head = {"Content-Type": "multipart/form-data; boundary=b"}
            answers.append(self.spool.request("POST", "/v1/images/edits", body, head, timeout=120))

        most = self.most([edit])
        print(f"A form of {len(body) // MB} MB: {most} MB more")
        self.assertEqual([answer[0] for answer in answers], [200], answers)
        self.assertLess(most, 64)


class Sent(unittest.TestCase):
    """Forms to a vendor that takes them slowly: from the storage to the connection."""

    COUNT = 5

    def check(self, storage):
        with FormVendor(rate=8 * MB, keeps=False) as vendor:
            relay = openai_account(vendor, dialect="relay", models={"gpt-image-2": "gpt-image-2"}, max_concurrency=20)
            with Spool({"accounts": [relay], "log_level": "warn", **storage}, env=SMALL) as spool:
                form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
                head = {"Content-Type": "multipart/form-data; boundary=b"}

                def upload(size):
                    status, _, file = spool.request(
                        "POST", "/v1/files/uploads", form + PNG + bytes(size - len(PNG)) + b"\r\n--b--\r\n", head
                    )
                    self.assertEqual(status, 200, file)
                    return {"image_url": file["url"]}

                def edit(prompt, *images):
                    fields = {"model": "gpt-image-2", "prompt": prompt, "images": images}
                    status, _, task = spool.request("POST", "/v1/images/edits", fields, {"Prefer": "respond-async"})
                    self.assertEqual(status, 202, task)
                    return task["id"]

                images = [upload(25 * MB), upload(25 * MB)]
                spool.end_of(edit("the first", images[0]), 60)
                idle, most = rss_kb(spool.pid), 0
                tasks = [edit(f"form {n}", *images * 2) for n in range(self.COUNT)]
                eventually(lambda: vendor.received > 26 * MB + self.COUNT * MB, 30, "five bodies on their way")
                while any(spool.task(task)["status"] != "succeeded" for task in tasks):
                    most = max(most, rss_kb(spool.pid))
                    time.sleep(0.05)
                most = (most - idle) // 1024
                print(f"{self.COUNT} forms of 100 MB at once: {most} MB more than {idle // 1024} MB")
                self.assertEqual((vendor.whole, vendor.cut), (1 + self.COUNT, 0))
                self.assertGreater(vendor.received, (25 + 100 * self.COUNT) * MB)
                self.assertLess(most, 16)

    def test_from_the_disk(self):
        self.check({})

    def test_from_a_bucket(self):
        with Swift(timeout=60) as swift:
            swift.create_bucket("media")
            keys = {"access_key": swift.access_key, "secret_key": swift.secret_key, "region": swift.region}
            self.check({"storage": {"url": "s3://media", "endpoint": swift.endpoint, **keys}})


if __name__ == "__main__":
    main()
