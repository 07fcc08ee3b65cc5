"""The whole life of a task with its hook: submitted, looked at until the vendor is done, its file on a disk, its hook delivered."""
import os
import tempfile
import time

import harness
import submits
from figures import mean_of, spread_of
from harness import Redis, Sim, Spool
from hooks import Sink, waiting
from npm_peer import NO_FSYNC, Peer

WARM = 500
COUNT = int(os.environ.get("BENCH_TASKS", "5000"))
LOOK_MS = 50  # both look so often
HOOKS = 3  # of the peer's tasks, as of ours: SUBMITTED, IN_PROGRESS, SUCCESS


def run(port, pids, sink, tools, ended):
    """From the first submit to the last hook, whoever does it; warm first. `ended`: how many tasks, once there is nothing more to do."""
    some(port, sink, WARM, ended, WARM)
    came, before, began = sink.count(), tools.cpu_us(*pids), time.monotonic()
    some(port, sink, COUNT, ended, WARM + COUNT)
    took = time.monotonic() - began
    return {"us": (tools.cpu_us(*pids) - before) / COUNT, "rate": COUNT / took, "hooks": (sink.count() - came) / COUNT}


def some(port, sink, count, ended, wanted):
    words = {"prompt": "lorem ipsum " * 72, "state": "order-4711", "botType": "MID_JOURNEY"}
    bodies = [{**words, "notifyHook": sink.receiver(number)} for number in range(count)]
    came = sink.count()
    submits.submit_all(port, bodies)
    harness.eventually(lambda: sink.count() - came >= count and ended() == wanted, 300, "every hook", 0.05)


def ours(sim, sink, tools):
    account = {"name": "mj-1", "provider": "midjourney", "base_url": sim.url, "api_key": "sim-secret", "max_concurrency": 0}
    with Redis(options=NO_FSYNC) as redis:
        config = {**tools.FORGETFUL, "accounts": [{**account, "poll_interval_ms": LOOK_MS}]}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)

            def ended():
                return tools.counts(spool)["tasks_succeeded"] if waiting(redis) == 0 else 0

            return run(spool.port, (spool.pid, redis.process.pid), sink, tools, ended)


def theirs(sim, sink, tools, *how):
    with tempfile.TemporaryDirectory(prefix="bench-life-") as folder:
        peer = Peer(tools.NODE, tools.PEER, "life.js", sim.url, folder, LOOK_MS, *how)

        def ended():
            done = harness.exchange(peer.port, "GET", "/counts")[2]
            if done["failed"]:
                raise RuntimeError(f"the peer failed: {done}")
            return done["delivered"] / HOOKS

        found = run(peer.port, peer.pids(), sink, tools, ended)
        files = len(os.listdir(folder))
        peer.close()
    if files != WARM + COUNT:
        raise RuntimeError(f"the peer has {files} files of {WARM + COUNT} tasks")
    return found


def measure(row, rounds, tools):
    mine, peers, kept = [], [], []
    with Sim(speed=0) as sim, Sink() as sink:
        for _ in range(rounds):
            mine.append(ours(sim, sink, tools))
            if tools.PEER:
                peers.append(theirs(sim, sink, tools))
                kept.append(theirs(sim, sink, tools, "kept"))
    how = f"{COUNT} tasks, {mean_of(mine, 'hooks'):.2f} hooks each"
    beside, ratio, rate = "-", "-", "-"
    if peers:
        beside = (f"fastify + BullMQ flow + undici {spread_of(peers, 'us', '.0f')} µs ({HOOKS} hooks each), "
                  f"with a hash and fsync as ours {spread_of(kept, 'us', '.0f')} µs")
        ratio = f"{mean_of(peers, 'us') / mean_of(mine, 'us'):.1f} times less, {mean_of(kept, 'us') / mean_of(mine, 'us'):.1f}"
        rate = f"{spread_of(peers, 'rate', '.0f')}/s, with fsync {spread_of(kept, 'rate', '.0f')}/s"
    row("whole life, submit to hook, CPU with Redis", f"{spread_of(mine, 'us', '.0f')} µs ({how})", beside, ratio, "-; goal 3 times less")
    row("whole life, rate", f"{spread_of(mine, 'rate', '.0f')}/s (files with fsync; vendor, sink and load beside it)", rate,
        f"{mean_of(mine, 'rate') / mean_of(peers, 'rate'):.1f} times" if peers else "-", "-; goal 2,000/s on two cores")
