"""Wan's submits in doubt: no id of ours is known there, so a job is told by its time, its model and its prompt."""
from harness import CUT, check_artifacts, main
from test_wan import CREATE, JOBS, LINK, SERVICES, TASKS, TEXT, VIDEOS, Wan, film, voice
from vendors.wan import SUBMIT


def seeded(words, seed):
    return film(words, parameters={"seed": seed})


class Doubt(Wan):
    """What is never found takes a while: it is all sent first, and the tests wait together."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vendor.on(SERVICES, cls.lose)
        cls.words = ("cut", "502", "html", "empty", "500", "cut-unaccepted")
        cls.lost = {word: cls.submit(SUBMIT, film(f"a gull [{word}]")) for word in cls.words}
        cls.lost["voice"] = cls.submit(SUBMIT, voice(LINK + "?[cut]"))
        cls.both = [cls.submit(SUBMIT, seeded("both [listed]", seed)) for seed in (1, 2)]
        cls.twin = cls.submit(SUBMIT, film("twins [listed]"))
        cls.spool.wait_phase(cls.twin, "submitted", "rendering", "archiving", "succeeded")
        cls.lone = cls.submit(SUBMIT, seeded("twins [listed]", 2))
        cls.odd = {word: cls.like_an_odd_one(word) for word in ("sent again", "forgotten")}

    @classmethod
    def like_an_odd_one(cls, word):
        """A task that is lost, beside one that looks the same and has such a past."""
        other = cls.submit(VIDEOS, {**TEXT, "prompt": f"{word} [listed]"})
        cls.spool.end_of(other)
        if word == "sent again":
            cls.spool.redis("HSET", f"{{spool}}:t:{other}", "doubts", "1")
            cls.spool.redis("HSET", f"{{spool}}:t:{other}", "log", "1774539107000 retried_unknown submit_outcome_unknown\n")
        else:
            cls.spool.request("DELETE", f"{VIDEOS}/{other}")
        return cls.submit(SUBMIT, seeded(f"{word} [listed]", 1 if word == "sent again" else 2))

    @classmethod
    def lose(cls, asked):
        """The answer, where the seed is 1; the submit itself, where it is 2."""
        seed = asked.body.get("parameters", {}).get("seed") if asked.method == "POST" else None
        if seed == 1:
            cls.vendor.usual(asked)
        return None if seed is None else CUT

    def accepted(self, words):
        return self.sim.jobs("wan")[0].get(words)

    def test_what_nothing_tells(self):
        """The list shows no prompts, as its page has it."""
        for word, task in self.lost.items():
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.spool.events(task), ["accepted", "claimed", "in_doubt", "failed"])
            self.assertEqual(self.shown(task)["output"]["code"], "submit_outcome_unknown")
        lists = [a for a in self.vendor.at(f"{JOBS}?") if a.method == "GET"]
        self.assertGreater(len(lists), 6)
        for asked in lists:
            self.assertRegex(
                asked.path,
                r"\?start_time=\d{14}&end_time=\d{14}&model_name=wan2.5-t2v-preview&page_no=1&page_size=100$",
            )
            self.assertNotIn("x-dashscope-async", asked.headers)

    def test_found(self):
        for word in ("cut", "502", "html", "empty"):
            words = f"a kite [listed] [{word}]"
            task = self.submit(SUBMIT, film(words))
            check_artifacts(self.succeeded(task), "video")
            self.assertEqual(self.spool.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"], word)
            self.assertEqual(self.accepted(words), 1)
        task = self.submit(CREATE, {**TEXT, "prompt": "as unified [listed] [cut]"})
        check_artifacts(self.succeeded(task), "video")

    def test_a_job_that_another_task_has(self):
        """One that looks the same was accepted; ours never came there."""
        self.assertEqual(self.failed(self.lone)["code"], "submit_outcome_unknown")
        self.assertEqual(self.accepted("twins [listed]"), 1)
        self.succeeded(self.twin)

    def test_the_one_that_is_left(self):
        """Of two that look the same one is another task's, even one that has ended."""
        other = self.submit(SUBMIT, film("pair [listed]"))
        self.succeeded(other)
        task = self.submit(SUBMIT, seeded("pair [listed]", 1))
        check_artifacts(self.succeeded(task), "video")
        self.assertIn("found", self.spool.events(task))
        self.assertNotEqual(self.spool.upstream(task), self.spool.upstream(other))
        self.assertEqual(self.accepted("pair [listed]"), 2)

    def test_two_that_are_both_lost(self):
        """One job is there, and whose it is nobody knows."""
        for task in self.both:
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown")
            self.assertEqual(self.shown(task)["output"]["task_status"], "FAILED")
            self.assertEqual(self.look(f"{TASKS}/{task}", "other"), (404, self.unknown))
        self.assertEqual(self.accepted("both [listed]"), 1)

    def test_beside_odd_ones(self):
        """Jobs of theirs may be there that nobody knows of."""
        for word, task in self.odd.items():
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.accepted(f"{word} [listed]"), 2 if word == "sent again" else 1)


if __name__ == "__main__":
    main()
