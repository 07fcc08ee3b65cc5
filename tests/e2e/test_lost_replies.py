"""Redis did it and its reply is lost: what is sent again is done once, and answered as it was."""
import hashlib
import threading
import time
import unittest

from harness import Receiver, Redis, Spool, Vendor, Wire, account, eventually, main, script_text


def script(name):
    """What Redis calls one of our scripts."""
    return hashlib.sha1(script_text(name).encode()).hexdigest()


def events(spool, task):
    return [entry["event"] for entry in spool.timeline(task)]


class LostReplies(unittest.TestCase):
    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.redis = self.enterContext(Redis())
        self.wire = self.enterContext(Wire(self.redis))
        self.gate = threading.Event()  # submits are answered when it is set

    def hold_submits(self):
        self.addCleanup(self.gate.set)
        self.vendor.on("/submit/imagine", lambda asked: self.gate.wait(20) and None)

    def spool(self, settings=None, redis=None, roles=None, **fields):
        config = {"accounts": [account(self.vendor, **fields)], **(settings or {})}
        return self.enterContext(Spool(config, redis=redis or self.wire, roles=roles))

    def ready(self, *rest, **fields):
        spool = self.spool(*rest, **fields)
        eventually(spool.is_ready, what="readiness")
        return spool

    def is_lost(self, count=1):
        eventually(lambda: self.wire.lost == count, what="the loss of a reply")

    def ends_well(self, spool, *tasks):
        """Each was given to the vendor once, without a doubt."""
        self.vendor.is_held = False
        for task in tasks:
            self.assertEqual(spool.wait(task)["status"], "SUCCESS")
            self.assertNotIn("in_doubt", events(spool, task))
        self.assertEqual(len(self.vendor.prompts()), len(tasks))

    def test_submit(self):
        spool = self.ready()
        self.wire.lose(script("submit"), "midjourney/")
        body, headers = {"prompt": "a lighthouse"}, {"Idempotency-Key": "one"}
        status, _, answer = spool.request("POST", "/mj/submit/imagine", body, headers)
        self.assertEqual((status, answer["code"], self.wire.lost), (200, 1, 1), answer)
        self.ends_well(spool, answer["result"])
        self.assertEqual(self.redis.cli("HGET", "{spool}:waiting", "*"), "0")
        again = spool.request("POST", "/mj/submit/imagine", body, headers)[2]
        self.assertEqual(again["result"], answer["result"])

    def test_submit_without_a_key(self):
        spool = self.ready()
        self.wire.lose(script("submit"), "midjourney/")
        task = spool.submit("a lighthouse")
        self.assertEqual(self.wire.lost, 1)
        self.ends_well(spool, task)
        self.assertEqual(self.redis.cli("HGET", "{spool}:waiting", "*"), "0")

    def test_id_after_the_lease(self):
        """Redis is away when the vendor's id comes, and for longer than the lease."""
        self.hold_submits()
        spool = self.ready({"lease_ms": 1000}, dialect="relay", on_unknown_submit="retry")
        task = spool.submit("a lighthouse")
        eventually(self.vendor.prompts, what="the submit")
        self.wire.cut()
        self.gate.set()
        time.sleep(2)
        self.wire.mend()
        eventually(spool.is_ready, what="readiness")
        self.ends_well(spool, task)

    def test_id_after_the_doubt(self):
        """Another worker saw the lease end; the vendor's id is what its doubt was about."""
        self.hold_submits()
        looked = threading.Event()
        self.addCleanup(looked.set)

        def look(asked):
            if "condition" in asked.path:
                return None
            looked.wait(20)
            return 500, {}, {}

        self.vendor.on("/task/list", look)
        settings = {"lease_ms": 1000}
        spool = self.ready(settings)
        task = spool.submit("a lighthouse")
        eventually(self.vendor.prompts, what="the submit")
        self.spool(settings, self.redis, ["worker"])
        self.wire.cut()
        self.gate.set()
        words = ("HGET", f"{{spool}}:t:{task}", "phase")
        eventually(lambda: self.redis.cli(*words) == "in_doubt", what="a doubt")
        self.wire.mend()
        eventually(spool.is_ready, what="readiness")
        eventually(lambda: "submitted" in events(spool, task), what="the vendor's id")
        looked.set()
        self.assertEqual(spool.wait(task)["status"], "SUCCESS")
        self.assertEqual(spool.upstream(task), "1000000")
        self.assertEqual(len(self.vendor.prompts()), 1)

    def test_claim(self):
        """Never sent, they are no doubt; one claim gave them all."""
        api = self.ready(redis=self.redis, roles=["api"])
        prompts = [f"number {n}" for n in range(5)]
        tasks = [api.submit(prompt) for prompt in prompts]
        self.wire.lose(*prompts, in_reply=True)
        self.spool({"lease_ms": 2000}, roles=["worker"], dialect="relay")
        self.is_lost()
        self.ends_well(api, *tasks)

    def test_claim_and_nobody_there(self):
        """The same, and Redis stays away for longer than a claim is asked for."""
        api = self.ready(redis=self.redis, roles=["api"])
        prompts = [f"number {n}" for n in range(5)]
        tasks = [api.submit(prompt) for prompt in prompts]
        self.wire.lose(*prompts, in_reply=True)
        self.spool({"lease_ms": 30000}, roles=["worker"], dialect="relay")
        self.is_lost()
        self.wire.cut()
        time.sleep(11)
        self.wire.mend()
        began = time.monotonic()
        self.ends_well(api, *tasks)
        self.assertLess(time.monotonic() - began, 8)

    def test_begin(self):
        """It is noted that the request leaves; it leaves once."""
        spool = self.ready()
        self.wire.lose(script("begin"))
        task = spool.submit("a lighthouse")
        self.ends_well(spool, task)
        self.is_lost()

    def test_begin_and_nobody_there(self):
        """It may be noted that it left. Nobody but its worker knows that it hasn't."""
        spool = self.ready({"lease_ms": 1000}, dialect="relay")
        self.wire.lose(script("begin"))
        task = spool.submit("a lighthouse")
        self.is_lost()
        self.wire.cut()
        time.sleep(1)
        self.wire.mend()
        eventually(spool.is_ready, what="readiness")
        self.ends_well(spool, task)

    def cancels(self, spool, task):
        status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", {})
        self.assertEqual(status, 200, answer)
        return answer["cancel"], answer["phase"], answer["version"]

    def test_cancel(self):
        self.vendor.is_held = True
        spool = self.ready(max_concurrency=2)
        running = [spool.submit(f"number {n}") for n in range(2)]
        for task in running:
            spool.wait_phase(task, "rendering")
        waiting = [spool.submit(f"waiting {n}") for n in range(2)]
        words = ("before_submit", "not_supported_may_be_billed")
        for lost, (word, (first, second)) in enumerate(zip(words, (waiting, running)), 1):
            expected = self.cancels(spool, first)
            self.assertEqual(expected[:2], (word, "cancelled"))
            self.wire.lose(script("cancel"), second)
            self.assertEqual(self.cancels(spool, second), expected)
            self.assertEqual(self.wire.lost, lost)
            self.assertEqual(events(spool, second).count("cancelled"), 1)
        self.assertEqual(self.redis.cli("HGET", "{spool}:waiting", "*"), "0")
        self.assertEqual(len(self.vendor.prompts()), 2)

    def test_change(self):
        """Each step of a task; each is noted and told once."""
        receiver = self.enterContext(Receiver())
        self.hold_submits()
        self.vendor.is_held = True
        spool = self.ready()
        task = spool.submit("a lighthouse", notifyHook=receiver.url + "/hook")
        for phase in ("submitted", "rendering", "archiving", "succeeded"):
            self.wire.lose(script("change"), task, phase)
        self.gate.set()
        spool.wait_phase(task, "rendering")
        self.ends_well(spool, task)
        self.is_lost(4)
        self.assertEqual(spool.metric("stale_writes_total"), 0)
        eventually(lambda: receiver.words("/hook")[-1:] == ["SUCCESS"], what="SUCCESS")
        told = [delivery["status_word"] for delivery in spool.deliveries(task)]
        self.assertEqual(sorted(set(told)), sorted(told))
        self.assertEqual(told[-1], "SUCCESS")
        steps = [event for event in events(spool, task) if event != "webhook"]
        expected = ["accepted", "claimed", "submitted", "rendering", "rendered", "archived"]
        self.assertEqual(steps, expected)


if __name__ == "__main__":
    main()
