#!/usr/bin/env python3
"""What was learned of how long jobs take: when a task should be done, how far it is, and when it is looked at."""
import time
import unittest

from harness import Sim, Spool, account, eventually, main
from test_realtime import Watch, subscribe
from vendors.kling import kling_account


class Foresight(unittest.TestCase):
    """Kling tells no progress; its jobs take about three seconds here."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=10))
        accounts = [kling_account(cls.sim, max_concurrency=4, poll_interval_ms=500)]
        cls.spool = cls.enterClassContext(Spool({"accounts": accounts}))
        first = [cls.submit() for _ in range(12)]
        cls.unknown = cls.spool.task(first[0])
        for task in first:
            assert cls.spool.end_of(task, 60)["status"] == "succeeded"
        cls.took_ms = sorted(cls.ran_ms(task) for task in first)[6]

    @classmethod
    def submit(cls, duration="5"):
        body = {"model_name": "kling-v2-6", "prompt": "a lighthouse", "duration": duration}
        status, _, answer = cls.spool.request("POST", "/kling/v1/videos/text2video", body)
        assert status == 200, answer
        return answer["task_id"]

    @classmethod
    def ran_ms(cls, task):
        shown = cls.spool.task(task)
        return shown["finished_at"] - shown["started_at"]

    def test_nothing_is_known_at_first(self):
        self.assertIsNone(self.unknown["eta"])
        other = self.submit("10")  # another kind: it takes longer
        self.spool.wait_phase(other, "submitted", "rendering")
        self.assertIsNone(self.spool.task(other)["eta"])
        self.spool.end_of(other, 60)

    def test_when_it_should_be_done_and_how_far_it_is(self):
        task = self.submit()
        self.spool.wait_phase(task, "submitted", "rendering")
        shown = self.spool.task(task)
        self.assertAlmostEqual(shown["eta"] - shown["started_at"], self.took_ms, delta=self.took_ms / 2)
        progress = []
        while shown["status"] == "in_progress" and shown["phase"] != "archiving":
            progress.append(shown["progress"])
            time.sleep(0.05)
            shown = self.spool.task(task)
        self.assertEqual(progress, sorted(progress))
        self.assertGreater(max(progress), 50)
        self.assertLess(max(progress), 100)
        ended = self.spool.end_of(task, 20)
        self.assertEqual((ended["progress"], ended["eta"]), (100, None))
        self.assertAlmostEqual(ended["finished_at"], ended["started_at"] + self.took_ms, delta=self.took_ms)

    def test_what_is_cancelled_does_not_go_back(self):
        task = self.submit()
        eventually(lambda: self.spool.task(task)["progress"] >= 20, 20, "some progress")
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual(status, 200, answer)
        ended = self.spool.end_of(task)
        self.assertEqual((ended["status"], ended["eta"]), ("cancelled", None))
        self.assertGreaterEqual(ended["progress"], 20)
        self.assertLess(ended["progress"], 100)

    def test_who_waits_is_told_too(self):
        tasks = [self.submit() for _ in range(12)]
        eventually(lambda: self.spool.task(tasks[-1])["phase"] == "queued", what="a full account")
        waits = [self.spool.task(task) for task in tasks if self.spool.task(task)["phase"] == "queued"]
        etas = [one["eta"] for one in waits if one["eta"] is not None and one["phase"] == "queued"]
        self.assertGreater(len(etas), 3)
        self.assertEqual(etas, sorted(etas))
        self.assertGreater(etas[-1], time.time() * 1000 + self.took_ms)
        for task in tasks:
            self.spool.end_of(task, 60)

    def test_watchers_see_it(self):
        with Watch(self.spool, subscribe(all=True)) as watch:
            watch.wait(lambda m: m)
            task = self.submit()
            self.spool.end_of(task, 60)
            seen = [one["task"] for one in list(watch.messages) if one["type"] == "task" and one["task"]["id"] == task]
        told = [one["eta"] for one in seen if one["phase"] in ("submitted", "rendering")]
        self.assertTrue(told and all(eta is not None for eta in told), seen)
        progress = [one["progress"] for one in seen]
        self.assertEqual(progress, sorted(progress))


if __name__ == "__main__":
    main()
