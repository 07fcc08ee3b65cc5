"""Clocks that are set while Spool runs: nothing is lost, nothing waits, nothing ends by it."""
import time
import unittest

from harness import Clock, Receiver, Redis, Sim, Spool, Vendor, account, eventually, main, preload, set_clock

HOUR, DAY = 3600, 86400


def config(vendor, **fields):
    return {"accounts": [account(vendor, poll_interval_ms=200, **fields)], "lease_ms": 5000}


class Steps(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.addCleanup(self.clock.close)

    def redis(self):
        return self.enterContext(Redis(env={**self.clock.env, "LD_PRELOAD": set_clock()}))

    def check(self, spool, vendor, step):
        """What runs, what waits, what is due, what is submitted and what is told: all within seconds."""
        hook = self.enterContext(Receiver())
        vendor.is_held = True
        running = [spool.submit(f"running {n}", notifyHook=hook.url + f"/{n}") for n in range(2)]
        for task in running:
            spool.wait_phase(task, "rendering")
        self.clock.set(step)
        began = time.monotonic()
        after = spool.submit("after")
        spool.wait_phase(after, "rendering")
        vendor.is_held = False
        for task in [*running, after]:
            self.assertEqual(spool.wait(task, 8)["status"], "SUCCESS")
        for n in range(2):
            eventually(lambda n=n: hook.words(f"/{n}")[-1:] == ["SUCCESS"], 5, "its hook")
        self.assertLess(time.monotonic() - began, 8)
        for task in [*running, after]:
            self.assertNotIn("in_doubt", spool.events(task))
        self.assertEqual(len(vendor.prompts()), len(set(vendor.prompts())))
        self.assertIn(b"clock.set", spool.log())

    def test_of_redis(self):
        """An hour and a day, back and forth, one after the other."""
        for step in (-HOUR, HOUR, -DAY, DAY, 40):
            with self.subTest(step=step), Vendor() as vendor:
                self.clock.set(0)
                with Spool(config(vendor, max_concurrency=4), redis=self.redis()) as spool:
                    eventually(spool.is_ready, what="readiness")
                    self.check(spool, vendor, step)

    def test_of_redis_while_two_work(self):
        with Vendor() as vendor:
            settings, redis = config(vendor), self.redis()
            with Spool(settings, redis=redis) as spool, Spool(settings, redis=redis, roles=["worker"]):
                eventually(spool.is_ready, what="readiness")
                for step in (-HOUR, 0, DAY):
                    vendor.asked.clear()
                    self.check(spool, vendor, step)

    def test_of_redis_while_nobody_works(self):
        """It was later when we were here last."""
        redis = self.redis()
        with Vendor() as vendor:
            vendor.is_held = True
            with Spool(config(vendor), redis=redis) as spool:
                eventually(spool.is_ready, what="readiness")
                task = spool.submit("a lighthouse")
                spool.wait_phase(task, "rendering")
                spool.stop()
                self.clock.set(-HOUR)
                vendor.is_held = False
                spool.start()
                self.assertEqual(spool.wait(task, 8)["status"], "SUCCESS")

    def test_an_idempotency_key_outlives_a_day(self):
        redis = self.redis()
        with Sim(speed=20) as sim, Spool(config(sim), redis=redis) as spool:
            eventually(spool.is_ready, what="readiness")
            ask = ("POST", "/mj/submit/imagine", {"prompt": "a lighthouse"}, {"Idempotency-Key": "one"})
            first = spool.request(*ask)[2]["result"]
            self.clock.set(DAY + 60)
            self.assertEqual(spool.request(*ask)[2]["result"], first)

    def test_of_our_own(self):
        """Spool's wall clock, Redis' stays."""
        for step in (-DAY, DAY):
            with self.subTest(step=step), Redis() as redis, Sim(speed=20) as sim:
                self.clock.set(0)
                env = {**self.clock.env, **preload(set_clock())}
                with Spool(config(sim), redis=redis, env=env) as spool:
                    eventually(spool.is_ready, what="readiness")
                    self.assertEqual(spool.wait(spool.submit("before"))["status"], "SUCCESS")
                    self.clock.set(step)
                    self.assertEqual(spool.wait(spool.submit("after"), 8)["status"], "SUCCESS")


if __name__ == "__main__":
    main()
