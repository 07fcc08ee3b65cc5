"""Many submits in one request: each is answered as if it had come alone."""
import base64
import concurrent.futures
import hashlib
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
import unittest

from harness import PNG, Redis, Sim, Spool, Vendor, Wire, account, eventually, exchange, main, script_text, spool_binary
from vendors import accounts_of_all

BATCH = "/v1/tasks/batch"
IMAGINE = "/mj/submit/imagine"
QUESTION = "/mj/submit/upload-discord-images"  # is answered when its vendor has
NO_TASK = "task_" + "0" * 26
# What a server says of a connection, and not of what was asked.
OF_THE_CONNECTION = {"date", "content-type", "content-length", "x-request-id", "connection", "vary"}


def imagine(prompt="a lighthouse", key=None, **fields):
    ask = {"path": IMAGINE, "body": {"prompt": prompt, **fields}}
    return ask if key is None else {**ask, "idempotency_key": key}


def without_ids(value):
    """Two tasks differ in their ids, times and places in the queue."""
    text = re.sub(r"task_[0-9A-Z]{26}", "ID", json.dumps(value, sort_keys=True))
    return re.sub(r"\d+", "N", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text))


class Batch(unittest.TestCase):
    def batch(self, *asks, spool=None, **headers):
        """The results."""
        status, _, answer = (spool or self.spool).request("POST", BATCH, {"requests": list(asks)}, headers)
        self.assertEqual(status, 200, answer)
        self.assertEqual(list(answer), ["results"])
        self.assertEqual(len(answer["results"]), len(asks))
        for result in answer["results"]:
            self.assertEqual(list(result), ["status", "headers", "body"])
        return answer["results"]

    def statuses(self, *asks, **options):
        return [result["status"] for result in self.batch(*asks, **options)]

    def ids(self, *asks, **options):
        results = self.batch(*asks, **options)
        self.assertEqual([result["status"] for result in results], [200] * len(asks), results)
        return [result["body"]["result"] for result in results]

    def wrong(self, body, status, message, spool=None, **headers):
        """The whole is refused, in our own words."""
        got = (spool or self.spool).request("POST", BATCH, body, headers)
        self.assertEqual((got[0], got[2]["error"]["message"]), (status, message), body)


class OneByOne(Batch):
    """What is answered alone is what is answered in a batch. Nobody works, so that no task is further than another."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        config = {"accounts": accounts_of_all(cls.sim), "tokens": [{"name": "dev", "key": "sk-dev", "admin": True}]}
        cls.spool = cls.enterClassContext(Spool(config, roles=["api"]))
        document = cls.spool.get("/openapi.json")
        cls.submits = [
            (path, operation["requestBody"]["content"]["application/json"]["example"])
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method == "post"
            and any(one.get("$ref", "").endswith("/IdempotencyKey") for one in operation["parameters"])
            and not path.endswith(QUESTION)
        ]
        cls.others = [
            path for path, item in document["paths"].items()
            if "post" in item and not path.endswith(QUESTION) and path not in {submit for submit, _ in cls.submits}
        ]
        for path, body in cls.submits:  # so that each comes behind another
            cls.spool.request("POST", path.replace("{id}", NO_TASK).replace("{name}", NO_TASK), body, {"Prefer": "respond-async"})

    def alone(self, ask):
        body = ask["body"] if isinstance(ask.get("body"), str) else json.dumps(ask["body"]) if "body" in ask else ""
        headers = {"Prefer": "respond-async", "Content-Type": "application/json"}
        if "idempotency_key" in ask:
            headers["Idempotency-Key"] = ask["idempotency_key"]
        status, headers, answer = self.spool.request("POST", ask["path"], body, headers)
        return status, {name: value for name, value in headers.items() if name not in OF_THE_CONNECTION}, answer

    def same(self, *asks):
        """The statuses."""
        alone = [self.alone(ask) for ask in asks]
        together = self.batch(*asks)
        for ask, one, other in zip(asks, alone, together):
            with self.subTest(ask["path"]):
                headers = {name.lower(): value for name, value in other["headers"].items()}
                self.assertEqual(without_ids([other["status"], headers, other["body"]]), without_ids(list(one)))
        return [one[0] for one in alone]

    def test_every_submit(self):
        """With its example; those that follow up a task are told that there is none."""
        self.assertGreater(len(self.submits), 40)
        asks = [
            {"path": path.replace("{id}", NO_TASK).replace("{name}", NO_TASK), "body": body} for path, body in self.submits
        ]
        statuses = self.same(*asks)
        self.assertGreater(sum(status in (200, 202) for status in statuses), 40)
        self.assertIn(202, statuses)

    def test_every_submit_that_is_wrong(self):
        for body in ({}, {"prompt": 1, "model": [], "image": {}}, {"callback_url": "x", "notifyHook": 7}):
            asks = [{"path": path.replace("{id}", "x"), "body": body} for path, _ in self.submits]
            self.assertIn(400, self.same(*asks))

    def test_paths(self):
        """Those of submits, with a prefix, a query or escapes; nothing else."""
        good = ["/mj-fast/mj/submit/imagine", IMAGINE + "?x=1&key=none", "/mj/submit/%69magine", IMAGINE + " "]
        lost = ["/mj/submit/imagin", "/none", "/mj/task/x/fetch", "/v1/tasks", "/mj/submit/imagine/", "/"]
        self.assertEqual(self.same(*({**imagine(), "path": path} for path in good[:3])), [200] * 3)
        self.assertEqual(self.statuses({**imagine(), "path": good[3]}), [400])
        self.same(*({**imagine(), "path": path} for path in lost))
        # No parameter of a submit's own path is asked for by a query: the key of the batch is all that counts.
        cases = [
            (None, "path: is required"), (1, "path: must be a string"), ("", "path: must begin with a slash"),
            ("mj/submit/imagine", "path: must begin with a slash"), ("http://x/mj/submit/imagine", "path: must begin with a slash"),
            ("/mj/../mj/submit/imagine", "path: has a malformed escape or a dot segment"),
            ("/mj/submit/imagine%", "path: has a malformed escape or a dot segment"),
            ("/mj/submit/imagine%00", "path: has a malformed escape or a dot segment"),
            ("/mj/submit/imäge", "path: has a character that must be escaped"),
            ("/mj/submit/imagine#x", "path: has a character that must be escaped"),
            ("/" + "x" * 9000, "path: is longer than 8192 bytes"),
        ]  # fmt: skip
        for path, message in cases:
            with self.subTest(path):
                result = self.batch({**imagine(), "path": path})[0]
                self.assertEqual((result["status"], result["body"]["error"]["message"]), (400, message))

    def test_other_posts(self):
        """Whatever else is posted has its own effects: none is in a batch."""
        self.assertIn(BATCH, self.others)
        self.assertGreater(len(self.others), 15)
        asks = [{"path": path.replace("{", "").replace("}", ""), "body": {}} for path in self.others]
        for ask, result in zip(asks, self.batch(*asks)):
            self.assertEqual(result["status"], 400, ask)
            self.assertIn("makes no task", json.dumps(result["body"]), ask)

    def test_bodies(self):
        """As they stand: what is wrong with one is told of it alone, at its own lines and columns."""
        deep = '{"prompt":"x","a":' + "[" * 40 + "]" * 40 + "}"
        many = '{"prompt":"x","a":[' + ",".join("1" for _ in range(45000)) + "]}"
        bodies = [
            '{"prompt":"\\u00e9\\ud83d\\ude80 \\"}]","b":[{"c":"]"}]}', '{\n"prompt": nope}', '{"prompt":"a","prompt":"b"}',
            deep, many, "[]", '"x"', "1", "null", '{"prompt":"a",}', '{"prompt":"\\u0000"}', '{"prompt":]', '{"prompt":{]}',
        ]  # fmt: skip
        text = ",".join('{"path":"%s","body":%s}' % (IMAGINE, body) for body in bodies)
        status, _, answer = self.spool.request("POST", BATCH, '{"requests":[' + text + "]}")
        self.assertEqual(status, 200, answer)
        for body, result in zip(bodies, answer["results"]):
            with self.subTest(body[:40]):
                one = self.spool.request("POST", IMAGINE, "" if body == "null" else body, {"Content-Type": "application/json"})
                self.assertEqual((result["status"], without_ids(result["body"])), (one[0], without_ids(one[2])))
        self.assertEqual([result["status"] for result in answer["results"]], [200] + [400] * 12)
        task = answer["results"][0]["body"]["result"]
        self.assertEqual(self.spool.get(f"/v1/tasks/{task}/request")["body"], json.loads(bodies[0]))
        self.assertEqual(self.same({"path": IMAGINE}), [400])

    def test_one_that_is_no_object(self):
        for ask in (1, None, "x", [], [imagine()], True):
            results = self.batch(imagine(), ask, imagine())
            self.assertEqual([result["status"] for result in results], [200, 400, 200])
            self.assertEqual(results[1]["body"]["error"]["message"], "must be a JSON object")

    def test_large_bodies(self):
        """They go to the storage, each as if it were alone."""
        picture = base64.b64encode(PNG + b"\0" * 700000).decode()
        tasks = self.ids(*(imagine(f"{i}", base64Array=[f"data:image/png;base64,{picture}"]) for i in range(6)))
        for i, task in enumerate(tasks):
            shown = self.spool.get(f"/v1/tasks/{task}/request")["body"]
            self.assertEqual(shown["prompt"], str(i))

    def test_keys(self):
        first, twice, other = self.ids(imagine("k", "one"), imagine("k", "one"), imagine("k", "two"))
        self.assertEqual(first, twice)
        self.assertNotEqual(first, other)
        results = self.batch(imagine("k", " one\t"), imagine("else", "one"), imagine("k", "two"), imagine("k", None))
        self.assertEqual([result["status"] for result in results], [200, 422, 200, 200])
        self.assertEqual([result["body"].get("result") for result in results][0:3:2], [first, other])
        self.assertEqual(results[0]["headers"]["Idempotent-Replayed"], "true")
        self.assertNotIn("Idempotent-Replayed", results[3]["headers"])
        # A key is the same key wherever it comes.
        status, headers, answer = self.spool.request("POST", IMAGINE, {"prompt": "k"}, {"Idempotency-Key": "one"})
        self.assertEqual((status, headers["idempotent-replayed"], answer["result"]), (200, "true", first))
        self.assertEqual(self.same(imagine("k", "one"), imagine("else", "one"), imagine("k", "x" * 256)), [200, 422, 400])
        for key in ("", 1, {}, "a\nb", "\u0001"):
            self.assertEqual(self.statuses(imagine("k", key) if key != "" else {**imagine(), "idempotency_key": ""}), [400], key)

    def test_the_whole(self):
        many = {"requests": [imagine("")] * 1001}
        self.wrong(many, 400, "requests: more than 1000")
        self.wrong({}, 400, "requests: is required")
        self.wrong({"requests": []}, 400, "requests: is required")
        self.wrong({"requests": {}}, 400, "requests: must be an array")
        self.wrong([], 400, "body: must be a JSON object")
        self.wrong('{"requests":[{"path":"/a"},{"path":nope}]}', 400, "requests.1: not valid JSON")
        self.wrong('{"requests":[{"path":"/a","path":"/b"}]}', 400, "requests.0.path: comes twice")
        self.wrong("", 400, "body: must be a JSON object")
        form = {"Content-Type": "multipart/form-data; boundary=b"}
        self.wrong("--b--\r\n", 415, "Content-Type: a batch is JSON", **form)
        said = "Idempotency-Key: in a batch each request has its own, as idempotency_key"
        self.wrong({"requests": [imagine()]}, 400, said, **{"Idempotency-Key": "x"})
        self.wrong({"requests": [imagine()]}, 401, "Invalid API key", Authorization="Bearer none")
        self.wrong({"requests": [imagine("x" * 40000000)]}, 413, "the body is too large")
        self.assertEqual(self.spool.request("GET", BATCH)[0], 404)  # the task "batch"

    def test_a_thousand(self):
        asks = [imagine(f"boat {i}" if i % 10 else "") for i in range(1000)]
        accepted = self.spool.metric("tasks_accepted_total")
        results = self.batch(*asks)
        self.assertEqual([result["status"] for result in results], [400 if i % 10 == 0 else 200 for i in range(1000)])
        self.assertEqual(self.spool.metric("tasks_accepted_total"), accepted + 900)
        tasks = [result["body"]["result"] for result in results if result["status"] == 200]
        self.assertEqual(len(set(tasks)), 900)
        for i in (1, 123, 999):
            shown = self.spool.get(f"/v1/tasks/{results[i]['body']['result']}/request")
            self.assertEqual(shown["body"]["prompt"], f"boat {i}")

    def test_what_is_logged_and_kept(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        tasks = self.ids(imagine(), imagine(), traceparent=trace, **{"X-Request-Id": "the-batch"})
        log = self.spool.log().decode()
        for task in tasks:
            self.assertIn(f"task={task} request=the-batch key=dev", log)
        status, _, answer = exchange(self.spool.port, "POST", BATCH, {"requests": [imagine()]}, {"mj-api-secret": "sk-dev"})
        self.assertEqual((status, answer["results"][0]["status"]), (200, 200))


class Limits(Batch):
    def test_the_queue_fills_up_within(self):
        accounts = accounts_of_all(self.enterContext(Sim()))
        settings = {"queue_limit_per_key": 5, "accounts": accounts}
        with Spool(settings, roles=["api"], redis=self.enterContext(Redis())) as spool:
            eventually(spool.is_ready)
            # Midjourney's clients read the code in the body, others the status.
            results = self.batch(*(imagine(str(i)) for i in range(8)), spool=spool)
            self.assertEqual([result["body"]["code"] for result in results], [1, 22, 22, 22, 22, 23, 23, 23])
            alone = spool.request("POST", IMAGINE, {"prompt": "x"})
            self.assertEqual((alone[0], alone[2]), (200, results[7]["body"]))
            video = {"path": "/kling/v1/videos/text2video", "body": {"model_name": "kling-v2-6", "prompt": "x"}}
            results = self.batch(video, video, spool=spool)
            self.assertEqual([result["status"] for result in results], [429, 429], results)
            self.assertEqual(results[1]["headers"]["Retry-After"], "1")

    def test_a_key_has_so_many_batches_in_work(self):
        """Those that ask a vendor wait for it; further batches are refused, and other keys aren't."""
        vendor = self.enterContext(Vendor())
        vendor.on("upload-discord-images", lambda asked: time.sleep(2) or (200, {}, b'{"code":1,"description":"","result":["https://x.test/a"]}'))
        tokens = [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")]
        with Spool({"accounts": [account(vendor)], "tokens": tokens}) as spool:
            picture = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
            question = {"path": QUESTION, "body": {"base64Array": [picture]}}
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                asked = [pool.submit(spool.request, "POST", BATCH, {"requests": [question, imagine()]}) for _ in range(12)]
                time.sleep(0.7)
                other = spool.request("POST", BATCH, {"requests": [imagine()]}, {"Authorization": "Bearer sk-other"})
                got = [one.result() for one in asked]
            self.assertEqual(other[0], 200)
            self.assertEqual(sorted({one[0] for one in got}), [200, 429])
            self.assertEqual(sum(one[0] == 200 for one in got), 8)
            refused = next(one for one in got if one[0] == 429)
            self.assertEqual((refused[1]["retry-after"], refused[2]["error"]["code"]), ("1", "too_many_connections"))
            self.assertEqual(self.statuses(imagine(), spool=spool), [200])

    def test_the_operators_paths_are_not_there(self):
        ports = {"admin_listen": "127.0.0.1:0"}
        with Spool(ports) as spool:
            results = self.batch(*({"path": path, "body": {}} for path in ("/admin/v1/accounts/mj-1/disable", "/admin/v1/overview")), spool=spool)
            self.assertEqual([result["status"] for result in results], [404, 404])
            self.assertNotIn("Allow", results[1]["headers"])


class ToTheEnd(Batch):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        cls.spool = cls.enterClassContext(Spool({"accounts": accounts_of_all(cls.sim)}))

    def test_tasks(self):
        """Of a batch as of others: they follow up others, and end."""
        picture = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        first = self.ids(*(imagine(str(i), base64Array=[picture]) for i in range(3)))
        buttons = [self.spool.wait(task)["buttons"] for task in first]
        presses = [
            {"path": "/mj/submit/action", "body": {"taskId": task, "customId": shown[0]["customId"]}} for task, shown in zip(first, buttons)
        ]
        ups = self.ids(*presses, presses[0])
        self.assertEqual(ups[0], ups[3])  # asked again it is the same
        self.assertEqual(len(set(ups)), 3)
        for task in ups:
            self.assertEqual(self.spool.wait(task)["status"], "SUCCESS")

    def test_calls(self):
        """The answer isn't waited for: it is the task."""
        ask = {"path": "/v1/images/generations", "body": {"model": "gpt-image-1", "prompt": "x"}}
        result = self.batch(ask)[0]
        self.assertEqual((result["status"], result["headers"]["X-Task-Id"]), (202, result["body"]["id"]))
        self.assertEqual(self.spool.end_of(result["body"]["id"])["status"], "succeeded")

    def test_a_question(self):
        picture = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        ask = {"path": QUESTION, "body": {"base64Array": [picture]}}
        alone = self.spool.request("POST", QUESTION, ask["body"])
        result = self.batch(imagine(), ask)[1]
        self.assertEqual((result["status"], without_ids(result["body"])), (alone[0], without_ids(alone[2])))


class Faults(Batch):
    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.vendor.is_held = True

    def test_killed_right_after_the_answer(self):
        spool = self.enterContext(Spool({"accounts": [account(self.vendor)]}, roles=["api"]))
        tasks = self.ids(*(imagine(f"boat {i}", f"key-{i}") for i in range(100)), spool=spool)
        spool.kill()
        spool.start()
        again = self.ids(*(imagine(f"boat {i}", f"key-{i}") for i in range(100)), spool=spool)
        self.assertEqual(again, tasks)
        self.assertEqual({spool.task(task)["phase"] for task in tasks}, {"queued"})
        self.assertEqual(spool.redis("HGET", "{spool}:waiting", "*"), "100")

    def test_a_lost_reply(self):
        wire = self.enterContext(Wire(self.enterContext(Redis())))
        spool = self.enterContext(Spool({"accounts": [account(self.vendor)]}, redis=wire, roles=["api"]))
        eventually(spool.is_ready)
        for keys in (None, "key"):
            wire.lose(hashlib.sha1(script_text("submit").encode()).hexdigest(), "midjourney/")
            lost = wire.lost
            tasks = self.ids(*(imagine(f"{keys} {i}", keys and f"{keys}-{i}") for i in range(50)), spool=spool)
            self.assertEqual(wire.lost, lost + 1)
            self.assertEqual(len(set(tasks)), 50)
        self.assertEqual(len(spool.get("/v1/tasks?limit=100")["data"]), 100)

    def test_redis_is_away(self):
        redis = self.enterContext(Redis())
        wire = self.enterContext(Wire(redis))
        spool = self.enterContext(Spool({"accounts": [account(self.vendor)]}, redis=wire, roles=["api"]))
        eventually(spool.is_ready)
        wire.cut()
        results = self.batch(imagine(), imagine(""), imagine(), spool=spool)
        self.assertEqual([result["status"] for result in results], [503, 400, 503])
        self.assertEqual(results[0]["headers"]["Retry-After"], "1")
        wire.mend()
        eventually(spool.is_ready)
        self.assertEqual(self.statuses(imagine(), spool=spool), [200])

    def test_the_client_hangs_up(self):
        """What was accepted stays; nothing leaks, and the key's share is free again."""
        spool = self.enterContext(Spool({"accounts": [account(self.vendor, max_concurrency=0)]}))
        picture = base64.b64encode(PNG + b"\0" * 60000).decode()
        asks = [imagine(str(i), f"hang-{i}", base64Array=[f"data:image/png;base64,{picture}"]) for i in range(120)]
        data = json.dumps({"requests": asks}).encode()
        head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-dev\r\nContent-Length: {len(data)}\r\n\r\n"
        for rest in (0, 100, len(data) // 2):
            for _ in range(10):
                with socket.create_connection(("127.0.0.1", spool.port)) as client:
                    client.sendall(head.encode() + data[: len(data) - rest])
                    time.sleep(0.02)
        first, again = (self.ids(*asks, spool=spool) for _ in range(2))
        self.assertEqual((first, len(set(first))), (again, 120))
        for client in range(20):
            self.assertEqual(self.statuses(imagine(f"after {client}"), spool=spool), [200])
        spool.stop()  # which looks for what a sanitizer says


class Between:
    """A server in front of Spool: `special` answers instead, or is None where Spool does; `seen` are the paths. Where
    `loses` isn't 0, so many answers are lost behind Spool's back."""

    def __init__(self, spool, special=None, loses=0):
        between = self
        self.seen, self.loses = [], loses

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                between.seen.append(self.path)
                answer = special(self.path) if special else None
                if answer is None:
                    headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Content-Length")}
                    status, _, answer = exchange(spool.port, "POST", self.path, body, headers)
                    answer = status, answer
                if between.loses > 0:
                    between.loses -= 1
                    self.close_connection = True
                    return
                data = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class CommandLine(Batch):
    """spool submit -d @jobs.jsonl"""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim())
        cls.spool = cls.enterClassContext(Spool({"accounts": accounts_of_all(cls.sim)}, roles=["api"]))

    def run_verb(self, jobs, *words, url=None):
        env = {name: value for name, value in os.environ.items() if not name.startswith("SPOOL_")}
        command = [spool_binary(), "submit", IMAGINE, "-d", "-", *words]
        text = "".join(json.dumps(job) + "\n" for job in jobs)
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=60, check=False,
            env={**env, "SPOOL_URL": url or self.spool.url, "SPOOL_KEY": "sk-dev"},
        )

    def prompts(self, done):
        return [self.spool.get(f"/v1/tasks/{task}/request")["body"]["prompt"] for task in done.stdout.split()]

    def accepted(self):
        return self.spool.metric("tasks_accepted_total")

    def test_a_hundred_in_one(self):
        names = [f"boat {i}" for i in range(250)]
        with Between(self.spool) as between:
            done = self.run_verb([{"prompt": name} for name in names], "-o", "id", url=between.url)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(between.seen, [BATCH] * 3)
            self.assertEqual(self.prompts(done), names)
            between.seen.clear()
            self.assertEqual(self.run_verb([{"prompt": "x"}], url=between.url).returncode, 0)
            self.assertEqual(between.seen, [IMAGINE])

    def test_by_bytes(self):
        """What is long goes with fewer others, and what is longest by itself."""
        jobs = [{"prompt": "x" * 400000} for _ in range(5)]
        with Between(self.spool) as between:
            done = self.run_verb(jobs, "-o", "id", "--hook", "http://127.0.0.1:1/h", url=between.url)
            self.assertEqual(len(between.seen), 3, between.seen)
        self.assertEqual(done.returncode, 1)  # a prompt isn't that long
        self.assertEqual(done.stderr.count("stdin, line "), 5, done.stderr)

    def test_some_are_refused(self):
        jobs = [{"prompt": "" if i % 40 == 7 else f"boat {i}"} for i in range(120)]
        done = self.run_verb(jobs, "-o", "id")
        self.assertEqual(done.returncode, 1)
        wanted = [f"spool: stdin, line {i + 1}: prompt: must not be empty (HTTP 400)" for i in (7, 47, 87)]
        self.assertEqual(done.stderr.splitlines(), wanted)
        self.assertEqual(self.prompts(done), [job["prompt"] for job in jobs if job["prompt"]])
        shown = [json.loads(line) for line in self.run_verb(jobs, "-o", "json").stdout.splitlines()]
        self.assertEqual(len([one for one in shown if one["code"] in (1, 22)]), 117)

    def test_the_hook(self):
        done = self.run_verb([{"prompt": "a"}, {"prompt": "b"}], "-o", "id", "--hook", "http://127.0.0.1:1/hook")
        shown = self.spool.get(f"/v1/tasks/{done.stdout.split()[1]}/request")["body"]
        self.assertEqual((shown["prompt"], "notifyHook" in shown), ("b", True))

    def test_keys(self):
        jobs = [{"prompt": f"boat {i}"} for i in range(5)]
        first, again = (self.run_verb(jobs, "--idempotency-key", "night", "-o", "id") for _ in range(2))
        self.assertEqual((first.stdout, len(set(first.stdout.split()))), (again.stdout, 5))
        # As when they came alone.
        one = self.spool.request("POST", IMAGINE, jobs[2], {"Idempotency-Key": "night-3"})[2]["result"]
        self.assertEqual(one, first.stdout.split()[2])
        self.assertNotEqual(self.run_verb(jobs, "-o", "id").stdout, self.run_verb(jobs, "-o", "id").stdout)

    def test_a_lost_answer(self):
        before = self.accepted()
        with Between(self.spool, loses=3) as between:
            done = self.run_verb([{"prompt": f"lost {i}"} for i in range(150)], "-o", "id", url=between.url)
        self.assertEqual((done.returncode, done.stderr, len(between.seen)), (0, "", 5))
        self.assertEqual(self.prompts(done), [f"lost {i}" for i in range(150)])
        self.assertEqual(self.accepted(), before + 150)

    def test_all_answers_are_lost(self):
        before = self.accepted()
        jobs = [{"prompt": f"never {i}"} for i in range(3)]
        with Between(self.spool, loses=100) as between:
            done = self.run_verb(jobs, "-o", "id", url=between.url)
        self.assertEqual((done.returncode != 0, done.stdout), (True, ""), done)
        self.assertRegex(done.stderr, r"^spool: stdin, line 1: .* may have been taken; the same with --idempotency-key [0-9a-f]{24} ")
        key = re.search(r"--idempotency-key (\w+)", done.stderr).group(1)
        again = self.run_verb(jobs, "-o", "id", "--idempotency-key", key)
        self.assertEqual(self.prompts(again), [job["prompt"] for job in jobs])
        self.assertEqual(self.accepted(), before + 3)

    def test_an_older_spool(self):
        """It has no batches, and says so once."""
        for status in (404, 405):
            said = {"error": {"message": f"there is no POST {BATCH}", "type": "invalid_request_error", "code": "not_found"}}
            with Between(self.spool, lambda path, one=status, words=said: (one, words) if path == BATCH else None) as between:
                done = self.run_verb([{"prompt": "a"}, {"prompt": ""}, {"prompt": "c"}], "-o", "id", url=between.url)
            self.assertEqual(between.seen, [BATCH] + [IMAGINE] * 3)
            self.assertEqual((done.returncode, self.prompts(done)), (1, ["a", "c"]))
            self.assertEqual(done.stderr, "spool: stdin, line 2: prompt: must not be empty (HTTP 400)\n")

    def test_a_batch_that_is_refused(self):
        """Its jobs come alone, and the next batch is tried."""
        for status in (413, 429, 503):
            said = {"error": {"message": "no", "type": "server_error", "code": "x"}}
            with Between(self.spool, lambda path, one=status, words=said: (one, words) if path == BATCH else None) as between:
                done = self.run_verb([{"prompt": f"{i}"} for i in range(102)], "-o", "id", url=between.url)
            self.assertEqual(between.seen, [BATCH] + [IMAGINE] * 100 + [BATCH] + [IMAGINE] * 2)
            self.assertEqual((done.returncode, self.prompts(done)), (0, [f"{i}" for i in range(102)]))

    def test_a_wrong_key(self):
        env = dict(os.environ, SPOOL_URL=self.spool.url, SPOOL_KEY="sk-none")
        command = [spool_binary(), "submit", IMAGINE, "-d", "-"]
        done = subprocess.run(command, input='{"prompt":"a"}\n{"prompt":"b"}', capture_output=True, text=True, env=env, check=False, timeout=60)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("stdin, line 1: ", done.stderr)

    def test_the_queue_fills_up_within(self):
        """Those that were accepted are said, whatever came before them."""
        settings = {"accounts": accounts_of_all(self.sim), "queue_limit_per_key": 3}
        with Spool(settings, roles=["api"], redis=self.enterContext(Redis())) as spool:
            eventually(spool.is_ready)
            spool.request("POST", IMAGINE, {"prompt": "x"}, {"Idempotency-Key": "night-5"})
            done = self.run_verb([{"prompt": "x"} for _ in range(5)], "--idempotency-key", "night", "-o", "id", url=spool.url)
        self.assertEqual((done.returncode, len(done.stdout.split())), (1, 3), done)
        self.assertEqual(re.findall(r"line (\d)", done.stderr), ["3", "4"])


if __name__ == "__main__":
    main()
