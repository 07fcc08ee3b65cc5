"""From the vendor's end of a job to the client's seeing it over a WebSocket, with many that render at once. Their ends
are spread over half a minute, so a wave takes more than one."""
import os
import random

import harness
import submits
import vendor_jobs
from figures import mean_of, percentile, spread_of
from harness import Redis, Sim, Spool
from hearing import Hearing
from npm_peer import NO_FSYNC
from vendors.kling import kling_account

COUNT = min(int(os.environ.get("BENCH_TASKS", "10000")), 10000)
SHORTEST_S, LONGEST_S = map(float, os.environ.get("BENCH_RENDER_S", "30 60").split())
JOB_S = 2.8  # what a job of the simulator takes


def took_s():
    """As long as each job takes. Always the same, but no two waves end in the same order."""
    chosen = random.Random(4711)
    return [chosen.uniform(SHORTEST_S, LONGEST_S) for _ in range(COUNT)]


def wave(tools, spool, path, bodies, ends_of):
    """Submits them all at once, and hears of them until the last has ended. Lags in ms."""
    before = tools.counts(spool)
    watcher = Hearing(spool.port)
    answers = submits.batch_all(spool.port, bodies, path)
    tasks = [answer.get("task_id") or answer["result"] for answer in answers]
    done = before["tasks_succeeded"] + COUNT
    harness.eventually(lambda: tools.counts(spool)["tasks_succeeded"] >= done, 300, "every end", 0.5)
    harness.eventually(lambda: watcher.is_quiet(), 30, "the last change")
    looks = (tools.counts(spool)["polled_tasks_total"] - before["polled_tasks_total"]) / COUNT
    known, seen = watcher.first_seen(lambda task: task["phase"] == "archiving", lambda task: task["status"] == "succeeded")
    ends = ends_of()
    lags = [seen[task] - ends[task] for task in tasks]
    known_lags = [known.get(task, seen[task]) - ends[task] for task in tasks]
    return {"p50": percentile(lags, 50), "p99": percentile(lags, 99), "looks": looks,
            "known": percentile(known_lags, 50)}  # fmt: skip


def polled(tools):
    """(the wave that nothing is known before, the one after it)"""
    account = {"name": "mj-1", "provider": "midjourney", "api_key": "sim-secret", "max_concurrency": 0}
    bodies = [{"prompt": f"a lighthouse [times-{took / JOB_S:.3f}]"} for took in took_s()]
    with Sim(speed=1) as sim, Redis(options=NO_FSYNC) as redis:
        with Spool({**tools.FORGETFUL, "accounts": [{**account, "base_url": sim.url}]}, redis=redis) as spool:
            harness.eventually(spool.is_ready)

            def ends():
                return {task: job["finishTime"] for task, job in vendor_jobs.midjourney(sim, COUNT).items()}

            return [wave(tools, spool, "/mj/submit/imagine", bodies, ends) for _ in range(2)]


def called_back(tools):
    bodies = [{"model_name": "kling-v2-6", "prompt": f"a lighthouse [times-{took / JOB_S:.3f}]"} for took in took_s()]
    with Sim(speed=1) as sim, Redis(options=NO_FSYNC) as redis:
        account = {**kling_account(sim, max_concurrency=0)}
        del account["poll_interval_ms"]
        with Spool({**tools.FORGETFUL, "accounts": [account], "vendor_callbacks": "always"}, redis=redis) as spool:
            harness.eventually(spool.is_ready)

            def ends():
                return {task: job["updated_at"] for task, job in vendor_jobs.kling(sim, COUNT).items()}

            return wave(tools, spool, "/kling/v1/videos/text2video", bodies, ends)


def said(runs):
    return (f"p50 {spread_of(runs, 'p50', '.0f')} ms, p99 {spread_of(runs, 'p99', '.0f')} ms, {mean_of(runs, 'looks'):.1f} looks each "
            f"(known to us p50 {mean_of(runs, 'known'):.0f} ms)")


def measure(row, rounds, tools):
    first, second, hinted = [], [], []
    for _ in range(rounds):
        for runs, one in zip((first, second), polled(tools)):
            runs.append(one)
        hinted.append(called_back(tools))
    for runs, what in ((first, "nothing known of their times"), (second, "as long as the wave before")):
        # Looks at even distances: the last of them is half a distance late, in the mean.
        every_ms = 1000 * sum(took_s()) / COUNT / (mean_of(runs, "looks") - 0.5)
        row(f"{COUNT} rendering at once, ended to seen over a WebSocket, {what}", said(runs),
            f"known by looks every {every_ms / 1000:.1f} s, which are as many: p50 {every_ms / 2:.0f} ms, p99 {every_ms * 0.99:.0f} ms",
            f"known {every_ms / 2 / mean_of(runs, 'known'):.1f} times sooner", "p50 2.5 s, p99 5.2 s; goal half of it, at as many looks")
    row("the same, the vendor calls back (Kling)", said(hinted), "-", "-", "-; goal 50 ms")
