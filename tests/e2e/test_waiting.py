"""What tasks wait for, that they say so, and how it ends; what a party that hangs leaves to others."""
import json
import socket
import threading
import time
import unittest

from harness import Receiver, Redis, Sim, Spool, Vendor, account, eventually, free_port, main
from vendors.kling import kling_account
from test_realtime import Watch, subscribe


def config(vendor, root=None, **fields):
    return {"accounts": [account(vendor, **fields)], **(root or {})}


def reason(spool, task):
    waiting = spool.task(task)["waiting"]
    return waiting and waiting["reason"]


class Reasons(unittest.TestCase):
    def waits(self, spool, task, word, timeout=10):
        eventually(lambda: reason(spool, task) == word, timeout, f"{word} instead of {reason(spool, task)}")
        return spool.task(task)["waiting"]

    def test_a_slot(self):
        with Vendor() as vendor:
            vendor.is_held = True
            with Spool(config(vendor, max_concurrency=1)) as spool:
                first = spool.submit("first")
                spool.wait_phase(first, "rendering")
                self.assertIsNone(spool.task(first)["waiting"])
                tasks = [spool.submit(f"number {n}") for n in range(3)]
                for n, task in enumerate(tasks):
                    waiting = self.waits(spool, task, "slot")
                    self.assertEqual(waiting["position"], n)
                    self.assertIn("max_concurrency", waiting["detail"])
                    self.assertIsNone(waiting["next_try_at"])
                listed = spool.get("/v1/tasks?status=queued")["data"]
                self.assertEqual([task["waiting"]["reason"] for task in listed], ["slot"] * 3)
                vendor.is_held = False
                for task in tasks:
                    self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                    self.assertIsNone(spool.task(task)["waiting"])

    def test_a_rate(self):
        with Vendor() as vendor, Spool(config(vendor, requests_per_minute=6)) as spool:
            first, second = spool.submit("first"), spool.submit("second")
            self.assertEqual(spool.wait(first)["status"], "SUCCESS")
            waiting = self.waits(spool, second, "rate_limit")
            self.assertGreater(waiting["next_try_at"], waiting["since"])

    def test_nobody_there(self):
        with Spool(config(f"http://127.0.0.1:{free_port()}")) as spool:
            task = spool.submit("a lighthouse")
            waiting = self.waits(spool, task, "vendor_unreachable")
            self.assertIn("connect", waiting["detail"].lower())
            # Another that was never sent waits for the account that rests.
            eventually(lambda: spool.redis("HGET", "{spool}:acct:mj-1", "fails") > "1", what="a second failure")
            self.waits(spool, spool.submit("another"), "cooling")

    def test_no_worker(self):
        with Vendor() as vendor, Redis() as redis:
            with Spool(config(vendor), redis=redis, roles=["api"]) as spool:
                eventually(spool.is_ready, what="readiness")
                task = spool.submit("a lighthouse")
                self.waits(spool, task, "no_worker")
                with Spool(config(vendor), redis=redis, roles=["worker"]):
                    self.assertEqual(spool.wait(task)["status"], "SUCCESS")
                self.waits(spool, spool.submit("another"), "no_worker")

    def check_heard(self, spool, task):
        """Watchers are told what the query shows."""
        shown = spool.task(task)
        with Watch(spool, subscribe(tasks=[task])) as watch:
            watch.wait(lambda m: watch.changes(), what="its state")
            self.assertEqual(watch.changes()[0][1], shown)
        with socket.create_connection(("127.0.0.1", spool.port), timeout=10) as stream:
            stream.sendall(
                f"GET /v1/tasks/{task}/events HTTP/1.1\r\nHost: spool\r\n"
                f"Authorization: Bearer {spool.key}\r\n\r\n".encode()
            )
            lines = stream.makefile("rb")
            data = next(line for line in lines if line.startswith(b"data: "))
            self.assertEqual(json.loads(data[6:]), shown)
            lines.close()

    def test_watchers_hear_of_a_slot(self):
        with Vendor() as vendor:
            vendor.is_held = True
            with Spool(config(vendor, max_concurrency=1)) as spool:
                spool.wait_phase(spool.submit("first"), "rendering")
                with Watch(spool, subscribe(all=True)) as watch:
                    watch.wait(lambda m: watch.of_type("subscribed"), what="the subscription")
                    task = spool.submit("second")
                    watch.wait(lambda m: watch.versions(task), what="its first change")
                    shown = next(shown for _, shown in watch.changes() if shown["id"] == task)
                self.assertEqual(shown["waiting"]["reason"], "slot")
                self.waits(spool, task, "slot")
                self.check_heard(spool, task)
                vendor.is_held = False
                self.assertEqual(spool.wait(task)["status"], "SUCCESS")

    def test_watchers_hear_that_nobody_works(self):
        """Of a process that was never asked anything before."""
        with Vendor() as vendor, Redis() as redis:
            settings = config(vendor)
            with Spool(settings, redis=redis, roles=["api"]) as first:
                eventually(first.is_ready, what="readiness")
                task = first.submit("a lighthouse")
                with Spool(settings, redis=redis, roles=["api"]) as spool:
                    eventually(spool.is_ready, what="readiness")
                    with Watch(spool, subscribe(tasks=[task])) as watch:
                        watch.wait(lambda m: watch.changes(), what="its state")
                        self.assertEqual(watch.changes()[0][1]["waiting"]["reason"], "no_worker")
                    self.check_heard(spool, task)

    def test_a_bad_key_for_too_long(self):
        """Nobody asks the vendor any more, and still it ends."""
        with Sim() as sim, Spool(config(sim, {"queue_timeout_ms": 3000}, api_key="wrong")) as spool:
            task = spool.submit("a lighthouse")
            self.waits(spool, task, "bad_key")
            self.assertEqual(spool.wait(task, 15)["status"], "FAILURE")
            error = spool.task(task)["error"]
            self.assertEqual(error["code"], "vendor_unavailable")
            self.assertNotIn("no account", error["message"], "the vendor's words")
            self.assertEqual(spool.redis("HGET", "{spool}:waiting", "*"), "0")

    def test_a_vendor_away_for_too_long(self):
        hook = self.enterContext(Receiver())
        with Spool(config(f"http://127.0.0.1:{free_port()}", {"queue_timeout_ms": 1500})) as spool:
            task = spool.submit("a lighthouse", notifyHook=hook.url + "/hook")
            self.assertEqual(spool.wait(task, 15)["status"], "FAILURE")
            self.assertEqual(spool.task(task)["error"]["code"], "vendor_unavailable")
            self.assertEqual(hook.wait("/hook")[-1].word, "FAILURE")

    def test_a_slot_for_too_long(self):
        with Vendor() as vendor:
            vendor.is_held = True
            with Spool(config(vendor, {"queue_timeout_ms": 1500}, max_concurrency=1)) as spool:
                first, second = spool.submit("first"), spool.submit("second")
                self.assertEqual(spool.wait(second, 15)["status"], "FAILURE")
                self.assertEqual(spool.task(second)["error"]["code"], "vendor_unavailable")
                vendor.is_held = False
                self.assertEqual(spool.wait(first)["status"], "SUCCESS", "what runs has its own time")


class Removed(unittest.TestCase):
    """An account isn't configured any more."""

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.vendor.is_held = True
        self.settings = {
            "accounts": [account(self.vendor, "mj-1", max_concurrency=2, task_timeout_ms=6000)],
        }
        self.spool = self.enterContext(Spool(self.settings))
        self.running = [self.spool.submit(f"running {n}") for n in range(2)]
        for task in self.running:
            self.spool.wait_phase(task, "rendering")
        self.queued = self.spool.submit("queued")

    def rename(self, name, **root):
        self.spool.stop()
        self.spool.config["accounts"][0]["name"] = name
        self.spool.config.update(root)
        self.spool.start()

    def test_it_comes_back(self):
        self.rename("other")
        for task in self.running:
            eventually(lambda task=task: reason(self.spool, task) == "account_removed", what="a reason")
            self.assertIn("mj-1", self.spool.task(task)["waiting"]["detail"])
        self.assertIn(b"account.missed", self.spool.log())
        self.rename("mj-1")
        self.vendor.is_held = False
        for task in self.running:
            self.assertEqual(self.spool.wait(task, 8)["status"], "SUCCESS")
            self.assertIsNone(self.spool.task(task)["waiting"])

    def test_it_stays_away(self):
        self.rename("other")
        self.vendor.is_held = False
        self.assertEqual(self.spool.wait(self.queued)["status"], "SUCCESS", "any account will do")
        for task in self.running:
            self.assertEqual(self.spool.wait(task, 20)["status"], "FAILURE")
            self.assertEqual(self.spool.task(task)["error"]["code"], "account_removed")

    def test_what_only_it_could_do(self):
        """A follow-up waits for its parent's account, and no longer than it may."""
        self.vendor.is_held = False
        parent = self.spool.wait(self.running[0])
        self.spool.wait(self.queued)
        self.vendor.on("/submit/action", lambda asked: (429, {}, {"code": 23, "description": "full"}))
        body = {"taskId": self.running[0], "customId": parent["buttons"][0]["customId"]}
        task = self.spool.request("POST", "/mj/submit/action", body)[2]["result"]
        eventually(lambda: reason(self.spool, task) == "vendor_refused", what="a refusal")
        self.rename("other", queue_timeout_ms=9000)
        eventually(lambda: reason(self.spool, task) == "account_removed", what="a reason")
        self.assertEqual(self.spool.wait(task, 20)["status"], "FAILURE")
        self.assertEqual(self.spool.task(task)["error"]["code"], "vendor_unavailable")


class Modal(unittest.TestCase):
    """A client confirms before it was asked to."""

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.modal = True
        usual = self.vendor.shown

        def shown(job):
            if self.vendor.jobs[job].get("customId") and self.modal and "confirmed" not in self.vendor.jobs[job]:
                return {"id": job, "status": "MODAL", "progress": "0%", "state": ""}
            return usual(job)

        def confirm(asked):
            self.vendor.jobs[asked.body["taskId"]]["confirmed"] = True
            return 200, {}, {"code": 1, "description": "", "result": asked.body["taskId"], "properties": {}}

        self.vendor.shown = shown
        self.vendor.on("/submit/modal", confirm)
        self.spool = self.enterContext(Spool(config(self.vendor)))
        self.root = self.spool.submit("a lighthouse")
        self.button = self.spool.wait(self.root)["buttons"][0]["customId"]

    def press(self):
        body = {"taskId": self.root, "customId": self.button}
        return self.spool.request("POST", "/mj/submit/action", body)[2]["result"]

    def confirm(self, task):
        return self.spool.request("POST", "/mj/submit/modal", {"taskId": task, "prompt": "wider", "maskBase64": ""})

    def test_right_after(self):
        task = self.press()
        status, _, answer = self.confirm(task)
        self.assertEqual((status, answer["code"]), (200, 1), answer)
        for each in (task, answer["result"]):
            self.assertEqual(self.spool.wait(each)["status"], "SUCCESS")
        self.assertEqual(len(self.vendor.at("/submit/modal")), 1)

    def test_the_vendor_never_asks(self):
        self.modal = False
        self.vendor.is_held = True
        task = self.press()
        confirmed = self.confirm(task)[2]["result"]
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.spool.fetch(confirmed)["status"], "NOT_START")
        self.vendor.is_held = False
        self.assertEqual(self.spool.wait(task)["status"], "SUCCESS")
        self.assertEqual(self.spool.wait(confirmed)["status"], "FAILURE")
        self.assertEqual(self.vendor.at("/submit/modal"), [])
        self.assertEqual(self.spool.redis("HGET", "{spool}:waiting", "*"), "0")
        status, _, answer = self.confirm(task)
        self.assertEqual((status, answer["code"]), (400, 4), answer)
        self.assertIn("taskId", answer["description"])

    def test_one_that_waits_is_cancelled(self):
        self.modal = False
        self.vendor.is_held = True
        confirmed = self.confirm(self.press())[2]["result"]
        cancelled = self.spool.request("POST", f"/v1/tasks/{confirmed}/cancel", {})[2]
        self.assertEqual(cancelled["cancel"], "before_submit")
        self.assertEqual(self.spool.redis("HGET", "{spool}:waiting", "*"), "0")


class Claimed(unittest.TestCase):
    """What was claimed and not begun is no doubt: its worker has died in between."""

    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.redis = self.enterContext(Redis())
        self.settings = config(self.vendor, {"lease_ms": 1000})
        self.spool = self.enterContext(Spool(self.settings, redis=self.redis, roles=["api"]))
        eventually(self.spool.is_ready, what="readiness")
        self.task = self.spool.submit("a lighthouse")
        self.redis.cli("HSET", f"{{spool}}:t:{self.task}", "phase", "submitting", "v", "2", "n", "1", "account", "mj-1", "slot", "1")
        self.redis.cli("DEL", "{spool}:lane:midjourney/", "{spool}:vt:midjourney/")
        self.redis.cli("SREM", "{spool}:lanes", "midjourney/")
        self.redis.cli("ZADD", "{spool}:due", "0", self.task)
        for name in ("*", "dev"):
            self.redis.cli("HINCRBY", "{spool}:waiting", name, "-1")
        self.redis.cli("HSET", "{spool}:slots:mj-1", "#", "1")

    def work(self):
        return self.enterContext(Spool(self.settings, redis=self.redis, roles=["worker"]))

    def test_it_is_queued_again(self):
        self.work()
        self.assertEqual(self.spool.wait(self.task)["status"], "SUCCESS")
        self.assertNotIn("in_doubt", self.spool.events(self.task))
        self.assertEqual(len(self.vendor.prompts()), 1)

    def test_what_has_begun_is_a_doubt(self):
        self.redis.cli("HSET", f"{{spool}}:t:{self.task}", "sent", "1")
        self.work()
        self.spool.wait_phase(self.task, "in_doubt")
        self.assertEqual(self.vendor.prompts(), [])

    def test_it_was_cancelled_meanwhile(self):
        cancelled = self.spool.request("POST", f"/v1/tasks/{self.task}/cancel", {})[2]
        self.assertEqual(cancelled["cancel"], "requested")
        self.work()
        self.assertEqual(self.spool.wait(self.task)["status"], "CANCEL")
        self.assertEqual(self.vendor.prompts(), [])
        self.assertEqual(self.redis.cli("HGET", "{spool}:slots:mj-1", "#"), "0")


class Silent:
    """A host that takes connections and then says nothing more than `first`."""

    def __init__(self, first=b""):
        self.first = first
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.kept.append(client)
            self.count += 1
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client):
        try:
            client.recv(1 << 16)
            client.sendall(self.first)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.kept:
            client.close()


class Shares(unittest.TestCase):
    """One that hangs delays nobody else."""

    def test_files(self):
        """Three hundred downloads stop after 500 bytes."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nContent-Type: image/png\r\n\r\n"
        with Vendor() as vendor, Vendor() as other, Silent(head + b"\x89PNG\r\n\x1a\n" + bytes(492)) as silent:
            shown = vendor.shown
            vendor.shown = lambda job: {**shown(job), "imageUrl": f"{silent.url}/{job}.png"}
            settings = {
                "accounts": [account(vendor, "mj-1", max_concurrency=400, models={}), kling(other)],
                "allow_networks": ["127.0.0.0/8"],
            }
            with Spool(settings) as spool:
                for n in range(300):
                    spool.submit(f"number {n}")
                eventually(lambda: silent.count >= 40, 20, "downloads that hang")
                for _ in range(3):
                    began = time.monotonic()
                    self.assertEqual(end_of_kling(spool)["status"], "succeeded")
                    self.assertLess(time.monotonic() - began, 3)

    def test_submits(self):
        """Seven hundred submits of one account aren't answered."""
        with Silent() as silent, Vendor() as other:
            settings = {"accounts": [account(silent, "mj-1", max_concurrency=2000), kling(other)]}
            with Spool(settings) as spool:
                for n in range(700):
                    spool.submit(f"number {n}")
                eventually(lambda: silent.count >= 200, 20, "submits that hang")
                for _ in range(3):
                    began = time.monotonic()
                    self.assertEqual(end_of_kling(spool)["status"], "succeeded")
                    self.assertLess(time.monotonic() - began, 3)
                spool.kill()


def kling(vendor):
    """Another vendor, of a few lines."""

    def submit(asked):
        data = {"task_id": "one", "task_status": "submitted"}
        return 200, {}, {"code": 0, "message": "", "data": data}

    def look(asked):
        data = {"task_id": "one", "task_status": "succeed", "task_result": {"videos": [{"url": f"{vendor.url}/v.mp4"}]}}
        return 200, {}, {"code": 0, "message": "", "data": data}

    def both(asked):
        return submit(asked) if asked.method == "POST" else look(asked)

    vendor.on("/v1/videos/", both)
    vendor.on("/v.mp4", lambda asked: (200, {"Content-Type": "video/mp4"}, b"\0\0\0\x20ftypisom\0\0\2\0" + bytes(100)))
    return kling_account(vendor, poll_interval_ms=100)


def end_of_kling(spool):
    body = {"model_name": "kling-v1", "prompt": "a lighthouse"}
    answer = spool.request("POST", "/kling/v1/videos/text2video", body)
    return spool.end_of(answer[2]["task_id"])


if __name__ == "__main__":
    main()
