"""The log: whose request caused a line, trouble that goes on, and a client's trace on its way."""
import json
import unittest

from harness import Receiver, Redis, Sim, Spool, Vendor, account, eventually, exchange, main

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
IMAGINE = {"prompt": "a cat"}


def lines_of(spool, event=None):
    lines = [json.loads(line) for line in spool.log().splitlines() if line.startswith(b"{")]
    return [line for line in lines if event in (None, line["event"])]


class Log(unittest.TestCase):
    def test_json_and_access(self):
        settings = {"log_format": "json", "access_log": True}
        with Sim() as sim, Spool({"accounts": [account(sim)], **settings}) as spool:
            task = spool.submit("a cat")
            spool.wait(task)
            exchange(spool.port, "GET", "/nowhere", headers={"Authorization": "Bearer sk-wrong"})
            lines = lines_of(spool)
            self.assertEqual({"time", "level", "event"} - set(lines[0]), set())
            self.assertIn(task, [line["task"] for line in lines_of(spool, "task.accepted")])
            requests = lines_of(spool, "http.request")
            (line,) = [one for one in requests if one["method"] == "POST"]
            self.assertEqual((line["key"], line["route"], line["status"]), ("dev", "/mj/submit/imagine", "200"))
            self.assertTrue(int(line["ms"]) >= 0 and int(line["bytes"]) > 0 and line["request"])
            (line,) = [one for one in requests if one["status"] == "404"]
            self.assertEqual((line["key"], line["route"]), ("-", "none"))
            self.assertNotIn(b"sk-wrong", spool.log())

    def test_a_request_is_known_by_its_id(self):
        settings = {"log_format": "json", "access_log": True}
        with Sim() as sim, Spool({"accounts": [account(sim)], **settings}) as spool:
            for sent in ({"X-Request-Id": "night-shift-7"}, {}):
                status, headers, _ = spool.request("POST", "/mj/submit/imagine", IMAGINE, sent)
                self.assertEqual(status, 200)
                number = headers["x-request-id"]
                caused = [line["event"] for line in lines_of(spool) if line.get("request") == number]
                self.assertEqual(sorted(caused), ["http.request", "task.accepted"])

    def test_bodies_that_the_server_refuses(self):
        """They are requests like others: logged and counted, whether their length was said or not."""
        settings = {"log_format": "json", "access_log": True, "max_body_bytes": 1024}
        with Spool(settings) as spool:
            long, chunked = b"x" * 1025, {"Transfer-Encoding": "chunked"}
            sent = [(long, {}), (b"401\r\n" + long + b"\r\n0\r\n\r\n", chunked), (b"no chunk\r\n", chunked),
                    (b"", {"Content-Length": str(10**9)})]  # fmt: skip
            for body, more in sent:
                status = spool.request("POST", "/mj/submit/imagine", body, more)[0]
                self.assertEqual(status, 400 if body[:2] == b"no" else 413)
            told = [(line["route"], line["status"]) for line in lines_of(spool, "http.request") if line["method"] == "POST"]
            self.assertEqual(told, [("/mj/submit/imagine", status) for status in ("413", "413", "400", "413")])
            for code, count in ((413, 3), (400, 1)):
                name = f'http_requests_total{{route="/mj/submit/imagine",code="{code}"}}'
                self.assertEqual(spool.metric(name), count)

    def test_a_trouble_that_goes_on(self):
        """However many connections meet it, and however often."""
        with Sim() as sim, Redis() as redis:
            with Spool({"accounts": [account(sim)], "log_format": "json"}, redis=redis) as spool:
                eventually(spool.is_ready)
                first_told = lambda: [line for line in lines_of(spool, "redis.down") if "repeated" not in line]
                counts = []
                for _ in range(2):
                    redis.kill()
                    eventually(lambda: not spool.is_ready())
                    redis.start()
                    eventually(spool.is_ready)
                    counts.append(len(first_told()))
                spool.wait(spool.submit("a lighthouse"))
                spool.stop()
                down = first_told()
                for told in (down[: counts[0]], down[counts[0] :]):
                    said = [(line.get("server"), line.get("by"), line.get("error")) for line in told]
                    self.assertTrue(said)
                    self.assertEqual(len(said), len(set(said)), said)
                again = [line for line in lines_of(spool, "redis.down") if "repeated" in line]
                self.assertTrue(again)
                self.assertTrue(all(int(line["repeated"]) > 0 for line in again))


class Trace(unittest.TestCase):
    """A client's traceparent goes with the task, through Redis, to the vendor and to the hook."""

    def check(self, sent, expected):
        with Vendor() as vendor, Receiver() as receiver, Redis() as redis:
            settings = {
                "accounts": [account(vendor)],
                "webhook": {"allow_private_networks": True, "retry_delays_ms": [100]},
            }
            receiver.answer("/hook", [500, 200])
            with Spool(settings, redis=redis, roles=["api"]) as spool:
                eventually(spool.is_ready)
                body = {**IMAGINE, "notifyHook": f"{receiver.url}/hook"}
                self.assertEqual(spool.request("POST", "/mj/submit/imagine", body, sent)[0], 200)
            with Spool(settings, redis=redis, roles=["worker", "webhook"]):
                receiver.wait("/hook", 2)
            hooks, submits = receiver.at("/hook"), vendor.at("/submit/imagine")
            self.assertEqual(len(submits), 1)
            for asked in (*submits, *hooks):
                self.assertEqual((asked.headers.get("traceparent"), asked.headers.get("tracestate")), expected)

    def test_it_goes_on(self):
        self.check({"traceparent": TRACE, "tracestate": STATE}, (TRACE, STATE))
        self.check({"traceparent": TRACE}, (TRACE, None))

    def test_one_that_is_none(self):
        self.check({"traceparent": TRACE.upper(), "tracestate": STATE}, (None, None))
        self.check({}, (None, None))


if __name__ == "__main__":
    main()
