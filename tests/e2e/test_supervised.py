"""Under a supervisor, as systemd is one: what it is told when, and a watchdog that proves that every loop turns."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import Redis, Spool, Vendor, Wire, account, eventually, free_port, freeze, main, preload


class Manager:
    """A service manager's socket; `said` has what came, and when."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.path = path.replace("\0", "@", 1)
        self.said = []
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            text = self.socket.recv(4096).decode()
            if text == "":
                return
            self.said.append((time.monotonic(), dict(line.split("=", 1) for line in text.split("\n"))))

    def states(self):
        """All but the watchdog."""
        return [lines for _, lines in self.said if "WATCHDOG" not in lines]

    def beats(self):
        return [at for at, lines in self.said if lines == {"WATCHDOG": "1"}]

    def wait_state(self, count):
        eventually(lambda: len(self.states()) >= count, 20, f"{count} states, after {self.states()}")
        return self.states()[count - 1]

    def wait_beat(self):
        before = len(self.beats())
        eventually(lambda: len(self.beats()) > before, 10, "a sign of life")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.path.replace("@", "\0", 1))
        self.thread.join()
        self.socket.close()


class Supervised(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-manager-"))
        self.manager = self.enterContext(Manager(os.path.join(folder, "notify")))

    def environment(self, watchdog_ms=None, **more):
        watchdog = {} if watchdog_ms is None else {"WATCHDOG_USEC": str(watchdog_ms * 1000)}
        return {"NOTIFY_SOCKET": self.manager.path, **watchdog, **more}


class States(Supervised):
    def write(self, spool, text):
        with open(os.path.join(spool.dir, "spool.json"), "w", encoding="utf-8") as file:
            file.write(text)

    def check_reload(self, count):
        """RELOADING, as Type=notify-reload wants it, then READY."""
        reloading, ready = self.manager.wait_state(count), self.manager.wait_state(count + 1)
        self.assertEqual(reloading["RELOADING"], "1")
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertTrue(now_us - 20e6 < int(reloading["MONOTONIC_USEC"]) <= now_us, reloading)
        self.assertEqual(ready["READY"], "1")
        return ready["STATUS"]

    def test_from_start_to_end(self):
        with Spool(env=self.environment()) as spool:
            ready = self.manager.wait_state(1)
            self.assertEqual(ready, {"READY": "1", "STATUS": f"listening on {spool.url}"})
            good = json.dumps({**spool.config, "log_level": "info"})
            count = 2
            for text, said in (
                ("{", "spool.json: line 1"),
                ('{"nonsense": 1}', "spool.json: nonsense: "),
                (good, f"listening on {spool.url}, by the new configuration"),
                ("{\n\n", "spool.json: line 3"),
                (good, f"listening on {spool.url}, by the new configuration"),
            ):
                with self.subTest(text=text):
                    self.write(spool, text)
                    spool.process.send_signal(signal.SIGHUP)
                    status = self.check_reload(count)
                    self.assertIn(said, status)
                    self.assertEqual("refused" in status, text != good)
                    count += 2
            spool.stop()
            stopping = self.manager.wait_state(count)
            self.assertEqual(stopping["STOPPING"], "1")
            self.assertGreater(int(stopping["EXTEND_TIMEOUT_USEC"]), 10e6)
            self.assertEqual(len(self.manager.states()), count)
            self.assertEqual(self.manager.beats(), [], "nobody asked for them")

    def test_ready_when_all_is_served(self):
        """Redis needs its time to start; a port that is taken is no start."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with self.assertRaises(RuntimeError):
                Spool({"listen": f"127.0.0.1:{taken.getsockname()[1]}"}, env=self.environment())
        self.assertEqual(self.manager.states(), [])
        for roles in (["worker"], ["api"], ["webhook", "worker"]):
            before = len(self.manager.states())
            with Redis() as redis, Spool(redis=redis, roles=roles, env=self.environment()) as spool:
                self.manager.wait_state(before + 1)
                if "api" in roles:
                    eventually(spool.is_ready, what="readiness")

    def test_several_reloads_at_once(self):
        """However many there are: the last word is that it is ready."""
        with Spool(env=self.environment()) as spool:
            for _ in range(5):
                spool.process.send_signal(signal.SIGHUP)
                time.sleep(0.01)
            eventually(lambda: spool.log().count(b"config.reloaded") >= 2, 20, "two reloads")
            eventually(lambda: "READY" in self.manager.states()[-1], 10, "readiness")
            self.assertEqual(spool.get("/v1/tasks")["data"], [])

    def test_a_name_without_a_file(self):
        with Manager(f"\0spool-test-{os.getpid()}") as manager, Spool(env={"NOTIFY_SOCKET": manager.path}):
            self.assertEqual(manager.wait_state(1)["READY"], "1")

    def test_what_it_starts_knows_nothing_of_it(self):
        """Its Redis would answer for it."""
        with Spool(env=self.environment(5000)) as spool:
            with open(f"/proc/{spool.redis_pid()}/environ", "rb") as file:
                names = {line.split(b"=")[0] for line in file.read().split(b"\0")}
            self.assertFalse(names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID"}, names)


class Watchdog(Supervised):
    WANTED_MS = 1600

    def check_beats(self, seconds):
        """They come after a half of what is wanted, and never so late that we would be killed."""
        self.manager.wait_beat()
        began = len(self.manager.beats()) - 1
        time.sleep(seconds)
        beats = self.manager.beats()[began:]
        gaps = [later - earlier for earlier, later in zip(beats, beats[1:])]
        half = self.WANTED_MS / 2000
        self.assertTrue(gaps and min(gaps) > half / 2 and max(gaps) < 2 * half, gaps)
        self.assertLess(sum(gaps) / len(gaps), 1.5 * half)

    def test_kept(self):
        """Also over a reload, and while Redis is away; and while work is finished at the end."""
        with Vendor() as vendor, Redis() as redis, Wire(redis) as wire:
            gate = threading.Event()
            vendor.on("/submit/", lambda asked: gate.wait(20) and None)
            config = {"redis_url": wire.url, "drain_timeout_ms": 8000, "accounts": [account(vendor)]}
            with Spool(config, env=self.environment(self.WANTED_MS)) as spool:
                eventually(spool.is_ready, 15, "readiness")
                self.check_beats(2.5)
                wire.cut()
                eventually(lambda: not spool.is_ready(), 15, "that Redis is missed")
                self.check_beats(2.5)
                wire.mend()
                eventually(spool.is_ready, 15, "readiness")
                spool.process.send_signal(signal.SIGHUP)
                self.check_beats(2.5)
                spool.submit("a lighthouse")
                eventually(vendor.prompts, what="the submit")
                spool.process.send_signal(signal.SIGTERM)
                eventually(lambda: "STOPPING" in self.manager.states()[-1], what="the end's beginning")
                self.check_beats(2.5)
                self.assertIsNone(spool.process.poll())
                gate.set()
                self.assertEqual(spool.process.wait(20), 0)

    def test_not_for_us(self):
        """It is another process that is watched."""
        with Spool(env=self.environment(400, WATCHDOG_PID="1")):
            self.manager.wait_state(1)
            time.sleep(1)
            self.assertEqual(self.manager.beats(), [])

    def test_for_us(self):
        with tempfile.TemporaryDirectory(prefix="spool-manager-") as folder:
            config = {"listen": f"127.0.0.1:{free_port()}", "data_dir": folder, "accounts": [account("http://127.0.0.1:1")]}
            path = os.path.join(folder, "spool.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            command = ["sh", "-c", 'WATCHDOG_PID=$$ exec "$0" serve -c "$1"', harness.spool_binary(), path]
            kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOL_")}
            with subprocess.Popen(command, env={**kept, **self.environment(400)},
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # fmt: skip
                try:
                    eventually(lambda: len(self.manager.beats()) > 3, 20, "signs of life")
                finally:
                    harness.end(process, signal.SIGTERM)

    def test_the_process_stands_still(self):
        with Spool(env=self.environment(self.WANTED_MS)) as spool:
            self.manager.wait_beat()
            freeze(spool.process.pid)
            time.sleep(0.3)
            before = len(self.manager.beats())
            time.sleep(self.WANTED_MS / 1000)
            self.assertEqual(len(self.manager.beats()), before)
            spool.process.send_signal(signal.SIGCONT)
            self.check_beats(2)

    def test_one_loop_stands_still(self):
        """Each of them is missed, and named; when it goes on, so does the watchdog."""
        with tempfile.NamedTemporaryFile("wb", prefix="spool-stall-", buffering=0) as file:

            def stall(name):
                file.seek(0)
                file.write(name.encode().ljust(16, b"\0"))

            stall("")
            more = {"SPOOL_STALL": file.name, **preload(harness.stall_loop())}
            config = {"admin_listen": f"127.0.0.1:{free_port()}"}
            # A Redis of the test's own: what is loaded before Spool would be loaded before Spool's, too.
            with Redis() as redis, Spool(config, redis=redis, env=self.environment(self.WANTED_MS, **more)) as spool:
                for role in ("api", "worker", "webhook", "admin", "realtime", "spool"):
                    with self.subTest(role=role):
                        self.manager.wait_beat()
                        stall(role if role == "spool" else f"spool-{role}")
                        time.sleep(self.WANTED_MS * 0.75 / 1000)  # the last sign may still be on its way
                        before = len(self.manager.beats())
                        time.sleep(self.WANTED_MS * 1.25 / 1000)
                        self.assertEqual(len(self.manager.beats()), before)
                        if role != "spool":  # the main loop can't say so itself
                            said = re.findall(rb"watchdog\.withheld role=(\w+)", spool.log())
                            self.assertEqual(said[-1].decode(), role)
                        stall("")
                        self.manager.wait_beat()


class Signals(unittest.TestCase):
    def test_a_second_one_ends_it_at_once(self):
        """Work under way isn't waited for then."""
        gate = threading.Event()
        with Vendor() as vendor, Redis() as redis:
            vendor.on("/submit/", lambda asked: gate.wait(30) and None)
            config = {"drain_timeout_ms": 20000, "accounts": [account(vendor)]}
            with Spool(config, redis=redis) as spool:
                spool.submit("a lighthouse")
                eventually(vendor.prompts, what="the submit")
                for number in (signal.SIGTERM, signal.SIGHUP):  # this one changes nothing any more
                    spool.process.send_signal(number)
                    time.sleep(0.5)
                    self.assertIsNone(spool.process.poll())
                spool.process.send_signal(signal.SIGINT)
                self.assertEqual(spool.process.wait(3), 1)
                self.assertNotIn(b"config.reloaded", spool.log())
                gate.set()


if __name__ == "__main__":
    main()
