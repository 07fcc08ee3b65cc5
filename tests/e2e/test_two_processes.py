"""Two whole Spools on one Redis: an operator may speak to either, and to both at once."""
import concurrent.futures
import json
import os
import signal
import socket
import threading
import time
import unittest

from harness import CUT, Between, Receiver, Redis, Sim, Spool, account, eventually, exchange, freeze, main
from vendors.suno import suno_account

TOKENS = [{"name": "dev", "key": "sk-dev"}, {"name": "op", "key": "sk-op", "admin": True}]
MUSIC = {"prompt": "la", "title": "x", "tags": "pop", "mv": "chirp-v4"}


def ask(spool, method, path, body=None, key="sk-op"):
    return exchange(spool.port, method, path, body, {"Authorization": f"Bearer {key}"})


class TwoProcesses(unittest.TestCase):
    retry_delays_ms = [50]

    def setUp(self):
        self.sim = self.enterContext(Sim(speed=50))
        self.wire = self.enterContext(Between(self.sim))
        self.receiver = self.enterContext(Receiver())
        redis = self.enterContext(Redis())
        self.settings = {
            "tokens": TOKENS,
            "accounts": [account(self.sim), suno_account(self.wire)],
            "webhook": {"allow_private_networks": True, "retry_delays_ms": self.retry_delays_ms},
        }
        self.first = self.enterContext(Spool(self.settings, redis=redis))
        self.second = self.enterContext(Spool(self.settings, redis=redis, data_dir=self.first.data_dir))
        self.both = (self.first, self.second)
        for spool in self.both:
            eventually(spool.is_ready)

    def at_once(self, *calls):
        """The answers, in order."""
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return [done.result() for done in [pool.submit(*call) for call in calls]]

    def submit(self, spool, path, body, hook="/hook"):
        status, _, answer = ask(spool, "POST", path, {**body, "notifyHook": self.receiver.url + hook}, "sk-dev")
        self.assertEqual(status, 200, answer)
        return answer.get("data") or answer["result"]

    def shown(self, task):
        """Where both show the same."""
        shown = [ask(spool, "GET", f"/v1/tasks/{task}")[2] for spool in self.both]
        return shown[0] if shown[0]["version"] == shown[1]["version"] else None

    def ended(self, task, status, timeout=40):
        return eventually(lambda: (one := self.shown(task)) and one["status"] == status and one, timeout, status)


class Steering(TwoProcesses):
    def test_everybodys_tasks(self):
        """Submitted to either, listed and cancelled by both."""
        ask(self.first, "POST", "/admin/v1/accounts/mj-1/disable")
        ask(self.first, "POST", "/admin/v1/accounts/suno-1/disable")
        for spool in self.both:
            ready = lambda: ask(spool, "GET", "/readyz")[::2]
            self.assertEqual(ready()[0], 503, "both know that every account is disabled")
            self.assertEqual(ready()[1]["missing"], ["accounts"])
        ask(self.second, "POST", "/admin/v1/accounts/mj-1/enable")
        tasks = [self.submit(spool, "/mj/submit/imagine", {"prompt": "a cat"}) for spool in self.both]
        for spool in self.both:
            seen = {one["id"] for one in ask(spool, "GET", "/v1/tasks?key=dev")[2]["data"]}
            self.assertEqual(seen, set(tasks))
        for task in tasks:
            self.ended(task, "succeeded")
            answers = self.at_once(*((ask, spool, "POST", f"/v1/tasks/{task}/cancel") for spool in self.both))
            self.assertEqual([status for status, _, _ in answers], [409, 409])

    def test_an_account_is_switched_by_both(self):
        for _ in range(5):
            answers = self.at_once(
                *((ask, spool, "POST", f"/admin/v1/accounts/mj-1/{word}") for spool in self.both for word in ("disable", "enable"))
            )
            self.assertEqual([status for status, _, _ in answers], [200] * 4)
            seen = [ask(spool, "GET", "/admin/v1/accounts")[2]["data"][0]["disabled"] for spool in self.both]
            self.assertEqual(seen[0], seen[1])
        ask(self.second, "POST", "/admin/v1/accounts/mj-1/enable")
        self.ended(self.submit(self.first, "/mj/submit/imagine", {"prompt": "a cat"}), "succeeded")

    def lose_answers(self):
        ids, broken = [], [True]

        def lose(asked):
            if asked.method != "POST" or not broken:
                return None
            ids.append(json.loads(self.wire.usual(asked)[2])["data"])
            return CUT

        self.wire.on("/suno/submit", lose)
        return ids, broken

    def test_a_job_is_adopted_by_both(self):
        """It is adopted once: the other is told that it came too late."""
        ids, _ = self.lose_answers()
        task = self.submit(self.first, "/suno/submit/music", MUSIC)
        self.assertEqual(self.ended(task, "failed")["error"]["code"], "submit_outcome_unknown")
        body = {"do": "adopt", "upstream_id": ids[0]}
        answers = self.at_once(*((ask, spool, "POST", f"/admin/v1/tasks/{task}/resolve", body) for spool in self.both))
        self.assertEqual(sorted(status for status, _, _ in answers), [200, 409], answers)
        self.assertTrue(self.ended(task, "succeeded")["artifacts"][0]["sha256"])
        self.assertEqual(len(ids), 1)
        for spool in self.both:
            self.assertEqual([e["event"] for e in spool.timeline(task)].count("resolved"), 1)

    def test_a_job_is_submitted_again_by_both(self):
        """It is submitted again once: it isn't paid for three times."""
        ids, broken = self.lose_answers()
        task = self.submit(self.second, "/suno/submit/music", MUSIC)
        self.ended(task, "failed")
        broken.clear()
        answers = self.at_once(
            *((ask, spool, "POST", f"/admin/v1/tasks/{task}/resolve", {"do": "resubmit"}) for spool in self.both)
        )
        self.assertEqual(sorted(status for status, _, _ in answers), [200, 409], answers)
        self.ended(task, "succeeded")
        self.assertEqual(len(self.wire.sent("/suno/submit")), 2)

    def test_deliveries_are_sent_again_by_both(self):
        """Each once, whoever is asked."""
        self.receiver.answer("/broken", 500)
        tasks = {self.submit(spool, "/mj/submit/imagine", {"prompt": "a cat"}, "/broken") for spool in self.both for _ in range(5)}
        for task in tasks:
            self.ended(task, "succeeded")
        find = lambda spool: {one["task"] for one in ask(spool, "GET", "/admin/v1/deliveries?status=exhausted")[2]["data"]}
        for spool in self.both:
            eventually(lambda: find(spool) == tasks, 30, "ten that were given up")
        of = lambda task: ask(self.first, "GET", f"/v1/tasks/{task}/deliveries")[2]["data"]
        over = {"exhausted", "superseded"}
        eventually(lambda: all(d["status"] in over for task in tasks for d in of(task)), 30, "no more attempts")
        came, total = len(self.receiver.at("/broken")), 0
        self.receiver.answer("/broken", 200)
        while find(self.first):  # of each task one at a time
            answers = self.at_once(*((ask, spool, "POST", "/admin/v1/deliveries/redeliver", {}) for spool in self.both))
            self.assertEqual([status for status, _, _ in answers], [200, 200])
            total += sum(body["count"] for _, _, body in answers)
        eventually(lambda: len(self.receiver.at("/broken")) >= came + total, 30, "all of them")
        sent = [hook.id for hook in self.receiver.at("/broken")[came:]]
        self.assertEqual((len(sent), len(set(sent))), (total, total), "none was sent twice")
        self.assertEqual({d["status"] for task in tasks for d in of(task)} - {"superseded"}, {"delivered"})

    def test_one_reads_its_configuration_again(self):
        """The other goes on by its own."""
        path = os.path.join(self.first.dir, "spool.json")
        self.first.config = {**self.first.config, "tokens": [*TOKENS, {"name": "new", "key": "sk-new"}]}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.first.config, file)
        task = self.submit(self.first, "/mj/submit/imagine", {"prompt": "a cat"})
        self.first.process.send_signal(signal.SIGHUP)
        eventually(lambda: b"config.reloaded" in self.first.log(), 20, "the reload")
        self.assertEqual([ask(spool, "GET", "/v1/tasks", key="sk-new")[0] for spool in self.both], [200, 401])
        self.ended(task, "succeeded")
        self.assertEqual(self.sim.accepted(task), 1)


class Full:
    """A vendor that takes no connection before open(): a client's kernel knocks again every few seconds."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.waiting = [socket.socket() for _ in range(3)]
        for client in self.waiting:
            client.setblocking(False)
            client.connect_ex(self.listener.getsockname())
        self.asked = []
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def open(self):
        for client in self.waiting:
            client.close()
        self.listener.listen(64)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.hear, args=(client,), daemon=True).start()

    def hear(self, client):
        with client:
            client.settimeout(20)
            try:
                self.asked.append(client.recv(1 << 16).split(b" HTTP/")[0])
            except OSError:
                pass  # nothing came by it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Stopped(unittest.TestCase):
    def test_while_it_connects(self):
        """For longer than its lease: the connection stands when it goes on, and nothing is sent by it."""
        with Full() as vendor, Redis() as redis:
            config = {"accounts": [account(vendor)], "lease_ms": 2000}
            first = self.enterContext(Spool(config, redis=redis))
            eventually(first.is_ready)
            task = first.submit("a lighthouse")
            eventually(lambda: b"task.submitting" in first.log(), what="a submit")
            time.sleep(0.3)
            freeze(first.pid)
            second = self.enterContext(Spool(config, redis=redis, data_dir=first.data_dir))
            eventually(second.is_ready)
            second.wait_phase(task, "in_doubt")
            vendor.open()
            time.sleep(4)
            os.kill(first.pid, signal.SIGCONT)
            eventually(lambda: b"change.stale" in first.log(), what="its word, which comes too late")
            self.assertEqual([line for line in vendor.asked if b"/submit/" in line], [])


if __name__ == "__main__":
    main()
