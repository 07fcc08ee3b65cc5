"""Calls, which are answered with the result: nothing is asked for twice, and what has come is kept."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Redis, Sim, Spool, Wire, check_artifacts, eventually, main
from swift import Swift
from vendors.openai import openai_account

MAKE, OPEN = "/v1/images/generations", 100
ASYNC = {"Prefer": "respond-async"}


class Calls(unittest.TestCase):
    speed = 2

    def setUp(self):
        self.sim = self.enterContext(Sim(speed=self.speed))

    def start(self, **config):
        account = openai_account(self.sim, max_concurrency=OPEN)
        redis = self.enterContext(Redis())
        spool = self.enterContext(Spool({"accounts": [account], "lease_ms": 1000, **config}, redis=redis))
        eventually(spool.is_ready)
        return spool

    def submit(self, spool, prompt):
        status, _, task = spool.request("POST", MAKE, {"model": "gpt-image-2", "prompt": prompt}, ASYNC)
        self.assertEqual(status, 202, task)
        return task["id"]

    def billed(self):
        return self.sim.jobs("openai")[0]


class Killed(Calls):
    def check(self, word, wait):
        """kill -9 while a hundred calls are open: each ends, none is made twice."""
        spool = self.start()
        tasks = {f"call {n}{word}": self.submit(spool, f"call {n}{word}") for n in range(OPEN)}
        eventually(lambda: len(self.billed()) == OPEN, 20, "a hundred open calls")
        time.sleep(wait)
        spool.kill()
        spool.start()
        eventually(spool.is_ready)
        ended = {prompt: spool.end_of(task, 60) for prompt, task in tasks.items()}
        counts = {}
        for prompt, task in ended.items():
            code = "succeeded" if task["error"] is None else task["error"]["code"]
            counts[code] = counts.get(code, 0) + 1
            if code == "succeeded":
                check_artifacts(task, "image")
        self.assertEqual(self.billed(), dict.fromkeys(tasks, 1))
        self.assertLessEqual(set(counts), {"succeeded", "submit_outcome_unknown"}, counts)
        self.assertEqual(spool.metric("submits_unknown_total"), counts.get("submit_outcome_unknown", 0))
        print(f"{OPEN} calls{word or ' that were being answered'}: {counts}")
        return counts

    def test_before_any_answer(self):
        counts = self.check(" [after-20]", 0)
        self.assertEqual(counts, {"submit_outcome_unknown": OPEN})

    def test_while_answers_come(self):
        for wait in (0.75, 0.85, 0.95):
            with Sim(speed=self.speed) as self.sim:
                self.check("", wait)


class Long(Calls):
    def folder(self):
        """That several processes share."""
        path = tempfile.mkdtemp(prefix="spool-shared-")
        self.addCleanup(shutil.rmtree, path)
        return path

    def test_longer_than_a_lease(self):
        """The lease is renewed while the call is open: another worker leaves it alone."""
        redis, data_dir = self.enterContext(Redis()), self.folder()
        config = {"accounts": [openai_account(self.sim)], "lease_ms": 1000}
        spools = [self.enterContext(Spool(config, redis=redis, data_dir=data_dir)) for _ in range(2)]
        for spool in spools:
            eventually(spool.is_ready)
        tasks = [self.submit(spools[0], f"long {n} [after-8]") for n in range(4)]
        for task in tasks:
            check_artifacts(spools[1].end_of(task, 20), "image")
            self.assertEqual(spools[0].events(task).count("claimed"), 1)
        self.assertEqual(set(self.billed().values()), {1})

    def test_redis_is_away_for_longer_than_a_lease(self):
        """Nobody could renew it. Who has the calls comes back as the last, with what was paid for."""
        redis = self.enterContext(Redis())
        wire = self.enterContext(Wire(redis))
        config = {"accounts": [openai_account(self.sim)], "lease_ms": 4000}
        spool = self.enterContext(Spool(config, redis=wire))
        eventually(spool.is_ready)
        tasks = [self.submit(spool, f"long {n} [after-{20 + 8 * n}]") for n in range(3)]
        eventually(lambda: len(self.billed()) == 3, 10, "open calls")
        other = self.enterContext(Spool({**config, "roles": ["worker"]}, redis=redis, data_dir=spool.data_dir))
        eventually(lambda: b"redis.up" in other.log(), what="another worker")
        wire.cut()
        redis.kill()
        time.sleep(12)
        redis.start()
        eventually(lambda: other.log().count(b"redis.up") == 2, what="the other worker")
        time.sleep(0.5)
        wire.mend()
        eventually(spool.is_ready)
        for task in tasks:
            check_artifacts(spool.end_of(task, 30), "image")
            self.assertNotIn("in_doubt", spool.events(task))
        self.assertEqual(set(self.billed().values()), {1})

    def test_the_client_waits_elsewhere(self):
        """At a process that has no worker, of two: it gets the answer as soon as there is one."""
        redis, data_dir = self.enterContext(Redis()), self.folder()
        config = {"accounts": [openai_account(self.sim)]}
        fronts = [self.enterContext(Spool({**config, "roles": ["api"]}, redis=redis, data_dir=data_dir)) for _ in range(2)]
        self.enterContext(Spool({**config, "roles": ["worker", "webhook"]}, redis=redis, data_dir=data_dir))
        for front in fronts:
            body = {"model": "gpt-image-2", "prompt": f"elsewhere {front.port}"}
            began = time.monotonic()
            status, headers, answer = front.request("POST", MAKE, body)
            took_ms = (time.monotonic() - began) * 1000
            self.assertEqual((status, len(answer["data"])), (200, 1), answer)
            at = {event["event"]: event["at"] for event in front.timeline(headers["x-task-id"])}
            late_ms = took_ms - (at["archived"] - at["accepted"])
            print(f"the answer came {late_ms:.0f} ms after the task's end")
            self.assertLess(late_ms, 500)


class Kept(Calls):
    def test_the_store_is_away(self):
        """And the process is killed: the answer has come, so the image is stored when the store is back."""
        store = self.enterContext(Swift())
        store.create_bucket("media")
        place = {"url": "s3://media", "endpoint": store.endpoint, "region": store.region,
                 "access_key": store.access_key, "secret_key": store.secret_key}  # fmt: skip
        spool = self.start(storage=place)
        store.stop_proxy()
        task = self.submit(spool, "the store is away")
        eventually(lambda: spool.task(task)["phase"] == "archiving", 10, "an answer")
        eventually(lambda: "archive_failed" in spool.events(task), 10, "an attempt")
        spool.kill()
        spool.start()
        eventually(lambda: spool.events(task).count("archive_failed") > 1, 20, "another")
        store.start_proxy()
        check_artifacts(spool.end_of(task, 60), "image")
        self.assertEqual(self.billed(), {"the store is away": 1})

    def test_the_disk_is_full(self):
        """While the answer comes: it waits for room."""
        place = tempfile.mkdtemp(prefix="spool-room-")
        self.addCleanup(os.rmdir, place)
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", place]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("no mounts here")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        redis = self.enterContext(Redis())
        config = {"accounts": [openai_account(self.sim)], "lease_ms": 1000}
        spool = self.enterContext(Spool(config, redis=redis, data_dir=place))
        eventually(spool.is_ready)
        ballast = os.path.join(place, "ballast")
        with open(ballast, "wb") as file:
            file.write(bytes(7 << 20))
        task = self.submit(spool, "full [big-2]")
        eventually(lambda: b"storage.full" in spool.log(), 10, "a full disk")
        time.sleep(1)
        self.assertEqual(spool.task(task)["phase"], "submitting")
        os.unlink(ballast)
        check_artifacts(spool.end_of(task, 20), "image")
        self.assertEqual(self.billed(), {"full [big-2]": 1})


if __name__ == "__main__":
    main()
