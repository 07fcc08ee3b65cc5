"""Vendors that call back: a hint to look now, at a path that nobody can guess, and never believed."""
import json
import re
import time
import unittest

from harness import CUT, Between, Sim, Spool, check_artifacts, eventually, exchange, main
from vendors.kling import kling_account
from vendors.seedance import seedance_account
from vendors.suno import suno_account
from vendors.veo import veo_account

KLING, ARK = "/kling/v1/videos/text2video", "/volc/v1/contents/generations/tasks"
NEVER = 60000  # a look that comes only when it is asked for, within a test


def cat(prompt):
    return {"model_name": "kling-v3", "prompt": prompt}


def gull(prompt):
    return {"model": "doubao-seedance-1-5-pro", "content": [{"type": "text", "text": prompt}]}


class Callbacks(unittest.TestCase):
    """One Spool whose vendors can call it; both are asked once a minute unless `poll_ms` says otherwise."""

    poll_ms = NEVER
    mode = "always"
    vendors_call = True  # else their callbacks are left to the test

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.kling = cls.enterClassContext(Between(cls.sim))
        cls.ark = cls.enterClassContext(Between(cls.sim))
        if not cls.vendors_call:
            for vendor in (cls.kling, cls.ark):
                vendor.on("2video", cls.without_callback(vendor))
                vendor.on("generations/tasks", cls.without_callback(vendor))
        accounts = [
            kling_account(cls.kling, poll_interval_ms=cls.poll_ms),
            seedance_account(cls.ark, poll_interval_ms=cls.poll_ms),
        ]
        config = {"accounts": accounts, "vendor_callbacks": cls.mode}
        cls.spool = cls.enterClassContext(Spool(config))

    @classmethod
    def without_callback(cls, vendor):
        def answer(asked):
            if asked.method != "POST":
                return None
            body = asked.body
            body.pop("callback_url", None)
            asked.raw, raw = json.dumps(body).encode(), asked.raw
            got = vendor.usual(asked)
            asked.raw = raw
            return got

        return answer

    def submit(self, path, body):
        status, _, answer = self.spool.request("POST", path, body)
        self.assertEqual(status, 200, answer)
        return answer["task_id"]

    def sent(self, prompt):
        """The one body that a vendor got with it."""
        word = f'"{prompt}"'.encode()

        def found():
            asked = [*self.kling.asked, *self.ark.asked]
            return [a.body for a in asked if a.method == "POST" and word in a.raw]

        (body,) = eventually(found, 5, f"the submit of {prompt}")
        return body

    def call(self, url, body, method="POST"):
        """As the vendor does it, or somebody else."""
        port, path = re.match(r"http://127\.0\.0\.1:(\d+)(/.*)$", url).groups()
        return exchange(int(port), method, path, body)

    def polls(self, vendor, upstream, since=0):
        return [
            a
            for a in vendor.at(upstream)
            if a.method == "GET" and "/sim/files" not in a.path and a.at >= since
        ]


class Hints(Callbacks):
    def test_both_vendors_are_followed_by_their_callbacks(self):
        for path, body, vendor in ((KLING, cat("a cat"), self.kling), (ARK, gull("a gull"), self.ark)):
            began = time.monotonic()
            task = self.submit(path, body)
            check_artifacts(self.spool.end_of(task, 5), "video")
            self.assertLess(time.monotonic() - began, 3)
            # Every callback was followed by a look: nothing that it says is taken for true.
            polls = self.polls(vendor, self.spool.upstream(task))
            self.assertIn(len(polls), (1, 2, 3))
            words = [entry["event"] for entry in self.spool.timeline(task)]
            self.assertEqual(words[:3], ["accepted", "claimed", "submitted"])
            self.assertEqual(words[-1], "archived")

    def test_the_path(self):
        task = self.submit(KLING, cat("a path"))
        other = self.submit(ARK, gull("a path, too"))
        urls = [self.sent(prompt)["callback_url"] for prompt in ("a path", "a path, too")]
        for one, url in zip((task, other), urls):
            self.assertRegex(url, f"^{self.spool.url}/v1/callbacks/{one}\\.[0-9a-f]{{24}}$")
        marks = [url.rsplit(".", 1)[1] for url in urls]
        self.assertNotEqual(*marks)
        self.spool.end_of(task)
        before = self.spool.metric("vendor_callbacks_total")
        base = f"{self.spool.url}/v1/callbacks"
        for wrong in (
            f"{base}/{task}",
            f"{base}/{task}.",
            f"{base}/{task}.{marks[1]}",
            f"{base}/{task}.{marks[0][:-1]}",
            f"{base}/{task}.{marks[0]}0",
            f"{base}/{task}.{marks[0].upper() if marks[0] != marks[0].upper() else '0' * 24}",
            f"{base}/{task}.{'0' * 24}",
            f"{base}/task_{'0' * 26}.{marks[0]}",
            f"{base}/.{marks[0]}",
            f"{base}/x.y",
        ):
            status, _, answer = self.call(wrong, {"task_id": "1"})
            self.assertEqual((status, answer["error"]["code"]), (404, "not_found"), wrong)
        self.assertEqual(self.call(urls[0], None, "GET")[0], 405)
        self.assertEqual(self.spool.metric("vendor_callbacks_total"), before)
        # It is the vendor's and ours, nobody else's.
        shown = json.dumps(
            [self.spool.task(task), self.spool.timeline(task), self.spool.get(f"{KLING}/{task}")]
        )
        self.assertNotIn("callbacks", shown)
        self.assertNotIn(marks[0].encode(), self.spool.log())

    def test_it_is_as_good_after_a_restart(self):
        task = self.submit(KLING, cat("a restart [hang]"))
        self.spool.wait_phase(task, "rendering")
        url = self.sent("a restart [hang]")["callback_url"]
        self.spool.stop()
        self.spool.start()
        upstream = self.spool.upstream(task)
        eventually(lambda: self.call(url, {"task_id": upstream})[0] == 200, 5, "the key of the paths")
        now = time.monotonic()
        self.assertEqual(self.call(url, {"task_id": upstream})[0], 200)
        eventually(lambda: self.polls(self.kling, upstream, now), 3, "a look")


class Lies(Callbacks):
    vendors_call = False

    def begun(self, path, body, prompt):
        """A task that was looked at, with its path and the vendor's id."""
        task = self.submit(path, body)
        self.spool.wait_phase(task, "submitted", "rendering")
        return task, self.sent(prompt)["callback_url"], self.spool.upstream(task)

    def test_what_it_says_is_not_believed(self):
        lie = "https://example.com/lie.mp4"
        for path, body, prompt, vendor, claim in (
            (
                KLING,
                cat("[hang] k"),
                "[hang] k",
                self.kling,
                lambda i: {"task_id": i, "task_status": "succeed", "task_result": {"videos": [{"url": lie}]}},
            ),
            (
                ARK,
                gull("[hang] a"),
                "[hang] a",
                self.ark,
                lambda i: {"id": i, "status": "succeeded", "content": {"video_url": lie}},
            ),
        ):
            task, url, upstream = self.begun(path, body, prompt)
            before = len(self.polls(vendor, upstream))
            for word in ("succeeds", "fails"):
                body = claim(upstream)
                if word == "fails":
                    body.update({"task_status": "failed", "status": "failed"})
                status, _, answer = self.call(url, body)
                self.assertEqual((status, answer), (200, {}))
                before += 1
                eventually(lambda: len(self.polls(vendor, upstream)) >= before, 3, "a look")
            time.sleep(0.1)
            shown = self.spool.task(task)
            self.assertEqual((shown["phase"], shown["artifacts"]), ("rendering", []))

    def test_wrapped_and_without_an_id(self):
        task, url, upstream = self.begun(KLING, cat("[hang] w"), "[hang] w")
        for body in (
            {"code": 0, "data": {"task_id": upstream, "task_status": "succeed"}},
            {},
            {"task_id": {}},
            b'{"task_id": "%s", "task_info": {"prompt": "half a \\ud83d"}, "n": NaN}' % upstream.encode(),
        ):
            now = time.monotonic()
            self.assertEqual(self.call(url, body)[0], 200)
            eventually(lambda: self.polls(self.kling, upstream, now), 3, f"a look after {body}")

    def test_about_another_job(self):
        task, url, upstream = self.begun(KLING, cat("[hang] o"), "[hang] o")
        now = time.monotonic()
        self.assertEqual(self.call(url, {"task_id": upstream[:-1] + "x"})[0], 200)
        time.sleep(0.4)
        self.assertEqual(self.polls(self.kling, upstream, now), [])
        self.assertEqual(self.spool.upstream(task), upstream)

    def test_no_json(self):
        _, url, upstream = self.begun(KLING, cat("[hang] n"), "[hang] n")
        for body in (b"", b"{", b"[1]"):
            self.assertIn(self.call(url, body)[0], (200, 400), body)
        self.assertEqual(self.spool.request("GET", "/healthz")[0], 200)

    def test_after_the_end(self):
        task = self.submit(ARK, gull("an end"))
        self.spool.wait_phase(task, "submitted", "rendering")
        url, upstream = self.sent("an end")["callback_url"], self.spool.upstream(task)

        def is_over():
            self.call(url, {"id": upstream})
            return self.spool.task(task)["status"] == "succeeded"

        eventually(is_over, 5, "the end", 0.1)
        version, now = self.spool.task(task)["version"], time.monotonic()
        self.assertEqual(self.call(url, {"id": upstream, "status": "failed"})[0], 200)
        time.sleep(0.3)
        self.assertEqual(
            (self.spool.task(task)["version"], self.polls(self.ark, upstream, now)), (version, [])
        )


class SlowerPolling(unittest.TestCase):
    def polls_in_a_while(self, mode):
        """How often a job that hangs is asked for in 1.5 s, at an interval of 100 ms."""
        with Sim(speed=20) as sim, Between(sim) as vendor:
            config = {"accounts": [kling_account(vendor)], "vendor_callbacks": mode}
            with Spool(config) as spool:
                task = spool.request("POST", KLING, cat("[hang]"))[2]["task_id"]
                spool.wait_phase(task, "rendering")
                time.sleep(0.3)
                began = time.monotonic()
                time.sleep(1.5)
                asked = [a for a in vendor.at(spool.upstream(task)) if a.at >= began]
                return len(asked), vendor.sent("text2video")[0]

    def test_looks_are_rarer_while_they_come(self):
        without, sent = self.polls_in_a_while("never")
        self.assertNotIn("callback_url", sent)
        self.assertGreaterEqual(without, 9)
        withal, sent = self.polls_in_a_while("always")
        self.assertIn("/v1/callbacks/", sent["callback_url"])
        # Four times the longest interval; but one that got lost is made up for.
        self.assertIn(withal, (2, 3, 4))


class Modes(unittest.TestCase):
    """auto asks vendors to call only where they can reach us."""

    def callback_urls(self, **config):
        """What both vendors are told; none of them is a simulator, so nobody is called."""
        with Sim(speed=20) as sim, Between(sim) as vendor:
            vendor.on("text2video", lambda asked: (200, {}, {"code": 0, "data": {"task_id": "1"}}))
            vendor.on("contents/generations", lambda asked: (200, {}, {"id": "cgt-1"}))
            with Spool({"accounts": [kling_account(vendor), seedance_account(vendor)], **config}) as spool:
                for path, body in ((KLING, cat("x")), (ARK, gull("x"))):
                    spool.request("POST", path, body)
                eventually(
                    lambda: len({a.path for a in vendor.asked if a.method == "POST"}) == 2,
                    what="both submits",
                )
                posts = [a.body for a in vendor.asked if a.method == "POST"]
                path = f"{spool.url}/v1/callbacks/task_{'0' * 26}.{'0' * 24}"
                port = int(spool.url.rsplit(":", 1)[1])
                wrong = exchange(port, "POST", path[len(spool.url) :], {})[0]
            self.assertEqual(wrong, 404)
            return [body.get("callback_url") for body in posts]

    def test_auto_is_nothing_where_nobody_can_reach_us(self):
        for public in (
            None,
            "http://127.0.0.1:1",
            "http://10.1.2.3",
            "http://192.168.1.1:8080",
            "http://[::1]",
        ):
            config = {} if public is None else {"public_url": public}
            self.assertEqual(self.callback_urls(**config), [None, None], public)

    def test_auto_with_a_public_address(self):
        for url in self.callback_urls(public_url="https://spool.example.com"):
            self.assertRegex(url, r"^https://spool\.example\.com/v1/callbacks/task_\w{26}\.[0-9a-f]{24}$")

    def test_never(self):
        config = {"public_url": "https://spool.example.com", "vendor_callbacks": "never"}
        self.assertEqual(self.callback_urls(**config), [None, None])

    def test_always(self):
        for url in self.callback_urls(vendor_callbacks="always"):
            self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/v1/callbacks/task_\w{26}\.[0-9a-f]{24}$")

    def test_vendors_that_can_t(self):
        with Sim(speed=20) as sim, Between(sim) as vendor:
            accounts = [suno_account(vendor), veo_account(vendor)]
            with Spool({"accounts": accounts, "vendor_callbacks": "always"}) as spool:
                song = spool.request("POST", "/suno/submit/music", {"gpt_description_prompt": "x"})[2][
                    "result"
                ]
                video = spool.request("POST", "/v1/video/create", {"model": "veo-3.1", "prompt": "x"})[2][
                    "id"
                ]
                for task in (song, video):
                    self.assertEqual(spool.end_of(task)["status"], "succeeded")
            self.assertFalse([a.path for a in vendor.asked if b"callbacks" in a.raw])


class Doubt(Callbacks):
    """The answer to a submit is lost: the callback names the job."""

    def check_found(self, path, body, prompt, vendor, upstream_path):
        task = self.submit(path, body)
        check_artifacts(self.spool.end_of(task, 12), "video")
        words = [entry["event"] for entry in self.spool.timeline(task)]
        self.assertEqual(words[:4], ["accepted", "claimed", "in_doubt", "found"])
        posts = [
            a for a in vendor.at(upstream_path) if a.method == "POST" and f'"{prompt}"'.encode() in a.raw
        ]
        self.assertEqual(len(posts), 1)
        self.assertEqual(self.sim.jobs("seedance" if path == ARK else "kling")[0][prompt], 1)
        # Not on the callback's word alone: the job was asked for before it was taken for ours.
        self.assertTrue(self.polls(vendor, self.spool.upstream(task)))

    def test_seedance(self):
        for word in ("cut", "502", "html", "empty"):
            prompt = f"a gull [{word}]"
            self.check_found(ARK, gull(prompt), prompt, self.ark, "/contents/generations/tasks")

    def test_kling(self):
        self.check_found(KLING, cat("a cat [cut]"), "a cat [cut]", self.kling, "text2video")


class DoubtWithoutAWord(Callbacks):
    vendors_call = False

    def test_a_named_job_that_isn_t_there(self):
        """Who knows the path may lie all the same: a job is ours when the vendor has it."""
        lies = []

        def lose(asked):
            if asked.method == "POST" and b"a lost gull" in asked.raw:
                self.call(
                    asked.body["callback_url"], {"id": "cgt-20260101000000-xxxxx", "status": "succeeded"}
                )
                lies.append(asked)
                return CUT
            return None

        self.ark.special.insert(0, ("generations/tasks", lose))
        task = self.submit(ARK, gull("a lost gull"))
        ended = self.spool.end_of(task, 20)
        self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "submit_outcome_unknown"))
        self.assertEqual((len(lies), self.sim.jobs("seedance")[0]), (1, {}))
        self.assertTrue(self.polls(self.ark, "cgt-20260101000000-xxxxx"))
        found = ended["finished_at"] - ended["created_at"]
        self.assertTrue(5000 < found < 16000, found)

    def test_it_calls_before_it_answers(self):
        """The hint comes while the submit is under way; then the answer is lost."""

        def early(asked):
            if asked.method != "POST" or b"an early gull" not in asked.raw:
                return None
            url = asked.body["callback_url"]
            _, _, data = self.without_callback(self.ark)(asked)
            self.call(url, {"id": json.loads(data)["id"], "status": "queued"})
            return CUT

        self.ark.special.insert(0, ("generations/tasks", early))
        task = self.submit(ARK, gull("an early gull"))
        eventually(lambda: "found" in self.spool.events(task), 5, "its job")
        self.assertEqual(self.sim.jobs("seedance")[0]["an early gull"], 1)


if __name__ == "__main__":
    main()
