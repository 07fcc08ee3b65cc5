"""When jobs are seen to have ended, and how many looks that takes: replayed by a clock of its own, and live."""
import statistics
import threading
import time

import harness
import replay
import resp
from harness import Redis, Spool, Vendor, account

JOBS = 150  # live, twice


class Timed(Vendor):
    """A Midjourney whose jobs take as long as those of the field test, ten times as fast."""

    def __init__(self, took_ms):
        super().__init__()
        self.took_ms = iter(took_ms)
        self.ends = {}
        self.looks = 0
        self.times = threading.Lock()
        self.on("/submit/", self.begin)
        self.on("/list-by-condition", self.look)

    def begin(self, asked):
        answer = self.usual(asked)
        with self.times:
            self.ends[answer[2]["result"]] = time.time() + next(self.took_ms) / 10000
        return answer

    def shown(self, job):
        if time.time() < self.ends[job]:
            return {"id": job, "status": "IN_PROGRESS", "progress": "0%", "state": ""}
        return super().shown(job)

    def look(self, asked):
        with self.times:
            self.looks += len(asked.body["ids"])


def round_of(spool, vendor):
    """Jobs that come one after the other: (looks of each, lag in ms)."""
    before, tasks = vendor.looks, []
    for _ in range(JOBS):
        tasks.append(spool.submit("x"))
        time.sleep(0.05)
    lags = []
    for task in tasks:
        spool.end_of(task, 120)
        steps = {step["event"]: step["at"] for step in spool.timeline(task)}
        lags.append(steps["rendered"] - 1000 * vendor.ends[spool.upstream(task)])
    return (vendor.looks - before) / JOBS, lags


def live(row):
    with Timed(replay.times(2 * JOBS)) as vendor, Redis() as redis:
        config = {"log_level": "warn", "accounts": [account(vendor, max_concurrency=0, poll_interval_ms=1000)]}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            looks, lags = round_of(spool, vendor)
            known_looks, known_lags = round_of(spool, vendor)
    row("live, ended to seen to have ended", f"{statistics.mean(known_lags):.0f} ms, {known_looks:.1f} looks a job",
        f"when nothing is known {statistics.mean(lags):.0f} ms, {looks:.1f} looks",
        f"{statistics.mean(lags) * looks / (statistics.mean(known_lags) * known_looks):.1f} times less, at equal looks",
        "-; goal half the lag, or half the looks")


def measure(row):
    times = replay.times()
    with Redis(options=["--appendonly", "no"]) as redis, resp.Resp(redis.socket) as wire:
        found = replay.replay(wire, times, "foresight")
        fixed_ms = replay.fixed_interval(wire, times, found[0])
        fixed = replay.replay(wire, times, "fixed", fixed_ms)
    row(f"replay of {len(times)} jobs, ended to seen to have ended",
        f"mean {found[1]:.0f} ms, p99 {found[3]:.0f} ms, {found[0] / len(times):.1f} looks a job",
        f"every {fixed_ms / 1000:.1f} s: {fixed[1]:.0f} ms, {fixed[3]:.0f} ms, {fixed[0] / len(times):.1f} looks",
        f"{fixed[1] / found[1]:.1f} times less", "-; goal half the lag, or half the looks")
    live(row)
