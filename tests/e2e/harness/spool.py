"""Spool itself."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import invariants

from harness.process import Child, LOG_TAIL_BYTES, SANITIZER, last_words, running, spool_binary
from harness.common import TERMINAL, eventually, exchange, free_port, is_alive, merged
from harness.redis import IS_CLUSTER, Redis, redis_cli
from harness.accounts import account


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
        self.cluster = Redis() if IS_CLUSTER and redis is None else None
        if redis is not None or self.cluster is not None:
            default["redis_url"] = (redis or self.cluster).url
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
        if "redis_url" not in self.config or self.cluster is not None:
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
        return redis_cli(self.redis_socket(), *words)

    def redis_socket(self):
        return os.path.join(self.data_dir, "redis.sock") if self.cluster is None else self.cluster.socket

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
        if self.checks_keys and ("redis_url" not in self.config or self.cluster is not None):
            invariants.check_at(self.redis_socket())

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
        if self.cluster is not None:
            self.cluster.close()
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
