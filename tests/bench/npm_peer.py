"""What we are measured against: a server of npm's packages, on a Redis of its own that persists nothing."""
import subprocess

import harness
from harness import Redis

COMPACT = ["--hash-max-listpack-value", "8192"]  # as Spool's own Redis has it, and the README advises
NO_FSYNC = ["--appendonly", "no", *COMPACT]


class Peer:
    def __init__(self, node, folder, script, *words):
        self.redis = Redis(tcp=True, options=NO_FSYNC)
        self.port = harness.free_port()
        self.process = subprocess.Popen(
            [node, f"{folder}/{script}", *map(str, (self.port, self.redis.port, *words))], stdout=subprocess.PIPE, cwd=folder
        )
        harness.running.add(self)
        self.process.stdout.readline()
        self.pid = self.process.pid

    def pids(self):
        return self.process.pid, self.redis.process.pid

    def close(self):
        harness.end(self.process)
        harness.running.discard(self)
        self.redis.close()
