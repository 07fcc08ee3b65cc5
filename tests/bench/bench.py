"""The figures, each as a ratio against a baseline measured in the same run.

CPU per operation is what counts (ours plus Redis', over theirs plus Redis'): rates move by a factor
of two on a shared machine. The two sides of a ratio are measured in turn, A B A B.
"""
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import archive  # noqa: E402
import calls  # noqa: E402
import foresight  # noqa: E402
import life  # noqa: E402
import seen  # noqa: E402
import tls  # noqa: E402
import waiting  # noqa: E402
import watch  # noqa: E402
import harness  # noqa: E402
import hooks  # noqa: E402
from figures import spread  # noqa: E402
from harness import Redis, Sim, Spool  # noqa: E402
from npm_peer import COMPACT, NO_FSYNC, Peer  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.environ.get("BENCH_PEER", "")  # where npm put the peers; empty: without them
NODE = os.environ.get("BENCH_NODE", "node")
FLOOR = os.environ["BENCH_FLOOR"]
ECHO = os.environ["BENCH_ECHO"]
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
TASKS = int(os.environ.get("BENCH_TASKS", "100000"))
FORGETFUL = {"log_level": "warn", "queue_limit": 0, "redis_persistence": "none"}
HEAD = ("what", "ours", "beside", "ratio", "first")
rows = []


def cpu_us(*pids):
    """All threads' time on a processor, from the scheduler."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1000


def status_kb(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"{field}:\s+(\d+)", file.read()).group(1))


def used_memory(redis):
    return int(re.search(r"used_memory:(\d+)", redis.cli("INFO", "memory")).group(1))


def row(what, ours, peer, ratio, wanted):
    rows.append((what, ours, peer, ratio, wanted))
    print(f"  {what}: {ours}; {peer}; {ratio} (first: {wanted})", flush=True)


def wrk(port, seconds=None, connections=64, words="", hook="", path="/mj/submit/imagine", script="submit.lua", **env):
    """Requests made, and made per second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{int(seconds or SECONDS)}s", "-s", f"{HERE}/{script}"]
    env = dict(os.environ, BENCH_WORDS=words, BENCH_HOOK=hook, **env)
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, env=env, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    return int(re.search(r"(\d+) requests in", out).group(1)), float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def server():
    """fastify + BullMQ"""
    return Peer(NODE, PEER, "server.js")


def front_door(redis, **config):
    base = {**FORGETFUL, **config}
    spool = Spool(base, redis=redis, roles=["api"])
    harness.eventually(spool.is_ready)
    return spool


def measure_submit(port, pids):
    before = cpu_us(*pids)
    count, rate = wrk(port)
    return (cpu_us(*pids) - before) / count, rate


def measure_floor(redis, echo, port):
    """The raw script through hiredis, and beside it an HTTP server that does nothing."""
    before = cpu_us(redis.process.pid)
    ours = float(subprocess.run([FLOOR, redis.socket, "200000"], capture_output=True, text=True, check=True).stdout)
    script = ours + (cpu_us(redis.process.pid) - before) / 200000
    redis.cli("FLUSHALL")
    redis.cli("SCRIPT", "FLUSH")
    before = cpu_us(echo.pid)
    count, _ = wrk(port)
    return script, (cpu_us(echo.pid) - before) / count


def submits(durable):
    options = ["--appendfsync", "always", *COMPACT] if durable else NO_FSYNC
    ours, theirs, floors = [], [], []
    peer = server() if PEER else None
    echo = subprocess.Popen([ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    echo_port = int(echo.stdout.readline())
    with Redis(tcp=True, options=options) as redis, front_door(redis) as spool:
        pids = (spool.pid, redis.process.pid)
        measure_submit(spool.port, pids)  # warm
        for _ in range(ROUNDS):
            ours.append(measure_submit(spool.port, pids))
            if peer:
                theirs.append(measure_submit(peer.port, peer.pids()))
            floors.append(measure_floor(redis, echo, echo_port))
    echo.communicate()
    if peer:
        peer.close()
    us, rate = (statistics.mean(values) for values in zip(*ours))
    said_us, said_rate = (spread(values, form) for values, form in zip(zip(*ours), (".1f", ".0f")))
    script, bare = zip(*floors)
    floor = statistics.mean(script) + statistics.mean(bare)
    if theirs:
        their_us, their_rate = (statistics.mean(values) for values in zip(*theirs))
        if durable:
            row("durable submit, rate", f"{said_rate}/s", f"fastify + BullMQ, nothing persisted {their_rate:.0f}/s",
                f"{rate / their_rate:.1f} times", "as fast; goal 3 times")
            row("durable submit, CPU", f"{said_us} µs", f"fastify + BullMQ, nothing persisted {their_us:.0f} µs",
                f"{their_us / us:.1f} times less", "-; goal 4 times less")
        else:
            row("submit, CPU with Redis", f"{said_us} µs ({rate:.0f}/s)", f"fastify + BullMQ {their_us:.0f} µs ({their_rate:.0f}/s)",
                f"{their_us / us:.1f} times less", "4 times; goal 6 times")
    row("durable submit against its floor" if durable else "submit against its floor", f"{said_us} µs",
        f"an HTTP echo {spread(bare, '.1f')} and the raw script in batches of 64 {spread(script, '.1f')} µs",
        f"{us / floor:.2f} times", "-; goal 1.3 times")


def measure_batch(port, pids, path, **env):
    """Of each submit."""
    before = cpu_us(*pids)
    count, rate = wrk(port, connections=4, path=path, script="batch.lua", **env)
    return (cpu_us(*pids) - before) / count / 100, rate * 100


def batches():
    """A hundred submits in one request, beside the peer's bulk, and its submits that come alone."""
    ours, bulks, singles = [], [], []
    peer = server() if PEER else None
    with Redis(tcp=True, options=NO_FSYNC) as redis, front_door(redis) as spool:
        pids = (spool.pid, redis.process.pid)
        measure_batch(spool.port, pids, "/v1/tasks/batch")  # warm
        redis.cli("FLUSHALL")
        for _ in range(ROUNDS):
            ours.append(measure_batch(spool.port, pids, "/v1/tasks/batch"))
            if peer:
                bulks.append(measure_batch(peer.port, peer.pids(), "/batch", BENCH_FORM="%s"))
                singles.append(measure_submit(peer.port, peer.pids()))
                peer.redis.cli("FLUSHALL")
            redis.cli("FLUSHALL")
    if peer:
        peer.close()
    us, rate = (statistics.mean(values) for values in zip(*ours))
    said = f"{spread([one for one, _ in ours], '.1f')} µs ({rate:.0f}/s)"
    for name, theirs, wanted in (("fastify + add", singles, "10 times less"), ("fastify + addBulk", bulks, "4 times less")):
        beside = ratio = "-"
        if theirs:
            their_us, their_rate = (statistics.mean(values) for values in zip(*theirs))
            beside, ratio = f"{name} {their_us:.0f} µs ({their_rate:.0f}/s)", f"{their_us / us:.1f} times less"
        row(f"submit in a batch of 100, CPU with Redis, beside {name}", said, beside, ratio, f"-; goal {wanted}")


def account(sim, **extra):
    return {"name": "mj-1", "provider": "midjourney", "base_url": sim.url, "api_key": "sim-secret",
            "max_concurrency": 0, "poll_interval_ms": 1000, **extra}


def counts(spool):
    text = spool.request("GET", "/metrics")[2].decode()
    found = {name: int(value) for name, value in re.findall(r"^spool_(\w+) (-?\d+)$", text, re.M)}
    ended = re.findall(r'^spool_tasks_total{.*status="succeeded".*} (\d+)$', text, re.M)
    return {**found, "tasks_succeeded": sum(map(int, ended))}


def throughput():
    """From submit to archived, with a vendor that takes no time."""
    with Sim(speed=0) as sim, Redis(options=NO_FSYNC) as redis:
        config = {**FORGETFUL, "accounts": [account(sim, poll_interval_ms=50)]}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            pids = (spool.pid, redis.process.pid)
            before, began = cpu_us(*pids), time.monotonic()
            wrk(spool.port, 2, connections=4)
            harness.eventually(
                lambda: (c := counts(spool))["tasks_succeeded"] >= c["tasks_accepted_total"], 300, "the end", 0.1
            )
            took = time.monotonic() - began
            count = counts(spool)["tasks_succeeded"]
            us = (cpu_us(*pids) - before) / count
    row("submit to archived", f"{count / took:.0f} tasks/s", f"{us:.0f} µs of CPU each, {count} tasks, file on disk with fsync",
        "-", "-")


def polls():
    """Tasks that render and render: what one look costs."""
    with Sim(speed=1) as sim, Redis(options=NO_FSYNC) as redis:
        config = {**FORGETFUL, "accounts": [account(sim, poll_interval_ms=500)]}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            wrk(spool.port, 1, connections=2, words="[never] ")
            harness.eventually(lambda: (c := counts(spool))["submits_total"] == c["tasks_accepted_total"], 120, "every submit", 0.2)
            time.sleep(4)
            pids = (spool.pid, redis.process.pid)
            before, looks, began = cpu_us(*pids), counts(spool), time.monotonic()
            time.sleep(SECONDS * 2)
            after = counts(spool)
            seen = after["polled_tasks_total"] - looks["polled_tasks_total"]
            us = (cpu_us(*pids) - before) / seen
            rate = seen / (time.monotonic() - began)
            many = seen / (after["polls_total"] - looks["polls_total"])
            known = after["submits_total"]
        beside = ratio = "-"
        if PEER:
            with Redis(tcp=True, options=NO_FSYNC) as theirs:
                before = cpu_us(theirs.process.pid)
                out = subprocess.run(
                    [NODE, f"{PEER}/poll.js", str(theirs.port), "3000", str(SECONDS * 2),
                     f"{sim.url}/mj/task/{sim.get('/mj/task/list')[0]['id']}/fetch"],
                    capture_output=True, text=True, check=True, cwd=PEER).stdout
                got = json.loads(out)
                peer_us = (got["cpu_us"] + cpu_us(theirs.process.pid) - before) / got["polls"]
            beside = f"BullMQ delayed job {peer_us:.0f} µs ({got['polls'] / SECONDS / 2:.0f}/s)"
            ratio = f"{peer_us / us:.0f} times less"
        row("look, CPU per task", f"{us:.1f} µs ({rate:.0f}/s, {many:.0f} a request, {known} tasks)", beside, ratio,
            "7 times; goal 25 times where many are asked about at once")


def delay():
    """An idle system: from the accepted submit to the vendor's request."""
    with Sim(speed=0) as sim, Redis(options=["--appendfsync", "always", *COMPACT]) as redis:
        with Spool({"log_level": "warn", "accounts": [account(sim)]}, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            time.sleep(1)
            lags = []
            for _ in range(5):
                tasks = []
                for _ in range(100):
                    tasks.append(spool.submit("x"))
                    time.sleep(0.02)
                # The vendor shows its latest hundred.
                arrived = {job["state"]: job["submitTime"] for job in sim.get("/mj/task/list")}
                lags += [arrived[task] - spool.task(task)["created_at"] for task in tasks if task in arrived]
            lags.sort()
    p99 = lags[math.ceil(len(lags) * 0.99) - 1]
    row("accepted to the vendor's request", f"p50 {lags[len(lags) // 2]} ms, p99 {p99} ms", f"{len(lags)} submits, fsync before each step",
        "-", "10 ms; goal 2 ms")


def idle():
    with Sim() as sim, Redis(options=NO_FSYNC) as redis:
        with Spool({**FORGETFUL, "accounts": [account(sim)]}, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            spool.submit("x")
            time.sleep(5)
            before, began = cpu_us(spool.pid), time.monotonic()
            switches = wakeups(spool.pid)
            time.sleep(10)
            took = time.monotonic() - began
            percent = (cpu_us(spool.pid) - before) / took / 1e4
            rate = (wakeups(spool.pid) - switches) / took
    row("idle process", f"{percent:.2f} % of a core, {rate:.1f} wake-ups/s", "all three roles", "-", "0.5 %; goal the heartbeat")


def wakeups(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            total += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", file.read()).group(1))
    return total


def memory():
    """Rendering tasks with a body of 0.9 KB: all keys counted."""
    with Sim(speed=1) as sim, Redis(options=NO_FSYNC) as redis:
        config = {**FORGETFUL, "accounts": [account(sim, poll_interval_ms=60000)]}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            time.sleep(1)
            empty, rss = used_memory(redis), status_kb(spool.pid)
            while counts(spool)["tasks_accepted_total"] < TASKS:
                wrk(spool.port, 1, connections=8, words="[never] ")
            peak = status_kb(spool.pid)
            harness.eventually(lambda: (c := counts(spool))["submits_total"] == c["tasks_accepted_total"], 300, "every submit", 0.5)
            time.sleep(2)
            count = counts(spool)["tasks_accepted_total"]
            events = int(redis.cli("MEMORY", "USAGE", "{spool}:events", "SAMPLES", "0") or 0)
            per_task = (used_memory(redis) - empty - events) / count
            ours = (status_kb(spool.pid) - rss) * 1024 / count
    row("memory per rendering task in Redis", f"{per_task:.0f} B", f"{count} tasks; the event stream ({events >> 20} MB, bounded) not counted",
        f"{1795 / per_task:.2f} of BullMQ's 1,795 B" if not PEER else f"{peer_memory() / per_task:.2f} of BullMQ's", "2,200 B; goal 1,300 B")
    row("memory per rendering task in our process", f"{ours:.0f} B", f"RSS {rss} KB empty, {peak} KB while they came in", "-", "64 B; goal 0")


def peer_memory():
    peer = server()
    before = used_memory(peer.redis)
    count, _ = wrk(peer.port, 4)
    per_job = (used_memory(peer.redis) - before) / count
    peer.close()
    print(f"  BullMQ, delayed job with the same body: {per_job:.0f} B", flush=True)
    return per_job


SECTIONS = {
    "submit": lambda: submits(False), "durable": lambda: submits(True), "batch": batches, "throughput": throughput,
    "poll": polls, "delay": delay, "idle": idle, "memory": memory,
    "archive": lambda: archive.measure(row, ROUNDS),
    "foresight": lambda: foresight.measure(row),
    "hooks": lambda: hooks.measure(row, ROUNDS, NODE, PEER, FORGETFUL, NO_FSYNC, wrk, cpu_us),
    "calls": lambda: calls.measure(row, cpu_us, status_kb, NODE, PEER),
    "life": lambda: life.measure(row, ROUNDS, sys.modules[__name__]),
    "seen": lambda: seen.measure(row, ROUNDS, sys.modules[__name__]),
    "waiting": lambda: waiting.measure(row, ROUNDS, sys.modules[__name__]),
    "tls": lambda: tls.measure(row, ROUNDS, sys.modules[__name__]),
    "watchers": lambda: watch.measure(row, ROUNDS, sys.modules[__name__], NODE, PEER),
}


def number_in(cell):
    """What a row's own cell says first."""
    found = re.search(r"[\d.]+", cell.removeprefix("p50 "))
    return float(found.group()) if found else None


def against(other, chosen):
    """This build and another in turn, A B A B: what each says first in each row, and how far its rounds are apart."""
    binaries = {"this": os.environ["SPOOL_BIN"], other[0]: other[1]}
    found, broken = {}, []
    for turn in range(2 * ROUNDS):
        build = list(binaries)[turn % 2]
        os.environ["SPOOL_BIN"] = binaries[build]
        for name in chosen:
            print(f"{name}, {build}", flush=True)
            rows.clear()
            if not run(name):
                broken.append(f"{name}, {build}")
                continue
            for what, ours, *_ in rows:
                found.setdefault(what, {}).setdefault(build, []).append((number_in(ours), ours))
    lines = [("what", "this", other[0], "this over that", "spread")]
    for what, builds in found.items():
        values = {build: [value for value, _ in seen if value is not None] for build, seen in builds.items()}
        if len(values) < 2 or not all(values.values()):
            continue
        means = {build: statistics.mean(seen) for build, seen in values.items()}
        spread = max((max(seen) - min(seen)) / means[build] if means[build] else 0 for build, seen in values.items())
        ratio = means["this"] / means[other[0]] if means[other[0]] else float("nan")
        lines.append((what, builds["this"][-1][1], builds[other[0]][-1][1], f"{ratio:.2f}", f"{spread:.0%}"))
    lines += [(name, "broken off", "-", "-", "-") for name in broken]
    table(lines)
    return not broken


def table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print()
    for line in [lines[0], tuple("-" * width for width in widths), *lines[1:]]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def run(name):
    """Whether the section came to its end. One that didn't has a row that says so, and ends what it has started."""
    try:
        SECTIONS[name]()
        return True
    except BaseException as error:
        traceback.print_exc()
        row(f"{name} was broken off", " ".join(f"{type(error).__name__}: {error}".split())[:240], "-", "-", "-")
        if not isinstance(error, Exception):  # from outside: the others don't run, either
            table([HEAD, *rows])
            raise
        harness.close_all()
        return False


def main():
    # Ended from outside (a time limit), we still say so, and end what we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        sys.exit(f"no such section: {' '.join(unknown)}; there are {' '.join(SECTIONS)}")
    if "BENCH_AGAINST" in os.environ:
        sys.exit(not against(os.environ["BENCH_AGAINST"].split(" ", 1), chosen))
    is_whole = True
    for name in chosen:
        print(f"{name}", flush=True)
        is_whole = run(name) and is_whole
    table([HEAD, *rows])
    sys.exit(not is_whole)


if __name__ == "__main__":
    main()
