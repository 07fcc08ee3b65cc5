"""What receivers that never answer cost those that do: nothing that anybody would notice."""
import asyncio
import http.client
import json
import socket
import sys
import threading
import time
import unittest

from harness import Sim, Spool, eventually, main

DEAD = 150
PER_DEAD = 4
RATE = 100  # tasks a second to the healthy receiver, two or three webhooks each
SECONDS = 3
TIMEOUT_MS = 4000


class Quick(asyncio.Protocol):
    """One connection of a receiver that answers at once, until it hangs; notes (when, body)."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.data = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, rest = self.data.split(b"\r\n\r\n", 1)
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            self.data = rest[length:]
            self.receiver.seen.append((time.time() * 1000, json.loads(rest[:length])))
            if not self.receiver.hangs:
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


class Healthy:
    """Many connections at `count` ports, one thread: it must not be what is slow here."""

    def __init__(self, count=1):
        self.seen = []
        self.hangs = False
        self.loop = asyncio.new_event_loop()
        makes = [self.loop.create_server(lambda: Quick(self), "127.0.0.1", 0) for _ in range(count)]
        self.servers = [self.loop.run_until_complete(make) for make in makes]
        self.urls = [f"http://127.0.0.1:{s.sockets[0].getsockname()[1]}" for s in self.servers]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def ends(self):
        """Of each task that has succeeded: how long after its end we heard of it, in ms."""
        return [at - body["finishTime"] for at, body in list(self.seen) if body["status"] == "SUCCESS"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        for server in self.servers:
            server.close()
        self.loop.close()


class Silent:
    """Hosts that never accept, so never answer: the kernel takes the connections, and that is all."""

    def __init__(self, count):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(count)]
        self.urls = [f"http://127.0.0.1:{s.getsockname()[1]}" for s in self.sockets]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets:
            s.close()


class Submitter(threading.Thread):
    """Submits on one connection: `urls` one after the other, at most `rate` a second (0: no limit)."""

    def __init__(self, spool, key, urls, rate=0):
        super().__init__(daemon=True)
        self.spool, self.key, self.urls, self.rate = spool, key, urls, rate
        self.failed = []
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.spool.port)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        began = time.monotonic()
        for i, url in enumerate(self.urls):
            if self.rate > 0:
                time.sleep(max(0, began + i / self.rate - time.monotonic()))
            body = json.dumps({"prompt": f"a {i}", "notifyHook": f"{url}/{i}"})
            connection.request("POST", "/mj/submit/imagine", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                self.failed.append(answer)
        connection.close()


def shown(latencies):
    return f"p50 {latencies[len(latencies) // 2]:.0f} ms, p99 {latencies[len(latencies) * 99 // 100]:.0f} ms"


class DeadReceivers(unittest.TestCase):
    def check(self, hanging, urls, healthy_key, begin=None):
        """The news of a healthy receiver come in time, while `urls` are submitted as the key "dev"."""
        config = {
            "log_level": "warn",
            "tokens": [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")],
            "webhook": {"timeout_ms": TIMEOUT_MS},
        }
        count = RATE * SECONDS
        with Sim(speed=0) as sim, hanging, Healthy() as healthy, Spool(config, sim) as spool:
            if begin is not None:
                begin(spool)
            dead = Submitter(spool, "sk-dev", urls)
            alive = Submitter(spool, healthy_key, healthy.urls * count, RATE)
            dead.join()
            alive.join()
            self.assertEqual(alive.failed + dead.failed, [])
            eventually(lambda: len(healthy.ends()) >= count, 20, "all the news")
            latencies = sorted(healthy.ends())
        print(f"{len(urls)} tasks, beside {healthy_key}: {shown(latencies)}", file=sys.stderr)
        self.assertLess(latencies[len(latencies) * 99 // 100], 1000)

    def test_beside_another_key(self):
        silent = Silent(DEAD)
        self.check(silent, silent.urls * PER_DEAD, "sk-other")

    def test_beside_the_same_key(self):
        silent = Silent(DEAD)
        self.check(silent, silent.urls * PER_DEAD, "sk-dev")

    def test_those_that_used_to_answer(self):
        turning = Healthy(DEAD)

        def turn(spool):
            Submitter(spool, "sk-dev", turning.urls).join()
            eventually(lambda: len(turning.ends()) == DEAD, 20, "the first news")
            turning.hangs = True

        self.check(turning, turning.urls * PER_DEAD, "sk-dev", turn)


if __name__ == "__main__":
    main()
