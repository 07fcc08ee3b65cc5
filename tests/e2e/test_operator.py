"""What operators see and steer: the overview, accounts, everybody's tasks, readiness, metrics."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness import CUT, ROOT, Between, Receiver, Redis, Sim, Spool, account, eventually, exchange, fail_fsync, free_port
from harness import main, preload, spool_binary
from test_realtime import Watch, subscribe
from vendors.kling import kling_account
from vendors.suno import suno_account
from vendors.veo import veo_account

TOKENS = [{"name": "dev", "key": "sk-dev"}, {"name": "shop", "key": "sk-shop"},
          {"name": "op", "key": "sk-op", "admin": True}]  # fmt: skip
IMAGINE = {"prompt": "a cat"}


def ask(spool, method, path, body=None, key="sk-op"):
    return exchange(spool.port, method, path, body, {"Authorization": f"Bearer {key}"})


def submit(spool, key="sk-dev", path="/mj/submit/imagine", body=None):
    status, _, answer = ask(spool, "POST", path, body or IMAGINE, key)
    assert status == 200, (status, answer)
    return answer.get("result") or answer["id"]


class Operator(unittest.TestCase):
    def setUp(self):
        self.sim = Sim(speed=20)
        self.addCleanup(self.sim.close)
        accounts = [account(self.sim), kling_account(self.sim)]
        self.spool = Spool({"tokens": TOKENS, "accounts": accounts})
        self.addCleanup(self.spool.close)

    def overview(self):
        status, _, body = ask(self.spool, "GET", "/admin/v1/overview")
        self.assertEqual(status, 200, body)
        return body

    def test_whose_key_may(self):
        for path in ("/admin/v1/overview", "/admin/v1/accounts"):
            status, _, body = ask(self.spool, "GET", path, key="sk-dev")
            self.assertEqual((status, body["error"]["code"]), (403, "forbidden"))
            self.assertIn('"admin": true', body["error"]["message"])
            self.assertEqual(ask(self.spool, "GET", path, key="sk-nobody")[0], 401)
        self.assertEqual(ask(self.spool, "POST", "/admin/v1/accounts/mj-1/disable", key="sk-dev")[0], 403)
        self.assertEqual(ask(self.spool, "GET", "/admin/v1/accounts")[2]["data"][0]["disabled"], False)

    def test_everybodys_tasks(self):
        mine = [submit(self.spool), submit(self.spool)]
        theirs = submit(self.spool, "sk-shop", "/kling/v1/videos/text2video", {"model": "kling-v3", "prompt": "p"})
        seen = ask(self.spool, "GET", "/v1/tasks")[2]["data"]
        self.assertEqual({task["id"] for task in seen}, {*mine, theirs})
        self.assertEqual({task["key"] for task in seen}, {"dev", "shop"})
        eventually(lambda: ask(self.spool, "GET", f"/v1/tasks/{theirs}")[2]["account"] == "kling-1")
        only = ask(self.spool, "GET", "/v1/tasks?key=shop")[2]["data"]
        self.assertEqual([task["id"] for task in only], [theirs])
        only = ask(self.spool, "GET", "/v1/tasks?account=kling-1")[2]["data"]
        self.assertEqual([task["id"] for task in only], [theirs])
        newest = seen[0]["created_at"]
        recent = ask(self.spool, "GET", f"/v1/tasks?since={newest}")[2]["data"]
        self.assertTrue(all(task["created_at"] >= newest for task in recent) and recent, recent)
        self.assertEqual(ask(self.spool, "GET", "/v1/tasks?since=x")[0], 400)
        # Page by page, each once.
        first = ask(self.spool, "GET", "/v1/tasks?limit=2")[2]
        rest = ask(self.spool, "GET", f"/v1/tasks?limit=2&after={first['next']}")[2]
        self.assertEqual([task["id"] for task in first["data"] + rest["data"]], [task["id"] for task in seen])
        # Another key has its own alone, and hears nothing of accounts.
        own = ask(self.spool, "GET", "/v1/tasks?key=shop", key="sk-dev")[2]["data"]
        self.assertEqual({task["id"] for task in own}, set(mine))
        self.assertNotIn("account", own[0])
        since = max(task["created_at"] for task in own)
        recent = ask(self.spool, "GET", f"/v1/tasks?since={since}", key="sk-dev")[2]["data"]
        self.assertEqual([task["id"] for task in recent], [task["id"] for task in own if task["created_at"] >= since])
        self.assertEqual(ask(self.spool, "GET", f"/v1/tasks?since={since + 1}", key="sk-dev")[2]["data"], [])
        self.assertEqual(ask(self.spool, "GET", f"/v1/tasks/{theirs}", key="sk-dev")[0], 404)
        self.assertIn(ask(self.spool, "POST", f"/v1/tasks/{theirs}/cancel")[0], (200, 409))

    def test_what_is_pushed(self):
        with Watch(self.spool, subscribe(all=True), key="sk-op") as all_tasks, Watch(
            self.spool, subscribe(all=True)
        ) as own:
            all_tasks.wait(lambda m: m)
            own.wait(lambda m: m)
            task = submit(self.spool)
            path = f"/v1/tasks/{task}"
            waited = [ask(self.spool, "GET", f"{path}?wait=20")[2]]
            while waited[-1]["status"] in ("queued", "in_progress"):
                waited.append(ask(self.spool, "GET", f"{path}?wait=20")[2])
            shown = ask(self.spool, "GET", path)[2]
            for changes in (all_tasks, own):
                changes.wait_ends([task])
            pushed = [change for _, change in all_tasks.changes()]
            streamed = ask(self.spool, "GET", f"{path}/events")[2].decode()
            streamed = json.loads(re.search(r"data: (.*)\n", streamed)[1])
            self.assertEqual((shown["key"], shown["account"]), ("dev", "mj-1"))
            self.assertEqual([waited[-1], pushed[-1], streamed], [shown] * 3)
            self.assertEqual({change["key"] for change in waited + pushed}, {"dev"})
            # Another key is told the same without them.
            del shown["key"], shown["account"]
            self.assertEqual(own.changes()[-1][1], shown)
            self.assertFalse([change for _, change in own.changes() if {"key", "account"} & set(change)])

    def test_a_disabled_account(self):
        status, _, body = ask(self.spool, "POST", "/admin/v1/accounts/mj-1/disable")
        self.assertEqual((status, body["state"], body["disabled"]), (200, "disabled", True))
        eventually(lambda: ask(self.spool, "GET", "/v1/tasks")[2] and self.refused(), what="503")
        task = submit(self.spool, path="/kling/v1/videos/text2video", body={"model": "kling-v3", "prompt": "p"})
        eventually(lambda: ask(self.spool, "GET", f"/v1/tasks/{task}")[2]["status"] == "succeeded")
        status, _, body = ask(self.spool, "POST", "/admin/v1/accounts/mj-1/enable")
        self.assertEqual((status, body["state"]), (200, "ok"))
        eventually(lambda: not self.refused(), what="taken again")
        status, _, body = ask(self.spool, "POST", "/admin/v1/accounts/nobody/enable")
        self.assertEqual((status, body["error"]["code"]), (404, "not_found"))
        self.assertIn('"nobody"', body["error"]["message"])

    def refused(self):
        status, _, _ = ask(self.spool, "POST", "/mj/submit/imagine", IMAGINE, "sk-dev")
        return status == 503

    def test_an_account_that_is_enabled_again(self):
        """The first submit afterwards is taken, also where nobody has asked for a while."""
        ask(self.spool, "POST", "/admin/v1/accounts/mj-1/disable")
        eventually(self.refused, what="503")
        time.sleep(1.1)  # what is known of the accounts is old then
        ask(self.spool, "POST", "/admin/v1/accounts/mj-1/enable")
        submit(self.spool)

    def test_switches_hold_at_once(self):
        for _ in range(20):
            ask(self.spool, "POST", "/admin/v1/accounts/mj-1/disable")
            self.assertTrue(self.refused())
            ask(self.spool, "POST", "/admin/v1/accounts/mj-1/enable")
            self.assertFalse(self.refused())

    def test_what_runs_is_let_finish(self):
        """Whichever process works on it, whichever was told; what waits stays."""
        # None ends before the account is disabled, also where 200 submits take some seconds.
        slow, redis = self.enterContext(Sim(speed=0.4)), self.enterContext(Redis())
        config = {"tokens": TOKENS, "accounts": [account(slow, max_concurrency=200)]}
        spool = self.enterContext(Spool(config, redis=redis, roles=["api", "worker"]))
        worker = self.enterContext(Spool(config, redis=redis, roles=["worker"], data_dir=spool.data_dir))
        eventually(spool.is_ready)
        tasks = [submit(spool) for _ in range(200)]
        status = lambda task: ask(spool, "GET", f"/v1/tasks/{task}")[2]["status"]
        for task in tasks:
            eventually(lambda: status(task) in ("in_progress", "succeeded"), timeout=30)
        late = submit(spool)
        self.assertEqual(ask(spool, "POST", "/admin/v1/accounts/mj-1/disable")[0], 200)
        self.assertEqual({status(task) for task in tasks}, {"in_progress"})
        for task in tasks:
            eventually(lambda: status(task) == "succeeded", timeout=60)
            self.assertEqual(slow.accepted(task), 1)
        self.assertEqual(status(late), "queued")
        self.assertTrue(all(b"task.submitted" in one.log() for one in (spool, worker)), "both worked")

    def test_accounts_are_tried(self):
        test = lambda name: ask(self.spool, "POST", f"/admin/v1/accounts/{name}/test")
        for name in ("mj-1", "kling-1"):
            status, _, body = test(name)
            self.assertEqual((status, body["ok"], body["state"], body["account"]), (200, True, "ok", name), body)
        self.assertEqual(test("nobody")[0], 404)
        bad = [account(self.sim, api_key="wrong"), kling_account(self.sim, secret_key="wrong"),
               account(f"http://127.0.0.1:{free_port()}", "away")]  # fmt: skip
        with Spool({"tokens": TOKENS, "accounts": bad}) as spool:
            for name, state in (("mj-1", "bad_key"), ("kling-1", "bad_key"), ("away", "unreachable")):
                body = ask(spool, "POST", f"/admin/v1/accounts/{name}/test")[2]
                self.assertEqual((body["ok"], body["state"]), (False, state), body)
                self.assertNotIn("wrong", json.dumps(body))

    def test_a_key_that_only_words_refuse(self):
        """Google says 400 of a key that it doesn't take, and a vertex has no job that there isn't: its token must do."""
        files = [self.sim.key_file(), self.sim.key_file() + ".bad"]
        self.addCleanup(os.unlink, files[1])
        with open(files[0], encoding="utf-8") as good, open(files[1], "w", encoding="utf-8") as bad:
            bad.write(good.read().replace('"client_email": "', '"client_email": "nobody-'))
        vertex = [veo_account(self.sim, "vertex", file, f"vertex-{i}") for i, file in enumerate(files)]
        accounts = [veo_account(self.sim), veo_account(self.sim, name="wrong-1", api_key="wrong"), *vertex]
        config = {"tokens": TOKENS, "accounts": accounts}
        states = {"veo-gemini": "ok", "wrong-1": "bad_key", "vertex-0": "ok", "vertex-1": "bad_key"}
        with Spool(config) as spool:
            for name, state in states.items():
                body = ask(spool, "POST", f"/admin/v1/accounts/{name}/test")[2]
                self.assertEqual((body["ok"], body["state"]), (state == "ok", state), body)

    def test_overview(self):
        submit(self.spool)
        def roles_of(view):
            return sorted(role["role"] for process in view["processes"] for role in process["roles"])

        # Each beats first when its own thread has begun.
        seen = eventually(lambda: roles_of(view := self.overview()) == ["api", "webhook", "worker"] and view)
        self.assertEqual(len(seen["processes"]), 1)
        self.assertEqual(seen["processes"][0]["pid"], self.spool.process.pid)
        self.assertEqual([one["name"] for one in seen["accounts"]], ["mj-1", "kling-1"])
        self.assertEqual(seen["accounts"][0]["slots_limit"], 50)
        ask(self.spool, "POST", "/admin/v1/accounts/kling-1/disable")
        self.assertEqual(self.overview()["accounts"][1]["state"], "disabled")
        self.assertTrue(seen["redis"]["up"])


class Storage(unittest.TestCase):
    def test_one_that_fails(self):
        """Whoever looks sees it, from whichever process; it is over with the next file."""
        with Sim() as sim, Redis() as redis, tempfile.TemporaryDirectory() as folder:
            sign = os.path.join(folder, "sign")
            env = {**preload(fail_fsync()), "FAIL_FSYNC": sign}
            config = {"tokens": TOKENS, "accounts": [account(sim)]}
            worker = self.enterContext(Spool(config, redis=redis, roles=["worker"], env=env))
            spool = self.enterContext(Spool(config, redis=redis, roles=["api"], data_dir=worker.data_dir))
            ready = {"status": "ready", "missing": []}
            eventually(lambda: ask(spool, "GET", "/readyz")[::2] == (200, ready), what="a worker")
            open(sign, "w").close()
            task = submit(spool)
            missing = {"status": "ready", "missing": ["storage"]}
            eventually(lambda: ask(spool, "GET", "/readyz")[::2] == (200, missing), what="the trouble")
            storage = ask(spool, "GET", "/admin/v1/overview")[2]["storage"]
            self.assertEqual((storage["url"], storage["ok"]), ("data_dir", False))
            self.assertIn("Input/output error", storage["trouble"])
            text = self.top(spool)
            self.assertRegex(text, "The storage data_dir fails: .*Input/output error\n")
            self.assertRegex(text, r"Redis is up, [\d.]+ \w+, appendonly\n")
            os.unlink(sign)
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            eventually(lambda: ask(spool, "GET", "/readyz")[::2] == (200, ready), what="its end")
            view = ask(spool, "GET", "/admin/v1/overview")[2]
            self.assertEqual(view["storage"], {"url": "data_dir", "ok": True, "trouble": None})
            self.assertIn("The storage data_dir takes files\n", self.top(spool))
            kept = {name: view["redis"][name] for name in ("up", "memory_limit", "persistence", "persistence_ok")}
            self.assertEqual(kept, {"up": True, "memory_limit": None, "persistence": "appendonly", "persistence_ok": True})
            self.assertGreater(view["redis"]["memory_bytes"], 100000)

    def top(self, spool):
        command = [spool_binary(), "-u", spool.url, "-k", "sk-op", "top"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Resolve(unittest.TestCase):
    """A paid job that was given up comes home."""

    def setUp(self):
        self.sim = Sim(speed=50)
        self.addCleanup(self.sim.close)
        self.wire = Between(self.sim)
        self.addCleanup(self.wire.close)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.spool = Spool({"tokens": TOKENS, "accounts": [suno_account(self.wire)]})
        self.addCleanup(self.spool.close)

    def music(self):
        body = {"prompt": "la", "title": "x", "tags": "pop", "mv": "chirp-v4", "notifyHook": self.receiver.url + "/hook"}
        status, _, answer = ask(self.spool, "POST", "/suno/submit/music", body, "sk-dev")
        self.assertEqual(status, 200, answer)
        return answer.get("data") or answer["result"]

    def shown(self, task):
        return ask(self.spool, "GET", f"/v1/tasks/{task}")[2]

    def failed(self, task, code):
        eventually(lambda: self.shown(task)["status"] == "failed", timeout=40, what="the failure")
        self.assertEqual(self.shown(task)["error"]["code"], code)

    def resolve(self, task, key="sk-op", **body):
        return ask(self.spool, "POST", f"/admin/v1/tasks/{task}/resolve", body, key)

    def test_adopt(self):
        ids = []

        def lose(asked):
            if asked.method != "POST" or "/suno/submit" not in asked.path:
                return None
            ids.append(self.wire.usual(asked)[2])
            return CUT

        self.wire.on("/suno/submit", lose)
        task = self.music()
        self.failed(task, "submit_outcome_unknown")
        self.assertEqual(self.resolve(task, "sk-dev", do="adopt")[0], 403)
        for body, field in (({}, "do: "), ({"do": "pay"}, "do: "), ({"do": "adopt", "upstream_id": "x" * 300}, "upstream_id: ")):
            status, _, answer = self.resolve(task, **body)
            self.assertEqual((status, answer["error"]["message"][: len(field)]), (400, field))
        self.assertEqual(self.resolve(task, do="adopt")[0], 409)
        self.assertEqual(self.resolve(task, do="archive")[0], 409)
        version = self.shown(task)["version"]
        upstream = json.loads(ids[0])["data"]
        answered = threading.Event()
        self.wire.on("/suno/fetch", lambda _: answered.wait(10) and None)  # no worker goes on with it before
        status, _, answer = self.resolve(task, do="adopt", upstream_id=upstream)
        answered.set()
        self.assertEqual((status, answer["version"]), (200, version + 1))
        eventually(lambda: self.shown(task)["status"] == "succeeded", timeout=20)
        self.assertTrue(self.shown(task)["artifacts"][0]["sha256"])
        self.assertEqual(len(self.wire.sent("/suno/submit")), 1)
        self.assertEqual(self.resolve(task, do="adopt")[0], 409)
        self.assertIn("resolved", [entry["event"] for entry in self.spool.timeline(task)])

    def test_resubmit(self):
        broken = [True]
        self.wire.on("/suno/submit", lambda asked: CUT if broken else None)
        task = self.music()
        self.failed(task, "submit_outcome_unknown")
        broken.clear()
        self.assertEqual(self.resolve(task, do="resubmit")[0], 200)
        eventually(lambda: self.shown(task)["status"] == "succeeded", timeout=20)

    def test_archive(self):
        broken = [True]
        self.wire.on("/files/", lambda asked: (403, {}, b"no") if broken else None)
        task = self.music()
        self.failed(task, "archive_failed")
        broken.clear()
        self.assertEqual(self.resolve(task, do="archive")[0], 200)
        eventually(lambda: self.shown(task)["status"] == "succeeded", timeout=20)
        self.assertTrue(all(one.get("sha256") for one in self.shown(task)["artifacts"]))


class Deliveries(unittest.TestCase):
    def test_by_filter(self):
        with Sim() as sim, Receiver() as receiver:
            receiver.answer("/hook", 500)
            config = {"tokens": TOKENS, "webhook": {"retry_delays_ms": [50], "allow_private_networks": True}}
            with Spool(config, sim=sim) as spool:
                tasks = [submit(spool, key, body={**IMAGINE, "notifyHook": receiver.url + "/hook"}) for key in ("sk-dev", "sk-shop")]
                find = lambda query="": ask(spool, "GET", "/admin/v1/deliveries" + query)[2]["data"]
                eventually(lambda: {one["task"] for one in find()} == set(tasks), timeout=30)
                host = f"127.0.0.1:{receiver.port}"
                self.assertEqual({(one["host"], one["status"]) for one in find()}, {(host, "exhausted")})
                self.assertEqual({one["key"] for one in find("?host=127.0.0.1")}, {"dev", "shop"})
                self.assertEqual(find("?host=elsewhere"), [])
                self.assertEqual(find(f"?since={max(one['created_at'] for one in find()) + 1}"), [])
                counts = ask(spool, "GET", "/admin/v1/overview")[2]["deliveries"]["exhausted"]
                self.assertEqual(counts, [{"host": host, "count": 2}])
                for query in ("?status=lost", "?since=x"):
                    status, _, body = ask(spool, "GET", "/admin/v1/deliveries" + query)
                    self.assertEqual((status, body["error"]["message"].split(":")[0]), (400, query[1:].split("=")[0]))
                receiver.answer("/hook", 200)
                status, _, body = ask(spool, "POST", "/admin/v1/deliveries/redeliver", {"host": "elsewhere"})
                self.assertEqual((status, body["count"]), (200, 0))
                total = 0
                while find():
                    total += ask(spool, "POST", "/admin/v1/deliveries/redeliver", {"host": host})[2]["count"]
                self.assertGreaterEqual(total, 2)
                self.assertEqual(ask(spool, "GET", "/admin/v1/deliveries", key="sk-dev")[0], 403)

    def test_behind_thousands(self):
        """Those of a receiver are found, however many newer ones another has."""
        many = """
            for i = 1, 6000 do
                local id = string.format('%026d', i)
                redis.call('HSET', '{spool}:d:' .. id, 'n', 1, 'url', 'https://dead.example/', 1,
                    '1 succeeded 100 0 ' .. ARGV[1], '1r', 'exhausted 1 ' .. ARGV[1] .. ' 500 1 no')
                redis.call('ZADD', '{spool}:exhausted', ARGV[1], id)
            end"""
        with Sim() as sim, Receiver() as receiver:
            receiver.answer("/hook", 500)
            config = {"tokens": TOKENS, "webhook": {"retry_delays_ms": [], "allow_private_networks": True}}
            with Spool(config, sim=sim) as spool:
                spool.checks_keys = False  # of tasks that there aren't
                task = submit(spool, body={**IMAGINE, "notifyHook": receiver.url + "/hook"})
                find = lambda host: ask(spool, "GET", f"/admin/v1/deliveries?host={host}")[2]
                eventually(lambda: len(find("127.0.0.1")["data"]) == len(receiver.at("/hook")) == 3, timeout=30)
                spool.redis("EVAL", many, "0", str(int(time.time() * 1000) + 60000))
                found = find("127.0.0.1")
                self.assertEqual(({one["task"] for one in found["data"]}, found["has_more"]), ({task}, False))
                found = find("dead.example")
                self.assertEqual((len(found["data"]), found["has_more"]), (1000, True))
                again = lambda host: ask(spool, "POST", "/admin/v1/deliveries/redeliver", {"host": host})[2]["count"]
                self.assertEqual(again("127.0.0.1"), 3)
                self.assertEqual(len(receiver.wait("/hook", 6)), 6)

    def test_by_status(self):
        with Sim() as sim, Receiver() as receiver:
            receiver.answer("/hook", 500)
            config = {"tokens": TOKENS, "webhook": {"retry_delays_ms": [60000], "allow_private_networks": True}}
            with Spool(config, sim=sim) as spool:
                task = submit(spool, "sk-dev", body={**IMAGINE, "notifyHook": receiver.url + "/hook"})
                find = lambda status: [
                    (one["task"], one["status"], one["phase"])
                    for one in ask(spool, "GET", f"/admin/v1/deliveries?status={status}")[2]["data"]
                ]
                eventually(lambda: find("retrying") == [(task, "retrying", "succeeded")], timeout=30)
                self.assertEqual((find("pending"), find("exhausted"), find("")), ([], [], []))
                refused = ask(spool, "POST", "/admin/v1/deliveries/redeliver", {"status": "retrying"})
                self.assertEqual(refused[0], 400)


class Waiting(unittest.TestCase):
    def test_nobody_works(self):
        """A front door without workers says so, by name, and still takes what is submitted."""
        redis = Redis()
        self.addCleanup(redis.close)
        sim = Sim()
        self.addCleanup(sim.close)
        config = {"tokens": TOKENS, "accounts": [account(sim)]}
        spool = Spool(config, redis=redis, roles=["api"])
        self.addCleanup(spool.close)
        tasks = [submit(spool) for _ in range(3)]
        status, _, ready = ask(spool, "GET", "/readyz")
        self.assertEqual((status, ready), (200, {"status": "ready", "missing": ["workers"]}))
        queue = ask(spool, "GET", "/admin/v1/overview")[2]["queue"]
        self.assertEqual([(one["provider"], one["waiting"]) for one in queue], [("midjourney", 3)])
        self.assertIsNotNone(queue[0]["oldest_at"])
        self.assertEqual(ask(spool, "GET", f"/v1/tasks/{tasks[0]}")[2]["waiting"]["reason"], "no_worker")
        ask(spool, "POST", "/admin/v1/accounts/mj-1/disable")
        status, headers, ready = ask(spool, "GET", "/readyz")
        self.assertEqual((status, ready["missing"]), (503, ["workers", "accounts"]))
        self.assertIn("retry-after", headers)
        worker = Spool(config, redis=redis, roles=["worker"])
        self.addCleanup(worker.close)
        reason = lambda: ask(spool, "GET", f"/v1/tasks/{tasks[0]}")[2]["waiting"]["reason"]
        eventually(lambda: reason() == "disabled", what="the reason")
        ask(spool, "POST", "/admin/v1/accounts/mj-1/enable")
        eventually(lambda: ask(spool, "GET", "/readyz")[2] == {"status": "ready", "missing": []})
        for task in tasks:
            eventually(lambda: ask(spool, "GET", f"/v1/tasks/{task}")[2]["status"] == "succeeded")
        self.assertEqual(len(ask(spool, "GET", "/admin/v1/overview")[2]["processes"]), 2)


class Listener(unittest.TestCase):
    def test_admin_listen(self):
        """In whatever role; then the others' listener has nothing of it."""
        redis = Redis()
        self.addCleanup(redis.close)
        admin, of_worker = free_port(), free_port()
        with Sim() as sim:
            config = {"tokens": TOKENS, "accounts": [account(sim)]}
            front = Spool({**config, "admin_listen": f"127.0.0.1:{admin}"}, redis=redis, roles=["api"])
            self.addCleanup(front.close)
            worker = Spool({**config, "admin_listen": f"127.0.0.1:{of_worker}"}, redis=redis, roles=["worker"])
            self.addCleanup(worker.close)
            headers = {"Authorization": "Bearer sk-op"}
            task = submit(front)
            eventually(lambda: ask(front, "GET", f"/v1/tasks/{task}")[2]["status"] == "succeeded")
            for path in ("/metrics", "/admin/v1/overview"):
                self.assertEqual(ask(front, "GET", path)[0], 404)
                for port in (admin, of_worker):
                    self.assertEqual(exchange(port, "GET", path, None, headers)[0], 200, (port, path))
            for port in (admin, of_worker):
                for path in ("/healthz", "/readyz", f"/v1/tasks/{task}"):
                    self.assertEqual(exchange(port, "GET", path, None, headers)[0], 200, (port, path))
                self.assertEqual(exchange(port, "GET", "/admin/v1/overview")[0], 401)
            self.assertEqual(ask(front, "GET", "/readyz")[0], 200)
            roles = lambda: {role["role"] for one in exchange(admin, "GET", "/admin/v1/overview", None, headers)[2]["processes"] for role in one["roles"]}
            eventually(lambda: roles() == {"api", "worker", "admin"}, what="all roles")


@unittest.skipUnless(shutil.which("promtool"), "no promtool")
class Metrics(unittest.TestCase):
    def test_prometheus_reads_them(self):
        sim = Sim()
        self.addCleanup(sim.close)
        receiver = Receiver()
        self.addCleanup(receiver.close)
        spool = Spool({"tokens": TOKENS}, sim=sim)
        self.addCleanup(spool.close)
        task = submit(spool, body={**IMAGINE, "notifyHook": receiver.url + "/hook"})
        eventually(lambda: ask(spool, "GET", f"/v1/tasks/{task}")[2]["status"] == "succeeded")
        text = ask(spool, "GET", "/metrics")[2]
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stderr + checked.stdout), (0, b""))
        text = text.decode()
        for line in ('spool_tasks_total{provider="midjourney",status="succeeded",code=""} 1',
                     'spool_stage_seconds_count{provider="midjourney",stage="whole"} 1',
                     'spool_queue_waiting{provider="kling"} 0', 'spool_account_state{account="mj-1",state="ok"} 1',
                     'spool_slots_limit{account="mj-1"} 50', "spool_workers 1"):  # fmt: skip
            self.assertIn("\n" + line + "\n", text)
        for name in ("spool_vendor_requests_total", "spool_http_request_seconds_bucket", "spool_redis_seconds_sum",
                     "process_resident_memory_bytes", "spool_build_info",
                     *(f'spool_stage_seconds_count{{provider="midjourney",stage="{stage}"}}'
                       for stage in ("queue", "submit", "vendor", "archive", "webhook", "whole"))):  # fmt: skip
            self.assertIn("\n" + name, text)
        for secret in (task, "sk-dev", "sk-op"):
            self.assertNotIn(secret, text)
        self.scraped(spool)

    def test_grafana(self):
        """The alerts fire on what they are for, and the dashboard asks for metrics that there are."""
        folder = os.path.join(ROOT, "scripts", "grafana")
        for command in (["promtool", "check", "rules", "alerts.yml"], ["promtool", "test", "rules", "alerts_test.yml"]):
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        with open(os.path.join(folder, "dashboard.json"), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        asked = [target["expr"] for panel in panels for target in panel["targets"]]
        rules = [{"record": f"r{i}", "expr": expr} for i, expr in enumerate(asked)]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "g", "rules": rules}]}, file)
            file.flush()
            run = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        with open(os.path.join(folder, "alerts.yml"), encoding="utf-8") as file:
            asked.append(file.read())
        with Sim() as sim, Spool({"tokens": TOKENS}, sim=sim) as spool:
            known = set(re.findall(r"^# TYPE (\w+)", ask(spool, "GET", "/metrics")[2].decode(), re.M))
        used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:spool|process)_\w+", " ".join(asked))}
        self.assertEqual(used - known, set())

    def scraped(self, spool):
        """By a real Prometheus."""
        folder = tempfile.mkdtemp(prefix="spool-prometheus-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        port = free_port()
        config = {"global": {"scrape_interval": "1s"},
                  "scrape_configs": [{"job_name": "spool", "static_configs": [{"targets": [f"127.0.0.1:{spool.port}"]}]}]}  # fmt: skip
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def value():
            try:
                answer = exchange(port, "GET", "/api/v1/query?query=spool_workers")[2]
            except OSError:
                return None
            return isinstance(answer, dict) and answer["data"]["result"]

        self.assertEqual(eventually(value, timeout=30)[0]["value"][1], "1")


if __name__ == "__main__":
    main()
