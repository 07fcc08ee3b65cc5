"""What strangers send to the front door: smuggling, upgrades, sizes, slowness."""
import json
import os
import re
import signal
import socket
import tempfile
import threading
import time
import unittest
import unittest.mock

from harness import Receiver, Redis, Spool, Vendor, account, eventually, freeze, spool_binary
from harness import exchange as harness_exchange

HOST = b"Host: spool\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
GET_LAST = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
# Would be seen in an answer if bytes of a refused request were taken for a request.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: spool\r\nX-Request-Id: smuggled\r\n\r\n"


TASK = "task_" + "0" * 26
KEY = b"Authorization: Bearer sk-dev\r\n"


def post(headers, body=b"", path=b"/mj/submit/imagine"):
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def statuses(answer):
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


def connect(port, timeout=15):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def send(connection, request):
    """A server that refuses early may close while we still send."""
    try:
        connection.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        pass


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def exchange(port, request, timeout=15):
    """Everything the server says until it closes."""
    with connect(port, timeout) as connection:
        send(connection, request)
        return read_all(connection)


class FrontDoor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spool = cls.enterClassContext(Spool(config={"max_body_bytes": 1048576}))
        cls.port = cls.spool.port

    def assert_refused(self, answer, *expected):
        self.assertEqual(len(statuses(answer)), 1, answer[:300])
        self.assertIn(statuses(answer)[0], expected, answer[:300])
        self.assertNotIn(b"smuggled", answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nconnection: close", head.lower())
        self.assertIn(b"\r\nx-request-id: ", head.lower())
        error = json.loads(body)["error"]
        self.assertEqual(error["type"], "invalid_request_error")
        self.assertTrue(error["message"] and error["code"])

    def assert_alive(self):
        self.assertEqual(statuses(exchange(self.port, GET_LAST)), [200])

    def check_all(self, cases, *expected):
        for name, request in cases.items():
            with self.subTest(name, sent="at once"):
                self.assert_refused(exchange(self.port, request), *expected)
            with self.subTest(name, sent="byte by byte"), connect(self.port) as connection:
                for at in range(min(len(request), 400)):
                    send(connection, request[at : at + 1])
                send(connection, request[400:])
                self.assert_refused(read_all(connection), *expected)
        self.assert_alive()

    # B1

    def test_lengths_that_are_none(self):
        words = ("+5", "5abc", "0x5", "-1", "5, 5", "5 5", "", str(2**64 + 5), "9" * 40)
        self.check_all(
            {
                f"Content-Length {word!r}": post(
                    b"Content-Length: " + word.encode() + b"\r\n", b"hello" + SMUGGLED
                )
                for word in words
            },
            400,
        )

    def test_two_opinions_about_the_length(self):
        chunked = b"Transfer-Encoding: chunked\r\n"
        self.check_all(
            {
                "CL and TE": post(b"Content-Length: 5\r\n" + chunked, b"0\r\n\r\n" + SMUGGLED),
                "TE and CL": post(chunked + b"Content-Length: 5\r\n", b"0\r\n\r\n" + SMUGGLED),
                "two lengths": post(
                    b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello" + SMUGGLED
                ),
                "one length twice": post(
                    b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello" + SMUGGLED
                ),
                "TE twice": post(chunked + chunked, b"0\r\n\r\n" + SMUGGLED),
                "another TE": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
                "TE identity": post(b"Transfer-Encoding: identity\r\n", SMUGGLED),
                "TE with a control character": post(b"Transfer-Encoding: \x0bchunked\r\n"),
                "TE in HTTP/1.0": b"POST / HTTP/1.0\r\n" + chunked + b"\r\n0\r\n\r\n" + SMUGGLED,
            },
            400,
        )

    def test_lines_and_names(self):
        def get(headers):
            return b"GET /healthz HTTP/1.1\r\n" + headers + b"\r\n" + SMUGGLED

        self.check_all(
            {
                "no Host": get(b""),
                "two Hosts": get(HOST + HOST),
                "bare LF everywhere": b"GET /healthz HTTP/1.1\nHost: spool\n\n" + SMUGGLED,
                "bare LF after a header": get(b"Host: spool\nX-A: b\r\n"),
                "bare LF as the blank line": b"GET / HTTP/1.1\r\n" + HOST + b"\n" + SMUGGLED,
                "bare CR": get(HOST + b"X-A: b\rX-B: c\r\n"),
                "folded header": get(HOST + b"X-A: b\r\n c\r\n"),
                "space before the colon": get(HOST + b"X-A : b\r\n"),
                "space before Host's colon": get(b"Host : spool\r\n"),
                "space within a name": get(HOST + b"Transfer Encoding: chunked\r\n"),
                "no name": get(HOST + b": b\r\n"),
                "no colon": get(HOST + b"X-A\r\n"),
                "NUL": get(HOST + b"X-A: b\0c\r\n"),
                "control character": get(HOST + b"X-A: b\x01c\r\n"),
            },
            400,
        )

    def test_broken_chunks(self):
        def chunks(body):
            return post(KEY + b"Transfer-Encoding: chunked\r\n", body)

        self.check_all(
            {
                "no LF after the size": chunks(b"5\rXhello\r\n0\r\n\r\n" + SMUGGLED),
                "no CRLF after the data": chunks(b"5\r\nhelloXX0\r\n\r\n" + SMUGGLED),
                "bare LFs": chunks(b"5\nhello\n0\n\n" + SMUGGLED),
                "LF in an extension": chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
                "0x": chunks(b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
                "a sign": chunks(b"-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
                "a size beyond 64 bits": chunks(b"1" + b"0" * 16 + b"\r\n"),
                "trailers": chunks(b"0\r\nContent-Length: 5\r\n\r\n" + SMUGGLED),
            },
            400,
        )

    def test_targets(self):
        targets = (
            b"/a%00b", b"/a%zz", b"/a%2", b"/a/../b", b"/a/%2e%2E/b", b"/a/..%2fb", b"/.", b"/a#b",
            b"/\xc3\xa9", b"https://spool/", b"http:///a", b"spool:443", b"a", b"//a/../b",
        )
        self.check_all(
            {t.decode("latin-1"): b"GET " + t + b" HTTP/1.1\r\n" + HOST + b"\r\n" for t in targets},
            400,
        )

    def test_what_is_fine(self):
        body = b'{"prompt":"x"}'
        key = f"Authorization: Bearer {self.spool.key}\r\n".encode()
        json_type = b"Content-Type: application/json\r\n"
        chunked = b"Transfer-Encoding: Chunked\r\n"
        fine = {
            "length": post(
                key + json_type + b"Content-Length: %d\r\nConnection: close\r\n" % len(body), body
            ),
            "chunked": post(
                key + json_type + chunked + b"Connection: close\r\n",
                b'5;a=b\r\n{"pro\r\n09\r\nmpt":"x"}\r\n0\r\n\r\n',
            ),
            "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
            "proxy form": b"GET http://spool/healthz HTTP/1.1\r\n" + HOST
            + b"Connection: close\r\n\r\n",
            "an empty line first": b"\r\n" + GET_LAST,
        }
        for name, request in fine.items():
            with self.subTest(name):
                answer = exchange(self.port, request)
                self.assertEqual(statuses(answer), [200], answer[:300])
                if request.startswith(b"POST"):
                    self.assertIn(json.loads(answer.partition(b"\r\n\r\n")[2])["code"], (1, 22))

    def test_pipelined_answers_come_in_order(self):
        requests = b"".join(
            b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-Request-Id: nr-%d\r\n\r\n" % i
            for i in range(500)
        )
        answer = exchange(self.port, requests + GET_LAST)
        self.assertEqual(statuses(answer), [200] * 501)
        order = [int(i) for i in re.findall(rb"(?i)x-request-id: nr-(\d+)\r\n", answer)]
        self.assertEqual(order, list(range(500)))

    # B2

    def test_upgrades(self):
        for name in (b"h2c", b"TLS/1.0", b"unknown", b"websocket, h2c"):
            with self.subTest(name):
                answer = exchange(
                    self.port,
                    b"GET /healthz HTTP/1.1\r\n" + HOST
                    + b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: " + name
                    + b"\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
                )
                self.assertEqual(len(statuses(answer)), 1, answer[:300])
                self.assertIn(statuses(answer)[0], (200, 400))

    def test_http2_preface(self):
        self.check_all({"PRI": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"}, 400)

    def test_methods_and_versions(self):
        for request, status in (
            (b"TRACE /healthz HTTP/1.1\r\n", 501),
            (b"BREW /healthz HTTP/1.1\r\n", 501),
            (b"GET /healthz HTTP/2.0\r\n", 505),
            (b"CONNECT spool:443 HTTP/1.1\r\n", 400),
            (b"GET /healthz\r\n", 400),
        ):
            with self.subTest(request):
                self.assert_refused(exchange(self.port, request + HOST + b"\r\n"), status)

    # B3

    def test_large_heads(self):
        def get(headers, target=b"/healthz"):
            return b"GET " + target + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n"

        for name, request, status in (
            ("header of 100 KB", get(b"X-A: " + b"a" * 100000 + b"\r\n"), 431),
            ("header without an end", get(b"X-A: ")[:-2] + b"a" * 100000, 431),
            ("2000 headers", get(b"X-A: b\r\n" * 2000), 431),
            ("101 headers", get(b"X-A: b\r\n" * 100), 431),
            ("target of 64 KB", get(b"", b"/" + b"a" * 65535), 414),
            ("target without an end", b"GET /" + b"a" * 100000, 414),
        ):
            with self.subTest(name):
                self.assert_refused(exchange(self.port, request), status)
        answer = exchange(self.port, get(b"X-A: " + b"a" * 8000 + b"\r\nConnection: close\r\n"))
        self.assertEqual(statuses(answer), [200], "a header of 8 KB is within the 16 KB")

    # B4

    def test_large_bodies(self):
        chunked = KEY + b"Transfer-Encoding: chunked\r\n"
        for name, request in (
            ("one byte over", post(b"Content-Length: 1048577\r\n")),
            ("3 GB", post(b"Content-Length: 3221225472\r\n", b"x" * 100000)),
            ("a chunk too large", post(chunked, b"100001\r\n")),
            ("chunks without an end", post(chunked, (b"8000\r\n" + b"x" * 32768 + b"\r\n") * 33)),
        ):
            with self.subTest(name):
                started = time.monotonic()
                self.assert_refused(exchange(self.port, request), 413)
                self.assertLess(time.monotonic() - started, 5)
        self.assert_alive()

    def test_expect_continue(self):
        body = b'{"prompt":"x"}'
        with connect(self.port) as connection:
            connection.sendall(
                post(
                    b"Expect: 100-continue\r\nConnection: close\r\nAuthorization: Bearer "
                    + self.spool.key.encode()
                    + b"\r\nContent-Length: %d\r\n" % len(body)
                )
            )
            self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(body)
            self.assertEqual(statuses(read_all(connection)), [200])

    def test_a_body_that_nobody_reads(self):
        """One that came along is passed over; what is still to come ends the connection."""
        small = post(b"Content-Length: 9\r\n", b"123456789")
        answer = exchange(self.port, small + GET_LAST)
        self.assertEqual(statuses(answer), [401, 200], answer)
        for name, request, status in (
            ("more is to come", post(b"Content-Length: 9\r\n", b"12345678"), 401),
            ("chunks", post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED), 401),
            ("100-continue", post(b"Expect: 100-continue\r\nContent-Length: 9\r\n"), 401),
            ("no such path", post(KEY + b"Content-Length: 9\r\n", path=b"/nowhere"), 404),
            ("another method", post(KEY + b"Content-Length: 9\r\n", path=b"/v1/tasks"), 405),
            ("gzip", post(KEY + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n"), 415),
            ("two encodings", post(KEY + b"Content-Encoding: identity, br\r\nContent-Length: 9\r\n"), 415),
            ("twice one", post(KEY + b"Content-Encoding: identity\r\n" * 2 + b"Content-Length: 9\r\n"), 415),
        ):
            with self.subTest(name):
                answer = exchange(self.port, request)
                self.assertEqual(statuses(answer), [status], answer)
                self.assertIn(b"connection: close", answer.lower())
                self.assertNotIn(b"smuggled", answer)
        plain = b"Content-Encoding: identity\r\nConnection: close\r\nContent-Length: 14\r\n"
        self.assertEqual(statuses(exchange(self.port, post(KEY + plain, b'{"prompt":"x"}'))), [200])

    def test_who_sends_all_first_is_answered(self):
        """Though the answer came long before: no reset overtakes it."""
        body = bytes(1000000)
        for _ in range(20):
            with connect(self.port) as connection:
                connection.sendall(post(b"Content-Length: %d\r\n" % len(body), body))
                time.sleep(0.01)
                self.assertEqual(statuses(read_all(connection)), [401])

    # B5

    def trickle(self, request, seconds, results):
        """One byte a second, until it is answered; how long that took, and the answer."""
        started = time.monotonic()
        with connect(self.port, 1) as connection:
            for at in range(seconds):
                send(connection, request[at : at + 1])
                try:
                    answer = connection.recv(65536)
                except TimeoutError:
                    continue
                except ConnectionResetError:
                    answer = b""
                results.append((time.monotonic() - started, statuses(answer)))
                return
        results.append((time.monotonic() - started, "never"))

    def trickle_many(self, request, count, deadline):
        results = []
        crowd = [
            threading.Thread(target=self.trickle, args=(request, deadline + 10, results))
            for _ in range(count)
        ]
        for one in crowd:
            one.start()
        time.sleep(deadline / 2)
        started = time.monotonic()
        self.assert_alive()
        self.assertLess(time.monotonic() - started, 1, "an honest client waits for slow ones")
        for one in crowd:
            one.join()
        self.assertEqual(len(results), count)
        for took, answer in results:
            self.assertIn(answer, ([408], []))
            self.assertTrue(deadline - 1 < took < deadline + 4, took)

    def test_slow_headers(self):
        self.trickle_many(b"GET /" + b"a" * 100, 20, 10)

    @unittest.skipUnless(os.environ.get("SPOOL_SLOW_TESTS"), "takes 30 s: set SPOOL_SLOW_TESTS")
    def test_slow_bodies(self):
        head = post(KEY + b"Content-Length: 1000\r\n")
        results = []
        with connect(self.port, 60) as connection:
            started = time.monotonic()
            connection.sendall(head)
            for _ in range(28):
                connection.sendall(b"x")
                time.sleep(1)
            results.append(statuses(read_all(connection)))
        self.assertEqual(results, [[408]])
        self.assertTrue(28 < time.monotonic() - started < 34)

    def test_a_thousand_that_say_nothing(self):
        crowd = []
        try:
            for i in range(1000):
                crowd.append(connect(self.port))
                crowd[-1].sendall(GET[:20] if i % 2 else post(b"Content-Length: 9\r\n", b"x"))
            started = time.monotonic()
            self.assert_alive()
            self.assertLess(time.monotonic() - started, 1)
        finally:
            for connection in crowd:
                connection.close()
        self.assert_alive()


class NoSuchPath(unittest.TestCase):
    """It says what is near, whoever asks: by the table of paths, without a key and without Redis."""

    @staticmethod
    def envelope(code, message):
        return {"error": {"message": message, "type": "invalid_request_error", "code": code}}

    def cases(self):
        def flat(message):
            return {"code": "not_found", "message": message, "data": None}

        def mj(message, code=3):
            return {"code": code, "description": message}

        def own(message):
            return self.envelope("not_found", message)

        for shape, method, path, nearest in (
            (own, "POST", "/v1/v1/videos", "POST /v1/videos"),
            (own, "POST", "/videos", "POST /v1/videos"),
            (own, "POST", "/v1/videos/", "POST /v1/videos"),
            (own, "DELETE", "/v1/v1/tasks", "GET /v1/tasks"),
            (own, "GET", f"/v1/task/{TASK}", "GET /v1/tasks/{id}"),
            (own, "POST", f"/v1/tasks/{TASK}/deliveries/1/redeliver/", "POST /v1/tasks/{id}/deliveries/{n}/redeliver"),
            (own, "GET", "/nowhere", None),
            (mj, "POST", "/mj/submit//imagine", "POST /mj/submit/imagine"),
            (mj, "POST", "/mj-fast/mj/submit/imagin", "POST /mj-fast/mj/submit/imagine"),
            (mj, "POST", "/mj/submit/teleport", None),
            (flat, "POST", "/kling/videos/text2video", "POST /kling/v1/videos/text2video"),
            (flat, "POST", "/suno/submit/music/", "POST /suno/submit/music"),
            (flat, "POST", "/volc/v1/contents/generations/task", "POST /volc/v1/contents/generations/tasks"),
            (flat, "POST", "/v1/v1/video/create", "POST /v1/video/create"),
        ):
            message = f"there is no {method} {path}"
            yield method, path, 404, shape(message if nearest is None else f"{message}; did you mean {nearest}?"), None
        yield "GET", "/mj/submit/imagine", 405, mj("there is no GET /mj/submit/imagine, only POST", 4), "POST"
        message = "there is no DELETE /v1/tasks, only GET"
        yield "DELETE", "/v1/tasks", 405, self.envelope("method_not_allowed", message), "GET, HEAD"

    def test_what_is_near(self):
        with Redis() as redis, Spool({"roles": ["api"]}, redis=redis) as spool:
            eventually(spool.is_ready, 10, "readiness")
            freeze(redis.process.pid)
            try:
                for method, path, status, answer, allow in self.cases():
                    for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": "Bearer sk-dev"}):
                        with self.subTest(method=method, path=path, headers=headers):
                            got = harness_exchange(spool.port, method, path, None, headers, 2)
                            self.assertEqual((got[0], got[2], got[1].get("allow")), (status, answer, allow))
            finally:
                os.kill(redis.process.pid, signal.SIGCONT)

    def test_what_strangers_put_in_a_path(self):
        with Spool() as spool:
            for path, shown in (("/%22%5C%0Ax", "/%22%5C%0Ax"), ("/%c3%28", "/%C3("), ("/" + "x" * 8000, "/" + "x" * 79 + "...")):
                with self.subTest(path[:20]):
                    answer = harness_exchange(spool.port, "GET", path)
                    self.assertEqual((answer[0], answer[2]), (404, self.envelope("not_found", f"there is no GET {shown}")))


class Drain(unittest.TestCase):
    """SIGTERM: who waits is told how it is, and nothing waits for what doesn't come."""

    def in_thread(self, spool, *words):
        """The answer to a request that will take, and when it came."""
        found = []

        def ask():
            try:
                found.append((spool.request(*words), time.monotonic()))
            except OSError as error:
                found.append((error, time.monotonic()))

        thread = threading.Thread(target=ask)
        thread.start()
        return thread, found

    def test_wait_gets_the_present_state(self):
        with Vendor() as vendor, Spool({"accounts": [account(vendor)]}) as spool:
            vendor.is_held = True
            task = spool.submit("x")
            spool.wait_phase(task, "rendering")
            thread, found = self.in_thread(spool, "GET", f"/v1/tasks/{task}?wait=30")
            time.sleep(0.3)
            began = time.monotonic()
            spool.stop()
            thread.join()
            (status, _, shown), at = found[0]
            self.assertEqual((status, shown["id"], shown["status"]), (200, task, "in_progress"))
            self.assertLess(at - began, 1)

    def test_half_a_request(self):
        with Spool({"drain_timeout_ms": 20000}) as spool:
            for request in (GET[:20], post(KEY + b"Content-Length: 9\r\n", b"x"), post(KEY, GET)[:-5]):
                send(self.enterContext(connect(spool.port)), request)
            time.sleep(0.2)
            began = time.monotonic()
            spool.stop()
            self.assertLess(time.monotonic() - began, 5)

    def test_a_first_request_that_has_not_begun(self):
        """Its connection was there before the signal: it is answered, and waited for only shortly."""
        with Spool({"drain_timeout_ms": 20000}) as spool:
            clients = [self.enterContext(connect(spool.port)) for _ in range(2)]
            time.sleep(0.2)
            began = time.monotonic()
            os.kill(spool.process.pid, signal.SIGTERM)
            eventually(lambda: b"spool.draining" in spool.log(), 5, "the drain")
            send(clients[0], GET)
            self.assertEqual(statuses(read_all(clients[0])), [200])
            self.assertEqual(read_all(clients[1]), b"")
            self.assertEqual(spool.process.wait(5), 0)
            self.assertLess(time.monotonic() - began, 4)

    def test_without_redis(self):
        config = {"drain_timeout_ms": 20000, "roles": ["api"]}
        with Redis() as redis, Spool(config, redis=redis) as spool:
            eventually(spool.is_ready, 10, "readiness")
            freeze(redis.process.pid)
            asked = [self.in_thread(spool, "GET", "/v1/tasks"), self.in_thread(spool, "GET", f"/v1/tasks/{TASK}?wait=9")]
            time.sleep(0.3)
            began = time.monotonic()
            spool.process.terminate()
            for thread, found in asked:
                thread.join()
                answer, at = found[0]
                self.assertEqual(answer[0], 503, answer)
                self.assertLess(at - began, 3)
            self.assertEqual(spool.process.wait(20), 0)
            self.assertLess(time.monotonic() - began, 5)


class FewDescriptors(unittest.TestCase):
    """What strangers leave open doesn't keep us from our work."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        binary = os.path.join(folder, "spool")
        with open(binary, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nulimit -n 128\nexec {spool_binary()} "$@"\n')
        os.chmod(binary, 0o755)
        self.enterContext(unittest.mock.patch.dict(os.environ, {"SPOOL_BIN": binary}))
        self.vendor = self.enterContext(Vendor())
        self.receiver = self.enterContext(Receiver())
        self.spool = self.enterContext(Spool({"accounts": [account(self.vendor)]}))

    def work(self):
        """A task all the way: submit, looks, archive, hooks."""
        began = time.monotonic()
        self.receiver.answer("/hook", 200)
        tasks = [self.spool.submit("x", notifyHook=f"{self.receiver.url}/hook") for _ in range(5)]
        self.assertLess(time.monotonic() - began, 5)
        for task in tasks:
            self.assertEqual(self.spool.end_of(task, 15)["status"], "succeeded")
        self.receiver.wait("/hook", 5)

    def crowd(self, request, count=188):
        connections = []
        for _ in range(count):
            connections.append(self.enterContext(connect(self.spool.port)))
            send(connections[-1], request)
        return connections

    def test_idle_ones(self):
        self.crowd(GET)
        self.work()
        self.assertNotIn(b"http.accept.paused", self.spool.log())
        self.assertRegex(self.spool.log(), rb"limits.descriptors limit=128 .* raise_to=16384")

    def test_those_that_say_nothing(self):
        self.crowd(b"")
        self.work()

    def test_heads_half_sent(self):
        self.crowd(GET[:20])
        self.work()

    def test_who_came_with_a_key_goes_last(self):
        with connect(self.spool.port) as known:
            send(known, b"GET /v1/tasks HTTP/1.1\r\n" + HOST + KEY + b"\r\n")
            self.assertEqual(statuses(known.recv(65536)), [200])
            self.crowd(GET, 60)
            self.work()
            send(known, b"GET /v1/tasks HTTP/1.1\r\n" + HOST + KEY + b"\r\n")
            self.assertEqual(statuses(known.recv(65536)), [200])


if __name__ == "__main__":
    unittest.main()
