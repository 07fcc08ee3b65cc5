"""Webhooks: a backlog that was prepared is delivered to nginx, which answers 204 at once."""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import harness
from harness import Redis, Sim, Spool

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
RECEIVERS = 4
SINK = """\
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    keepalive_requests 10000000;
    server {{
        {listen}
        location /count {{ stub_status; }}
        location / {{ return 204; }}
    }}
}}
"""


class Sink:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bench-sink-")
        self.ports = [harness.free_port() for _ in range(RECEIVERS)]
        listen = " ".join(f"listen 127.0.0.1:{port};" for port in self.ports)
        with open(f"{self.dir}/conf", "w", encoding="utf-8") as file:
            file.write(SINK.format(dir=self.dir, listen=listen))
        self.process = subprocess.Popen([NGINX, "-p", self.dir, "-e", "stderr", "-c", f"{self.dir}/conf"])
        harness.running.add(self)
        harness.eventually(self.count, what="a ready nginx")

    def count(self):
        """Requests that came, this one among them."""
        try:
            text = harness.exchange(self.ports[0], "GET", "/count")[2]
        except OSError:
            return 0
        text = text.decode() if isinstance(text, bytes) else str(text)
        return int(re.search(r"\n ?(\d+) (\d+) (\d+)", text).group(3))

    def url(self, number):
        return f"http://127.0.0.1:{self.ports[number % RECEIVERS]}/hook"

    def close(self):
        harness.end(self.process, signal.SIGTERM)  # the workers go with the master
        harness.running.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def waiting(redis):
    return int(redis.cli("ZCARD", "{spool}:hooks"))


def commands(redis):
    """Calls per command, those that a script makes among them."""
    text = redis.cli("INFO", "commandstats")
    return sum(map(int, re.findall(r"cmdstat_\S+:calls=(\d+)", text)))


def ours(sim, sink, options, base, wrk, cpu_us):
    """Tasks that have ended while nobody delivered; then a process that only delivers."""
    account = {"name": "mj-1", "provider": "midjourney", "base_url": sim.url, "api_key": "sim-secret",
               "max_concurrency": 0, "poll_interval_ms": 100}
    config = {**base, "accounts": [account]}
    with Redis(options=options) as redis:
        with Spool(config, redis=redis, roles=["api", "worker"]) as spool:
            harness.eventually(spool.is_ready)
            for number in range(RECEIVERS):
                wrk(spool.port, 1, connections=2, hook=sink.url(number))
            harness.eventually(lambda: redis.cli("ZCARD", "{spool}:due") == "0" and redis.cli("HGET", "{spool}:waiting", "*") == "0"
                               and redis.cli("ZCARD", "{spool}:look:mj-1") == "0", 300, "every end", 0.2)
        redis.cli("CONFIG", "RESETSTAT")
        before, came = cpu_us(redis.process.pid), sink.count()
        with Spool(config, redis=redis, roles=["webhook"]) as spool:
            began = time.monotonic()
            harness.eventually(lambda: waiting(redis) == 0, 300, "every delivery", 0.05)
            took = time.monotonic() - began
            mine, its = cpu_us(spool.pid), cpu_us(redis.process.pid) - before
            sent = sink.count() - came - 1
            calls = commands(redis) / sent
    return {"us": (mine + its) / sent, "rate": sent / took, "own": mine / sent, "redis": its / sent, "calls": calls, "sent": sent}


def theirs(node, peer, sink, options, jobs, cpu_us):
    body = json.dumps({"id": "x" * 32, "action": "IMAGINE", "status": "SUCCESS", "prompt": "lorem ipsum " * 72, "imageUrl": sink.url(0)})
    with Redis(tcp=True, options=options) as redis, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        urls = [sink.url(number) for number in range(RECEIVERS)]
        process = subprocess.Popen([node, f"{peer}/hooks.js", str(redis.port), str(jobs), file.name, *urls],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=peer)
        process.stdout.readline()
        before = cpu_us(redis.process.pid)
        out, _ = process.communicate("go\n")
        its = cpu_us(redis.process.pid) - before
    got = json.loads(out)
    return {"us": (got["cpu_us"] + its) / got["sent"], "rate": got["sent"] / got["seconds"]}


def mean(runs, name):
    return statistics.mean(run[name] for run in runs)


def measure(row, rounds, node, peer, base, options, wrk, cpu_us):
    mine, peers = [], []
    with Sim(speed=0) as sim, Sink() as sink:
        for _ in range(rounds):
            mine.append(ours(sim, sink, options, base, wrk, cpu_us))
            if peer:
                peers.append(theirs(node, peer, sink, options, 20000, cpu_us))
    us, rate = mean(mine, "us"), mean(mine, "rate")
    beside = ratio = "-"
    if peers:
        beside = f"BullMQ + undici {mean(peers, 'us'):.0f} µs ({mean(peers, 'rate'):.0f}/s)"
        ratio = f"{mean(peers, 'us') / us:.1f} times less"
    row("delivery, CPU with Redis", f"{us:.0f} µs ({mean(mine, 'own'):.0f} ours, {mean(mine, 'redis'):.0f} Redis')", beside, ratio,
        "as much; goal 6 times less")
    row("deliveries, rate", f"{rate:.0f}/s ({mine[-1]['sent']} deliveries, {RECEIVERS} receivers)",
        f"{mean(mine, 'calls'):.1f} Redis commands each", "-", "goal 8,000/s on one core")
