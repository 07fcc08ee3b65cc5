"""Calls to a vendor over TLS and without: an nginx in front of the simulator takes both. Looks one by one, at even
times, and submits; what nginx writes down says how many handshakes there were."""
import json
import os
import subprocess
import tempfile
import time

import harness
import submits
from figures import mean_of, spread_of
from harness import Redis, Sim, Spool
from harness.nginx import Nginx, make_certificate
from npm_peer import NO_FSYNC
from vendors.sora import sora_account

JOBS, LOOK_MS = 100, 200  # each is looked at so often
SUBMITS = min(int(os.environ.get("BENCH_TASKS", "2000")), 2000)
SERVER = """\
server {{
    listen 127.0.0.1:{port}{kind};
    ssl_certificate {dir}/certificate;
    ssl_certificate_key {dir}/key;
    ssl_protocols TLSv1.2 TLSv1.3; # as vendors do: tickets, by which a session is resumed
    access_log {dir}/calls calls;
    location / {{ proxy_pass http://sim; }}
}}
"""
SITE = """\
log_format calls '$server_port $connection_requests $request_method $ssl_session_reused';
keepalive_requests 10000000;
upstream sim {{
    server 127.0.0.1:{sim};
    keepalive 200;
    keepalive_requests 10000000;
}}
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
{servers}
"""
KINDS = {"plain": "", "tls": " ssl", "h2": " ssl http2"}


class Front(Nginx):
    """The vendor's, by each kind of connection."""

    def __init__(self, sim):
        self.keys = tempfile.TemporaryDirectory(prefix="bench-tls-")
        self.certificate = f"{self.keys.name}/certificate"
        make_certificate(self.keys.name)

        def site(port):
            self.ports = {"plain": port, "tls": harness.free_port(), "h2": harness.free_port()}
            servers = [SERVER.format(port=self.ports[name], kind=kind, dir=self.keys.name) for name, kind in KINDS.items()]
            return SITE.format(sim=sim.port, servers="".join(servers))

        super().__init__(site)

    def url_of(self, kind):
        return f"{'http' if kind == 'plain' else 'https'}://127.0.0.1:{self.ports[kind]}"

    def close(self):
        super().close()
        self.keys.cleanup()

    def connections(self, kind, method):
        """(requests, connections that began with one, of these with a whole handshake) so far"""
        with open(f"{self.keys.name}/calls", encoding="ascii") as file:
            lines = [line.split() for line in file]
        mine = [line for line in lines if line[0] == str(self.ports[kind]) and line[2] == method]
        begun = [line for line in mine if line[1] == "1"]
        return len(mine), len(begun), sum(line[3] != "r" for line in begun)


def since(front, before, kind, method):
    """Per thousand calls: connections, and whole handshakes."""
    calls, begun, whole = (now - then for now, then in zip(front.connections(kind, method), before))
    return 1000 * begun / calls, 1000 * whole / calls


def ours(front, kind, tools):
    account = sora_account(front.url_of(kind), max_concurrency=0, poll_interval_ms=LOOK_MS)
    body = {"model": "sora-2", "prompt": "a lighthouse [hang]", "seconds": "4", "size": "1280x720"}
    with Redis(options=NO_FSYNC) as redis:
        config = {**tools.FORGETFUL, "accounts": [account]}
        with Spool(config, redis=redis, env={"SSL_CERT_FILE": front.certificate}) as spool:
            harness.eventually(spool.is_ready)
            pids = (spool.pid, redis.process.pid)
            submits.batch_all(spool.port, [body] * JOBS, "/v1/videos")
            harness.eventually(lambda: tools.counts(spool)["submits_total"] == JOBS, 60, "every submit")
            time.sleep(2)
            before, cpu, polls = front.connections(kind, "GET"), tools.cpu_us(*pids), tools.counts(spool)["polls_total"]
            time.sleep(2 * tools.SECONDS)
            looks = tools.counts(spool)["polls_total"] - polls
            found = {"look": (tools.cpu_us(*pids) - cpu) / looks}
            found["look_new"], found["look_whole"] = since(front, before, kind, "GET")
        # Nobody is looked at meanwhile: the first look at a job comes later than the last submit.
        redis.cli("FLUSHALL")
        config["accounts"] = [{**account, "poll_interval_ms": 60000}]
        with Spool(config, redis=redis, env={"SSL_CERT_FILE": front.certificate}) as spool:
            harness.eventually(spool.is_ready)
            pids = (spool.pid, redis.process.pid)
            before, cpu = front.connections(kind, "POST"), tools.cpu_us(*pids)
            submits.batch_all(spool.port, [body] * SUBMITS, "/v1/videos")
            harness.eventually(lambda: tools.counts(spool)["submits_total"] == SUBMITS, 120, "every submit", 0.1)
            found["submit"] = (tools.cpu_us(*pids) - cpu) / SUBMITS
            found["submit_new"], found["submit_whole"] = since(front, before, kind, "POST")
    return found


def theirs(front, kind, tools):
    job = harness.exchange(front.ports["plain"], "POST", "/v1/videos", {"model": "sora-2", "prompt": "a lighthouse [hang]"},
                           {"Authorization": "Bearer sim-secret"})[2]["id"]  # fmt: skip
    gets, posts = (front.connections(kind, method) for method in ("GET", "POST"))
    words = (front.url_of(kind), job, JOBS, LOOK_MS, 2 * tools.SECONDS, SUBMITS)
    out = subprocess.run([tools.NODE, f"{tools.PEER}/tls.js", *map(str, words)], capture_output=True, text=True, check=True, cwd=tools.PEER,
                         env=dict(os.environ, NODE_EXTRA_CA_CERTS=front.certificate)).stdout  # fmt: skip
    found = json.loads(out)
    found["look_new"], found["look_whole"] = since(front, gets, kind, "GET")
    found["submit_new"], found["submit_whole"] = since(front, posts, kind, "POST")
    return found


def measure(row, rounds, tools):
    mine, peers = {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}
    with Sim(speed=1) as sim, Front(sim) as front:
        for _ in range(rounds):
            for kind in KINDS:
                mine[kind].append(ours(front, kind, tools))
                if tools.PEER:
                    peers[kind].append(theirs(front, kind, tools))
    for kind, over in (("tls", "TLS"), ("h2", "TLS, HTTP/2 offered")):
        for call, of, wanted in (("look", "all bookkeeping", "nearly none"), ("submit", "from the client's submit on", "few of them whole")):
            beside = ratio = known = "-"
            if tools.PEER:
                beside = f"undici, the call alone {cost(peers, kind, call)}"
                ratio = f"{mean_of(peers[kind], call) / mean_of(mine[kind], call):.1f} times less"
                known = f"undici {handshakes(peers[kind], call)}"
            row(f"{call} over {over}, CPU with Redis, {of}", cost(mine, kind, call), beside, ratio, "-")
            row(f"handshakes per 1,000 {call}s, {over}", handshakes(mine[kind], call), known, "-", f"-; goal {wanted}")


def cost(found, kind, call):
    added = mean_of(found[kind], call) - mean_of(found["plain"], call)
    return f"{spread_of(found[kind], call, '.0f')} µs ({added:+.0f} to {spread_of(found['plain'], call, '.0f')} without)"


def handshakes(runs, call):
    return f"{spread_of(runs, call + '_new', '.0f')}, {spread_of(runs, call + '_whole', '.0f')} whole"
