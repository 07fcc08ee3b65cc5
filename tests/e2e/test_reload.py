"""SIGHUP reads the configuration again, without losing a request; other signals end nothing."""
import json
import os
import signal
import threading
import time
import unittest

from harness import Receiver, Sim, Spool, account, eventually, exchange, free_port, main
from vendors.kling import kling_account


def ask(spool, method, path, body=None, key="sk-dev"):
    return exchange(spool.port, method, path, body, {"Authorization": f"Bearer {key}"})


class Reload(unittest.TestCase):
    def setUp(self):
        self.sim = self.enterContext(Sim(speed=20))
        self.receiver = self.enterContext(Receiver())
        self.spool = self.enterContext(Spool({"webhook": {"allow_private_networks": True}}, sim=self.sim))

    def write(self, **changes):
        path = os.path.join(self.spool.dir, "spool.json")
        self.spool.config = {**self.spool.config, **changes}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.spool.config, file)

    def events(self, word):
        return self.spool.log().decode().count(word)

    def reload(self, word="config.reloaded"):
        before = self.events(word)
        self.spool.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.events(word) > before, timeout=20, what=word)

    def test_what_changes(self):
        self.assertEqual(ask(self.spool, "GET", "/v1/tasks", key="sk-new")[0], 401)
        self.write(tokens=[{"name": "dev", "key": "sk-dev"}, {"name": "new", "key": "sk-new"}],
                   accounts=[account(self.sim), kling_account(self.sim)])  # fmt: skip
        self.reload()
        self.assertEqual(ask(self.spool, "GET", "/v1/tasks", key="sk-new")[0], 200)
        body = {"model": "kling-v3", "prompt": "p"}
        status, _, answer = ask(self.spool, "POST", "/kling/v1/videos/text2video", body, "sk-new")
        self.assertEqual(status, 200, answer)
        shown = lambda: ask(self.spool, "GET", f"/v1/tasks/{answer['id']}", key="sk-new")[2]["status"]
        eventually(lambda: shown() == "succeeded")
        # A key that was taken out is out, and so is its account.
        self.write(tokens=[{"name": "new", "key": "sk-new"}], accounts=[account(self.sim)])
        self.reload()
        self.assertEqual(ask(self.spool, "GET", "/v1/tasks")[0], 401)
        self.assertEqual(ask(self.spool, "POST", "/kling/v1/videos/text2video", body, "sk-new")[0], 404)
        self.spool.config["tokens"] = [{"name": "dev", "key": "sk-dev"}]

    def test_a_bad_file_changes_nothing(self):
        path = os.path.join(self.spool.dir, "spool.json")
        for text in ("{", '{"accounts": []}', '{"nonsense": 1}'):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.reload("config.refused")
            self.assertEqual(ask(self.spool, "GET", "/v1/tasks")[0], 200)

    def test_what_stays(self):
        self.write(listen=f"127.0.0.1:{free_port()}", roles=["api"], data_dir=self.spool.data_dir + "2",
                   redis_url="redis://127.0.0.1:1", storage={"url": "s3://b/p", "access_key": "a", "secret_key": "b"})  # fmt: skip
        self.reload()
        (line,) = [line for line in self.spool.log().decode().splitlines() if "config.fixed" in line]
        for key in ("listen", "redis_url", "data_dir", "roles", "storage.url"):
            self.assertIn(key, line.split("keys=")[1].split(" ")[0].split(","))
        task = self.spool.submit("after it")
        self.assertEqual(self.spool.wait(task)["status"], "SUCCESS")

    def test_what_redis_tells_at_a_start(self):
        """A monitor, and pages that watch, don't see that it is told anew."""
        task = self.spool.submit("p")
        self.spool.wait(task)
        stop, wrong, counts = threading.Event(), [], [0, 0, 0]
        token = ask(self.spool, "POST", "/v1/events/token")[2]["token"]
        asked = (("GET", "/readyz"), ("POST", "/v1/events/token"), ("GET", f"/v1/tasks/{task}/events?access_token={token}"))

        def go_on(index, method, path):
            headers = {} if "access_token" in path else {"Authorization": "Bearer sk-dev"}
            while not stop.is_set():
                status, _, answer = exchange(self.spool.port, method, path, None, headers)
                counts[index] += 1
                # Who was let in by the one that ends is told so.
                if status != 200 and "draining" not in str(answer):
                    wrong.append((path[:20], status, answer))

        threads = [threading.Thread(target=go_on, args=(i, *one)) for i, one in enumerate(asked)]
        for thread in threads:
            thread.start()
        for n in range(50):
            self.reload()
            if n >= 4 and min(counts) > 10:
                break
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertGreater(min(counts), 10)

    def test_nothing_is_lost(self):
        """Under load: each request is answered, each task ends, each webhook comes."""
        stop, tasks, wrong = threading.Event(), [], []

        def load():
            while not stop.is_set():
                body = {"prompt": "a cat", "notifyHook": self.receiver.url + "/hook"}
                try:
                    status, _, answer = ask(self.spool, "POST", "/mj/submit/imagine", body)
                    if status == 200 and answer["code"] in (1, 22):
                        tasks.append(answer["result"])
                    else:
                        wrong.append((status, answer))
                except OSError as error:
                    wrong.append(error)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.3)
            self.reload()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(tasks), 20)
        for task in tasks:
            self.assertEqual(self.spool.wait(task, 60)["status"], "SUCCESS")
            self.assertEqual(self.sim.accepted(task), 1)
        ended = lambda: {hook.body["id"] for hook in self.receiver.at("/hook") if hook.body["status"] == "SUCCESS"}
        eventually(lambda: ended() >= set(tasks), timeout=30, what="every webhook")

    def test_signals_that_end_nothing(self):
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
            self.spool.process.send_signal(number)
            time.sleep(0.1)
            self.assertEqual(ask(self.spool, "GET", "/v1/tasks")[0], 200)


if __name__ == "__main__":
    main()
