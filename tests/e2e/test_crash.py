"""Kill -9 anywhere: nothing acknowledged is lost, nothing is paid twice, nothing runs backwards.

An API process and worker processes share one Redis. For SPOOL_CRASH_SECONDS (30) something is killed
every second or two: first workers, then all of Spool, then Redis, then everything at once. One worker
is stopped past its lease and continued. Then everything is left alone, and every promise is counted.
"""
import collections
import hashlib
import os
import random
import signal
import threading
import time
import unittest
import urllib.request

import harness
from harness import Receiver, Redis, Sim, Spool

SECONDS = float(os.environ.get("SPOOL_CRASH_SECONDS", "30"))
SEED = int(os.environ.get("SPOOL_CRASH_SEED", str(int(time.time()) % 100000)))
TASKS = int(os.environ.get("SPOOL_CRASH_TASKS", "320"))
LEASE_MS = 2000

# What goes wrong at the vendor, and how often.
WORDS = (
    [""] * 20
    + ["[cut]", "[502]", "[html]", "[empty]", "[cut-unaccepted]", "[slow-answer]"]
    + ["[429]", "[23]", "[9]", "[flaky-link]", "[blink]", "[fail]", "[refuse]", "[fast]", "[jpeg-named]"]
)
RANK = {"NOT_START": 0, "SUBMITTED": 1, "IN_PROGRESS": 2, "SUCCESS": 3, "FAILURE": 3, "CANCEL": 3}


class Client:
    """Submits, each with an Idempotency-Key, again and again until it is acknowledged; then looks."""

    def __init__(self, port, hooks, rng):
        self.port = port
        self.hooks = hooks
        self.rng = rng
        self.acknowledged = {}  # task -> prompt
        self.doubled = []
        self.seen = {}  # task -> (version, rank)
        self.backwards = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def ask(self, method, path, body=None, headers=None):
        """None where the API can't be reached or is not itself."""
        all_headers = {"Authorization": "Bearer sk-dev", **(headers or {})}
        try:
            status, _, answer = harness.exchange(self.port, method, path, body, all_headers, 10)
        except (OSError, harness.http.client.HTTPException, ValueError):
            return None
        return (status, answer) if status < 500 else None

    def submit(self, number):
        prompt = f"job {number} of {SEED} {self.rng.choice(WORDS)}"
        body = {"prompt": prompt, "state": f"s{number}", "notifyHook": f"{self.hooks}/{number}"}
        ids = set()
        while not ids:
            answer = self.ask("POST", "/mj/submit/imagine", body, {"Idempotency-Key": f"k{SEED}-{number}"})
            if answer is not None and answer[0] == 200 and answer[1]["code"] in (1, 22):
                ids.add(answer[1]["result"])
            else:
                time.sleep(0.1)
        # Asked again, it is the same task.
        answer = self.ask("POST", "/mj/submit/imagine", body, {"Idempotency-Key": f"k{SEED}-{number}"})
        if answer is not None and answer[0] == 200:
            ids.add(answer[1]["result"])
        if len(ids) != 1:
            self.doubled.append(ids)
        with self.lock:
            self.acknowledged[ids.pop()] = (number, prompt)

    def look(self):
        """Round and round over the tasks: versions and words must never go back."""
        while not self.stopping.is_set():
            with self.lock:
                ids = list(self.acknowledged)
            for start in range(0, len(ids), 50):
                answer = self.ask("POST", "/mj/task/list-by-condition", {"ids": ids[start : start + 50]})
                if answer is None:
                    time.sleep(0.2)
                    continue
                for shown in answer[1]:
                    rank = (RANK[shown["status"]], int(shown["progress"].rstrip("%")))
                    before = self.seen.get(shown["id"], ((0, 0), "NOT_START"))
                    went_back = rank < before[0] or (before[0][0] == 3 and shown["status"] != before[1])
                    if went_back:
                        self.backwards.append((shown["id"], before, shown["status"], rank))
                    self.seen[shown["id"]] = (rank, shown["status"])
            time.sleep(0.2)


class CrashTest(unittest.TestCase):
    def start_all(self):
        rng = self.rng = random.Random(SEED)
        print(f"seed {SEED}, {TASKS} tasks, {SECONDS:.0f} s of faults", flush=True)
        self.redis = self.enterContext(Redis())
        self.sim = self.enterContext(Sim(speed=0.4))
        self.receiver = self.enterContext(Receiver())
        config = {
            "lease_ms": LEASE_MS,
            "log_level": "info",
            "webhook": {"retry_delays_ms": [200, 500, 1000, 2000, 2000], "timeout_ms": 2000},
        }
        account = {
            "name": "mj-1",
            "provider": "midjourney",
            "base_url": self.sim.url,
            "api_key": "sim-secret",
            "poll_interval_ms": 300,
            "max_concurrency": 400,
        }
        config["accounts"] = [account]
        self.api = self.enterContext(Spool(config, redis=self.redis, roles=["api", "webhook"]))
        self.workers = [
            self.enterContext(Spool(config, redis=self.redis, roles=["worker"], data_dir=self.api.data_dir))
            for _ in range(2)
        ]
        self.faults = collections.Counter()
        self.client = Client(self.api.port, self.receiver.url, rng)

    def again(self, spool):
        spool.kill()
        spool.start()

    def kill_worker(self):
        self.again(self.rng.choice(self.workers))

    def kill_spool(self):
        spools = [self.api, *self.workers]
        for spool in spools:
            os.kill(spool.pid, signal.SIGKILL)
        for spool in spools:
            self.again(spool)

    def kill_redis(self):
        self.redis.kill()
        time.sleep(self.rng.uniform(0, 0.5))
        self.redis.start()

    def kill_both(self):
        self.redis.kill()
        self.kill_spool()
        self.redis.start()

    def stop_worker(self):
        """SIGSTOP past its lease: the other takes over, the woken one must not write or send."""
        worker = self.rng.choice(self.workers)
        os.kill(worker.pid, signal.SIGSTOP)
        time.sleep(1.5 * LEASE_MS / 1000)
        os.kill(worker.pid, signal.SIGCONT)

    def break_things(self):
        phases = [self.kill_worker, self.kill_spool, self.kill_redis, self.kill_both]
        began = time.monotonic()
        stops = 0
        while (elapsed := time.monotonic() - began) < SECONDS:
            time.sleep(self.rng.uniform(1, 2))
            fault = phases[min(int(4 * elapsed / SECONDS), 3)]
            if stops < 2 and elapsed > SECONDS * (stops + 0.5) / 3:
                fault = self.stop_worker
                stops += 1
            self.faults[fault.__name__] += 1
            fault()

    def in_flight(self):
        return sum(1 for rank, _ in list(self.client.seen.values()) if rank[0] < 3)

    def test_nothing_is_lost(self):
        self.start_all()
        threads = [threading.Thread(target=self.client.look)]
        numbers = iter(range(TASKS))
        lock = threading.Lock()

        def submit():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self.client.submit(number)
                # The last hundred come while things break.
                time.sleep(0 if number < TASKS - 100 else SECONDS / 100 * 4)

        threads += [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        harness.eventually(lambda: self.in_flight() >= min(200, TASKS - 120), 30, "200 in flight")
        at_once = self.in_flight()
        self.break_things()
        print(f"in flight at first {at_once}, faults {dict(self.faults)}", flush=True)
        for thread in threads[1:]:
            thread.join()

        acknowledged = self.client.acknowledged
        harness.eventually(
            lambda: sum(1 for rank, _ in list(self.client.seen.values()) if rank[0] == 3) == TASKS,
            90,
            "the end of every task",
            0.2,
        )
        harness.eventually(self.all_told, 40, "the last webhook of every task", 0.2)
        self.client.stopping.set()
        threads[0].join()

        self.assertEqual(len(acknowledged), TASKS)
        self.assertEqual(self.client.doubled, [])
        self.assertEqual(self.client.backwards, [])
        self.check_vendor(acknowledged)
        self.check_hooks(acknowledged)
        self.check_files(acknowledged)
        self.check_slots()

    def final_words(self):
        return {self.client.acknowledged[i][0]: word for i, (_, word) in self.client.seen.items()}

    def all_told(self):
        told = {int(hook.path[1:]): hook.word for hook in list(self.receiver.hooks)}
        return all(told.get(number) == word for number, word in self.final_words().items())

    def check_vendor(self, acknowledged):
        states = self.sim.get("/sim/states")
        twice = {state: count for state, count in states.items() if count > 1}
        self.assertEqual(twice, {}, "the vendor accepted these more than once")
        unknown = 0
        for task in acknowledged:
            shown = self.api.get(f"/v1/tasks/{task}")
            if shown["status"] == "succeeded":
                self.assertEqual(states.get(task), 1, task)
            unknown += (shown["error"] or {}).get("code") == "submit_outcome_unknown"
        print(f"vendor: {sum(states.values())} accepted, 0 twice, {unknown} submit_outcome_unknown", flush=True)

    def check_hooks(self, acknowledged):
        """Per task in order; a retry repeats, nothing older comes after news."""
        per_task = collections.defaultdict(list)
        for hook in self.receiver.hooks:
            per_task[int(hook.path[1:])].append(hook)
        for task, (number, _) in acknowledged.items():
            ranks = [RANK[hook.word] for hook in per_task[number]]
            self.assertEqual(ranks, sorted(ranks), (task, [h.word for h in per_task[number]]))
            self.assertTrue(all(hook.body["id"] == task for hook in per_task[number]), task)
        print(f"webhooks: {len(self.receiver.hooks)}, every task's last word was told", flush=True)

    def check_files(self, acknowledged):
        files = 0
        for task in acknowledged:
            for artifact in self.api.get(f"/v1/tasks/{task}")["artifacts"]:
                with urllib.request.urlopen(artifact["url"]) as answer:
                    data = answer.read()
                self.assertEqual(len(data), artifact["bytes"], task)
                self.assertEqual(hashlib.sha256(data).hexdigest(), artifact["sha256"], task)
                files += 1
        self.assertGreater(files, TASKS / 2)
        print(f"files: {files}, every sha256 matches", flush=True)

    def check_slots(self):
        """Only jobs that may still run at the vendor hold one."""
        held = self.redis.cli("HLEN", "spool:slots:mj-1")
        watched = sum(
            self.redis.cli("HEXISTS", f"spool:t:{task}", "watch") == "1" for task in self.client.acknowledged
        )
        self.assertEqual(int(held), watched + 1)
        self.assertEqual(self.redis.cli("HGET", "spool:slots:mj-1", "#"), str(watched))


if __name__ == "__main__":
    harness.main()
