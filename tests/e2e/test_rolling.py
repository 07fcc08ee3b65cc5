"""Two APIs and two workers, one after the other started anew, while clients submit."""
import itertools
import threading
import time
import unittest

from harness import Receiver, Redis, Sim, Spool, account, eventually, main

CLIENTS = 4


class Rolling(unittest.TestCase):
    def setUp(self):
        self.sim = self.enterContext(Sim(speed=20))
        self.receiver = self.enterContext(Receiver())
        redis = self.enterContext(Redis())
        settings = {
            "accounts": [account(self.sim, max_concurrency=200)],
            "webhook": {"allow_private_networks": True},
        }
        first = self.enterContext(Spool(settings, redis=redis, roles=["api"]))
        more = {"redis": redis, "data_dir": first.data_dir}
        self.fronts = [first, self.enterContext(Spool(settings, roles=["api"], **more))]
        self.workers = [self.enterContext(Spool(settings, roles=["worker", "webhook"], **more)) for _ in range(2)]
        for front in self.fronts:
            eventually(front.is_ready)
        self.stop, self.tasks, self.wrong = threading.Event(), [], []

    def submit_one(self, number):
        """As a balancer does it: whoever doesn't listen isn't asked, and nothing is sent twice."""
        body = {"prompt": f"a cat {number}", "notifyHook": f"{self.receiver.url}/hook"}
        for front in (self.fronts[number % 2], self.fronts[1 - number % 2]):
            try:
                return front.request("POST", "/mj/submit/imagine", body)
            except ConnectionRefusedError:
                continue
        raise AssertionError("nobody listens")

    def client(self, first):
        for number in itertools.count(first, CLIENTS):
            if self.stop.is_set():
                return
            try:
                status, _, answer = self.submit_one(number)
                if status == 200:
                    self.tasks.append(answer["result"])
                else:
                    self.wrong.append((status, answer))
            except (OSError, AssertionError) as error:
                self.wrong.append(error)
            time.sleep(0.01)

    def test_restart(self):
        threads = [threading.Thread(target=self.client, args=(first,)) for first in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for spool in (*self.fronts, *self.workers, *self.fronts):
            before = len(self.tasks)
            spool.stop()
            spool.start()
            if spool in self.fronts:
                eventually(spool.is_ready)
            eventually(lambda: len(self.tasks) > before + 20, what="more tasks")
        self.stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(self.wrong, [])
        for task in self.tasks:
            self.assertEqual(self.fronts[0].wait(task, 60)["status"], "SUCCESS")
            self.assertEqual(self.sim.accepted(task), 1)
        ended = lambda: {hook.body["id"] for hook in self.receiver.at("/hook") if hook.body["status"] == "SUCCESS"}
        eventually(lambda: ended() >= set(self.tasks), timeout=30, what="every webhook")


if __name__ == "__main__":
    main()
