"""Kill -9 anywhere: nothing acknowledged is lost, nothing is paid twice, nothing runs backwards.

Jobs of every vendor. An API process and worker processes share one Redis. For SPOOL_CRASH_SECONDS (30)
something is killed every second or two: first workers, then all of Spool, then Redis, then everything at
once. One worker is stopped past its lease and continued. Then everything is left alone, and every promise
is counted.
"""
import collections
import hashlib
import http.client
import http.server
import os
import random
import signal
import threading
import time
import unittest
import urllib.request

import harness
from harness import PNG, Receiver, Redis, Sim, Spool, task_in
from vendors import accounts_of_all, all_vendors

SECONDS = float(os.environ.get("SPOOL_CRASH_SECONDS", "30"))
SEED = int(os.environ.get("SPOOL_CRASH_SEED", str(int(time.time()) % 100000)))
TASKS = int(os.environ.get("SPOOL_CRASH_TASKS", "320"))
LEASE_MS = 2000
VENDORS = all_vendors()

# What goes wrong at every vendor, and how often; then what only some know.
WORDS = (
    [""] * 14
    + ["[cut]", "[502]", "[html]", "[empty]", "[slow-answer]"]
    + ["[429]", "[flaky-link]", "[fail]", "[refuse]", "[fast]"]
)
RANK = {"queued": 0, "in_progress": 1, "succeeded": 2, "failed": 2, "cancelled": 2}
# The words of webhooks.
WORD_RANK = {
    **{"NOT_START": 0, "SUBMITTED": 1, "IN_PROGRESS": 2, "SUCCESS": 3, "FAILURE": 3, "CANCEL": 3},
    **{"queued": 0, "submitted": 0, "processing": 2, "succeed": 3, "complete": 3, "failed": 3, "error": 3},
}


class Pictures:
    """Where the clients' images lie; one comes late."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(0.05)
                self.send_response(200)
                self.send_header("Content-Length", str(len(PNG)))
                self.end_headers()
                self.wfile.write(PNG)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/picture.png"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Client:
    """Submits, each with an Idempotency-Key, again and again until it is acknowledged; then looks."""

    def __init__(self, port, hooks, picture, rng):
        self.port = port
        self.hooks = hooks
        self.picture = picture
        self.rng = rng
        self.acknowledged = {}  # task -> (number, vendor, prompt)
        self.doubled = []
        self.seen = {}  # task -> (version, status)
        self.backwards = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def ask(self, method, path, body=None, headers=None):
        """None where the API can't be reached or is not itself."""
        all_headers = {"Authorization": "Bearer sk-dev", **(headers or {})}
        try:
            status, _, answer = harness.exchange(self.port, method, path, body, all_headers, 10)
        except (OSError, http.client.HTTPException, ValueError):
            return None
        return (status, answer) if status < 500 else None

    def submit(self, number):
        vendor = list(VENDORS)[number % len(VENDORS)]
        prompt = f"job {number} of {SEED} {self.rng.choice(WORDS + VENDORS[vendor].WORDS)}"
        path, body = VENDORS[vendor].job(prompt, self.rng.choice([None, self.picture]))
        body["notifyHook"] = f"{self.hooks}/{number}"
        key = {"Idempotency-Key": f"k{SEED}-{number}", "Prefer": "respond-async"}
        ids = set()
        while not ids:
            answer = self.ask("POST", path, body, key)
            if answer is not None and answer[0] in (200, 202) and task_in(answer[1]) is not None:
                ids.add(task_in(answer[1]))
            else:
                time.sleep(0.1)
        # Asked again, it is the same task.
        answer = self.ask("POST", path, body, key)
        if answer is not None and answer[0] in (200, 202):
            ids.add(task_in(answer[1]))
        if len(ids) != 1:
            self.doubled.append(ids)
        with self.lock:
            self.acknowledged[ids.pop()] = (number, vendor, prompt)

    def look(self):
        """Round and round over the tasks: versions and words must never go back."""
        while not self.stopping.is_set():
            after = ""
            while after is not None:
                answer = self.ask("GET", f"/v1/tasks?limit=100&after={after}")
                if answer is None:
                    time.sleep(0.2)
                    continue
                for shown in answer[1]["data"]:
                    now = (shown["version"], shown["status"], shown["progress"])
                    before = self.seen.get(shown["id"], (0, "queued", 0))
                    went_back = now[0] < before[0] or RANK[now[1]] < RANK[before[1]] or now[2] < before[2]
                    if went_back or (RANK[before[1]] == 2 and now != before):
                        self.backwards.append((shown["id"], before, now))
                    self.seen[shown["id"]] = now
                after = answer[1]["next"] if answer[1]["has_more"] else None
            time.sleep(0.2)

    def ended(self):
        return [task for task, (_, status, _) in list(self.seen.items()) if RANK[status] == 2]


class CrashTest(unittest.TestCase):
    def start_all(self):
        rng = self.rng = random.Random(SEED)
        print(f"seed {SEED}, {TASKS} tasks, {SECONDS:.0f} s of faults", flush=True)
        self.redis = self.enterContext(Redis())
        self.sim = self.enterContext(Sim(speed=0.25))
        self.receiver = self.enterContext(Receiver())
        config = {
            "lease_ms": LEASE_MS,
            "log_level": "info",
            "webhook": {"retry_delays_ms": [200, 500, 1000, 2000, 2000], "timeout_ms": 2000},
        }
        config["webhook"]["allow_private_networks"] = True
        config["accounts"] = self.accounts()
        self.api = self.enterContext(Spool(config, redis=self.redis, roles=["api", "webhook"]))
        self.workers = [
            self.enterContext(Spool(config, redis=self.redis, roles=["worker"], data_dir=self.api.data_dir))
            for _ in range(2)
        ]
        self.faults = collections.Counter()
        pictures = self.enterContext(Pictures())
        self.client = Client(self.api.port, self.receiver.url, pictures.url, rng)

    def accounts(self):
        return [{**account, "poll_interval_ms": 300, "max_concurrency": 400} for account in accounts_of_all(self.sim)]

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
        harness.freeze(worker.pid)
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
        return len(self.client.seen) - len(self.client.ended())

    def test_nothing_is_lost(self):
        self.start_all()
        threads = [threading.Thread(target=self.client.look, daemon=True)]
        numbers = iter(range(TASKS))
        lock = threading.Lock()

        def submit():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self.client.submit(number)
                # The last eighty come while things break.
                time.sleep(0 if number < TASKS - 80 else SECONDS / 80 * 4)

        threads += [threading.Thread(target=submit, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        # Or all that come fast have come: on a slow machine the first of them end before the last.
        harness.eventually(lambda: self.in_flight() >= min(200, TASKS - 120) or len(self.client.seen) >= TASKS - 80, 60, "200 in flight")
        at_once = self.in_flight()
        self.break_things()
        print(f"in flight at first {at_once}, faults {dict(self.faults)}", flush=True)
        for thread in threads[1:]:
            thread.join()

        acknowledged = self.client.acknowledged
        harness.eventually(
            lambda: len(self.client.ended()) == TASKS,
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

    def all_told(self):
        """The last word of every task that has ended has been told."""
        told = {int(hook.path[1:]): hook.word for hook in list(self.receiver.hooks)}
        return all(WORD_RANK.get(told.get(number), 0) == 3 for number, _, _ in self.client.acknowledged.values())

    def check_vendor(self, acknowledged):
        jobs = self.sim.get("/sim/jobs")
        states = self.sim.get("/sim/states")
        unknown = collections.Counter()
        for task, (_, vendor, prompt) in acknowledged.items():
            shown = self.api.get(f"/v1/tasks/{task}")
            counted = VENDORS[vendor].COUNTED
            seen = states if counted == "states" else jobs[vendor][counted]
            accepted = seen.get(prompt if counted == "prompts" else task, 0)
            self.assertLessEqual(accepted, 1, (task, prompt, "was accepted more than once"))
            if shown["status"] == "succeeded":
                self.assertEqual(accepted, 1, (task, prompt))
            unknown[vendor] += (shown["error"] or {}).get("code") == "submit_outcome_unknown"
        # What has our id is always found again, or proved to be absent.
        self.assertEqual([unknown[name] for name, vendor in VENDORS.items() if vendor.COUNTED == "marks"], [0])
        print(f"vendors: none accepted twice; submit_outcome_unknown {dict(unknown)}", flush=True)

    def check_hooks(self, acknowledged):
        """Per task in order; a retry repeats, nothing older comes after news."""
        per_task = collections.defaultdict(list)
        for hook in self.receiver.hooks:
            per_task[int(hook.path[1:])].append(hook)
        for task, (number, _, _) in acknowledged.items():
            ranks = [WORD_RANK[hook.word] for hook in per_task[number]]
            self.assertEqual(ranks, sorted(ranks), (task, [h.word for h in per_task[number]]))
            self.assertTrue(all(hook.body["id"] == task for hook in per_task[number]), task)
        print(f"webhooks: {len(self.receiver.hooks)}, every task's last word was told", flush=True)

    def check_files(self, acknowledged):
        files = 0
        for task, (_, _, prompt) in acknowledged.items():
            for artifact in self.api.get(f"/v1/tasks/{task}")["artifacts"]:
                if "error" in artifact:
                    # What may be missing, or what the vendor itself holds back.
                    wanted = ("image", "content_filter") if "[part]" in prompt else ("cover", artifact["error"]["code"])
                    if "[mixed]" in prompt:
                        wanted = ("audio", "vendor_failed")
                    self.assertEqual((artifact["kind"], artifact["error"]["code"]), wanted, (task, artifact))
                    continue
                with urllib.request.urlopen(artifact["url"]) as answer:
                    data = answer.read()
                self.assertEqual(len(data), artifact["bytes"], task)
                self.assertEqual(hashlib.sha256(data).hexdigest(), artifact["sha256"], task)
                files += 1
        self.assertGreater(files, TASKS / 2)
        print(f"files: {files}, every sha256 matches", flush=True)

    def check_slots(self):
        """Only jobs that may still run at the vendor hold one. A watch may end between two looks."""
        for _ in range(10):
            wrong = self.wrong_slots()
            if not wrong:
                return
        self.assertEqual(wrong, [])

    def wrong_slots(self):
        """[(account, tasks with a slot, the account's sum, tasks that are watched)]"""
        watched, holders = collections.Counter(), collections.Counter()
        for task in self.client.acknowledged:
            watch, slot, account = (self.redis.cli("HGET", f"{{spool}}:t:{task}", name) for name in ("watch", "slot", "account"))
            watched[account] += watch != ""
            holders[account] += slot != ""
        wrong = []
        for account in (one["name"] for one in self.accounts()):
            slots = f"{{spool}}:slots:{account}"
            if watched[account] == 0 and self.redis.cli("EXISTS", slots) == "0":
                continue  # it never had a job
            held, total = holders[account], int(self.redis.cli("HGET", slots, "#"))
            if (held, total) != (watched[account], watched[account]):
                wrong.append((account, held, total, watched[account]))
        return wrong


if __name__ == "__main__":
    harness.main()
