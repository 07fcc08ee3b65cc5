"""Images that a vendor answers a call with, in base64: memory, CPU and delay of many at once, each with a client that waits."""
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import harness
from harness import Redis, Spool

HERE = os.path.dirname(os.path.abspath(__file__))
CALLS = int(os.environ.get("BENCH_CALLS", "200"))
SECONDS = float(os.environ.get("BENCH_CALL_SECONDS", "10"))
BYTES = int(os.environ.get("BENCH_CALL_MB", "8")) << 20  # of base64
PATH = "/v1/images/generations"


class SlowVendor:
    def __init__(self):
        self.port = harness.free_port()
        command = [sys.executable, f"{HERE}/slow_vendor.py", str(self.port), str(SECONDS), str(BYTES)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        harness.running.add(self)
        self.process.stdout.readline()
        self.url = f"http://127.0.0.1:{self.port}"

    def times(self):
        return harness.exchange(self.port, "GET", "/times")[2]

    def close(self):
        harness.end(self.process)
        harness.running.discard(self)


class Front:
    """fastify + the openai package, which writes the files to a folder."""

    def __init__(self, node, peer, vendor):
        self.port = harness.free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="bench-images-")
        command = [node, f"{peer}/images.js", str(self.port), f"{vendor.url}/v1", self.folder.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=peer)
        harness.running.add(self)
        self.process.stdout.readline()

    def close(self):
        harness.end(self.process)
        harness.running.discard(self)
        self.folder.cleanup()


def wait_for_one(port, prompt, heads, begins):
    """Notes when the first byte of the answer has come."""
    body = json.dumps({"model": "gpt-image-2", "prompt": prompt}).encode()
    with socket.create_connection(("127.0.0.1", port)) as client:
        begins.wait()
        client.sendall(b"\r\n".join([b"POST " + PATH.encode() + b" HTTP/1.1", b"Host: a", b"Authorization: Bearer sk-dev",
                                     b"Content-Type: application/json", b"Content-Length: %d" % len(body), b"", body]))  # fmt: skip
        first = client.recv(4096)
        heads[prompt] = (time.monotonic(), first.split(b"\r\n")[0])


def run(port, vendor, pids, name, cpu_us, status_kb):
    """MB over idle at most, CPU seconds, and the delays in ms from the vendor's last byte to the client's first."""
    heads, begins = {}, threading.Event()
    prompts = [f"{name} {number}" for number in range(CALLS)]
    crowd = [threading.Thread(target=wait_for_one, args=(port, prompt, heads, begins)) for prompt in prompts]
    for one in crowd:
        one.start()
    time.sleep(0.5)
    idle, cpu, most = status_kb(pids[0]), cpu_us(*pids), 0
    begins.set()
    while any(one.is_alive() for one in crowd):
        most = max(most, status_kb(pids[0]))
        time.sleep(0.005)
    wrong = {head for _, head in heads.values() if b" 200 " not in head}
    if wrong or len(heads) < CALLS:
        raise RuntimeError(f"{len(heads)} answers, {wrong}")
    times = vendor.times()
    delays = sorted((heads[prompt][0] - times[prompt]) * 1000 for prompt in prompts)
    return (most - idle) / 1024, (cpu_us(*pids) - cpu) / 1e6, delays


def measure(row, cpu_us, status_kb, node, peer):
    vendor = SlowVendor()
    account = {"name": "openai-1", "provider": "openai", "base_url": vendor.url, "api_key": "sim-secret", "max_concurrency": CALLS}
    # The same in both: an append-only file is nothing that the peer has.
    with Redis(options=["--appendonly", "no"]) as redis:
        config = {"accounts": [account], "log_level": "warn", "redis_persistence": "none"}
        with Spool(config, redis=redis) as spool:
            harness.eventually(spool.is_ready)
            ours = run(spool.port, vendor, (spool.pid, redis.process.pid), "ours", cpu_us, status_kb)
    theirs = None
    if peer:
        front = Front(node, peer, vendor)
        theirs = run(front.port, vendor, (front.process.pid,), "theirs", cpu_us, status_kb)
        front.close()
    vendor.close()
    megabytes = CALLS * BYTES / (1 << 20)

    def shown(name, figure, unit, of, wanted, precision=1):
        beside = f"fastify + openai {figure(theirs):.{precision}f} {unit}" if theirs else "-"
        ratio = f"{figure(theirs) / figure(ours):.1f} times less" if theirs else "-"
        row(f"{CALLS} images of {BYTES >> 20} MB of base64 at once, {of}", f"{figure(ours):.{precision}f} {unit}", beside, ratio, wanted)

    shown("memory", lambda r: r[0], "MB", "RSS over idle", "5 times less", 0)
    shown("cpu", lambda r: r[1] * 1000 / megabytes, "ms", "CPU per MB of base64", "2 times less", 2)
    shown("delay", lambda r: statistics.median(r[2]), "ms", "the vendor's last byte to the client's first, p50", "-", 0)
    shown("delay", lambda r: r[2][int(len(r[2]) * 0.99)], "ms", "the same, p99", "-", 0)
