"""What end-to-end tests stand on: Spool, the vendor simulator, a webhook receiver, a Redis.

Everything runs on free ports of the loopback and in temporary folders, is ended by its pid, and is
gone when the test is, however that went.
"""
import atexit
import base64
import collections
import copy
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import invariants

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANITIZER = re.compile(rb"ERROR: AddressSanitizer|LeakSanitizer|runtime error")
TERMINAL = ("SUCCESS", "FAILURE", "CANCEL")
LOG_TAIL_BYTES = 6000
# One red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)

running = set()  # whatever must not outlive us; each has close()
last_words = collections.deque(maxlen=4)  # the ends of logs, shown when a test fails


@atexit.register
def close_all():
    for thing in list(running):
        thing.close()


def binary(variable, *places):
    """The environment's, else the newest build's."""
    if os.environ.get(variable):
        return os.path.abspath(os.environ[variable])
    for place in places:
        path = os.path.join(ROOT, "build", "dev", place)
        if os.path.exists(path):
            return path
    return os.path.join(ROOT, "build", "dev", places[0])


def spool_binary():
    return binary("SPOOL_BIN", "scheduler/spool", "spool")


def sim_binary():
    return binary("SPOOL_SIM_BIN", "tests/sim/spool-sim", "spool-sim")


def fail_fsync():
    return binary("SPOOL_FAIL_FSYNC", "tests/libfail_fsync.so")


def set_clock():
    return binary("SPOOL_SET_CLOCK", "tests/libset_clock.so")


def preload(library):
    """Of an environment. ASan's own comes first, or it complains."""
    command = ["gcc", "-print-file-name=libasan.so"]
    asan = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"LD_PRELOAD": f"{asan.stdout.strip()} {library}"}


def websocket_headers(headers):
    """Of a websockets.connect: python-websockets 14 has another name for them."""
    from websockets.version import version

    return {"additional_headers" if int(version.split(".")[0]) >= 14 else "extra_headers": headers}


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(condition, timeout=10, what="it", every=0.02):
    """The condition's value, once it is true."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(every)


def words_seen(words, first):
    """Each once, without the first, which may be over before anybody looks."""
    seen = [word for i, word in enumerate(words) if i == 0 or words[i - 1] != word]
    return seen[1:] if seen[:1] == [first] else seen


def merged(base, extra):
    """`extra` over `base`, objects key by key."""
    base = copy.deepcopy(base)
    for key, value in (extra or {}).items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            base[key] = merged(base[key], value)
        else:
            base[key] = copy.deepcopy(value)
    return base


def exchange(port, method, path, body=None, headers=None, timeout=60):
    """(status, headers with names in lower case, JSON or bytes)"""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    names = {name.lower(): value for name, value in response.getheaders()}
    if data and "json" in names.get("content-type", ""):
        data = json.loads(data)
    return response.status, names, data


def end(process, number=signal.SIGKILL):
    """By its pid, and gone when we return."""
    if process is not None and process.poll() is None:
        process.send_signal(number)
        process.wait()


class Child:
    """A program that says on stdout when it is ready."""

    def __init__(self):
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def run(self, command, ready, stderr, timeout=30, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, **options
        )
        running.add(self)
        lines = []
        done = threading.Event()

        def read():
            for line in self.process.stdout:
                lines.append(line.decode(errors="replace"))
                if re.search(ready, lines[-1]):
                    done.set()
            done.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not done.wait(timeout) or not lines or not re.search(ready, lines[-1]):
            self.kill()
            raise RuntimeError(f"{command[0]} did not get ready: {''.join(lines)}")
        return lines[-1]

    def ended(self):
        self.reader.join(5)
        self.process.stdout.close()

    def kill(self):
        if self.process is not None and not self.process.stdout.closed:
            end(self.process)
            self.ended()

    def close(self):
        self.kill()
        running.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sim(Child):
    """The vendor simulator. `speed` 0: every job is finished at once."""

    def __init__(self, speed=20, secret="sim-secret", port=0):
        super().__init__()
        self.key_path = None
        command = [sim_binary(), "--listen", f"127.0.0.1:{port}", "--speed", str(speed)]
        line = self.run(command + ["--secret", secret], "listening on", subprocess.DEVNULL)
        self.url = re.search(r"http://\S+", line).group()
        self.port = int(self.url.rsplit(":", 1)[1])

    def get(self, path):
        return exchange(self.port, "GET", path, headers={"mj-api-secret": "sim-secret"})[2]

    def accepted(self, task):
        """How often the vendor took it."""
        return self.get(f"/sim/submits?state={task}")["accepted"]

    def jobs(self, vendor):
        """How often each prompt was accepted, and each id that was given along."""
        found = self.get("/sim/jobs")[vendor]
        return found["prompts"], found["marks"]

    def key_file(self):
        """The service account of its Google."""
        if self.key_path is None:
            number, self.key_path = tempfile.mkstemp(prefix="spool-key-", suffix=".json")
            with open(number, "w", encoding="utf-8") as file:
                json.dump(self.get("/sim/service-account.json"), file)
        return self.key_path

    def close(self):
        super().close()
        if self.key_path is not None:
            os.unlink(self.key_path)
            self.key_path = None


class Clock:
    """The wall clock of whoever is given its env; set() sets it."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("wb", prefix="spool-clock-", buffering=0)
        self.env = {"SPOOL_CLOCK": self.file.name}
        self.set(0)

    def set(self, seconds):
        self.file.seek(0)
        self.file.write(struct.pack("q", seconds))

    def close(self):
        self.file.close()


class Redis:
    """A redis-server of its own, on a socket in a temporary folder or on a TCP port."""

    def __init__(self, tcp=False, options=(), env=None):
        self.dir = tempfile.mkdtemp(prefix="spool-redis-")
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.options = list(options)
        self.port = free_port() if tcp else 0
        self.socket = os.path.join(self.dir, "redis.sock")
        self.url = f"redis://127.0.0.1:{self.port}" if tcp else f"unix://{self.socket}"
        self.checks_keys = True  # False: a test has put keys there that don't fit together
        self.start()

    def start(self):
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket]
        keep = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = subprocess.Popen(
            ["redis-server", "--dir", self.dir, *where, *keep, *self.options],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.add(self)
        eventually(lambda: self.answers(), what="a ready redis-server")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("redis-server ended")
        return os.path.exists(self.socket) and self.cli("PING") == "PONG"

    def cli(self, *words):
        return redis_cli(self.socket, *words)

    def kill(self, number=signal.SIGKILL):
        end(self.process, number)

    def close(self):
        self.kill()
        running.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.checks_keys and self.process.poll() is None:
                invariants.check_at(self.socket)
        finally:
            self.close()


def redis_cli(path, *words):
    done = subprocess.run(
        ["redis-cli", "-s", path, *words], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip()


class Wire:
    """Between Spool and a Redis: loses the replies that lose() names; cut() and mend() are for all."""

    def __init__(self, redis):
        self.redis = redis
        self.lock = threading.Lock()
        self.connections = set()
        self.is_cut = False
        self.armed = []
        self.lost = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def lose(self, *words, in_reply=False):
        """Once: the reply to a request with all the words, or the one that has them itself."""
        with self.lock:
            self.armed.append(([word.encode() for word in words], in_reply))

    def takes(self, data, is_reply):
        with self.lock:
            for one in self.armed:
                words, in_reply = one
                if in_reply == is_reply and all(word in data for word in words):
                    self.armed.remove(one)
                    self.lost += 1
                    return True
        return False

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                if self.is_cut:
                    client.close()
                    continue
                self.connections.add(client)
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(self.redis.socket)
                sources = [client, server]
                while True:
                    for source in select.select(sources, [], [])[0]:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        if source is client:
                            server.sendall(data)
                            if self.takes(data, False):
                                # Redis does all that it was sent, then it hangs up.
                                server.shutdown(socket.SHUT_WR)
                                sources = [server]
                                break
                        elif self.takes(data, True):
                            return
                        elif client in sources:
                            client.sendall(data)
        except OSError:
            pass  # who hangs up isn't news
        finally:
            with self.lock:
                self.connections.discard(client)

    def cut(self):
        with self.lock:
            self.is_cut = True
            for client in self.connections:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def mend(self):
        with self.lock:
            self.is_cut = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


class Hook:
    """A request that came to a Receiver."""

    def __init__(self, path, headers, body):
        self.at = time.monotonic()
        self.wall = time.time()
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def word(self):
        return self.body["status"]


class Receiver:
    """Receives webhooks; what it answers is programmed per path.

    answer(path, 500) always answers so, answer(path, [500, 200]) in turn, the last one for ever. A
    status may also be a function of the hook. `delay` is slept before the answer.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.hooks = []
        self.answers = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass  # who hangs up on us isn't news

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def answer(self, path, status, delay=0, headers=None, body=b"{}"):
        statuses = list(status) if isinstance(status, (list, tuple)) else [status]
        with self.lock:
            self.answers[path] = (statuses, delay, headers or {}, body)

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        hook = Hook(request.path, dict(request.headers), body)
        with self.lock:
            self.hooks.append(hook)
            statuses, delay, headers, answer = self.answers.get(request.path, ([200], 0, {}, b"{}"))
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if callable(status):
            status = status(hook)
        time.sleep(delay)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def at(self, path):
        with self.lock:
            return [hook for hook in self.hooks if hook.path == path]

    def words(self, path):
        return [hook.word for hook in self.at(path)]

    def wait(self, path, count=1, timeout=15):
        """At least so many hooks at the path."""
        eventually(
            lambda: len(self.at(path)) >= count, timeout, f"{count} webhooks at {path}"
        )
        return self.at(path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class DeadReceiver:
    """Accepts connections and never says anything."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept()[0])
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.connections:
            connection.close()


class Asked:
    """A request that came to a Vendor."""

    def __init__(self, method, path, headers, body):
        self.at = time.monotonic()
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body

    @property
    def body(self):
        return json.loads(self.raw)


CUT = (0, {}, b"")  # of a Vendor: no answer


class Vendor:
    """A Midjourney of a few lines that keeps every request, for what the simulator can't be asked.

    Jobs have ended when they are looked at, unless `is_held`. on(words, answer) answers requests
    whose path has the words: a function of the Asked that returns (status, headers, body), CUT, or None
    where the usual answer is right. A `body` longer than its Content-Length header, or shorter, is sent as it is.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.asked = []
        self.jobs = {}  # id -> the submit's body
        self.is_held = False
        self.special = []
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                vendor.handle(self)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def on(self, words, answer):
        self.special.append((words, answer))

    def at(self, words):
        with self.lock:
            return [asked for asked in self.asked if words in asked.path]

    def prompts(self):
        return [asked.body["prompt"] for asked in self.at("/submit/imagine")]

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        asked = Asked(request.command, request.path, dict(request.headers), body)
        with self.lock:
            self.asked.append(asked)
        answer = None
        for words, special in self.special:
            if answer is None and words in asked.path:
                answer = special(asked)
        status, headers, data = answer or self.usual(asked)
        if status == 0:
            request.close_connection = True
            return
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
            headers = {"Content-Type": "application/json", **headers}
        headers = {"Content-Length": str(len(data)), **headers}
        request.close_connection = int(headers["Content-Length"]) != len(data)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def usual(self, asked):
        parts = asked.path.split("/")
        if "/submit/" in asked.path:
            with self.lock:
                job = str(1000000 + len(self.jobs))
                self.jobs[job] = asked.body
            return 200, {}, {"code": 1, "description": "", "result": job, "properties": {}}
        if asked.path.endswith("/list-by-condition"):
            return 200, {}, [self.shown(job) for job in asked.body["ids"] if job in self.jobs]
        if asked.path.endswith("/task/list"):
            return 200, {}, [self.shown(job) for job in self.jobs]
        if asked.path.endswith("/fetch") and parts[-2] in self.jobs:
            return 200, {}, self.shown(parts[-2])
        if asked.path.startswith("/files/"):
            return 200, {"Content-Type": "image/png"}, PNG
        return 404, {}, {"code": 3, "description": "unknown"}

    def shown(self, job):
        body = self.jobs[job]
        if self.is_held:
            return {"id": job, "status": "IN_PROGRESS", "progress": "10%", "state": body.get("state", "")}
        buttons = [{"customId": f"MJ::JOB::upsample::1::{job}", "emoji": "", "label": "U1", "style": 2}]
        return {
            "id": job,
            "status": "SUCCESS",
            "progress": "100%",
            "prompt": body.get("prompt", ""),
            "state": body.get("state", ""),
            "imageUrl": f"{self.url}/files/{job}.png",
            "buttons": buttons,
        }

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Between(Vendor):
    """Hands everything on to a simulator; what Spool is told leads here again."""

    def __init__(self, sim):
        self.sim = sim
        super().__init__()

    def sent(self, words, **fields):
        """The bodies that were posted to such a path and have the fields."""
        posts = [asked.body for asked in self.at(words) if asked.method == "POST"]
        return [body for body in posts if all(body.get(name) == fields[name] for name in fields)]

    def usual(self, asked):
        hop = ("host", "connection", "content-length")
        headers = {name: value for name, value in asked.headers.items() if name not in hop}
        connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=60)
        try:
            connection.request(asked.method, asked.path, asked.raw or None, headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            return CUT
        finally:
            connection.close()
        here, there = f":{self.port}/", f":{self.sim.port}/"
        kept = {name: value.replace(there, here) for name, value in response.getheaders()}
        for name in ("Content-Length", "Connection", "Transfer-Encoding", "Date"):
            kept.pop(name, None)
        if "json" in kept.get("Content-Type", ""):
            data = data.replace(there.encode(), here.encode())
        return response.status, kept, data


def account(vendor, name="mj-1", **fields):
    """Of a configuration; the vendor is a Sim, a Vendor, a Spool or a URL."""
    url = vendor if isinstance(vendor, str) else vendor.url
    base = {"name": name, "provider": "midjourney", "base_url": url, "api_key": "sim-secret"}
    return {**base, "poll_interval_ms": 100, "max_concurrency": 50, **fields}


def kling_account(vendor, name="kling-1", **fields):
    keys = {"access_key": "sim-access", "secret_key": "sim-secret"}
    return account(vendor, name, provider="kling", **{**keys, **fields})


def suno_account(vendor, name="suno-1", **fields):
    return account(vendor, name, provider="suno", **fields)


VEO_MODELS = {
    "gemini": {"veo-3.1": "veo-3.1-generate-preview"},
    "vertex": {"veo-3.1-fast": "veo-3.1-fast-generate-001"},
}


def veo_account(vendor, dialect="gemini", key_file=None, name=None, **fields):
    """Each dialect has a model of its own, so that a test chooses by it; vertex takes Sim.key_file()."""
    own = {"dialect": dialect, "models": VEO_MODELS[dialect]}
    if key_file is not None:
        own["service_account_file"] = key_file
    return account(vendor, name or f"veo-{dialect}", provider="veo", **{**own, **fields})


SEEDANCE_MODELS = {
    "doubao-seedance-1-0-pro": "doubao-seedance-1-0-pro-250528",
    "doubao-seedance-1-5-pro": "doubao-seedance-1-5-pro-251215",
    "doubao-seedance-2-0": "doubao-seedance-2-0-260128",
    "doubao-video": "doubao-seedance-1-5-pro-251215",
}


def seedance_account(vendor, name="ark-1", **fields):
    url = vendor if isinstance(vendor, str) else vendor.url
    return account(url + "/api/v3", name, provider="seedance", **{"models": SEEDANCE_MODELS, **fields})


def accounts_of_all(sim):
    """One of each dialect that isn't a relay."""
    veo = [veo_account(sim), veo_account(sim, "vertex", sim.key_file())]
    return [account(sim), kling_account(sim), suno_account(sim), *veo, seedance_account(sim)]


def relay_accounts(spool, **fields):
    """Five accounts at another Spool."""
    common = {"dialect": "relay", "api_key": spool.key, **fields}
    names = {"midjourney": "mj-r", "kling": "kling-r", "suno": "suno-r", "veo": "veo-r", "seedance": "ark-r"}
    return [account(spool, name, provider=provider, **common) for provider, name in names.items()]


class Spool(Child):
    """`spool serve` on a free port, with its own Redis unless `redis` is given."""

    def __init__(self, config=None, sim=None, redis=None, roles=None, data_dir=None, env=None):
        super().__init__()
        self.key = "sk-dev"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.owns_dir = data_dir is None
        self.checks_keys = True  # of its own Redis; as Redis has it
        self.dir = tempfile.mkdtemp(prefix="spool-")
        self.data_dir = data_dir or os.path.join(self.dir, "data")
        self.log_path = os.path.join(self.dir, "spool.log")
        self.env = dict(os.environ, **(env or {}))
        for name in list(self.env):
            if name.startswith("SPOOL_") and name not in (env or {}):
                del self.env[name]
        default = {
            "listen": f"127.0.0.1:{self.port}",
            "data_dir": self.data_dir,
            "log_level": "debug",
            "tokens": [{"name": "dev", "key": self.key}],
            "webhook": {"allow_private_networks": True},
            "accounts": [account(sim or f"http://127.0.0.1:{free_port()}")],
        }
        if redis is not None:
            default["redis_url"] = redis.url
        if roles is not None:
            default["roles"] = roles
        self.config = merged(default, config)
        self.start()

    def start(self):
        """Again, after stop() or kill(), on the same data_dir."""
        os.makedirs(self.data_dir, exist_ok=True)
        path = os.path.join(self.dir, "spool.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        with open(self.log_path, "ab") as log:
            command = [spool_binary(), "serve", "-c", path]
            try:
                self.ready = self.run(command, f"{self.port}|without an address", log, cwd=self.dir, env=self.env)
            except RuntimeError as error:
                raise RuntimeError(f"{error}\n{self.log_tail()}") from None
        if "redis_url" not in self.config:
            eventually(self.is_ready, 15, "readiness")

    def is_ready(self):
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    # Talking to it.

    def request(self, method, path, body=None, headers=None, timeout=60):
        all_headers = {"Authorization": f"Bearer {self.key}"}
        all_headers.update(headers or {})
        return exchange(self.port, method, path, body, all_headers, timeout)

    def get(self, path):
        status, _, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def submit(self, prompt, **fields):
        """A Midjourney imagine; its task's id."""
        status, _, body = self.request("POST", "/mj/submit/imagine", {"prompt": prompt, **fields})
        assert status == 200 and body["code"] in (1, 22), (status, body)
        return body["result"]

    def fetch(self, task):
        return self.get(f"/mj/task/{task}/fetch")

    def wait(self, task, timeout=30):
        """The task as it ended."""

        def ended():
            shown = self.fetch(task)
            return shown if shown["status"] in TERMINAL else None

        return eventually(ended, timeout, f"the end of {task}", 0.05)

    def task(self, task):
        """As our own surface shows it."""
        return self.get(f"/v1/tasks/{task}")

    def end_of(self, task, timeout=30):
        """The same, once it has ended; of any family."""

        def shown():
            found = self.task(task)
            return found if found["status"] in ("succeeded", "failed", "cancelled") else None

        return eventually(shown, timeout, f"the end of {task}", 0.03)

    def events(self, task):
        return [entry["event"] for entry in self.timeline(task)]

    def wait_phase(self, task, *phases, timeout=15):
        eventually(lambda: self.task(task)["phase"] in phases, timeout, f"{task} to be {phases}")

    def upstream(self, task):
        """The vendor's id of it."""
        found = [e["detail"] for e in self.timeline(task) if e["event"] in ("submitted", "found")]
        return found[-1]

    def timeline(self, task):
        return self.get(f"/v1/tasks/{task}/timeline")["data"]

    def metric(self, name):
        text = exchange(self.port, "GET", "/metrics")[2].decode()
        return float(re.search(rf"^spool_{name} (\S+)$", text, re.M).group(1))

    def deliveries(self, task):
        return self.get(f"/v1/tasks/{task}/deliveries")["data"]

    def redis(self, *words):
        """redis-cli on Spool's own server."""
        return redis_cli(os.path.join(self.data_dir, "redis.sock"), *words)

    # Its end.

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read()

    def log_tail(self):
        return self.log()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def stop(self, timeout=30):
        """SIGTERM: it must end with 0, and leave no complaint of a sanitizer, nor keys that don't fit."""
        try:
            self.check_keys()
        finally:
            self.terminate(timeout)

    def terminate(self, timeout):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end {timeout} s after SIGTERM") from None
        self.ended()
        found = SANITIZER.search(self.log())
        assert found is None, self.log()[max(found.start() - 200, 0) : found.end() + 4000].decode()
        assert code == 0, f"exit code {code}"

    def check_keys(self):
        """Its own Redis ends with it, so they are looked at while it runs."""
        if self.checks_keys and "redis_url" not in self.config:
            invariants.check_at(os.path.join(self.data_dir, "redis.sock"))

    def redis_pid(self):
        """Of the server it started itself; 0 where there is none."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                is_redis = os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("redis")
                folder = os.readlink(f"/proc/{pid}/cwd")
                if is_redis and (folder + "/").startswith(os.path.realpath(self.data_dir) + "/"):
                    return int(pid)
            except OSError:
                pass  # it has ended, or isn't ours to look at
        return 0

    def kill_redis(self):
        """Of its own: SIGKILL, and gone when we return."""
        pid = self.redis_pid()
        if pid != 0:
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: not is_alive(pid), 10, "the end of redis-server")

    def close(self):
        """Everything ends, and the folder goes."""
        self.kill()
        running.discard(self)
        if "redis_url" not in self.config:
            self.kill_redis()
        last_words.append((self.log_path, self.log_tail()))
        if self.owns_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.process is not None and self.process.poll() is None:
                self.stop()
        finally:
            self.close()


def download(url, headers=None):
    """(status, headers with names in lower case, bytes)"""
    port, path = re.match(r"http://[^/:]+:(\d+)(/.*)$", url).groups()
    return exchange(int(port), "GET", path, None, headers)


def check_artifacts(task, *kinds):
    """Their kinds are these, in this order, and each link gives what is said of it; their bytes."""
    artifacts = task["artifacts"]
    assert [artifact["kind"] for artifact in artifacts] == list(kinds), task
    files = []
    for artifact in artifacts:
        if artifact["kind"] == "text":
            files.append(artifact["text"].encode())
            continue
        status, headers, data = download(artifact["url"])
        told = (artifact["content_type"], artifact["bytes"], artifact["sha256"])
        found = (headers["content-type"], len(data), hashlib.sha256(data).hexdigest())
        assert (status, told) == (200, found), (artifact, status, found)
        files.append(data)
    assert len(set(files)) == len(files), f"{len(files)} files, some are the same: {artifacts}"
    return files


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def check_signature(hook, secret):
    """As a receiver with `secret` ("whsec_…") does it; our own words, not Spool's code."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = f"{hook.headers['webhook-id']}.{hook.headers['webhook-timestamp']}.".encode() + hook.raw
    mine = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1) for part in hook.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(text, mine) for version, text in given)


def bearer(name):
    return {"Authorization": f"Bearer sk-{name}"}


class Family(unittest.TestCase):
    """One Spool at a simulator that is listened to. Keys: sk-dev, sk-other, sk-empty.

    A file of tests says what a submit's answer calls the task (`id_of`) and which accounts there are.
    """

    speed = 50
    settings = {}
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    unknown = {"code": "task_not_exist", "message": "task_not_exist", "data": None}

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=cls.speed))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        cls.receiver = cls.enterClassContext(Receiver())
        config = {
            "accounts": cls.accounts(),
            "tokens": [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other", "empty")],
            "webhook": {"secret": cls.secret},
        }
        cls.spool = cls.enterClassContext(Spool(merged(config, cls.settings)))

    @classmethod
    def accounts(cls):
        raise NotImplementedError

    @classmethod
    def id_of(cls, answer):
        raise NotImplementedError

    @classmethod
    def submit(cls, path, body):
        status, _, answer = cls.spool.request("POST", path, body)
        assert status == 200, (path, body, status, answer)
        return cls.id_of(answer)

    def post(self, path, body, key="dev", **headers):
        return self.spool.request("POST", path, body, {**bearer(key), **headers})

    def look(self, path, key="dev"):
        """(status, answer)"""
        status, _, answer = self.spool.request("GET", path, None, bearer(key))
        return status, answer

    def check_wrong_input(self, cases):
        """Each (path, body, field) is refused by the field's name, and makes no task."""
        for path, body, field in cases:
            with self.subTest(path=path, body=str(body)[:90]):
                text = self.refused(path, body, 400, "invalid_request", "empty")
                self.assertTrue(text.startswith(f"{field}: "), text)
        status, listed = self.look("/v1/tasks", "empty")
        self.assertEqual((status, listed["data"]), (200, []))

    def succeeded(self, task):
        shown = self.spool.end_of(task)
        self.assertEqual((shown["status"], shown["error"]), ("succeeded", None), shown)
        return shown

    def failed(self, task):
        shown = self.spool.end_of(task)
        self.assertEqual((shown["status"], shown["artifacts"]), ("failed", []), shown)
        return shown["error"]

    def refused(self, path, body, status, code, key="dev"):
        """The message of {"code", "message", "data"}."""
        got, _, answer = self.post(path, body, key)
        self.assertEqual((got, set(answer)), (status, {"code", "message", "data"}), (path, body, answer))
        self.assertEqual((answer["code"], answer["data"]), (code, None), (path, body, answer))
        return answer["message"]

    def hooks(self, path, body, *words, name="callback_url"):
        """The task, and what comes at its hook: these words and no more, signed, hidden from the vendor."""
        place = f"/hook-{time.monotonic_ns()}"
        task = self.submit(path, {**body, name: self.receiver.url + place})
        self.spool.end_of(task)
        self.receiver.wait(place, len(words))
        time.sleep(0.1)
        hooks = self.receiver.at(place)
        self.assertEqual([hook.word for hook in hooks], list(words))
        for hook in hooks:
            self.assertTrue(check_signature(hook, self.secret))
            self.assertEqual(hook.body["id"], task)
        self.assertEqual([asked.path for asked in self.vendor.asked if place.encode() in asked.raw], [])
        return task, [hook.body for hook in hooks]


class KlingFamily(Family):
    @classmethod
    def accounts(cls):
        return [kling_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["task_id"]


class Result(unittest.TextTestResult):
    """Says how long each test took; a failure comes with the end of Spool's log."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        print(f"{time.monotonic() - self.began:7.2f} s  {test.id()}", file=sys.stderr, flush=True)

    def tails(self):
        live = [(t.log_path, t.log_tail()) for t in running if isinstance(t, Spool)]
        for path, text in live or list(last_words)[-1:]:
            print(f"--- the end of {path}\n{text}---", file=sys.stderr, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tails()

    def addError(self, test, err):
        super().addError(test, err)
        self.tails()

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tails()


def main():
    # Ended from outside (a time limit), we still end what we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    runner = unittest.TextTestRunner(resultclass=Result)
    try:
        program = unittest.main(module="__main__", testRunner=runner, exit=False)
        is_fine = program.result.wasSuccessful()
    finally:
        close_all()
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
    sys.exit(not is_fine)
