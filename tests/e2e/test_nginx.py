"""Behind a real nginx, with scripts/nginx.conf: WebSockets, event streams, large files, a rolling upgrade."""
import hashlib
import http.client
import os
import re
import socket
import threading
import time
import unittest

from harness import PNG, ROOT, Nginx, Redis, Sim, Spool, Vendor, account, eventually, exchange, main
from test_realtime import Watch

# One that knows nothing of event streams.
PLAIN = """\
server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{spool}; }}
}}
"""


def snippet(*spools):
    """scripts/nginx.conf, with our ports."""

    def site(port):
        with open(os.path.join(ROOT, "scripts", "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        servers = "".join(f"server 127.0.0.1:{spool.port} max_fails=0;\n" for spool in spools)
        for ours, theirs in (
            (f"listen 127.0.0.1:{port};", "listen 80;"),
            (servers, "server 127.0.0.1:8080 max_fails=0;"),
        ):
            assert re.search(rf"^ *{theirs}$", text, re.M), theirs
            text = text.replace(theirs, ours, 1)
        return text

    return site


class Stream:
    """Server-Sent Events, each with the moment when it came."""

    def __init__(self, port, task):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", f"/v1/tasks/{task}/events", headers={"Authorization": "Bearer sk-dev"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status

    def events(self, count):
        """The next so many."""
        found = []
        while len(found) < count:
            line = self.response.readline()
            assert line, found
            if line.startswith(b"data: "):
                found.append((time.monotonic(), line))
        return found

    def close(self):
        self.connection.close()


class Behind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.vendor = cls.enterClassContext(Vendor())
        cls.spool = cls.enterClassContext(Spool({"max_body_bytes": 64 << 20}, sim=cls.sim))
        cls.other = cls.enterClassContext(Spool({"accounts": [account(cls.vendor, poll_interval_ms=50)]}))
        cls.nginx = cls.enterClassContext(Nginx(snippet(cls.spool)))

    def ask(self, method, path, body=None, headers=None):
        return exchange(self.nginx.port, method, path, body, {"Authorization": "Bearer sk-dev", **(headers or {})})

    def test_a_websocket_to_the_end(self):
        with Watch(self.nginx, {"type": "subscribe", "all": True}) as watch:
            watch.wait(lambda messages: len(messages) > 0)
            status, _, answer = self.ask("POST", "/mj/submit/imagine", {"prompt": "a lighthouse"})
            self.assertEqual(status, 200, answer)
            watch.wait_ends([answer["result"]])
            versions = watch.versions(answer["result"])
            self.assertEqual(versions, list(range(1, len(versions) + 1)))

    def check_stream(self, port):
        """The state comes at once, and the end when it is there and not before."""
        self.vendor.is_held = True
        task = self.other.submit("a lighthouse")
        self.other.wait_phase(task, "rendering")
        stream = Stream(port, task)
        try:
            began = time.monotonic()
            ((at, line),) = stream.events(1)
            self.assertLess(at - began, 3)
            self.assertIn(b'"in_progress"', line)
            time.sleep(0.5)
            released = time.monotonic()
            self.vendor.is_held = False
            while b'"succeeded"' not in line:
                ((at, line),) = stream.events(1)
            self.assertTrue(0 < at - released < 3, at - released)
            self.assertEqual(stream.response.read().strip(), b"", "and that is its end")
        finally:
            stream.close()

    def test_events_as_they_happen(self):
        with Nginx(snippet(self.other)) as nginx:
            self.check_stream(nginx.port)

    def test_events_through_one_that_buffers(self):
        with Nginx(lambda port: PLAIN.format(port=port, spool=self.other.port)) as nginx:
            self.check_stream(nginx.port)

    def test_large_files(self):
        """40 MB there and back; nginx makes no file of it. Too much is refused by Spool's own word."""
        data = PNG + os.urandom(40 << 20)
        files = set()
        stop = threading.Event()

        def look():
            while not stop.is_set():
                for folder in ("body", "proxy"):
                    for _, _, names in os.walk(os.path.join(self.nginx.dir, folder)):
                        files.update(names)
                time.sleep(0.005)

        looker = threading.Thread(target=look)
        looker.start()
        try:
            head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            status, _, answer = self.ask("POST", "/v1/files/uploads", head + data + b"\r\n--b--\r\n", kind)
            self.assertEqual((status, answer.get("bytes")), (200, len(data)), answer)
            path = re.sub(r"^http://[^/]+", "", answer["url"])
            status, headers, got = self.ask("GET", path)
            self.assertEqual((status, hashlib.sha256(got).hexdigest()), (200, answer["sha256"]), headers)
            status, headers, got = self.ask("GET", path, headers={"Range": "bytes=10-19"})
            self.assertEqual((status, got), (206, data[10:20]))
        finally:
            stop.set()
            looker.join()
        self.assertEqual(files, set())
        with socket.create_connection(("127.0.0.1", self.nginx.port), timeout=30) as client:
            client.sendall(b"POST /v1/files/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-dev\r\n"
                           b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999999\r\n\r\n")  # fmt: skip
            answer = client.recv(4096)
            self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        self.assertTrue(self.spool.is_ready())

    def test_not_for_everybody(self):
        for path in ("/metrics", "/admin/v1/overview", "/admin/v1/accounts"):
            self.assertEqual(self.ask("GET", path)[0], 403, path)
        for path in ("/healthz", "/readyz", "/v1/tasks"):
            self.assertEqual(self.ask("GET", path)[0], 200, path)


class Rolling(unittest.TestCase):
    def test_two_front_doors(self):
        """Each is ended and started anew under load, two workers, too: every submit is answered, and every task ends."""
        with Sim(speed=20) as sim, Redis(tcp=True) as redis:
            config = {"redis_url": redis.url, "accounts": [account(sim)]}
            spools = [self.enterContext(Spool(config, roles=roles)) for roles in (["api"], ["api"], ["worker", "webhook"], ["worker"])]
            for spool in spools[:2]:
                eventually(spool.is_ready, what="readiness")
            with Nginx(snippet(*spools[:2])) as nginx:
                stop, tasks, wrong = threading.Event(), [], []

                def load():
                    while not stop.is_set():
                        try:
                            status, _, answer = exchange(nginx.port, "POST", "/mj/submit/imagine",
                                                         {"prompt": "a cat"}, {"Authorization": "Bearer sk-dev"})  # fmt: skip
                            if status == 200:
                                tasks.append(answer["result"])
                            else:
                                wrong.append((status, answer))
                        except OSError as error:
                            wrong.append(error)
                        time.sleep(0.01)

                threads = [threading.Thread(target=load) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for spool in spools:
                    time.sleep(0.5)
                    spool.stop()
                    spool.start()
                    if spool in spools[:2]:
                        eventually(spool.is_ready, what="readiness")
                stop.set()
                for thread in threads:
                    thread.join()
                self.assertEqual(wrong, [])
                self.assertGreater(len(tasks), 50)
                for task in tasks:
                    self.assertEqual(spools[0].wait(task, 60)["status"], "SUCCESS")
                    self.assertEqual(sim.accepted(task), 1)


if __name__ == "__main__":
    main()
