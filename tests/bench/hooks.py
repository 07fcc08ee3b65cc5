"""Webhooks: a backlog that was prepared is delivered to nginx, which answers 204 at once."""
import json
import re
import subprocess
import tempfile
import time

import harness
from figures import mean_of, spread_of
from harness import Redis, Sim, Spool
from harness.nginx import Nginx

RECEIVERS = 4
SINK = """\
keepalive_requests 10000000;
server {{
    {listen}
    location /count {{ stub_status; }}
    location / {{ return 204; }}
}}
"""


class Sink(Nginx):
    """Takes whatever comes, and counts it."""

    def __init__(self):
        self.asked = 0

        def site(port):
            self.ports = [port, *(harness.free_port() for _ in range(RECEIVERS - 1))]
            return SINK.format(listen=" ".join(f"listen 127.0.0.1:{port};" for port in self.ports))

        super().__init__(site)

    def count(self):
        """Requests that came, but for those that asked this."""
        text = harness.exchange(self.ports[0], "GET", "/count")[2]
        text = text.decode() if isinstance(text, bytes) else str(text)
        self.asked += 1
        return int(re.search(r"\n ?(\d+) (\d+) (\d+)", text).group(3)) - self.asked

    def receiver(self, number):
        return f"http://127.0.0.1:{self.ports[number % RECEIVERS]}/hook"

    def receivers(self):
        return [self.receiver(number) for number in range(RECEIVERS)]


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
                wrk(spool.port, 1, connections=2, hook=sink.receiver(number))
            harness.eventually(lambda: redis.cli("ZCARD", "{spool}:due") == "0" and redis.cli("HGET", "{spool}:waiting", "*") == "0"
                               and redis.cli("ZCARD", "{spool}:look:mj-1") == "0", 300, "every end", 0.2)
        redis.cli("CONFIG", "RESETSTAT")
        before, came = cpu_us(redis.process.pid), sink.count()
        with Spool(config, redis=redis, roles=["webhook"]) as spool:
            began = time.monotonic()
            harness.eventually(lambda: waiting(redis) == 0, 300, "every delivery", 0.05)
            took = time.monotonic() - began
            mine, its = cpu_us(spool.pid), cpu_us(redis.process.pid) - before
            sent = sink.count() - came
            calls = commands(redis) / sent
    return {"us": (mine + its) / sent, "rate": sent / took, "own": mine / sent, "redis": its / sent, "calls": calls, "sent": sent}


def theirs(node, peer, sink, options, jobs, cpu_us):
    body = json.dumps({"id": "x" * 32, "action": "IMAGINE", "status": "SUCCESS", "prompt": "lorem ipsum " * 72, "imageUrl": sink.receiver(0)})
    with Redis(tcp=True, options=options) as redis, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        process = subprocess.Popen([node, f"{peer}/hooks.js", str(redis.port), str(jobs), file.name, *sink.receivers()],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=peer)
        process.stdout.readline()
        before = cpu_us(redis.process.pid)
        out, _ = process.communicate("go\n")
        its = cpu_us(redis.process.pid) - before
    got = json.loads(out)
    return {"us": (got["cpu_us"] + its) / got["sent"], "rate": got["sent"] / got["seconds"]}


def measure(row, rounds, node, peer, base, options, wrk, cpu_us):
    mine, peers = [], []
    with Sim(speed=0) as sim, Sink() as sink:
        for _ in range(rounds):
            mine.append(ours(sim, sink, options, base, wrk, cpu_us))
            if peer:
                peers.append(theirs(node, peer, sink, options, 20000, cpu_us))
    beside = ratio = "-"
    if peers:
        beside = f"BullMQ + undici {spread_of(peers, 'us', '.0f')} µs ({mean_of(peers, 'rate'):.0f}/s)"
        ratio = f"{mean_of(peers, 'us') / mean_of(mine, 'us'):.1f} times less"
    row("delivery, CPU with Redis",
        f"{spread_of(mine, 'us', '.0f')} µs ({mean_of(mine, 'own'):.0f} ours, {mean_of(mine, 'redis'):.0f} Redis')", beside, ratio,
        "as much; goal 6 times less")
    row("deliveries, rate", f"{spread_of(mine, 'rate', '.0f')}/s ({mine[-1]['sent']} deliveries, {RECEIVERS} receivers)",
        f"{mean_of(mine, 'calls'):.1f} Redis commands each", "-", "goal 8,000/s on one core")
