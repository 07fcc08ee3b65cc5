#!/usr/bin/env python3
"""Data of the first layout of the keys, as a Spool of that time left it, under the Spool of now.

layout_1.json is what a Redis held when that Spool was killed: a task that has ended, three that render (two
with deliveries that wait to be tried again), and two that are queued, one of them by an Idempotency-Key.
"""
import json
import os
import random
import re
import time
import unittest

import resp
from harness import Receiver, Redis, Spool, Vendor, account, eventually, exchange, main

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = {"hash": "HSET", "set": "SADD", "list": "RPUSH"}
ID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def as_of_now(text):
    """As if it had been killed a minute ago; ids alone say when a task was made."""
    killed_ms = int(json.loads(text)["killed_ms"])
    later_ms = int(time.time() * 1000) - 60000 - killed_ms
    return re.sub(r"\b1795\d{9}\b(?!\d)", lambda found: str(int(found[0]) + later_ms) if int(found[0]) > killed_ms - 3600000 else found[0], text)


class Layout(unittest.TestCase):
    def setUp(self):
        self.redis = self.enterContext(Redis(options=["--hash-max-listpack-value", "8192"]))
        self.wire = self.enterContext(resp.Resp(self.redis.socket))
        self.vendor = self.enterContext(Vendor())
        self.receiver = self.enterContext(Receiver())
        self.vendor.is_held = True
        # The jobs that it had then, by the same numbers.
        self.jobs = ("ended", "given up", "one that renders", "another that renders")
        for prompt in self.jobs:
            exchange(self.vendor.port, "POST", "/mj/submit/imagine", {"prompt": prompt, "state": ""})
        with open(os.path.join(HERE, "layout_1.json"), encoding="utf-8") as file:
            text = file.read().replace("RECEIVER", f"127.0.0.1:{self.receiver.port}")
        found = json.loads(as_of_now(text))
        self.tasks = found["tasks"]
        self.keys = found["keys"]
        for name, (kind, left_ms, value) in self.keys.items():
            self.put(name, kind, left_ms, value)

    def put(self, name, kind, left_ms, value):
        if kind in COMMANDS:
            self.wire.call(COMMANDS[kind], name, *value)
        elif kind == "zset":
            self.wire.call("ZADD", name, *(word for pair in zip(value[1::2], value[::2]) for word in pair))
        elif kind == "stream":
            for cursor, event in zip(value[::2], value[1::2]):
                self.wire.call("XADD", name, cursor, "e", event)
        else:
            self.wire.call("SET", name, value)
        if left_ms > 0:
            self.wire.call("PEXPIRE", name, left_ms)

    def spool(self, **config):
        accounts = [account(self.vendor, max_concurrency=3, poll_interval_ms=200)]
        return self.enterContext(Spool({"accounts": accounts, "queue_timeout_ms": 0, **config}, redis=self.redis))

    def old_keys(self):
        return self.wire.call("KEYS", "spool:*")

    def test_it_goes_on(self):
        left_ms = self.wire.call("PTTL", f"spool:r:{self.tasks['ended']}")
        spool = self.spool()
        eventually(spool.is_ready, what="readiness")
        self.assertEqual(self.old_keys(), [])
        self.assertEqual(self.redis.cli("GET", "{spool}:layout"), "2")
        self.assertEqual(self.redis.cli("GET", "{spool}:webhook_secret"), self.keys["spool:webhook_secret"][2])

        ended = spool.task(self.tasks["ended"])
        self.assertEqual((ended["status"], ended["version"], ended["provider"]), ("succeeded", int(self.record("ended")["v"]), "midjourney"))
        self.assertEqual([artifact["kind"] for artifact in ended["artifacts"]], ["image"])
        self.assertAlmostEqual(int(self.redis.cli("PTTL", f"{{spool}}:r:{self.tasks['ended']}")), left_ms, delta=60000)
        steps = [step["event"] for step in spool.timeline(self.tasks["r1"])]
        self.assertEqual(steps[:4], ["accepted", "claimed", "submitted", "webhook"])
        self.assertEqual(spool.fetch(self.tasks["r1"])["state"], "order-2")

        # Who has a slot keeps it, so that no more than three run; who waits, waits.
        self.assertEqual(self.redis.cli("HGET", "{spool}:slots:mj-1", "#"), "3")
        self.assertEqual([spool.task(self.tasks[name])["phase"] for name in ("q1", "q2")], ["queued", "queued"])
        self.assertEqual(len(self.vendor.prompts()), len(self.jobs))
        key = {"Authorization": "Bearer sk-dev", "Idempotency-Key": "the-key"}
        body = {"prompt": "queued", "notifyHook": "http://127.0.0.1:31968/hook"}  # as it was sent then
        status, headers, answer = exchange(spool.port, "POST", "/mj/submit/imagine", body, key)
        self.assertEqual((status, answer["result"]), (200, self.tasks["q1"]), headers)

        self.vendor.is_held = False
        for name in ("up", "r1", "r2", "q1", "q2"):
            self.assertEqual(spool.wait(self.tasks[name], 30)["status"], "SUCCESS", name)
        self.assertEqual(sorted(self.vendor.prompts()), sorted([*self.jobs, "queued", "queued, too"]))
        listed = spool.get("/v1/tasks?limit=100")["data"]
        self.assertEqual({task["id"] for task in listed}, set(self.tasks.values()))
        for name in ("up", "r1", "q1"):
            eventually(lambda: self.last_delivery(spool, name) == "delivered", 30, f"the last hook of {name}")

    def record(self, name):
        words = self.keys[f"spool:t:{self.tasks[name]}"][2]
        return dict(zip(words[::2], words[1::2]))

    def last_delivery(self, spool, name):
        return spool.deliveries(self.tasks[name])[-1]["status"]

    def test_not_beside_an_older_one(self):
        """Which would write keys that nobody reads."""
        self.wire.call("HSET", "spool:processes", "0ld worker", f"{int(time.time() * 1000)} host 1 0.1.0 1 0")
        spool = self.spool()
        status, _, answer = spool.request("GET", "/readyz")
        self.assertEqual(status, 503)
        eventually(lambda: b"an older Spool still runs" in spool.log(), what="a word in the log")
        self.assertEqual(len(self.old_keys()), len(self.keys))
        self.wire.call("HDEL", "spool:processes", "0ld worker")
        eventually(spool.is_ready, what="readiness")
        self.assertEqual(self.old_keys(), [])

    def test_of_a_newer_one(self):
        self.wire.call("FLUSHALL")
        self.wire.call("SET", "{spool}:layout", 3)
        spool = self.spool()
        self.assertEqual(spool.request("GET", "/readyz")[0], 503)
        eventually(lambda: b"of a newer Spool" in spool.log(), what="a word in the log")

    def test_begun_by_another(self):
        """The keys by which an old layout is known have been converted; the records haven't."""
        self.wire.call("SET", "{spool}:layout", 1)
        for name in ("owners", "waiting", "webhook_secret"):
            self.wire.call("RENAME", "spool:" + name, "{spool}:" + name)
        self.wire.call("DEL", "spool:events", "spool:processes")
        spool = self.spool()
        eventually(spool.is_ready, what="readiness")
        self.assertEqual(self.old_keys(), [])
        self.assertEqual(spool.task(self.tasks["r1"])["phase"], "rendering")
        self.assertEqual(self.redis.cli("HGET", "{spool}:slots:mj-1", "#"), "3")

    def test_killed_in_between(self):
        """Thousands more are queued; whoever converts them is killed, and two go on with it together."""
        record = self.keys[f"spool:t:{self.tasks['q2']}"][2]
        chosen = random.Random(7)
        more = ["task_" + self.tasks["q2"][5:15] + "".join(chosen.choices(ID, k=16)) for _ in range(6000)]
        for n, task in enumerate(more):
            self.wire.call("HSET", f"spool:t:{task}", *record)
            self.wire.call("RPUSH", f"spool:l:{task}", f"{int(time.time() * 1000)} requeued why")
            self.wire.call("ZADD", "spool:lane:midjourney/", n + 3, task)
            self.wire.call("RPUSH", "spool:own:dev", task)
        for name in ("*", "dev"):
            self.wire.call("HINCRBY", "spool:waiting", name, len(more))
        spool = self.spool()
        eventually(lambda: b"redis.converting" in spool.log(), what="a first step")
        spool.kill()
        self.assertNotEqual(self.old_keys(), [])
        both = [self.spool() for _ in range(2)]
        for spool in both:
            eventually(spool.is_ready, what="readiness")
        self.assertEqual(self.old_keys(), [])
        self.assertEqual(self.redis.cli("ZCARD", "{spool}:lane:midjourney/"), str(len(more) + 2))
        self.assertEqual(self.redis.cli("LLEN", "{spool}:own:dev"), str(len(more) + 6))
        self.assertEqual([step["event"] for step in both[0].timeline(more[-1])], ["accepted", "requeued"])


if __name__ == "__main__":
    main()
