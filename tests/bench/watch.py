"""Watchers: what a change costs that a thousand are told, what one costs that hears nothing, and what is left for submits."""
import json
import os
import resource
import statistics
import subprocess
import time

import harness
from figures import spread
from harness import Redis, Spool
from npm_peer import NO_FSYNC, Peer

HERE = os.path.dirname(os.path.abspath(__file__))
WATCHERS = os.environ.get("BENCH_WATCHERS", "build/release/tests/bench/spool-watchers")
COUNT = int(os.environ.get("BENCH_WATCHING", "1000"))
# One key may have half of the connections, and these a quarter of the descriptors.
IDLE = min(int(os.environ.get("BENCH_IDLE", "10000")), resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 9)
BURSTS, BURST = 20, 100  # so many changes at one moment, so many times
LONE, LONE_EVERY_S = 50, 0.02
ALL = '{"type":"subscribe","all":true}'
JOINED = '{"type":"subscribe","all":true,"batch":true}'
QUIET = {"log_level": os.environ.get("BENCH_LOG", "warn"), "queue_limit": 0, "redis_persistence": "none", "max_connections": 40000}


class Watchers:
    """WebSockets of one process in C."""

    def __init__(self, port, count, request):
        self.process = subprocess.Popen(
            [WATCHERS, str(port), str(count), request], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        harness.running.add(self)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the watchers weren't let in")
        self.count = count
        self.said = [0, 0, 0, 0, count]

    def counts(self):
        """(changes told to all, changes told to the first, gaps it heard of, how many are open)"""
        try:
            self.process.stdin.write("?\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # all were closed: it has said its last, and is gone
        line = self.process.stdout.readline()
        if line:
            self.said = [int(word) for word in line.split()]
        every, first, changes, gaps, still = self.said
        return (changes * every / first if first else 0), changes, gaps, still

    def wait(self, changes):
        """All but what a ping that the first has got makes of it."""
        harness.eventually(lambda: self.counts()[0] >= 0.999 * changes, 120, f"{changes} changes", 0.005)

    def close(self):
        harness.end(self.process)
        harness.running.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def npm_ws(node, folder):
    """npm's ws, which hears of changes on a channel of Redis."""
    return Peer(node, folder, "watch.js")


class Ours:
    def __init__(self):
        self.redis = Redis(tcp=True, options=NO_FSYNC)
        self.spool = Spool(QUIET, redis=self.redis, roles=["api"])
        harness.eventually(self.spool.is_ready)
        self.port, self.pid = self.spool.port, self.spool.pid
        self.task = self.spool.submit("a lighthouse in a storm, oil on canvas " * 5)
        self.version = 1

    def pids(self):
        return self.spool.pid, self.redis.process.pid

    def tell(self, count):
        """So many changes of the task at one moment."""
        script = (
            "for i = 1, tonumber(ARGV[2]) do redis.call('XADD', '{spool}:events', 'MAXLEN', '~', '100000', '*', 'e', "
            "ARGV[1] .. ' ' .. (ARGV[3] + i) .. ' rendering 50 0 dev') end"
        )
        self.redis.cli("EVAL", script, "0", self.task.removeprefix("task_"), str(count), str(self.version))
        self.version += count

    def close(self):
        self.spool.close()
        self.redis.close()


def peer_tell(peer, change, count):
    script = "for i = 1, tonumber(ARGV[2]) do redis.call('PUBLISH', 'changes', ARGV[1]) end"
    peer.redis.cli("EVAL", script, "0", change, str(count))


def measure_fanout(cpu_us, pids, watchers, tell, count, times, every_s):
    """CPU per change and watcher; with `every_s`, one after the other, else each once the one before has come."""
    told = watchers.counts()[0]
    before = cpu_us(*pids)
    for i in range(times):
        tell(count)
        if every_s:
            time.sleep(every_s)
        else:
            watchers.wait(told + (i + 1) * count * watchers.count)
    watchers.wait(told + times * count * watchers.count)
    return (cpu_us(*pids) - before) / (times * count * watchers.count)


def fanout(row, rounds, cpu_us, node, peer_dir):
    ours, peer = Ours(), npm_ws(node, peer_dir) if peer_dir else None
    got = {}
    try:
        change = json.dumps({"owner": "dev", "cursor": "1234567890123-0", "task": ours.spool.task(ours.task)})
        tells = {"ours": ours.tell, "joined": ours.tell, "peer": lambda count: peer_tell(peer, change, count)}
        for _ in range(rounds):
            for who, request in (("ours", ALL), ("joined", JOINED), ("peer", ALL)):
                side = peer if who == "peer" else ours
                if side is None:
                    continue
                with Watchers(side.port, COUNT, request) as watchers:
                    tell = tells[who]
                    measure_fanout(cpu_us, side.pids(), watchers, tell, 10, 2, 0)  # warm
                    for kind, shape in (("burst", (BURST, BURSTS, 0)), ("lone", (1, LONE, LONE_EVERY_S))):
                        us = measure_fanout(cpu_us, side.pids(), watchers, tell, *shape)
                        got.setdefault((who, kind), []).append(us)
    finally:
        ours.close()
        if peer:
            peer.close()
    for kind, what, wanted in (("burst", f"{BURST} changes at once", "12 times less"), ("lone", "one by one", "no dearer")):
        for who, how in (("ours", ""), ("joined", ", joined")):
            mine = got[who, kind]
            theirs = got.get(("peer", kind))
            row(f"a change told to {COUNT} watchers, {what}{how}", f"{spread(mine)} µs each",
                f"ws {spread(theirs)} µs" if theirs else "-",
                f"{statistics.mean(theirs) / statistics.mean(mine):.1f} times less" if theirs else "-", f"-; goal {wanted}")


def idle_kb(status_kb, side, request):
    """What one more costs: the first brings what all share."""
    with Watchers(side.port, 1, request):
        before = status_kb(side.pid)
        with Watchers(side.port, IDLE, request):
            time.sleep(2)
            return (status_kb(side.pid) - before) / IDLE


def idle(row, status_kb, node, peer_dir):
    ours = Ours()
    request = json.dumps({"type": "subscribe", "tasks": [ours.task]})
    try:
        mine = idle_kb(status_kb, ours, request)
    finally:
        ours.close()
    theirs = None
    if peer_dir:
        peer = npm_ws(node, peer_dir)
        try:
            theirs = idle_kb(status_kb, peer, request)
        finally:
            peer.close()
    row(f"memory per WebSocket that waits for one task, {IDLE} of them", f"{mine:.2f} KB",
        f"ws {theirs:.2f} KB" if theirs else "-", f"{theirs / mine:.1f} times less" if theirs else "-", "-; goal 2 KB")


def submits(row, rounds, wrk):
    """As fast as can be, with watchers of everything and with none, in turn."""
    rates = {0: [], COUNT: []}
    told, closed = 0, 0
    with Redis(tcp=True, options=NO_FSYNC) as redis, Spool(QUIET, redis=redis, roles=["api"]) as spool:
        harness.eventually(spool.is_ready)
        wrk(spool.port)  # warm
        for _ in range(rounds):
            for count in (0, COUNT):
                redis.cli("FLUSHALL")
                harness.eventually(spool.is_ready)
                if count == 0:
                    rates[0].append(wrk(spool.port)[1])
                    continue
                with Watchers(spool.port, COUNT, ALL) as watchers:
                    began = time.monotonic()
                    rates[COUNT].append(wrk(spool.port)[1])
                    told = watchers.counts()[0] / (time.monotonic() - began)
                    closed += COUNT - watchers.counts()[3]
    with_none, with_all = (statistics.mean(rates[count]) for count in (0, COUNT))
    row(f"submits with {COUNT} watchers of everything", f"{spread(rates[COUNT])}/s", f"with none {spread(rates[0])}/s",
        f"{with_all / with_none:.2f} of the rate", "-; goal 0.9")
    print(f"  the watchers were told of {told:.0f} changes a second meanwhile; {closed} were closed", flush=True)


def measure(row, rounds, tools, node, peer_dir):
    fanout(row, rounds, tools.cpu_us, node, peer_dir)
    idle(row, tools.status_kb, node, peer_dir)
    submits(row, rounds, tools.wrk)
