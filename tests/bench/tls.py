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
from nginx import Nginx
from npm_peer import NO_FSYNC
from vendors.sora import sora_account

JOBS, LOOK_MS = 100, 200  # each is looked at so often
SUBMITS = min(int(os.environ.get("BENCH_TASKS", "2000")), 2000)
SERVERS = """\
    log_format calls '$server_port $connection_requests $request_method $ssl_session_reused';
    upstream sim {{
        server 127.0.0.1:{sim};
        keepalive 200;
        keepalive_requests 10000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    server {{
        listen 127.0.0.1:{plain};
        access_log {dir}/calls calls;
        location / {{ proxy_pass http://sim; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {dir}/cert;
        ssl_certificate_key {dir}/key;
        access_log {dir}/calls calls;
        location / {{ proxy_pass http://sim; }}
    }}
"""


class Front(Nginx):
    """The vendor's, with a certificate of its own making."""

    def __init__(self, sim):
        folder = tempfile.mkdtemp(prefix="bench-tls-")
        self.certificate = f"{folder}/cert"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", f"{folder}/key", "-out", self.certificate, "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)  # fmt: skip
        self.ports = {"http": harness.free_port(), "https": harness.free_port()}
        super().__init__(SERVERS.format(dir=folder, sim=sim.port, plain=self.ports["http"], tls=self.ports["https"]), folder)
        harness.eventually(self.is_ready, what="a ready nginx")

    def is_ready(self):
        try:
            return harness.exchange(self.ports["http"], "GET", "/v1/videos")[0] > 0
        except OSError:
            return False

    def url(self, scheme):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def connections(self, scheme, method):
        """(requests, connections that began with one, of these with a whole handshake) so far"""
        with open(f"{self.dir}/calls", encoding="ascii") as file:
            lines = [line.split() for line in file]
        mine = [line for line in lines if line[0] == str(self.ports[scheme]) and line[2] == method]
        begun = [line for line in mine if line[1] == "1"]
        return len(mine), len(begun), sum(line[3] != "r" for line in begun)


def since(front, before, scheme, method):
    """Per thousand calls: connections, and whole handshakes."""
    calls, begun, whole = (now - then for now, then in zip(front.connections(scheme, method), before))
    return 1000 * begun / calls, 1000 * whole / calls, calls


def ours(front, scheme, tools):
    account = sora_account(front.url(scheme), max_concurrency=0, poll_interval_ms=LOOK_MS)
    body = {"model": "sora-2", "prompt": "a lighthouse [hang]", "seconds": "4", "size": "1280x720"}
    with Redis(options=NO_FSYNC) as redis:
        config = {**tools.FORGETFUL, "accounts": [account]}
        with Spool(config, redis=redis, env={"SSL_CERT_FILE": front.certificate}) as spool:
            harness.eventually(spool.is_ready)
            pids = (spool.pid, redis.process.pid)
            submits.batch_all(spool.port, [body] * JOBS, "/v1/videos")
            harness.eventually(lambda: tools.counts(spool)["submits_total"] == JOBS, 60, "every submit")
            time.sleep(2)
            before, cpu, polls = front.connections(scheme, "GET"), tools.cpu_us(*pids), tools.counts(spool)["polls_total"]
            time.sleep(2 * tools.SECONDS)
            looks = tools.counts(spool)["polls_total"] - polls
            found = {"look": (tools.cpu_us(*pids) - cpu) / looks}
            found["look_new"], found["look_whole"], _ = since(front, before, scheme, "GET")
        # Nobody is looked at meanwhile: the first look at a job comes later than the last submit.
        redis.cli("FLUSHALL")
        config["accounts"] = [{**account, "poll_interval_ms": 60000}]
        with Spool(config, redis=redis, env={"SSL_CERT_FILE": front.certificate}) as spool:
            harness.eventually(spool.is_ready)
            pids = (spool.pid, redis.process.pid)
            before, cpu = front.connections(scheme, "POST"), tools.cpu_us(*pids)
            submits.batch_all(spool.port, [body] * SUBMITS, "/v1/videos")
            harness.eventually(lambda: tools.counts(spool)["submits_total"] == SUBMITS, 120, "every submit", 0.1)
            found["submit"] = (tools.cpu_us(*pids) - cpu) / SUBMITS
            found["submit_new"], found["submit_whole"], _ = since(front, before, scheme, "POST")
    return found


def theirs(front, scheme, tools):
    job = harness.exchange(front.ports["http"], "POST", "/v1/videos", {"model": "sora-2", "prompt": "a lighthouse [hang]"},
                           {"Authorization": "Bearer sim-secret"})[2]["id"]  # fmt: skip
    gets, posts = (front.connections(scheme, method) for method in ("GET", "POST"))
    words = (front.url(scheme), job, JOBS, LOOK_MS, 2 * tools.SECONDS, SUBMITS)
    out = subprocess.run([tools.NODE, f"{tools.PEER}/tls.js", *map(str, words)], capture_output=True, text=True, check=True, cwd=tools.PEER,
                         env=dict(os.environ, NODE_EXTRA_CA_CERTS=front.certificate)).stdout  # fmt: skip
    found = json.loads(out)
    found["look_new"], found["look_whole"], _ = since(front, gets, scheme, "GET")
    found["submit_new"], found["submit_whole"], _ = since(front, posts, scheme, "POST")
    return found


def measure(row, rounds, tools):
    found = {}
    with Sim(speed=1) as sim, Front(sim) as front:
        for _ in range(rounds):
            for scheme in ("http", "https"):
                found.setdefault(("ours", scheme), []).append(ours(front, scheme, tools))
                if tools.PEER:
                    found.setdefault(("theirs", scheme), []).append(theirs(front, scheme, tools))
    for call, wanted in (("look", "nearly none, for connections are kept"), ("submit", "a whole one for few")):
        over, plain = found["ours", "https"], found["ours", "http"]
        peer, peer_plain = found.get(("theirs", "https")), found.get(("theirs", "http"))
        added = mean_of(over, call) - mean_of(plain, call)
        said = f"{spread_of(over, call, '.0f')} µs, TLS {added:+.0f} (without {spread_of(plain, call, '.0f')} µs)"
        beside = ratio = "-"
        if peer:
            peer_added = mean_of(peer, call) - mean_of(peer_plain, call)
            beside = f"undici {spread_of(peer, call, '.0f')} µs, TLS {peer_added:+.0f} (without {spread_of(peer_plain, call, '.0f')} µs)"
            ratio = f"{mean_of(peer, call) / mean_of(over, call):.1f} times less"
        of = "CPU with Redis, all bookkeeping" if call == "look" else "CPU with Redis, from the client's submit on"
        row(f"{call} at a vendor over TLS, {of}; the peer only calls", said, beside, ratio, "-")
        row(f"handshakes per 1,000 {call}s", f"{spread_of(over, call + '_new', '.0f')}, {spread_of(over, call + '_whole', '.0f')} of them whole",
            f"undici {spread_of(peer, call + '_new', '.0f')}, {spread_of(peer, call + '_whole', '.0f')} whole" if peer else "-", "-",
            f"-; goal {wanted}")
