"""HTTP/2 where a server offers it: looks and hooks go over it, submits and files never."""
import collections
import time
import unittest

from harness import Front, Spool, Vendor, account, eventually, main

Line = collections.namedtuple("Line", "protocol connection method path status")
TASKS = 40


class Offered(unittest.TestCase):
    """A vendor that is a receiver, too, behind an nginx that speaks TLS."""

    has_http2, requests_each = True, 1000

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.front = self.enterContext(Front(self.vendor, self.has_http2, self.requests_each))
        self.vendor.url = f"https://127.0.0.1:{self.front.port}"  # its files are said to be at another host
        self.vendor.on("/hook", lambda asked: (204, {}, b""))
        config = {"allow_networks": ["127.0.0.0/8"], "accounts": [account(self.front)], "webhook": {"timeout_ms": 1500, "retry_delays_ms": [100, 200, 500]}}
        self.spool = self.enterContext(Spool(config, env={"SSL_CERT_FILE": self.front.certificate}))

    def lines(self, words):
        """What nginx has noted of requests whose path has the words."""
        return [line for line in (Line(*text.split(" ")) for text in self.front.lines()) if words in line.path]

    def protocols(self, words):
        return {line.protocol for line in self.lines(words)}

    def run_all(self):
        """Makes the tasks to their ends, and returns what was told of each."""
        tasks = [self.spool.submit(f"boat {number}", notifyHook=f"{self.front.url}/hook") for number in range(TASKS)]
        for task in tasks:
            self.assertEqual(self.spool.end_of(task)["status"], "succeeded")
        told = lambda: [asked.body["id"] for asked in self.vendor.at("/hook") if asked.body["status"] == "SUCCESS"]  # noqa: E731
        eventually(lambda: set(told()) == set(tasks), what="the hook of each end")
        self.assertEqual(len(self.vendor.prompts()), TASKS, "billed once each")
        return told()

    def test_all_that_is_asked(self):
        told = self.run_all()
        self.assertEqual(len(told), TASKS)
        submits = self.lines("/submit/")
        self.assertEqual(self.protocols("/submit/"), {"HTTP/1.1"})
        self.assertEqual(len({line.connection for line in submits}), TASKS, "a connection each")
        self.assertEqual(self.protocols("/files/"), {"HTTP/1.1"})
        for words in ("/task/", "/hook"):
            self.assertEqual(self.protocols(words), {"HTTP/2.0"}, words)
            self.assertLessEqual(len({line.connection for line in self.lines(words)}), 2, words)


class GoesAway(Offered):
    """A server that says after a few requests that it wants no more on a connection."""

    requests_each = 5

    def test_all_that_is_asked(self):
        self.run_all()
        looks = self.lines("/task/")
        self.assertGreaterEqual(len({line.connection for line in looks}), len(looks) // 5)
        self.assertEqual(self.protocols("/task/"), {"HTTP/2.0"})


class NotOffered(Offered):
    has_http2 = False

    def test_all_that_is_asked(self):
        self.run_all()
        self.assertEqual(self.protocols("/"), {"HTTP/1.1"})


class Silent(Offered):
    """A receiver that doesn't answer some hooks, all of which share a connection."""

    def test_all_that_is_asked(self):
        silent = []

        def answer(asked):
            if asked.path == "/hook/silent" and len(silent) == 0:
                silent.append(asked)
                time.sleep(3)
            return None

        self.vendor.special.insert(0, ("/hook", answer))
        slow = self.spool.submit("slow", notifyHook=f"{self.front.url}/hook/silent")
        eventually(lambda: silent, what="a hook that isn't answered")
        quick = self.spool.submit("quick", notifyHook=f"{self.front.url}/hook/quick")
        eventually(lambda: len(self.vendor.at("/hook/quick")) > 0, 1.2, "a hook beside it")
        self.spool.end_of(slow), self.spool.end_of(quick)
        last = lambda: [asked.body["status"] for asked in self.vendor.at("/hook/silent")][-1:]  # noqa: E731
        eventually(lambda: last() == ["SUCCESS"], what="the hooks behind it")
        eventually(lambda: self.lines("/hook/silent")[-1].status == "204", what="an answer")
        self.assertEqual(self.lines("/hook/quick")[0].protocol, "HTTP/2.0")
        self.assertEqual(self.lines("/hook/silent")[-1].protocol, "HTTP/1.1", "on a connection of its own")


if __name__ == "__main__":
    main()
