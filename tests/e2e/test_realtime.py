"""What watchers see: WebSockets, Server-Sent Events, ?wait=. Each change once, in order, no gap."""
import asyncio
import hmac
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import websockets

from harness import Redis, Sim, Spool, Vendor, account, eventually, exchange, freeze, main, preload, stall_loop, websocket_headers
from test_sdk import install, node_of

ENDS = ("succeeded", "failed", "cancelled")
OTHER_KEY = "sk-other"
TOKENS = [{"name": "dev", "key": "sk-dev"}, {"name": "other", "key": OTHER_KEY}]
UNKNOWN_TASK = "task_" + "0" * 26
SAMPLE_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455's own
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Watch:
    """A WebSocket client on a thread of its own. What comes is kept in `messages`."""

    def __init__(self, spool, *requests, key="sk-dev", in_query=False, origin=None):
        self.messages = []
        self.code = None  # of its close
        self.loop = asyncio.new_event_loop()
        self.opened = threading.Event()
        self.failure = None
        self.uri = f"ws://127.0.0.1:{spool.port}/v1/events"
        self.options = {"max_size": None, "origin": origin}
        if in_query:
            self.uri += f"?access_token={key}"
        else:
            self.options.update(websocket_headers({"Authorization": f"Bearer {key}"}))
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(),))
        self.thread.start()
        self.opened.wait(15)
        if self.failure is not None:
            self.thread.join()
            raise self.failure
        for request in requests:
            self.send(request)

    async def run(self):
        try:
            self.socket = await websockets.connect(self.uri, **self.options)
        except Exception as failure:
            self.failure = failure
            return
        finally:
            self.opened.set()
        try:
            async for text in self.socket:
                self.messages.append(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        await self.socket.wait_closed()
        self.code = self.socket.close_code
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    def send(self, request):
        text = request if isinstance(request, (str, bytes)) else json.dumps(request)
        asyncio.run_coroutine_threadsafe(self.socket.send(text), self.loop).result(15)

    def wait(self, condition, timeout=30, what="the messages"):
        """Until it is true of the messages; then they are returned."""
        eventually(lambda: condition(self.messages), timeout, what)
        return self.messages

    def of_type(self, name):
        return [message for message in self.messages if message["type"] == name]

    def changes(self):
        """(cursor, task) of each, joined or not."""
        found = []
        for message in list(self.messages):
            if message["type"] == "task":
                found.append((message["cursor"], message["task"]))
            elif message["type"] == "tasks":
                found += [(change["cursor"], change["task"]) for change in message["changes"]]
        return found

    def seen(self, tasks=None):
        """(cursor, task, version) of each, or of those of `tasks`."""
        found = [(cursor, task["id"], task["version"]) for cursor, task in self.changes()]
        return [seen for seen in found if tasks is None or seen[1] in tasks]

    def versions(self, task):
        return [shown["version"] for _, shown in self.changes() if shown["id"] == task]

    def wait_ends(self, tasks, timeout=60):
        """Until every one of the tasks was seen at its end."""

        def ended():
            ends = {shown["id"] for _, shown in self.changes() if shown["status"] in ENDS}
            return set(tasks) <= ends

        eventually(ended, timeout, "the ends of all tasks")

    def close(self):
        if self.thread.is_alive():
            closing = self.socket.close()
            self.loop.call_soon_threadsafe(self.loop.create_task, closing)
        self.thread.join(30)
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def frame(opcode, payload=b"", is_final=True, is_masked=True, length=None):
    length = len(payload) if length is None else length
    mask = b"\x01\x02\x03\x04" if is_masked else b""
    head = bytes([opcode | (0x80 if is_final else 0)])
    bit = 0x80 if is_masked else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if is_masked:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + mask + payload


class Raw:
    """A WebSocket byte by byte, for what no client would send."""

    def __init__(self, port, *headers, rest=b"", receive_bytes=0, **changed):
        values = {
            "Host": "spool",
            "Authorization": "Bearer sk-dev",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": SAMPLE_KEY.decode(),
        }
        for name, value in changed.items():
            values[name.replace("_", "-")] = value
        lines = [f"{name}: {value}" for name, value in values.items() if value is not None]
        lines = ["GET /v1/events HTTP/1.1", *lines, *headers, "", ""]
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(15)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall("\r\n".join(lines).encode() + rest)
        self.stream = self.socket.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            if not line:
                break
            self.head += line
        self.status = int(self.head.split()[1])

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was closed before everything was sent

    def read(self):
        """(opcode, payload) of the next frame, None at the end."""
        try:
            head = self.stream.read(2)
            if len(head) < 2:
                return None
            length = head[1] & 0x7F
            if length == 126:
                length = struct.unpack(">H", self.stream.read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self.stream.read(8))[0]
            return head[0] & 0xF, self.stream.read(length)
        except ConnectionResetError:
            return None

    def read_code(self):
        """That of the close frame, once it comes; None where the connection just ends."""
        while (got := self.read()) is not None:
            if got[0] == CLOSE:
                return struct.unpack(">H", got[1][:2])[0]
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


def subscribe(**fields):
    return {"type": "subscribe", **fields}


class Realtime(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=4))
        cls.spool = cls.enterClassContext(Spool({"tokens": TOKENS}, cls.sim))
        cls.port = cls.spool.port

    def submit_many(self, count, prompt="a lighthouse"):
        return [self.spool.submit(f"{prompt} {i}") for i in range(count)]

    def assert_each_once(self, watch, task, first=None):
        versions = watch.versions(task)
        self.assertEqual(versions, list(range(versions[0], versions[0] + len(versions))), task)
        if first is not None:
            self.assertEqual(versions[0], first)
        shown = self.spool.task(task)
        self.assertEqual(versions[-1], shown["version"])
        self.assertEqual([s for _, s in watch.changes() if s["id"] == task][-1], shown)

    # Subscribing.

    def test_named_tasks(self):
        tasks = self.submit_many(3)
        with Watch(self.spool, subscribe(tasks=tasks)) as watch:
            watch.wait_ends(tasks)
            self.assertEqual(watch.messages[0], {"type": "subscribed"})
            self.assertEqual(len(watch.of_type("subscribed")), 1)
            for task in tasks:
                self.assert_each_once(watch, task)

    def test_present_state_of_ended_task(self):
        task = self.spool.submit("ended")
        self.spool.wait(task)
        with Watch(self.spool, subscribe(tasks=[task]), in_query=True) as watch:
            watch.wait(lambda m: len(m) == 2)
            self.assertEqual([m["type"] for m in watch.messages], ["subscribed", "task"])
            self.assertEqual(watch.messages[1]["task"], self.spool.task(task))

    def test_all_tasks_of_the_key(self):
        with Watch(self.spool, subscribe(all=True)) as watch, Watch(
            self.spool, subscribe(all=True), key=OTHER_KEY
        ) as other:
            watch.wait(lambda m: m)
            other.wait(lambda m: m)
            tasks = self.submit_many(10)
            watch.wait_ends(tasks)
            for task in tasks:
                self.assert_each_once(watch, task, first=1)
            cursors = [cursor for cursor, _ in watch.changes()]
            self.assertEqual(len(set(cursors)), len(cursors))
            self.assertEqual(other.messages, [{"type": "subscribed"}])

    def test_all_and_named_tell_a_change_once(self):
        task = self.spool.submit("twice asked for")
        with Watch(self.spool, subscribe(tasks=[task], all=True)) as watch:
            watch.wait_ends([task])
            self.assert_each_once(watch, task)

    def test_batch(self):
        tasks = self.submit_many(40, "many")
        with Watch(self.spool, subscribe(tasks=tasks, batch=True)) as watch:
            watch.wait_ends(tasks)
            self.assertEqual(watch.of_type("task"), [])
            joined = watch.of_type("tasks")
            self.assertGreater(max(len(message["changes"]) for message in joined), 1)
            for task in tasks:
                self.assert_each_once(watch, task)

    def test_many_subscriptions_on_one_connection(self):
        tasks = self.submit_many(5)
        with Watch(self.spool, *[subscribe(tasks=[task]) for task in tasks]) as watch:
            watch.wait_ends(tasks)
            self.assertEqual(len(watch.of_type("subscribed")), 5)
            for task in tasks:
                self.assert_each_once(watch, task)

    # Resuming.

    def check_resumed(self, asked, count_later):
        """Two connections one after the other see what one sees that wasn't interrupted."""
        with Watch(self.spool, subscribe(**asked)) as whole:
            whole.wait(lambda m: m)
            with Watch(self.spool, subscribe(**asked)) as first:
                first.wait(lambda m: m)
                tasks = self.submit_many(6)
                first.wait(lambda m: len(first.seen(tasks)) >= 5)
            tasks += self.submit_many(count_later)
            time.sleep(0.3)  # changes that nobody is there for
            since = first.changes()[-1][0]
            before = first.seen(tasks)
            with Watch(self.spool, subscribe(**asked, since=since)) as second:
                whole.wait_ends(tasks)
                eventually(
                    lambda: second.seen(tasks)[-1:] == whole.seen(tasks)[-1:], what="the same end"
                )
                self.assertEqual(second.of_type("gap"), [])
                self.assertEqual(before + second.seen(tasks), whole.seen(tasks))

    def test_resumes_all(self):
        self.check_resumed({"all": True}, 6)

    def test_resumes_batch(self):
        self.check_resumed({"all": True, "batch": True}, 20)

    def test_resumes_one_task(self):
        task = self.spool.submit("resumed")
        with Watch(self.spool, subscribe(tasks=[task])) as whole:
            whole.wait_ends([task])
            seen = whole.seen()
            for i, (cursor, _, version) in enumerate(seen):
                with self.subTest(version=version), Watch(
                    self.spool, subscribe(tasks=[task], since=cursor)
                ) as again:
                    again.wait(lambda m, i=i: len(again.seen()) >= len(seen) - i - 1 and m)
                    self.assertEqual(again.seen(), seen[i + 1 :])

    def test_resumes_from_the_present_state(self):
        for _ in range(10):
            tasks = self.submit_many(3, "present")
            with Watch(self.spool, subscribe(tasks=tasks)) as first:
                first.wait(lambda m: {task for _, task, _ in first.seen()} == set(tasks))
                before = first.seen()
            ended = {shown["id"] for _, shown in first.changes() if shown["status"] in ENDS}
            with Watch(self.spool, subscribe(tasks=tasks, since=before[-1][0])) as second:
                second.wait_ends(set(tasks) - ended)
                for task in tasks:
                    versions = [version for _, shown, version in before + second.seen() if shown == task]
                    self.assertEqual(versions, list(range(versions[0], versions[0] + len(versions))))

    def test_resumes_many_tasks(self):
        tasks = self.submit_many(4, "one of many")
        others = self.submit_many(2, "of no interest")
        with Watch(self.spool, subscribe(all=True)) as whole:
            self.spool.wait(others[0])
            whole.wait_ends(tasks)
            seen = whole.seen(tasks)
        for i in (0, len(seen) // 3, len(seen) // 2):
            with self.subTest(i), Watch(self.spool, subscribe(tasks=tasks + tasks, since=seen[i][0])) as again:
                again.wait(lambda m, i=i: len(again.seen()) >= len(seen) - i - 1 and m)
                self.assertEqual(again.seen(), seen[i + 1 :])

    def test_resumes_past_tasks_that_are_gone(self):
        with Watch(self.spool, subscribe(all=True)) as watch:
            watch.wait(lambda m: m)
            tasks = self.submit_many(3, "gone")
            watch.wait_ends(tasks)
            cursor = watch.seen()[0][0]
        for task in tasks:
            for name in self.spool.redis("KEYS", f"*{task}*").split():
                self.spool.redis("DEL", name)
        with Watch(self.spool, subscribe(all=True, since=cursor)) as watch:
            watch.wait(lambda m: m)
            calls = self.spool.metric("redis_calls_total")
            time.sleep(0.5)
            # The stream isn't read again and again.
            self.assertLess(self.spool.metric("redis_calls_total") - calls, 500)
            later = self.spool.submit("later")
            watch.wait_ends([later])
            self.assertEqual({task for _, task, _ in watch.seen()}, {later})

    def test_gaps(self):
        task = self.spool.submit("before the gap")
        self.spool.wait(task)
        cases = {
            "from the future": "99999999999999-0",
            "malformed": "yesterday",
            "empty": "",
            "negative": "-1-0",
        }
        for name, cursor in cases.items():
            with self.subTest(name), Watch(self.spool) as watch:
                watch.send(subscribe(tasks=[task, task], since=cursor))
                watch.wait(lambda m: m[-1:] and m[-1]["type"] == "task")
                types = [message["type"] for message in watch.messages]
                self.assertEqual(types[:3], ["subscribed", "gap", "task"])
                self.assertEqual(types.count("gap"), 1)
            with self.subTest(name), Watch(self.spool) as watch:
                watch.send(subscribe(all=True, since=cursor))
                watch.wait(lambda m: len(m) == 2)
                types = [message["type"] for message in watch.messages]
                self.assertEqual(types, ["subscribed", "gap"])
                later = self.spool.submit("after the gap")
                watch.wait_ends([later])
                self.assert_each_once(watch, later, first=1)

    def test_gap_after_a_trim(self):
        with Watch(self.spool, subscribe(all=True)) as watch:
            watch.wait(lambda m: m)
            task = self.spool.submit("trimmed")
            watch.wait_ends([task])
            cursor = watch.seen()[0][0]
        self.spool.redis("XTRIM", "{spool}:events", "MAXLEN", "1")
        for asked in ({"all": True}, {"tasks": [task]}):
            with Watch(self.spool, subscribe(since=cursor, **asked)) as watch:
                watch.wait(lambda m: len(m) >= 2)
                self.assertEqual([m["type"] for m in watch.messages[:2]], ["subscribed", "gap"])
                if "tasks" in asked:
                    watch.wait_ends([task])

    # What isn't understood.

    def test_errors_keep_the_connection(self):
        cases = {
            "not JSON": "hello",
            "empty": "",
            "an array": "[]",
            "no type": "{}",
            "unknown type": '{"type":"dance"}',
            "type of a wrong type": '{"type":1}',
            "nothing to subscribe": '{"type":"subscribe"}',
            "all is false": '{"type":"subscribe","all":false}',
            "tasks is no list": '{"type":"subscribe","tasks":"task_1"}',
            "not an id": '{"type":"subscribe","tasks":["x"]}',
            "a number among ids": '{"type":"subscribe","tasks":[1]}',
            "since of a wrong type": '{"type":"subscribe","all":true,"since":7}',
            "twice the same key": '{"type":"subscribe","type":"subscribe","all":true}',
            "deep": "[" * 5000,
            "NUL": '{"type":"sub\\u0000scribe"}',
        }
        with Watch(self.spool) as watch:
            for i, (name, text) in enumerate(cases.items(), 1):
                with self.subTest(name):
                    watch.send(text)
                    watch.wait(lambda m, i=i: len(m) >= i, 5)
                    self.assertEqual(watch.messages[-1]["type"], "error")
                    self.assertTrue(watch.messages[-1]["message"])
            watch.send(subscribe(all=True))
            watch.wait(lambda m: m[-1]["type"] == "subscribed", 5)
            self.assertEqual(len(watch.messages), len(cases) + 1)

    def test_missing_tasks(self):
        mine = self.spool.submit("mine")
        with Watch(self.spool, subscribe(tasks=[mine, UNKNOWN_TASK]), key=OTHER_KEY) as other:
            other.wait(lambda m: len(m) == 3)
            error = {"type": "error", "message": "no such task"}
            self.assertEqual(other.messages[0], {"type": "subscribed"})
            self.assertCountEqual(
                other.messages[1:], [{**error, "task": mine}, {**error, "task": UNKNOWN_TASK}]
            )
        with Watch(self.spool, subscribe(tasks=[mine, UNKNOWN_TASK], since="0-0"), key=OTHER_KEY) as other:
            other.wait(lambda m: len(other.of_type("error")) == 2)
            self.assertCountEqual(
                other.of_type("error"), [{**error, "task": mine}, {**error, "task": UNKNOWN_TASK}]
            )

    def test_too_many_tasks(self):
        ids = ["task_" + f"{i:026d}" for i in range(5000)]
        with Watch(self.spool, subscribe(tasks=ids), subscribe(tasks=ids)) as watch:
            watch.wait(lambda m: len(watch.of_type("error")) >= 10000)
            self.assertIsNone(watch.code)
            watch.send(subscribe(tasks=ids[:1]))
            eventually(lambda: watch.code, what="a close")
            self.assertEqual(watch.code, 1008)

    # Who may have one.

    def test_refused_upgrades(self):
        mine, other = f"http://127.0.0.1:{self.port}", "http://evil.example"
        cases = {
            "no upgrade": (426, {"Upgrade": None, "Connection": None}),
            "another upgrade": (426, {"Upgrade": "h2c"}),
            "no Connection": (426, {"Connection": "keep-alive"}),
            "an old version": (426, {"Sec_WebSocket_Version": "8"}),
            "no version": (400, {"Sec_WebSocket_Version": None}),
            "no key": (400, {"Sec_WebSocket_Key": None}),
            "a short key": (400, {"Sec_WebSocket_Key": "dGhlIHNhbXBsZQ=="}),
            "a key of other characters": (400, {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25j!Q=="}),
            "a wrong API key": (401, {"Authorization": "Bearer sk-wrong"}),
            "no API key": (401, {"Authorization": None}),
            "another site's page": (403, {"Origin": other}),
            "a page from nowhere": (403, {"Origin": "null"}),
            "another port's page": (403, {"Origin": "http://127.0.0.1:1"}),
            "a site that begins alike": (403, {"Origin": mine + ".evil.example"}),
            "our own page": (101, {"Origin": mine}),
            "the page of this Host": (101, {"Origin": "https://spool"}),
            "tokens of several protocols": (101, {"Connection": "keep-alive, Upgrade"}),
            "a subprotocol and an extension": (
                101,
                {"Sec_WebSocket_Protocol": "chat", "Sec_WebSocket_Extensions": "permessage-deflate"},
            ),
        }
        for name, (status, headers) in cases.items():
            with self.subTest(name), Raw(self.port, **headers) as raw:
                self.assertEqual(raw.status, status, raw.head)
                self.assertIn(b"\r\nx-request-id: ", raw.head.lower())
                if status == 426:
                    self.assertIn(b"\r\nsec-websocket-version: 13\r\n", raw.head.lower())
                if status == 101:
                    self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", raw.head)
                    self.assertNotIn(b"sec-websocket-protocol", raw.head.lower())
                    self.assertNotIn(b"sec-websocket-extensions", raw.head.lower())

    def test_repeated_headers_are_refused(self):
        for header, status in (
            ("Origin: http://spool", 403),
            ("Sec-WebSocket-Key: " + SAMPLE_KEY.decode(), 400),
            ("Sec-WebSocket-Version: 13", 400),
            ("Authorization: Bearer sk-dev", 401),
        ):
            with self.subTest(header), Raw(self.port, header, Origin="http://spool") as raw:
                self.assertEqual(raw.status, status)

    def test_a_body_is_refused(self):
        with Raw(self.port, "Content-Length: 3", rest=b"abc") as raw:
            self.assertEqual(raw.status, 400)

    def test_the_key_in_the_query_opens_nothing_else(self):
        task = self.spool.submit("asked for in the query")
        self.spool.wait(task)
        status, _, body = self.open(f"/v1/tasks/{task}/events?access_token=sk-dev")
        self.assertEqual((status, body[:3]), (200, b"id:"))
        self.assertEqual(self.open(f"/v1/tasks/{task}/events?access_token=sk-wrong")[0], 401)
        for path in ("/v1/tasks", "/v1/events"):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            connection.request("GET", f"{path}?access_token=sk-dev")
            self.assertEqual(connection.getresponse().status, 426 if path == "/v1/events" else 401)
            connection.close()

    # Read tokens.

    def open(self, path, method="GET", **headers):
        """Without a key."""
        return exchange(self.port, method, path, None, headers)

    def read_token(self, key="sk-dev"):
        asked = {"Authorization": f"Bearer {key}"}
        status, headers, answer = exchange(self.port, "POST", "/v1/events/token", None, asked)
        self.assertEqual((status, set(answer), headers["cache-control"]), (200, {"token", "expires_at"}, "no-store"))
        self.assertAlmostEqual(answer["expires_at"] / 1000, time.time() + 600, delta=30)
        return answer["token"]

    def test_a_read_token_watches(self):
        token = self.read_token()
        self.assertRegex(token, r"^[A-Za-z0-9._~-]+$")  # a query takes it as it is
        task = self.spool.submit("watched by a page")
        with Watch(self.spool, subscribe(tasks=[task]), key=token, in_query=True) as watch:
            watch.wait_ends([task])
        status, headers, body = self.open(f"/v1/tasks/{task}/events?access_token={token}")
        self.assertEqual((status, headers["content-type"]), (200, "text/event-stream"))
        self.assertIn(b'"status":"succeeded"', body)

    def test_a_read_token_sees_what_its_key_sees(self):
        task = self.spool.submit("mine alone")
        for key, status in (("sk-dev", 200), (OTHER_KEY, 404)):
            path = f"/v1/tasks/{task}/events?access_token={self.read_token(key)}"
            self.assertEqual(self.open(path)[0], status)

    def test_a_read_token_opens_nothing_else(self):
        token = self.read_token()
        task = self.spool.submit("not to be touched")
        for method, path in (
            ("GET", "/v1/tasks"), ("GET", f"/v1/tasks/{task}"), ("POST", f"/v1/tasks/{task}/cancel"),
            ("POST", "/mj/submit/imagine"), ("POST", "/v1/events/token"), ("GET", f"/mj/task/{task}/fetch"),
            ("GET", f"/v1/tasks/{task}/timeline"), ("GET", "/admin/v1/overview"), ("GET", f"/v1/videos/{task}/content"),
        ):  # fmt: skip
            for where, headers in ((f"{path}?access_token={token}", {}), (path, {"Authorization": f"Bearer {token}"}),
                                   (path, {"mj-api-secret": token})):  # fmt: skip
                self.assertEqual(self.open(where, method, **headers)[0], 401, (method, where))
        for path in ("/v1/events", f"/v1/tasks/{task}/events"):
            self.assertEqual(self.open(path, Authorization=f"Bearer {token}")[0], 401)

    def test_read_tokens_that_are_none(self):
        token = self.read_token()
        task = self.spool.submit("seen by nobody")
        until, mark, name = token[3:].split(".", 2)
        later = str(int(until) + 1)
        for wrong in (
            "rt_", "rt_.", "rt_..", f"rt_{later}.{mark}.{name}", f"rt_{until}.{mark}.other", f"rt_{until}.{mark}.",
            f"rt_{until}.{mark[::-1]}.{name}", f"rt_{until}.{mark[:-1]}.{name}", f"rt_{until}.{mark}0.{name}",
            f"rt_1.{mark}.{name}", f"rt_{'9' * 40}.{mark}.{name}", f"rt_-1.{mark}.{name}", token[3:], token.upper(),
            token + "x", token + "%00",
        ):  # fmt: skip
            self.assertEqual(self.open(f"/v1/tasks/{task}/events?access_token={wrong}")[0], 401, wrong)

    def test_how_long_a_read_token_is_good(self):
        """Made here as Spool makes them, of what its processes share."""
        secret = self.spool.redis("GET", "{spool}:read_secret").strip().encode()
        task = self.spool.submit("seen for a while")
        for ms, key, status in ((60000, "sk-dev", 200), (-1000, "sk-dev", 401), (3600000, "sk-dev", 401),
                                (60000, "sk-gone", 401)):  # fmt: skip
            until = int(time.time() * 1000) + ms
            mark = hmac.digest(secret, f"{until} dev {key}".encode(), "sha256")[:24].hex()
            path = f"/v1/tasks/{task}/events?access_token=rt_{until}.{mark}.dev"
            self.assertEqual(self.open(path)[0], status, (ms, key))

    # Frames.

    def test_frames_behind_the_request(self):
        text = json.dumps(subscribe(all=True)).encode()
        with Raw(self.port, rest=frame(TEXT, text) + frame(PING, b"here")) as raw:
            self.assertEqual(raw.status, 101)
            got = [raw.read(), raw.read()]
            self.assertCountEqual(got, [(TEXT, b'{"type":"subscribed"}'), (PONG, b"here")])

    def test_fragments_with_a_ping_between(self):
        text = json.dumps(subscribe(all=True)).encode()
        with Raw(self.port) as raw:
            raw.send(frame(TEXT, text[:7], is_final=False) + frame(PING, b"x"))
            self.assertEqual(raw.read(), (PONG, b"x"))
            for byte in frame(0, text[7:]):
                raw.send(bytes([byte]))
            self.assertEqual(raw.read(), (TEXT, b'{"type":"subscribed"}'))

    def test_bad_frames(self):
        long = b'{"type":"' + b"x" * 300000
        cases = {
            "without a mask": (1002, frame(TEXT, b"{}", is_masked=False)),
            "a long one without a mask": (1002, frame(TEXT, b"{%70000s}" % b"", is_masked=False)),
            "without a mask, later": (
                1002,
                frame(TEXT, b"{}") * 3 + frame(TEXT, b"{}", is_masked=False),
            ),
            "control in pieces": (1002, frame(PING, b"x", is_final=False)),
            "a reserved bit": (1002, b"\xc1" + frame(TEXT, b"{}")[1:]),
            "a reserved opcode": (1002, frame(3)),
            "a continuation of nothing": (1002, frame(0, b"x")),
            "a text inside a text": (1002, frame(TEXT, b"x", is_final=False) + frame(TEXT, b"x")),
            "invalid UTF-8": (1007, frame(TEXT, b"\xff\xfe")),
            "half a character": (1007, frame(TEXT, b"\xe2\x82")),
            "binary": (1003, frame(BINARY, b"{}")),
            "too long": (1009, frame(TEXT, long)),
            "too long in pieces": (
                1009,
                frame(TEXT, long[:100000], is_final=False)
                + frame(0, long[100000:200000], is_final=False)
                + frame(0, long[200000:]),
            ),
            "a gigabyte announced": (1009, frame(TEXT, b"x" * 1000, length=1 << 30)),
            "an exabyte announced": (1009, frame(TEXT, b"x" * 1000, length=1 << 60)),
            "control that is too long": (None, frame(PING, b"x" * 200)),
            "a close": (1000, frame(CLOSE, struct.pack(">H", 1000))),
        }
        for name, (code, data) in cases.items():
            with self.subTest(name), Raw(self.port) as raw:
                raw.send(data)
                self.assertEqual(raw.read_code(), code)

    def test_largest_message(self):
        text = json.dumps({"type": "dance", "x": "y" * (262144 - 30)}).encode()
        with Raw(self.port) as raw:
            raw.send(frame(TEXT, text))
            self.assertIn(b'"error"', raw.read()[1])

    def test_slow_reader(self):
        before = self.spool.metric("websocket_slow_total")
        with Raw(self.port, receive_bytes=4096) as raw:
            for _ in range(100):
                raw.send(frame(TEXT, b"x") * 200)  # each is answered with an error
            eventually(lambda: self.spool.metric("websocket_slow_total") > before, what="1013")
            self.assertEqual(raw.read_code(), 1013)

    def test_slow_reader_that_never_reads(self):
        open_before = self.spool.metric("websocket_connections")
        with Raw(self.port, receive_bytes=4096) as raw:
            for _ in range(100):
                raw.send(frame(TEXT, b"x") * 200)
            eventually(
                lambda: self.spool.metric("websocket_connections") <= open_before, 30, "its end"
            )

    def test_lost_connections_are_counted(self):
        def count():
            return self.spool.metric("websocket_connections")

        eventually(lambda: count() == 0, what="no WebSocket")
        raws = [Raw(self.port) for _ in range(5)]
        self.assertEqual(count(), 5)
        for i, raw in enumerate(raws):
            if i % 2:  # without a word
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.stream.close()
            raw.socket.close()
        eventually(lambda: count() == 0, what="no WebSocket")

    # Server-Sent Events and ?wait=.

    def events(self, task, last=None):
        """(id, event, data) until the stream ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": "Bearer sk-dev"}
        if last is not None:
            headers["Last-Event-ID"] = last
        connection.request("GET", f"/v1/tasks/{task}/events", headers=headers)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
        text = response.read().decode()
        connection.close()
        found = []
        for block in filter(None, text.split("\n\n")):
            lines = [line for line in block.split("\n") if not line.startswith(":")]
            fields = dict(line.split(": ", 1) for line in lines)
            if fields:
                found.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
        return found

    def test_event_stream(self):
        task = self.spool.submit("streamed")
        events = self.events(task)
        versions = [data["version"] for _, _, data in events]
        self.assertEqual(versions, list(range(versions[0], versions[0] + len(versions))))
        self.assertEqual(events[-1][2], self.spool.task(task))
        self.assertEqual({event for _, event, _ in events}, {"task"})

    def test_event_stream_resumes(self):
        task = self.spool.submit("streamed in two parts")
        with Watch(self.spool, subscribe(tasks=[task])) as whole:
            whole.wait(lambda m: len(whole.seen()) >= 2)
            cursor, _, version = whole.seen()[1]
            events = self.events(task, cursor)
            self.assertEqual([data["version"] for _, _, data in events][0], version + 1)
            whole.wait_ends([task])
            self.assertEqual(
                [(at, data["version"]) for at, _, data in events],
                [(at, v) for at, _, v in whole.seen()[2:]],
            )

    def test_event_stream_that_has_been_told_to_its_end(self):
        """204 is what stops a browser's EventSource: else it would come back for ever."""
        task = self.spool.submit("streamed to its end")
        events = self.events(task)
        key = "Bearer sk-dev"
        status, headers, body = self.open(f"/v1/tasks/{task}/events", Authorization=key)
        self.assertEqual(status, 200)
        self.assertEqual((headers["cache-control"], headers["x-accel-buffering"]), ("no-store", "no"))
        told = {"Authorization": key, "Last-Event-ID": events[-1][0]}
        status, headers, body = self.open(f"/v1/tasks/{task}/events", **told)
        self.assertEqual((status, body), (204, b""))
        # The id of what a late comer is told stops it as well.
        late = self.events(task)
        self.assertEqual([data["status"] for _, _, data in late], ["succeeded"])
        told["Last-Event-ID"] = late[-1][0]
        self.assertEqual(self.open(f"/v1/tasks/{task}/events", **told)[0], 204)
        # Who hasn't been told of the end is told.
        for cursor in {"0-1", *(at for at, _, _ in events[:-1])}:
            self.assertEqual(self.events(task, cursor)[-1][2]["status"], "succeeded", cursor)
        told["Last-Event-ID"] = "nonsense"
        self.assertEqual(self.open(f"/v1/tasks/{task}/events", **told)[0], 200)

    def test_event_streams_of_several_tasks(self):
        tasks = self.submit_many(3, "streamed one after the other")
        for task in tasks:
            self.spool.wait(task)
        for task in tasks:
            self.assertEqual([data for _, _, data in self.events(task)], [self.spool.task(task)])

    def test_event_stream_of_an_ended_task_resumes(self):
        task = self.spool.submit("streamed before and after its end")

        def seen(events):
            return [(cursor, data["version"], data["phase"]) for cursor, _, data in events]

        whole = seen(self.events(task))
        for i, (cursor, _, _) in enumerate(whole[1:-1], 1):
            with self.subTest(i):
                self.assertEqual(seen(self.events(task, cursor)), whole[i + 1 :])

    def test_event_stream_with_a_gap(self):
        cases = {"from the future": "9999999999999-0", "malformed": "zzz"}
        ended = self.spool.submit("ended before the gap")
        self.spool.wait(ended)
        for name, last in cases.items():
            for task in (ended, self.spool.submit("still to end")):
                with self.subTest(name):
                    events = self.events(task, last)
                    self.assertEqual(events[0], (None, "gap", {}))
                    self.assertEqual({event for _, event, _ in events[1:]}, {"task"})
                    self.assertEqual(events[-1][2], self.spool.task(task))

    def test_event_stream_of_an_ended_task_after_a_trim(self):
        task = self.spool.submit("trimmed from the stream")
        events = self.events(task)
        self.spool.wait(self.spool.submit("later"))
        self.spool.redis("XTRIM", "{spool}:events", "MAXLEN", "1")
        told = self.events(task, events[1][0])
        self.assertEqual([event for _, event, _ in told], ["gap", "task"])
        self.assertEqual(told[-1][2], self.spool.task(task))
        # Its end was told, and nothing can have come since.
        asked = {"Authorization": "Bearer sk-dev", "Last-Event-ID": events[-1][0]}
        self.assertEqual(self.open(f"/v1/tasks/{task}/events", **asked)[0], 204)

    def test_event_stream_of_another_keys_task(self):
        task = self.spool.submit("mine")
        status, _, body = self.spool.request(
            "GET", f"/v1/tasks/{task}/events", headers={"Authorization": f"Bearer {OTHER_KEY}"}
        )
        self.assertEqual(status, 404, body)

    def test_wait_answers_at_the_next_change(self):
        task = self.spool.submit("waited for")
        seen = [self.spool.task(task)["version"]]
        while True:
            began = time.monotonic()
            shown = self.spool.get(f"/v1/tasks/{task}?wait=20")
            self.assertLess(time.monotonic() - began, 15)
            if shown["version"] > seen[-1]:
                seen.append(shown["version"])
            else:
                self.assertIn(shown["status"], ENDS)
            if shown["status"] in ENDS:
                break
        self.assertGreater(len(seen), 2)

    def test_wait_ends_with_its_seconds(self):
        with Sim(speed=0.01) as sim, Spool(None, sim) as spool:
            task = spool.submit("slow")
            eventually(lambda: spool.task(task)["status"] == "in_progress", what="its start")
            time.sleep(0.5)
            began = time.monotonic()
            shown = spool.get(f"/v1/tasks/{task}?wait=1")
            self.assertEqual(shown["status"], "in_progress")
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertLess(time.monotonic() - began, 3)


def burst(spool, task, count, trim=0):
    """So many changes of a task at one moment, from its second version on; `trim`: as many are kept."""
    script = (
        "for i = 1, tonumber(ARGV[2]) do redis.call('XADD', '{spool}:events', '*', 'e', "
        "ARGV[1] .. ' ' .. (1 + i) .. ' rendering ' .. (i % 100) .. ' 0 dev') end "
        "redis.call('HSET', '{spool}:t:' .. ARGV[1], 'v', ARGV[2] + 1) "
        "if tonumber(ARGV[3]) > 0 then redis.call('XTRIM', '{spool}:events', 'MAXLEN', ARGV[3]) end"
    )
    spool.redis("EVAL", script, "0", task.removeprefix("task_"), str(count), str(trim))


class Bursts(unittest.TestCase):
    """More at once than goes in one read, or in one write."""

    COUNT = 1000

    def setUp(self):
        self.spool = self.enterContext(Spool({"tokens": TOKENS, "queue_limit": 0}, roles=["api"]))
        eventually(self.spool.is_ready)
        self.task = self.spool.submit("a lighthouse " * 100)

    def check_burst(self, watch):
        versions = list(range(2, self.COUNT + 2))
        eventually(lambda: len(watch.seen()) >= self.COUNT, what="every change")
        self.assertEqual(watch.versions(self.task)[-self.COUNT :], versions)
        self.assertEqual(watch.of_type("gap"), [])

    def test_each_once_and_in_order(self):
        with (
            Watch(self.spool, subscribe(all=True)) as one,
            Watch(self.spool, subscribe(all=True, batch=True)) as joined,
            Watch(self.spool, subscribe(tasks=[self.task])) as named,
        ):
            for watch in (one, joined, named):
                watch.wait(lambda m: m)
            named.wait(lambda m: len(m) > 1, what="its state")
            burst(self.spool, self.task, self.COUNT)
            for watch in (one, joined, named):
                self.check_burst(watch)
            self.assertEqual(len(one.of_type("task")), self.COUNT)
            self.assertLess(len(joined.of_type("tasks")), self.COUNT / 10)

    def test_other_clients(self):
        """npm's ws reads what we have framed, as Python's websockets does."""
        modules = os.path.join(install(), "node_modules")
        program = """
            const WebSocket = require('ws');
            const socket = new WebSocket(process.argv[1], {headers: {Authorization: 'Bearer sk-dev'}});
            let count = 0;
            socket.on('open', () => socket.send('{"type":"subscribe","all":true}'));
            socket.on('message', (text) => {
              const message = JSON.parse(text);
              if (message.type === 'subscribed') console.log('subscribed');
              else if (message.task.version !== ++count + 1) throw new Error(text);
              if (count === Number(process.argv[2])) socket.close(1000);
            });
            socket.on('close', (code) => console.log(code));
        """
        command = [node_of(modules), "-e", program, f"ws://127.0.0.1:{self.spool.port}/v1/events", str(self.COUNT)]
        env = {**os.environ, "NODE_PATH": modules}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as client:
            self.assertEqual(client.stdout.readline(), "subscribed\n")
            burst(self.spool, self.task, self.COUNT)
            self.assertEqual(client.communicate(timeout=30)[0], "1000\n")

    def test_what_was_trimmed_meanwhile_is_a_gap(self):
        """A process that was stopped comes back to a stream that has gone on without it."""
        with Watch(self.spool, subscribe(all=True)) as watch:
            watch.wait(lambda m: m)
            freeze(self.spool.process.pid)
            burst(self.spool, self.task, self.COUNT, trim=self.COUNT // 2)
            self.spool.process.send_signal(signal.SIGCONT)
            watch.wait(lambda m: watch.of_type("gap"), what="the gap")
            later = self.spool.submit("after the gap")
            eventually(lambda: watch.versions(later) == [1], what="what follows")


class Apart(unittest.TestCase):
    """Watchers and requests don't wait for each other."""

    def test_requests_go_on_while_watchers_stand_still(self):
        with tempfile.NamedTemporaryFile("wb", buffering=0) as file:

            def stall(name):
                file.seek(0)
                file.write(name.encode().ljust(16, b"\0"))

            stall("")
            env = {"SPOOL_STALL": file.name, **preload(stall_loop())}
            with Redis() as redis, Spool(redis=redis, roles=["api"], env=env) as spool:
                eventually(spool.is_ready)
                with Watch(spool, subscribe(all=True)) as watch:
                    watch.wait(lambda m: m)
                    stall("spool-realtime")
                    time.sleep(0.05)
                    began = time.monotonic()
                    tasks = [spool.submit(f"a lighthouse {i}") for i in range(20)]
                    self.assertLess(time.monotonic() - began, 5)
                    self.assertEqual(watch.changes(), [])
                    stall("")
                    eventually(lambda: {shown["id"] for _, shown in watch.changes()} == set(tasks), what="all of them")


class End(unittest.TestCase):
    def test_sigterm_closes_with_1001(self):
        with Spool() as spool:
            asked = subscribe(all=True)
            with Watch(spool, asked) as one, Watch(spool) as two, Raw(spool.port) as raw:
                one.wait(lambda m: m)
                spool.stop()
                self.assertEqual(raw.read_code(), 1001)
                eventually(lambda: one.code and two.code, what="their closes")
                self.assertEqual((one.code, two.code), (1001, 1001))


class Held:
    """A request that may be held: answered so far, or not."""

    def __init__(self, port, path, key="sk-dev"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: spool\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        )
        self.head = b""

    def read(self, timeout):
        """The status, None while there is none."""
        self.socket.settimeout(timeout)
        try:
            while b"\r\n\r\n" not in self.head and (piece := self.socket.recv(65536)):
                self.head += piece
        except TimeoutError:
            return None
        return int(self.head.split()[1])

    def close(self):
        self.socket.close()


class Shares(unittest.TestCase):
    """What a key that watches on many connections leaves to the others."""

    MOST = 12  # connections; one key may have half of them

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.vendor.is_held = True
        self.spool = self.enterContext(
            Spool({"max_connections": self.MOST, "tokens": TOKENS, "accounts": [account(self.vendor)]})
        )
        self.task = self.spool.submit("a lighthouse")
        self.spool.wait_phase(self.task, "rendering")

    def watch(self):
        raw = Raw(self.spool.port)
        self.addCleanup(raw.__exit__)
        return raw.status == 101, raw.head, raw.__exit__

    def stream(self):
        held = Held(self.spool.port, f"/v1/tasks/{self.task}/events")
        self.addCleanup(held.close)
        return held.read(15) == 200, held.head, held.close

    def wait(self):
        held = Held(self.spool.port, f"/v1/tasks/{self.task}?wait=60")
        self.addCleanup(held.close)
        return held.read(0.5) is None, held.head, held.close

    def fill(self, *kinds):
        """Opens what it can, in turn. How to close each."""
        closes = []
        for n in range(self.MOST - 2):
            is_open, head, close = kinds[n % len(kinds)]()
            if not is_open:
                self.assertEqual(head.split()[1], b"429", head)
                self.assertIn(b"\r\nretry-after: ", head.lower())
                close()
                break
            closes.append(close)
        return closes

    def as_other(self, method, path, body=None):
        return self.spool.request(method, path, body, {"Authorization": f"Bearer {OTHER_KEY}"}, timeout=5)

    def check_others(self):
        status, _, answer = self.as_other("POST", "/mj/submit/imagine", {"prompt": "another"})
        self.assertEqual((status, answer["code"]), (200, 1), answer)
        task = answer["result"]
        self.assertEqual(self.as_other("GET", f"/v1/tasks/{task}")[0], 200)
        with Watch(self.spool, subscribe(tasks=[task]), key=OTHER_KEY) as watch:
            watch.wait(lambda m: watch.seen(), what="its state")
            held = Held(self.spool.port, f"/v1/tasks/{task}/events", OTHER_KEY)
            self.assertEqual(held.read(5), 200)
            held.close()
        self.assertIn(self.spool.task(self.spool.submit("one more"))["status"], ("queued", "in_progress"))

    def test_one_key_fills_its_half(self):
        for kinds in ((self.watch,), (self.stream,), (self.wait,), (self.watch, self.stream, self.wait)):
            with self.subTest([kind.__name__ for kind in kinds]):
                closes = self.fill(*kinds)
                self.assertEqual(len(closes), self.MOST / 2)
                self.check_others()
                for close in closes:
                    close()
                eventually(lambda: self.could_fill(self.MOST / 2), what="its places again", every=0.3)

    def could_fill(self, count):
        closes = self.fill(self.watch)
        for close in closes:
            close()
        return len(closes) == count

    def test_what_is_refused(self):
        self.fill(self.watch)
        for path in (f"/v1/tasks/{self.task}/events", f"/v1/tasks/{self.task}?wait=5"):
            status, headers, answer = self.spool.request("GET", path)
            self.assertEqual(status, 429, answer)
            self.assertEqual(answer["error"]["type"], "rate_limit_error")
            self.assertEqual(answer["error"]["code"], "too_many_connections")
            self.assertEqual(headers["retry-after"], "1")
        body = {"base64Array": ["data:image/png;base64,iVBORw0KGgo="]}
        status, _, answer = self.spool.request("POST", "/mj/submit/upload-discord-images", body)
        self.assertEqual((status, answer["code"]), (429, 9), "what the vendor is asked is waited for, too")
        self.assertEqual(self.vendor.at("/submit/upload-discord-images"), [])

    def test_what_needs_no_waiting(self):
        self.fill(self.watch)
        self.assertEqual(self.spool.request("GET", f"/v1/tasks/{UNKNOWN_TASK}/events")[0], 404)
        self.vendor.is_held = False
        self.spool.wait(self.task)
        self.assertEqual(self.spool.get(f"/v1/tasks/{self.task}?wait=5")["status"], "succeeded")


if __name__ == "__main__":
    main()
