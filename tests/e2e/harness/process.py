"""Programs that tests start: where they are, how they end, what they said last."""
import atexit
import collections
import os
import re
import signal
import subprocess
import threading

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SANITIZER = re.compile(rb"ERROR: AddressSanitizer|LeakSanitizer|runtime error")
LOG_TAIL_BYTES = 6000
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


def stall_loop():
    return binary("SPOOL_STALL_LOOP", "tests/libstall_loop.so")


def preload(library):
    """Of an environment. ASan's own comes first, or it complains."""
    command = ["gcc", "-print-file-name=libasan.so"]
    asan = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"LD_PRELOAD": f"{asan.stdout.strip()} {library}"}


def end(process, number=signal.SIGKILL):
    """By its pid, and gone when we return."""
    if process is not None and process.poll() is None:
        process.send_signal(number)
        process.wait()


class Child:
    """A program that says on stdout when it is ready; `said` has its lines, also those that follow."""

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
        lines = self.said = []
        found = []
        done = threading.Event()

        def read():
            for line in self.process.stdout:
                lines.append(line.decode(errors="replace"))
                if not found and re.search(ready, lines[-1]):
                    found.append(lines[-1])
                    done.set()
            done.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not done.wait(timeout) or not found:
            self.kill()
            raise RuntimeError(f"{command[0]} did not get ready: {''.join(lines)}")
        return found[0]

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
