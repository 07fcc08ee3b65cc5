"""Tasks that wait: what a million of them cost, and how long another key's tasks take behind them."""
import hashlib
import os
import statistics
import time

import harness
import resp
import submits
import vendor_jobs
from figures import percentile, spread
from harness import Redis, Sim, Spool, script_text
from npm_peer import NO_FSYNC

COUNT = max(int(os.environ.get("BENCH_TASKS", "1000000")) // 100 * 100, 10000)
LATER = 1000  # tasks of the second key
ALONE = 20  # of these, one at a time
SLOTS = 50
WARM = 5000
CLAIMS_KEPT = 20000
KEYS = [{"name": "dev", "key": "sk-dev"}, {"name": "other", "key": "sk-other"}]


def spool_at(sim, redis, tools, slots):
    account = {"name": "mj-1", "provider": "midjourney", "base_url": sim.url, "api_key": "sim-secret", "poll_interval_ms": 50}
    config = {**tools.FORGETFUL, "queue_limit_per_key": 0, "tokens": KEYS, "accounts": [{**account, "max_concurrency": slots}]}
    spool = Spool(config, redis=redis)
    harness.eventually(spool.is_ready, 60)
    return spool


def fill(spool, count):
    """By requests of a hundred, each task of about 1 KB; seconds."""
    body = {"prompt": "lorem ipsum " * 72, "state": "order-4711", "botType": "MID_JOURNEY"}
    hundred = submits.http_request("/v1/tasks/batch", {"requests": [{"path": "/mj/submit/imagine", "body": body}] * 100})
    began = time.monotonic()
    for at in range(0, count, 10000):
        submits.send_all(spool.port, [hundred] * (min(10000, count - at) // 100))
    return time.monotonic() - began


class Claims:
    """The calls of the script that claims, as Redis' own slow log times them."""

    def __init__(self, redis):
        self.wire = resp.Resp(redis.socket, 60)
        self.sha = hashlib.sha1(script_text("claim").encode()).hexdigest()
        self.wire.call("CONFIG", "SET", "slowlog-max-len", CLAIMS_KEPT, "slowlog-log-slower-than", 0)
        self.wire.call("SLOWLOG", "RESET")

    def times_us(self):
        entries = self.wire.call("SLOWLOG", "GET", CLAIMS_KEPT)
        self.wire.call("CONFIG", "SET", "slowlog-log-slower-than", -1)
        self.wire.close()
        found = [entry[2] for entry in entries if self.sha in entry[3][1:2]]
        if not found:
            raise RuntimeError("no claim was seen")
        return found


def reached(sim, tasks):
    """Task -> when its submit came to the vendor, once all have."""
    found = {}

    def are_all():
        found.update(vendor_jobs.midjourney(sim, 20 * LATER))
        return all(task in found for task in tasks)

    harness.eventually(are_all, 120, "the second key's submits", 0.2)
    return {task: found[task]["submitTime"] for task in tasks}


def second_key(sim, spool, redis):
    """Ms from a submit to the vendor's having one that comes alone, and the last of many; and the claims meanwhile."""
    body = {"prompt": "a lighthouse in a storm"}

    def send(count):
        answers = submits.batch_all(spool.port, [body] * count, key="sk-other")
        return [answer["result"] for answer in answers]

    sent = {}
    for _ in range(ALONE):
        began = 1000 * time.time()
        sent[send(1)[0]] = began
        time.sleep(0.2)
    alone = [moment - sent[task] for task, moment in reached(sim, list(sent)).items()]
    claims = Claims(redis)
    began = 1000 * time.time()
    at = reached(sim, send(LATER))
    return {"first": statistics.median(alone), "last": max(at.values()) - began, "claims": claims.times_us()}


def with_none(sim, tools):
    with Redis(options=NO_FSYNC) as redis, spool_at(sim, redis, tools, SLOTS) as spool:
        submits.batch_all(spool.port, [{"prompt": "warm"}] * 200)
        time.sleep(1)
        return second_key(sim, spool, redis)


def behind_many(sim, tools):
    """All slots are taken by a job that never ends while they come in; then there are more."""
    with Redis(options=NO_FSYNC) as redis:
        redis.checks_keys = False  # that reads every record
        with spool_at(sim, redis, tools, 1) as spool:
            spool.submit("[never]")
            fill(spool, WARM)  # the same requests: what they need meanwhile isn't the tasks'
            time.sleep(1)
            memory, rss = tools.used_memory(redis), tools.status_kb(spool.pid)
            before = tools.counts(spool)["tasks_accepted_total"]
            took = fill(spool, COUNT)
            time.sleep(2)
            if tools.counts(spool)["tasks_accepted_total"] - before != COUNT:
                raise RuntimeError("not all were accepted")
            events = int(redis.cli("MEMORY", "USAGE", "{spool}:events", "SAMPLES", "0") or 0)
            found = {"took": took, "few_kb": rss, "full_kb": tools.status_kb(spool.pid),
                     "bytes": (tools.used_memory(redis) - memory - events) / COUNT}  # fmt: skip
        with spool_at(sim, redis, tools, SLOTS + 1) as spool:
            time.sleep(1)
            found.update(second_key(sim, spool, redis), again_kb=tools.status_kb(spool.pid))
    return found


def measure(row, rounds, tools):
    none, many = [], []
    for _ in range(rounds):
        for found, run in ((none, with_none), (many, behind_many)):
            with Sim(speed=0) as sim:
                found.append(run(sim, tools))
    last, peer = many[-1], tools.peer_memory() if tools.PEER else None
    growth_mb = statistics.mean((one["full_kb"] - one["few_kb"]) / 1024 for one in many)
    row(f"{COUNT} waiting tasks, memory of our process", f"{spread([one['full_kb'] / 1024 for one in many], '.1f')} MB",
        f"with {WARM} {last['few_kb'] / 1024:.1f} MB; started on them {last['again_kb'] / 1024:.1f} MB",
        f"{growth_mb:.1f} MB more, {growth_mb * (1 << 20) / COUNT:.1f} B each", "-; goal none")
    mine = statistics.mean(one["bytes"] for one in many)
    row(f"{COUNT} waiting tasks, memory of each in Redis", f"{mine:.0f} B ({last['took']:.0f} s to fill)", f"BullMQ {peer:.0f} B" if peer else "-",
        f"{peer / mine:.2f} of BullMQ's" if peer else "-", "-; goal 1,300 B")
    means, floors = ([statistics.mean(one["claims"]) for one in runs] for runs in (many, none))
    row(f"{COUNT} waiting tasks, a call that claims", f"{spread(means, '.0f')} µs, p99 {percentile(last['claims'], 99)} µs",
        f"with none {spread(floors, '.0f')} µs, p99 {percentile(none[-1]['claims'], 99)} µs",
        f"{statistics.mean(means) / statistics.mean(floors):.1f} times", "-; goal the same")
    for name, what in (("first", "a second key's lone task to the vendor, p50"), ("last", f"the last of its {LATER}")):
        ours, floor = ([one[name] for one in runs] for runs in (many, none))
        row(f"{COUNT} waiting tasks, {what}", f"{spread(ours, '.0f')} ms", f"with none {spread(floor, '.0f')} ms",
            f"{statistics.mean(ours) / statistics.mean(floor):.1f} times", "-; goal twice, for keys take turns" if name == "last" else "-")
