"""A Redis of the test's own, the wire to it, and the clock it goes by."""
import functools
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading

import invariants
from records import with_letters

from harness.process import binary, end, running
from harness.common import eventually, free_port


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


# Every Redis of the test is a cluster of one node.
IS_CLUSTER = bool(os.environ.get("SPOOL_TEST_CLUSTER"))


class Redis:
    """A redis-server of its own, on a socket in a temporary folder or on a TCP port."""

    def __init__(self, tcp=False, options=(), env=None, is_cluster=IS_CLUSTER):
        self.dir = tempfile.mkdtemp(prefix="spool-redis-")
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.options = list(options)
        self.is_cluster = is_cluster
        self.port = free_port() if tcp or is_cluster else 0
        self.socket = os.path.join(self.dir, "redis.sock")
        self.url = f"redis://127.0.0.1:{self.port}" if tcp else f"unix://{self.socket}"
        self.checks_keys = True  # False: a test has put keys there that don't fit together
        self.start()

    def start(self):
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket]
        keep = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        if self.is_cluster:
            keep += ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
        self.process = subprocess.Popen(
            ["redis-server", "--dir", self.dir, *where, *keep, *self.options],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.add(self)
        eventually(lambda: self.answers(), what="a ready redis-server")
        if self.is_cluster:
            self.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            self.await_cluster("ok")

    def await_cluster(self, state):
        eventually(lambda: f"cluster_state:{state}" in self.cli("CLUSTER", "INFO"), what=f"a cluster that is {state}")

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


def as_stored(word):
    """Tasks' ids as Redis has them: without "task_"."""
    return re.sub(r"task_([0-9A-Z]{26})", r"\1", word)


def redis_cli(path, *words):
    done = subprocess.run(
        ["redis-cli", "-s", path, *map(as_stored, with_letters(words))], capture_output=True, text=True, errors="replace", timeout=30, check=False
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
            self.armed.append(([as_stored(word).encode() for word in words], in_reply))

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


@functools.cache
def script_text(name):
    """A script as Redis is given it."""
    command = [binary("SPOOL_SCRIPT_BIN", "tests/spool-script"), name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
