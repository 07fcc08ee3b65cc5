"""Pages of other sites: what a browser is told, so that their scripts may ask and read the answers."""
import json
import os
import signal
import unittest

from harness import PNG, Redis, Sim, Spool, eventually, exchange, free_port, main

PAGE = "https://app.example.com"
HOSTILE = (
    "https://evil.example", "https://app.example.com.evil.example", "https://app.example.co", "http://app.example.com",
    "https://app.example.com:8443", "https://APP.example.com", "null", "*", "",
)  # fmt: skip
SENT = (
    "Authorization", "Content-Type", "Idempotency-Key", "Prefer", "Last-Event-ID", "mj-api-secret", "traceparent",
    "tracestate", "Range", "x-stainless-retry-count",
)  # fmt: skip
READ = (
    "X-Request-Id", "Retry-After", "Idempotent-Replayed", "ETag", "Content-Range", "Content-Disposition",
)  # fmt: skip
TASK = "task_" + "0" * 26


def words(text):
    return {word.strip().lower() for word in text.split(",")}


def of_cors(headers):
    return {name for name in headers if name.startswith("access-control-")}


class Cors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sim = cls.enterClassContext(Sim(speed=50))
        config = {"cors_origins": [PAGE, "HTTPS://Other.example:443"], "max_body_bytes": 4096}
        cls.spool = cls.enterClassContext(Spool(config, sim=sim))

    def ask(self, method, path, body=None, origin=PAGE, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if origin is not None:
            headers["Origin"] = origin
        status, headers, body = exchange(self.spool.port, method, path, body, headers)
        return status, headers, body

    def check_readable(self, headers, origin=PAGE):
        self.assertEqual(headers["access-control-allow-origin"], origin, headers)
        self.assertLessEqual({name.lower() for name in READ}, words(headers["access-control-expose-headers"]))
        self.assertIn("origin", words(headers["vary"]))
        self.assertNotIn("access-control-allow-credentials", headers)

    def preflight(self, path, method="POST", origin=PAGE, **headers):
        return self.ask("OPTIONS", path, None, origin, Access_Control_Request_Method=method, **headers)

    def test_preflight(self):
        for path, methods in (
            ("/mj/submit/imagine", "POST"),
            ("/mj-fast/mj/submit/imagine", "POST"),
            ("/v1/tasks", "GET, HEAD"),
            (f"/v1/tasks/{TASK}", "GET, HEAD"),
            ("/v1/files/uploads/url", "POST, PUT"),
            ("/media/task-artifacts/a.png", "GET, HEAD"),
            ("/healthz", "GET, HEAD"),
        ):
            with self.subTest(path):
                status, headers, body = self.preflight(path)
                self.assertEqual((status, body), (204, b""))
                self.assertNotIn("content-length", headers)
                self.check_readable(headers)
                self.assertLessEqual(words(methods), words(headers["access-control-allow-methods"]))
                self.assertEqual(headers["allow"], headers["access-control-allow-methods"])
                self.assertLessEqual({name.lower() for name in SENT}, words(headers["access-control-allow-headers"]))
                self.assertGreater(int(headers["access-control-max-age"]), 0)

    def test_headers_that_we_do_not_know(self):
        asked = "authorization,x-of-their-own"
        allowed = self.preflight("/v1/tasks", Access_Control_Request_Headers=asked)[1]["access-control-allow-headers"]
        self.assertLessEqual(words(asked), words(allowed))
        odd = self.preflight("/v1/tasks", Access_Control_Request_Headers="a:b\tc;<d>")[1]
        self.assertEqual(words(odd["access-control-allow-headers"]) & {"a", "a:b", "<d>"}, set())

    def test_options_without_a_page(self):
        """It says which methods there are, and needs no key."""
        status, headers, _ = self.ask("OPTIONS", "/v1/tasks", origin=None)
        self.assertEqual((status, headers["allow"]), (204, "GET, HEAD, OPTIONS"))
        self.assertEqual(of_cors(headers), set())
        self.assertEqual(self.ask("OPTIONS", "/nothing", origin=None)[0], 404)
        self.assertEqual(self.preflight("/nothing")[0], 404)

    def test_a_hostile_page(self):
        for origin in HOSTILE:
            for method, path in (("OPTIONS", "/v1/tasks"), ("GET", "/v1/tasks"), ("GET", "/healthz"), ("GET", "/x")):
                with self.subTest(origin, method=method, path=path):
                    _, headers, _ = self.ask(method, path, origin=origin, Access_Control_Request_Method="GET",
                                             Authorization="Bearer sk-dev")  # fmt: skip
                    self.assertEqual(of_cors(headers), set())
                    self.assertIn("origin", words(headers["vary"]))
        # Two origins are none.
        status, headers, _ = exchange(self.spool.port, "GET", "/healthz", None, {"Origin": PAGE, "origin": PAGE})
        self.assertEqual((status, of_cors(headers)), (200, set()))

    def test_as_browsers_write_it(self):
        """A listed origin may have been written in capitals, and with its own port."""
        self.check_readable(self.ask("GET", "/healthz", origin="https://other.example")[1], "https://other.example")

    def test_every_answer(self):
        """A script must be able to read why it was refused."""
        key = {"Authorization": "Bearer sk-dev"}
        task = self.spool.submit("seen by a page")
        self.spool.wait(task)
        for wanted, method, path, body, headers in (
            (200, "GET", "/v1/tasks", None, key),
            (200, "GET", f"/v1/tasks/{task}", None, key),
            (200, "GET", f"/v1/tasks/{task}/events", None, key),
            (401, "GET", "/v1/tasks", None, {}),
            (401, "POST", "/mj/submit/imagine", {"prompt": "p"}, {"Authorization": "Bearer sk-wrong"}),
            (400, "POST", "/mj/submit/imagine", {}, key),
            (404, "GET", f"/v1/tasks/{TASK}", None, key),
            (404, "GET", "/nothing/at/all", None, key),
            (405, "DELETE", "/v1/tasks", None, key),
            (413, "POST", "/mj/submit/imagine", b"x" * 5000, key),
            (404, "GET", "/media/none.png", None, {}),
            (426, "GET", "/v1/events", None, key),
        ):
            with self.subTest(f"{method} {path}", wanted=wanted):
                status, headers, _ = self.ask(method, path, body, **{k.replace("-", "_"): v for k, v in headers.items()})
                self.assertEqual(status, wanted)
                self.check_readable(headers)

    def test_a_chunked_body_that_is_too_large(self):
        """Refused by the server itself, once the handler has asked for the body."""
        chunk = b"bb8\r\n" + b"x" * 3000 + b"\r\n"
        status, headers, _ = exchange(
            self.spool.port, "POST", "/mj/submit/imagine", chunk + chunk,
            {"Origin": PAGE, "Authorization": "Bearer sk-dev", "Transfer-Encoding": "chunked"},
        )  # fmt: skip
        self.assertEqual(status, 413)
        self.check_readable(headers)

    def test_media(self):
        task = self.spool.submit("a file for a page")
        self.spool.wait(task)
        url = self.spool.task(task)["artifacts"][0]["url"]
        path = url[url.index("/media/") :]
        for headers, wanted in (({}, 200), ({"Range": "bytes=0-9"}, 206), ({"Range": "bytes=99999999-"}, 416)):
            status, got, _ = self.ask("GET", path, None, **headers)
            self.assertEqual(status, wanted)
            self.check_readable(got)
        status, got, _ = self.ask("GET", path, None, If_None_Match=got["etag"])
        self.assertEqual(status, 304)
        self.check_readable(got)

    def test_what_is_for_operators(self):
        for path in ("/admin/v1/overview", "/metrics"):
            for method in ("OPTIONS", "GET", "PUT"):
                _, headers, _ = self.ask(method, path, Access_Control_Request_Method="GET")
                self.assertEqual(of_cors(headers), set(), (method, path))


    def test_websockets(self):
        """Browsers open one for any page, and leave it to us."""
        asked = {
            "Authorization": "Bearer sk-dev", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip
        for origin, wanted in [(PAGE, 101), ("https://other.example", 101), *((one, 403) for one in HOSTILE)]:
            with self.subTest(origin):
                status = exchange(self.spool.port, "GET", "/v1/events", None, {**asked, "Origin": origin}, 5)[0]
                self.assertEqual(status, wanted)


class Others(unittest.TestCase):
    def get(self, spool, origin=PAGE, path="/healthz", method="GET", port=None):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        return exchange(port or spool.port, method, path, None, asked)

    def test_none(self):
        with Spool() as spool:
            for method in ("GET", "OPTIONS"):
                _, headers, _ = self.get(spool, method=method)
                self.assertEqual((of_cors(headers), headers.get("vary")), (set(), None))

    def test_any(self):
        for origins in ("*", ["*"], ["https://b.example", "*"]):
            with Spool({"cors_origins": origins}) as spool:
                for origin in (PAGE, "null", "http://localhost:3000"):
                    headers = self.get(spool, origin)[1]
                    self.assertEqual(headers["access-control-allow-origin"], "*")
                    self.assertNotIn("access-control-allow-credentials", headers)
                self.assertEqual(of_cors(exchange(spool.port, "GET", "/healthz")[1]), set())

    def test_without_redis(self):
        with Redis() as redis, Spool({"cors_origins": [PAGE]}, redis=redis) as spool:
            redis.kill()
            asked = {"Origin": PAGE, "Authorization": "Bearer sk-dev"}
            status, headers, _ = exchange(spool.port, "POST", "/mj/submit/imagine", {"prompt": "p"}, asked)
            self.assertEqual((status, headers["access-control-allow-origin"]), (503, PAGE))
            spool.kill()

    def test_the_operators_listener(self):
        port = free_port()
        with Spool({"cors_origins": ["*"], "admin_listen": f"127.0.0.1:{port}"}) as spool:
            for path in ("/v1/tasks", "/admin/v1/overview", "/metrics"):
                self.assertEqual(of_cors(self.get(spool, path=path, port=port)[1]), set())
            # Nobody is told which methods there are elsewhere.
            for method in ("OPTIONS", "POST", "GET"):
                status, headers, _ = self.get(spool, path="/metrics", method=method)
                self.assertEqual((status, headers.get("allow")), (404, None))

    def test_read_again(self):
        with Spool() as spool:
            self.assertEqual(of_cors(self.get(spool)[1]), set())
            spool.config["cors_origins"] = [PAGE]
            with open(os.path.join(spool.dir, "spool.json"), "w", encoding="utf-8") as file:
                json.dump(spool.config, file)
            spool.process.send_signal(signal.SIGHUP)
            eventually(lambda: b"config.reloaded" in spool.log(), timeout=20, what="the reload")
            self.assertEqual(self.get(spool)[1]["access-control-allow-origin"], PAGE)

    def test_upload_places(self):
        """A page puts its file where it was told to."""
        with Spool({"cors_origins": [PAGE]}) as spool:
            place = spool.request("POST", "/v1/files/uploads/presign", {"content_type": "image/png"})[2]
            path = place["upload_url"][len(spool.url) :]
            status, headers, _ = exchange(spool.port, "PUT", path, PNG, {"Origin": PAGE, "Content-Type": "image/png"})
            self.assertEqual((status, headers["access-control-allow-origin"]), (200, PAGE))


if __name__ == "__main__":
    main()
