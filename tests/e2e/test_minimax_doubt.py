"""MiniMax' submits in doubt where it can't call back: only its second generation has a list, without any id of ours."""
from harness import CUT, check_artifacts, main
from test_minimax import H3, LINK, SUBMIT, MiniMax, film


class Doubt(MiniMax):
    """It can't call back. What is never found takes a while: it is all sent first."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vendor.on("/v2/video_generation", cls.lose)
        cls.lost = {
            "v1": cls.submit(SUBMIT, film("a gull [cut]")),
            "500": cls.submit(SUBMIT, film("a gull [500]")),
            "no prompts": cls.submit(SUBMIT, film("a gull [cut]", H3)),
            "no prompt": cls.submit(SUBMIT, {"model": H3, "first_frame_image": LINK + "?[cut]"}),
            "absent": cls.submit(SUBMIT, film("a gull [listed] [cut-unaccepted]", H3)),
        }
        cls.both = [cls.submit(SUBMIT, film("both [listed]", H3, duration=n)) for n in (11, 12)]

    @classmethod
    def lose(cls, asked):
        """The answer, of 11 seconds; the submit itself, of 12."""
        seconds = asked.body.get("duration") if asked.method == "POST" else None
        if seconds == 11:
            cls.vendor.usual(asked)
        return CUT if seconds in (11, 12) else None

    def test_what_the_list_shows(self):
        for word in ("cut", "502", "html", "empty"):
            words = f"a gull [listed] [{word}]"
            task = self.submit(SUBMIT, film(words, H3))
            check_artifacts(self.succeeded(task), "video")
            self.assertEqual(self.spool.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"], word)
            self.assertEqual(self.sim.jobs("minimax")[0][words], 1)

    def test_the_one_that_is_left(self):
        other = self.submit(SUBMIT, film("pair [listed]", H3))
        self.succeeded(other)
        task = self.submit(SUBMIT, film("pair [listed]", H3, duration=11))
        check_artifacts(self.succeeded(task), "video")
        self.assertNotEqual(self.spool.upstream(task), self.spool.upstream(other))

    def test_what_nothing_tells(self):
        for word, task in self.lost.items():
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.shown(task)["base_resp"]["status_code"], 1000)
        for task in self.both:
            self.assertEqual(self.failed(task)["code"], "submit_outcome_unknown")
        lists = [a for a in self.vendor.at("/v2/query/video_generation?") if a.method == "GET"]
        self.assertTrue(lists and all(a.path.endswith("?page_num=1&page_size=50") for a in lists))


if __name__ == "__main__":
    main()
