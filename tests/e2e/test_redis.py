"""Redis goes, is full, forgets; Spool goes; entries go: nothing that was acknowledged is lost."""
import concurrent.futures
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import Receiver, Redis, Sim, Spool, Vendor, account, eventually, freeze, main
from vendors.suno import suno_account


def config(vendor, root=None, **fields):
    return {"accounts": [account(vendor, **fields)], **(root or {})}


def held():
    """A vendor whose jobs run until they are let go."""
    vendor = Vendor()
    vendor.is_held = True
    return vendor


def submit(spool, prompt="a lighthouse", headers=None, **fields):
    """(status, headers, answer)"""
    return spool.request("POST", "/mj/submit/imagine", {"prompt": prompt, **fields}, headers)


class Watch:
    """An event stream of a task: the phases that it tells."""

    def __init__(self, spool, task):
        self.phases = []
        self.connection = http.client.HTTPConnection("127.0.0.1", spool.port)
        self.connection.request("GET", f"/v1/tasks/{task}/events", headers={"Authorization": f"Bearer {spool.key}"})
        self.response = self.connection.getresponse()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.response:
                if line.startswith(b"data:"):
                    self.phases.append(json.loads(line[5:])["phase"])
        except (OSError, ValueError):
            pass  # it ends with the test

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(5)  # a stream ends with its task
        self.connection.close()


class RedisGoes(unittest.TestCase):
    def refused(self, spool):
        status, headers, answer = submit(spool)
        self.assertEqual((status, answer["code"]), (503, 9), answer)
        self.assertRegex(headers["retry-after"], r"^\d+$")
        return answer

    def test_full(self):
        """No new tasks; what runs ends, and is told."""
        with held() as vendor, Receiver() as receiver, Redis() as redis:
            spool = self.enterContext(Spool(config(vendor), redis=redis))
            eventually(spool.is_ready)
            tasks = [spool.submit(f"number {n}", notifyHook=f"{receiver.url}/{n}") for n in range(5)]
            for task in tasks:
                spool.wait_phase(task, "rendering")
            used = int(re.search(r"used_memory:(\d+)", redis.cli("INFO", "memory")).group(1))
            redis.cli("CONFIG", "SET", "maxmemory", str(used // 2))
            self.refused(spool)
            self.assertEqual(spool.request("GET", "/healthz")[0], 200)
            vendor.is_held = False
            for number, task in enumerate(tasks):
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                eventually(lambda p=f"/{number}": receiver.words(p)[-1:] == ["SUCCESS"], what="SUCCESS")
            self.refused(spool)
            # Started anew, it can still read.
            spool.stop()
            spool.start()
            eventually(spool.is_ready)
            self.assertEqual(spool.fetch(tasks[0])["status"], "SUCCESS")
            self.refused(spool)
            redis.cli("CONFIG", "SET", "maxmemory", "0")
            self.assertEqual(spool.wait(spool.submit("again"))["status"], "SUCCESS")

    def test_full_when_it_starts(self):
        """Spool finds there what it needs for webhooks and submits: what was accepted ends, and is told."""
        with held() as vendor, Receiver() as receiver, Redis() as redis:
            both = config(vendor, {"vendor_callbacks": "always"}, max_concurrency=1)
            with Spool(both, redis=redis) as spool:
                eventually(spool.is_ready)
                tasks = [spool.submit(f"number {n}", notifyHook=f"{receiver.url}/{n}") for n in range(2)]
                spool.wait_phase(tasks[0], "rendering")
                used = int(re.search(r"used_memory:(\d+)", redis.cli("INFO", "memory")).group(1))
                redis.cli("CONFIG", "SET", "maxmemory", str(used // 2))
                spool.stop()
                spool.start()
                vendor.is_held = False
                for number in range(2):
                    eventually(lambda p=f"/{number}": receiver.words(p)[-1:] == ["SUCCESS"], what="SUCCESS")

    def test_full_when_a_song_ends(self):
        """What follows up on it by the vendor's name for it finds it, when there is room again."""
        with Sim(speed=10) as sim, Redis() as redis, Spool({"accounts": [suno_account(sim)]}, redis=redis) as spool:
            eventually(spool.is_ready)
            body = {"prompt": "la", "title": "x", "tags": "pop", "mv": "chirp-v4"}
            task = spool.request("POST", "/suno/submit/music", body)[2]["result"]
            used = int(re.search(r"used_memory:(\d+)", redis.cli("INFO", "memory")).group(1))
            redis.cli("CONFIG", "SET", "maxmemory", str(used // 2))
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            redis.cli("CONFIG", "SET", "maxmemory", "0")
            for clip in spool.get(f"/suno/fetch/{task}")["data"]["data"]:
                more = {"prompt": "more", "continue_clip_id": clip["id"], "continue_at": 60, "tags": "pop"}
                self.assertEqual(spool.request("POST", "/suno/submit/music", more)[0], 200)

    def test_away_at_start(self):
        with Sim(speed=20) as sim, Redis() as redis:
            redis.kill()
            with Spool(config(sim), redis=redis) as spool:
                self.assertEqual(spool.request("GET", "/healthz")[0], 200)
                status, headers, answer = spool.request("GET", "/readyz")
                self.assertEqual((status, answer["status"]), (503, "unavailable"))
                self.assertTrue(answer["reason"])
                self.refused(spool)
                for path in ("/mj/task/task_x/fetch", "/v1/tasks"):
                    status, headers, _ = spool.request("GET", path)
                    self.assertEqual((status, "retry-after" in headers), (503, True), path)
                self.assertEqual(spool.metric("redis_up"), 0)
                redis.start()
                eventually(spool.is_ready, 10, "readiness")
                self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")
                self.assertEqual(spool.metric("redis_up"), 1)

    def test_restarted_under_load(self):
        with Sim(speed=2) as sim, Redis() as redis, Spool(config(sim), redis=redis) as spool:
            eventually(spool.is_ready)
            accepted, refused, stop = [], [], threading.Event()

            def client(number):
                while not stop.is_set():
                    name = f"{number}-{len(accepted)}-{time.monotonic()}"
                    try:
                        status, _, answer = submit(spool, name, headers={"Idempotency-Key": name})
                    except OSError:
                        continue
                    (accepted if status == 200 else refused).append((status, answer))
                    time.sleep(0.05)

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for number in range(4):
                    pool.submit(client, number)
                for _ in range(2):
                    time.sleep(0.8)
                    redis.kill()
                    time.sleep(0.7)
                    redis.start()
                began = time.monotonic()
                eventually(spool.is_ready, 5, "readiness")
                back = time.monotonic() - began
                time.sleep(0.3)
                stop.set()
            self.assertLess(back, 5)
            self.assertTrue(refused)
            self.assertEqual({(status, answer["code"]) for status, answer in refused}, {(503, 9)})
            for _, answer in accepted:
                self.assertEqual(spool.wait(answer["result"])["status"], "SUCCESS")
                self.assertEqual(sim.accepted(answer["result"]), 1)

    def test_waited_for_while_it_stands_still(self):
        """The time is over before the first answer of Redis has come."""
        with Sim(speed=20) as sim, Redis() as redis, Spool(config(sim), redis=redis) as spool:
            eventually(spool.is_ready)
            task = spool.submit("a lighthouse")
            spool.wait(task)
            freeze(redis.process.pid)
            threading.Timer(2, os.kill, (redis.process.pid, signal.SIGCONT)).start()
            status, _, shown = spool.request("GET", f"/v1/tasks/{task}?wait=1")
            self.assertEqual((status, shown["status"]), (200, "succeeded"))

    def test_cluster_is_down(self):
        """For a moment: the id of a job that was paid for is kept until it can be stored, and who watches hears on."""
        asked, answer = threading.Event(), threading.Event()

        def slowly(_):
            asked.set()
            answer.wait(20)

        with Vendor() as vendor, Redis(is_cluster=True) as redis, Spool(config(vendor), redis=redis) as spool:
            eventually(spool.is_ready)
            vendor.on("/submit/imagine", slowly)
            task = spool.submit("a lighthouse")
            self.assertTrue(asked.wait(10))
            watch = self.enterContext(Watch(spool, task))
            eventually(lambda: watch.phases, what="the present state")
            redis.cli("CLUSTER", "DELSLOTS", "1")
            redis.await_cluster("fail")
            answer.set()
            eventually(lambda: "task.submitted" in spool.log().decode(), what="the vendor's answer")
            self.refused(spool)
            self.assertEqual(spool.request("GET", "/readyz")[0], 503)
            redis.cli("CLUSTER", "ADDSLOTS", "1")
            redis.await_cluster("ok")
            self.assertEqual(spool.wait(task, 10)["status"], "SUCCESS")
            self.assertNotIn("in_doubt", spool.events(task))
            eventually(lambda: watch.phases[-1] == "succeeded", what="the end, as it is told")

    @unittest.skipIf(harness.redis.IS_CLUSTER, "a cluster's replicas are made otherwise")
    def test_failover(self):
        """The address leads to another server; the one that was there is a replica now, and hangs up on nobody."""
        with held() as vendor, Redis(tcp=True) as old, Redis(tcp=True) as new:
            new.cli("REPLICAOF", "127.0.0.1", str(old.port))
            eventually(lambda: "master_link_status:up" in new.cli("INFO", "replication"), what="a replica")
            with harness.Wire(old) as wire, Spool(config(vendor), redis=wire) as spool:
                eventually(spool.is_ready)
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "rendering")
                old.cli("REPLICAOF", "127.0.0.1", str(new.port))
                eventually(lambda: spool.request("GET", "/readyz")[0] == 503, what="what /readyz says")
                self.assertIn("READONLY", spool.request("GET", "/readyz")[2]["reason"])
                self.refused(spool)
                new.cli("REPLICAOF", "NO", "ONE")
                wire.redis = new
                eventually(spool.is_ready, 10, "readiness")
                vendor.is_held = False
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                self.assertEqual(spool.wait(spool.submit("again"))["status"], "SUCCESS")

    def test_watchers_while_it_is_busy(self):
        """With somebody's script, for a moment, again and again: they hear on."""
        with held() as vendor, Redis() as redis, Spool(config(vendor, poll_interval_ms=50), redis=redis) as spool:
            eventually(spool.is_ready)
            redis.cli("CONFIG", "SET", "busy-reply-threshold", "20")
            tasks = [spool.submit(f"number {n}") for n in range(20)]
            watch = self.enterContext(Watch(spool, tasks[0]))
            eventually(lambda: watch.phases, what="the present state")

            def was_refused():
                spool.submit("another")
                busy = subprocess.Popen(["redis-cli", "-s", redis.socket, "EVAL", "while true do end", "0"], stdout=subprocess.DEVNULL)
                time.sleep(0.1)
                redis.cli("SCRIPT", "KILL")
                busy.wait()
                return "events.read" in spool.log().decode()

            eventually(was_refused, 30, "a read that is refused")
            vendor.is_held = False
            spool.wait(tasks[0])
            eventually(lambda: watch.phases[-1] == "succeeded", what="the end, as it is told")

    def test_one_that_forgets(self):
        with Sim(speed=20) as sim, Redis(options=["--maxmemory-policy", "allkeys-lru"]) as redis:
            with Spool(config(sim), redis=redis) as spool:

                def reason():
                    text = spool.request("GET", "/readyz")[2].get("reason", "")
                    return text if "allkeys-lru" in text else None

                found = eventually(reason, what="the reason")
                self.assertIn("maxmemory-policy", found)
                self.assertIn("noeviction", found)
                self.refused(spool)
                redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
                eventually(spool.is_ready, 10, "readiness")
                self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")


class Sweeper(unittest.TestCase):
    """An entry is gone by an accident; the record says what is missing."""

    def repaired(self, spool, task, what):
        def found():
            return any(e["event"] == "repaired" and e["detail"] == what for e in spool.timeline(task))

        eventually(found, 10, f"the {what} to be mended")

    def test_entries(self):
        with held() as vendor, Spool(config(vendor, max_concurrency=2)) as spool:
            looked, slotted = spool.submit("a look"), spool.submit("a slot")
            for task in (looked, slotted):
                spool.wait_phase(task, "rendering")
            waiting = spool.submit("a lane")
            lane = spool.redis("HGET", f"{{spool}}:t:{waiting}", "lane")
            self.assertEqual(spool.redis("ZREM", f"{{spool}}:lane:{lane}", waiting), "1")
            self.assertEqual(spool.redis("ZREM", "{spool}:look:mj-1", looked), "1")
            self.assertEqual(spool.redis("HDEL", f"{{spool}}:t:{slotted}", "slot"), "1")
            spool.redis("HINCRBY", "{spool}:slots:mj-1", "#", "3")  # as a task that is gone would leave it
            for task, what in ((waiting, "lane"), (looked, "look"), (slotted, "slot")):
                self.repaired(spool, task, what)
            self.assertGreaterEqual(spool.metric("sweeper_repairs_total"), 3)

            def slots():
                held = [spool.redis("HGET", f"{{spool}}:t:{task}", "slot")[:1] for task in (looked, slotted)]
                return held == ["1", "1"] and spool.redis("HGET", "{spool}:slots:mj-1", "#") == "2"

            eventually(slots, 10, "the right slots")
            vendor.is_held = False
            for task in (looked, slotted, waiting):
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(len(vendor.prompts()), 3)

    def test_a_retry(self):
        """Refused for the moment, a task waits in the due set."""
        refusals = [(200, {}, {"code": 23, "description": "full"})] * 2
        with Vendor() as vendor, Spool(config(vendor)) as spool:
            vendor.on("/submit/", lambda asked: refusals.pop() if refusals else None)
            task = spool.submit("due")
            eventually(lambda: len(vendor.prompts()) == 2, what="a second refusal")
            eventually(lambda: spool.redis("ZREM", "{spool}:due", task) == "1", what="a due entry")
            self.repaired(spool, task, "lane")
            self.assertEqual(spool.wait(task)["status"], "SUCCESS")

    def test_a_delivery(self):
        webhook = {"webhook": {"retry_delays_ms": [60000], "allow_private_networks": True}}
        with Vendor() as vendor, Receiver() as receiver, Spool(config(vendor, webhook)) as spool:
            receiver.answer("/hook", 500)
            task = spool.submit("told", notifyHook=receiver.url + "/hook")
            self.assertEqual(spool.wait(task)["status"], "SUCCESS")

            def is_waiting():
                last = spool.deliveries(task)[-1]
                return last["status"] == "retrying" and receiver.words("/hook")[-1] == "SUCCESS"

            eventually(is_waiting, what="a retry of the last word")
            receiver.answer("/hook", 200)
            count = len(receiver.at("/hook"))
            self.assertEqual(spool.redis("ZREM", "{spool}:hooks", task), "1")
            self.repaired(spool, task, "delivery")
            self.assertEqual(receiver.wait("/hook", count + 1)[-1].word, "SUCCESS")
            eventually(lambda: spool.deliveries(task)[-1]["status"] == "delivered", what="delivered")

    def test_a_doubt(self):
        with held() as vendor:
            vendor.on("/submit/", lambda asked: vendor.usual(asked) and (502, {}, b"oops"))
            vendor.on("/task/list", lambda asked: (200, {}, []) if vendor.is_held else None)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a doubt")
                # Between two looks, which are seconds apart by now.
                eventually(lambda: len(vendor.at("/task/list")) >= 3, what="a third look")
                eventually(lambda: spool.redis("ZREM", "{spool}:due", task) == "1", what="a due entry")
                vendor.is_held = False
                self.repaired(spool, task, "due")
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")


class OwnRedis(unittest.TestCase):
    """Without redis_url Spool has a redis-server of its own."""

    def test_it_is_killed(self):
        with held() as vendor, Spool(config(vendor)) as spool:
            tasks = [spool.submit(f"number {number}") for number in range(5)]
            for task in tasks:
                spool.wait_phase(task, "rendering")
            first = spool.redis_pid()
            spool.kill_redis()
            eventually(spool.is_ready, 15, "readiness")
            self.assertNotEqual(spool.redis_pid(), first)
            vendor.is_held = False
            for task in tasks:
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(len(vendor.prompts()), 5)

    def test_spool_is_killed(self):
        with held() as vendor, Spool(config(vendor)) as spool:
            tasks = [spool.submit(f"number {number}") for number in range(5)]
            spool.wait_phase(tasks[-1], "rendering")
            server = spool.redis_pid()
            spool.kill()
            self.assertEqual(spool.redis_pid(), server)
            spool.start()
            self.assertIn(b"redis.adopted", spool.log())
            self.assertEqual(spool.redis_pid(), server)
            vendor.is_held = False
            for task in tasks:
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(len(vendor.prompts()), 5)
            # An adopted one is looked after, too.
            spool.kill_redis()
            eventually(spool.is_ready, 15, "readiness")
            self.assertEqual(spool.fetch(tasks[0])["status"], "SUCCESS")

    def test_terminated(self):
        settings = {"drain_timeout_ms": 3000}
        with held() as vendor, Spool(config(vendor, settings, max_concurrency=3)) as spool:
            tasks = [spool.submit(f"number {number}") for number in range(6)]
            spool.wait_phase(tasks[2], "rendering")
            began = time.monotonic()
            spool.stop()
            self.assertLess(time.monotonic() - began, 3 + 3)
            self.assertEqual(spool.redis_pid(), 0, "its Redis ends with it")
            vendor.is_held = False
            spool.start()
            for task in tasks:
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertEqual(len(vendor.prompts()), 6)

    def test_terminated_while_submitting(self):
        """The answer under way is waited for: it is worth money."""
        gate = threading.Event()
        with held() as vendor:
            vendor.is_held = False
            vendor.on("/submit/", lambda asked: gate.wait(20) and None)
            with Spool(config(vendor)) as spool:
                task = spool.submit("a lighthouse")
                eventually(lambda: vendor.prompts(), what="the submit")
                spool.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                self.assertIsNone(spool.process.poll())
                gate.set()
                self.assertEqual(spool.process.wait(10), 0)
                spool.ended()
                spool.start()
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                self.assertEqual(len(vendor.prompts()), 1)
                events = [entry["event"] for entry in spool.timeline(task)]
                self.assertNotIn("in_doubt", events)

    def test_two_of_them(self):
        with Vendor() as vendor, Spool(config(vendor)) as spool:
            command = [harness.spool_binary(), "serve", "-c", os.path.join(spool.dir, "spool.json")]
            done = subprocess.run(
                command + ["--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=30, check=False
            )
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertIn("redis_url", done.stderr.splitlines()[-1])
            self.assertIn("data_dir", done.stderr.splitlines()[-1])
            self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")


class Retention(unittest.TestCase):
    def times_to_live(self, spool, task):
        """Of every key that is about the task, but for the body that waits for its next attempt."""
        names = spool.redis("--scan", "--pattern", f"{{spool}}:*{task}*").split()
        self.assertGreaterEqual(len(names), 1)
        return {int(spool.redis("TTL", name)) for name in names if ":body:" not in name}

    def test_times_to_live(self):
        with held() as vendor, Receiver() as receiver:
            with Spool(config(vendor, root={"retention_hours": 1})) as spool:
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "rendering")
                self.assertEqual(self.times_to_live(spool, task), {-1})
                receiver.answer("/hook", 500)
                told = spool.submit("told", notifyHook=receiver.url + "/hook")
                vendor.is_held = False
                for one in (task, told):
                    self.assertEqual(spool.wait(one)["status"], "SUCCESS")
                left = self.times_to_live(spool, task)
                self.assertTrue(3500 < min(left) <= max(left) <= 3600, left)
                self.assertEqual(self.times_to_live(spool, told), {-1}, "a delivery is left")
                body = int(spool.redis("TTL", f"{{spool}}:body:{told.removeprefix('task_')}"))
                self.assertTrue(0 < body <= 12 * 3600, body)


if __name__ == "__main__":
    main()
