"""A Spool whose vendor is another Spool: every family goes through both, unchanged."""
import base64
import unittest

from harness import CUT, PNG, Between, Receiver, Sim, Spool, Vendor, account, check_artifacts
from harness import eventually, main, task_in
from vendors import accounts_of_all, all_vendors, one_of_each, relay_accounts, vendors_of_jobs

IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()
IMAGINE, MUSIC, LYRICS = "/mj/submit/imagine", "/suno/submit/music", "/suno/submit/lyrics"
KLING, PICTURES = "/kling/v1/videos/text2video", "/kling/v1/images/generations"
CREATE, VIDEOS, ARK = "/v1/video/create", "/v1/videos", "/volc/v1/contents/generations/tasks"


def cat(prompt="a cat", **fields):
    return KLING, {"model_name": "kling-v3", "prompt": prompt, **fields}


def gull(prompt="a gull", **fields):
    return ARK, {"model": "doubao-seedance-1-5-pro", "content": [{"type": "text", "text": prompt}], **fields}


def submit(spool, path, body, **headers):
    status, _, answer = spool.request("POST", path, body, headers)
    assert status == 200, (path, body, status, answer)
    return task_in(answer)


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator; the wire keeps what front says."""

    front_fields = {}

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        accounts = [{**one, "poll_interval_ms": 50} for one in accounts_of_all(cls.sim)]
        tokens = [{"name": "front", "key": "sk-front"}, {"name": "dev", "key": "sk-dev"}]
        cls.back = cls.enterClassContext(Spool({"accounts": accounts, "tokens": tokens}))
        cls.wire = cls.enterClassContext(Between(cls.back))
        cls.wire.key = cls.back.key = "sk-front"
        accounts = relay_accounts(cls.wire, poll_interval_ms=50, **cls.front_fields)
        cls.front = cls.enterClassContext(Spool({"accounts": accounts}))

    def succeed(self, path, body):
        """Front's task and back's, both as they ended."""
        task = submit(self.front, path, body)
        ended = self.front.end_of(task)
        self.assertEqual((ended["status"], ended["error"]), ("succeeded", None), ended)
        theirs = self.back.task(self.front.upstream(task))
        self.assertNotEqual(theirs["id"], task)
        return ended, theirs

    def same(self, path, body, *kinds):
        mine, theirs = self.succeed(path, body)
        self.assertTrue(check_artifacts(mine, *kinds) == check_artifacts(theirs, *kinds))
        return mine, theirs

    def failed(self, path, body):
        task = submit(self.front, path, body)
        ended = self.front.end_of(task)
        self.assertEqual((ended["status"], ended["artifacts"]), ("failed", []), ended)
        return task, ended["error"]


class Through(Relay):
    def test_midjourney(self):
        mine, theirs = self.same(IMAGINE, {"prompt": "a lighthouse", "base64Array": [IMAGE]}, "image")
        shown = self.front.fetch(mine["id"])
        button = next(b["customId"] for b in shown["buttons"] if "upsample::2" in b["customId"])
        body = {"taskId": mine["id"], "customId": button}
        mine, theirs = self.same("/mj/submit/action", body, "image")
        self.assertEqual((mine["action"], theirs["action"]), ("UPSCALE", "UPSCALE"))
        mine, _ = self.same("/mj/submit/describe", {"base64": IMAGE}, "image", "text")
        final = self.front.fetch(mine["id"])["properties"]["finalPrompt"]
        self.assertEqual(mine["artifacts"][1], {"kind": "text", "text": final})

    def test_kling(self):
        link = {"image_url": "https://example.com/a.png"}
        model = {"model_name": "kling-v3", "prompt": "a cat"}
        for path, body, kinds in (
            (KLING, {**model, "duration": 10, "sound": True, "kling_elements": [1]}, ["video"]),
            (KLING, {**model, "image_urls": [IMAGE]}, ["video"]),
            ("/kling/v1/videos/image2video", {**model, "image_urls": [IMAGE, link["image_url"]]}, ["video"]),
            (
                "/kling/v1/videos/multi-image2video",
                {**model, "image_list": [{"image_id": 1, **link}]},
                ["video"],
            ),
            (
                "/kling/v1/videos/omni-video",
                {**model, "aspect_ratio": "16:9", "image_list": [link]},
                ["video"],
            ),
            (PICTURES, {"model": "kling-v2-1", "prompt": "a dog", "n": 3}, ["image"] * 3),
            (
                "/kling/v1/images/kolors-virtual-try-on",
                {"human_image": IMAGE, "cloth_image": IMAGE},
                ["image"],
            ),
        ):
            with self.subTest(path=path, body=str(body)[:80]):
                mine, theirs = self.same(path, body, *kinds)
                self.assertEqual(mine["action"], theirs["action"])
                self.assertEqual(theirs["state"], mine["id"], "our own id, for the search")
                (sent,) = self.wire.sent("/kling/v1/", external_task_id=mine["id"])
                model = body.get("model_name") or body.get("model")
                self.assertEqual((sent.get("model_name"), sent.get("model")), (model, model))

    def test_suno(self):
        body = {"prompt": "la", "title": "La", "tags": "pop", "mv": "chirp-v4"}
        mine, theirs = self.succeed(MUSIC, body)
        ours, all_of_them = check_artifacts(mine, *["audio", "cover"] * 2), []
        for artifact in theirs["artifacts"]:
            all_of_them.append((artifact["kind"], artifact["sha256"]))
        # What the public answer has: not the larger cover, not the video.
        self.assertEqual(len(ours), 4)
        found = [(artifact["kind"], artifact["sha256"]) for artifact in mine["artifacts"]]
        self.assertEqual(found, [all_of_them[i] for i in (0, 1, 4, 5)])
        shown, theirs = [
            s.get(f"/suno/fetch/{t['id']}")["data"]["data"]
            for s, t in ((self.front, mine), (self.back, theirs))
        ]
        links = ("audio_url", "image_url")
        for one, other in zip(shown, theirs, strict=True):
            for name in links:
                self.assertNotEqual(one.pop(name), other.pop(name))
            self.assertEqual(one, other)
        clip = shown[1]["id"]
        for path, body in (
            (MUSIC, {"prompt": "more", "continue_clip_id": clip, "continue_at": 10}),
            ("/suno/submit/concat", {"clip_id": clip}),
        ):
            mine, theirs = self.succeed(path, body)
            audio = [[a["sha256"] for a in t["artifacts"] if a["kind"] == "audio"] for t in (mine, theirs)]
            self.assertEqual(audio[0], audio[1])
        self.same(LYRICS, {"prompt": "rain"}, "text")
        mine, _ = self.succeed(MUSIC, {"gpt_description_prompt": "a song [mixed]"})
        *there, missing = mine["artifacts"]
        check_artifacts({**mine, "artifacts": there}, "audio", "cover")
        self.assertEqual((missing["kind"], missing["error"]["code"]), ("audio", "vendor_failed"))

    def test_video(self):
        with Vendor() as host:
            for body in (
                {"model": "veo-3.1", "prompt": "a boat", "size": "1080P", "duration": 8},
                {"model": "veo-3.1-fast", "prompt": "a boat"},
                {"model": "veo-3.1", "prompt": "a boat", "images": [IMAGE]},
                {"model": "veo-3.1", "prompt": "a boat", "images": [f"{host.url}/files/a.png"]},
            ):
                self.same(CREATE, body, "video")
        mine, _ = self.same(
            VIDEOS, {"model": "veo-3.1", "prompt": "a boat", "seconds": "8", "size": "1280x720"}, "video"
        )
        (sent,) = self.wire.sent(CREATE, duration="8", size="1280x720")
        self.assertEqual(sent, {"model": "veo-3.1", "prompt": "a boat", "duration": "8", "size": "1280x720"})
        status, _, data = self.front.request("GET", f"{VIDEOS}/{mine['id']}/content")
        self.assertTrue(status == 200 and [data] == check_artifacts(mine, "video"))

    def test_seedance(self):
        path, body = gull(draft=True, return_last_frame=True, duration=7)
        mine, _ = self.same(path, body, "video", "image")
        shown = self.front.get(f"{ARK}/{mine['id']}")
        self.assertEqual((shown["seconds"], shown["metadata"]["frames_per_second"]), ("7", 24))
        draft = {"type": "draft_task", "draft_task": {"id": mine["id"]}}
        self.same(ARK, {"model": body["model"], "content": [draft]}, "video")

    def test_volcengine(self):
        body = {"model": "doubao-seedance-1-5-pro", "content": {"prompt": "a moth", "aspect_ratio": "1:1"}}
        mine, _ = self.same(ARK, body, "video")
        content = self.front.get(f"{ARK}/{mine['id']}")["data"]["content"]
        self.assertEqual(content["video_url"], mine["artifacts"][0]["url"])
        self.assertEqual(content["duration"], 5)

    def test_what_front_says(self):
        """Its own key, its own id, nothing of its clients'."""
        with Receiver() as receiver:
            for provider, (path, body) in one_of_each(" said").items():
                body = {**body, "notifyHook": f"{receiver.url}/hook-{provider}"}
                before = len(self.wire.asked)
                task = submit(self.front, path, body)
                self.assertEqual(self.front.end_of(task)["status"], "succeeded")
                receiver.wait(f"/hook-{provider}")
                asked = self.wire.asked[before:]
                self.assertNotIn(b"/hook-", b"".join(one.raw for one in asked))
                (post,) = [a for a in asked if b"said" in a.raw]
                self.assertEqual(post.headers["authorization"], "Bearer sk-front")
                for one in asked:
                    self.assertNotIn("sk-dev", str(one.headers))
                if provider != "midjourney":  # see Lost
                    self.assertEqual(post.headers["idempotency-key"], task)

    def test_failures(self):
        for word in ("fail", "refuse"):
            for provider, (path, body) in one_of_each(f" [{word}]").items():
                with self.subTest(provider, word=word):
                    task, error = self.failed(path, body)
                    theirs = self.back.task(self.front.upstream(task))
                    self.assertEqual(theirs["status"], "failed")
                    self.assertEqual(error["message"], theirs["error"]["message"])
                    codes = getattr(all_vendors()[provider], "RELAY_CODES", {})
                    self.assertEqual(error["code"], codes.get(word, "vendor_failed"))

    def test_what_back_cancels_fails_here(self):
        task = submit(self.front, *gull("a gull [stay-queued]"))
        self.front.wait_phase(task, "submitted", "rendering")
        theirs = self.front.upstream(task)
        self.back.request("POST", f"/v1/tasks/{theirs}/cancel", b"")
        self.assertEqual(self.back.end_of(theirs)["status"], "cancelled")
        self.assertEqual(self.front.end_of(task)["status"], "failed")
        self.assertEqual(self.sim.get("/sim/stats")["destroyed"], 0)

    def test_cancel(self):
        """A relay can't: whatever its vendor could."""
        for provider, (path, body) in one_of_each(" [hang]").items():
            if provider == "midjourney":
                body = {"prompt": "a lighthouse [never]"}
            task = submit(self.front, path, body)
            self.front.wait_phase(task, "submitted", "rendering")
            status, _, answer = self.front.request("POST", f"/v1/tasks/{task}/cancel", b"")
            expected = (200, "not_supported_may_be_billed", "cancelled")
            self.assertEqual((status, answer["cancel"], answer["status"]), expected, provider)
        self.assertEqual([a.path for a in self.wire.asked if a.method == "DELETE"], [])


class Models(Relay):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        kling = {"provider": "kling", "dialect": "relay", "api_key": "sk-front", "poll_interval_ms": 50}
        models = {"kling-v3": "kling-v2-6", "kling-v2": "kling-nowhere"}
        accounts = [account(cls.wire, "kling-m", models=models, **kling)]
        cls.mapped = cls.enterClassContext(Spool({"accounts": accounts}))

    def test_both_names(self):
        for name in ("model_name", "model"):
            task = submit(self.mapped, KLING, {name: "kling-v3", "prompt": f"by {name}"})
            ended = self.mapped.end_of(task)
            self.assertEqual((ended["status"], ended["error"]), ("succeeded", None))
            self.assertEqual(self.back.task(self.mapped.upstream(task))["model"], "kling-v2-6")

    def test_what_back_doesn_t_serve(self):
        task = submit(self.mapped, KLING, {"model_name": "kling-v2", "prompt": "x"})
        error = self.mapped.end_of(task)["error"]
        self.assertEqual(
            error, {"code": "model_not_found", "message": "kling model kling-nowhere: no account serves it"}
        )


class Lost(Relay):
    """Back's answer to a submit is lost, once for each family; the operator wants it sent again."""

    front_fields = {"on_unknown_submit": "retry"}

    def test_it_is_billed_once(self):
        lost = set()

        def lose(asked):
            if asked.method == "POST" and b" lost" in asked.raw and asked.path not in lost:
                lost.add(asked.path)
                self.wire.usual(asked)
                return CUT
            return None

        self.wire.on("/", lose)
        tasks = {}
        for provider, (path, body) in one_of_each(" lost").items():
            tasks[provider] = submit(self.front, path, body)
        for provider, task in tasks.items():
            ended = self.front.end_of(task)
            self.assertEqual(ended["status"], "succeeded", (provider, ended))
            self.assertIn("in_doubt", self.front.events(task), provider)
        jobs = {name: counted["prompts"] for name, counted in self.sim.get("/sim/jobs").items()}
        jobs["midjourney"] = self.sim.get("/sim/submits")
        for provider in tasks:
            self.assertEqual(jobs[provider], {"a lighthouse lost": 1}, provider)


class Unknown(Relay):
    """The same, where it isn't to be sent again."""

    def test_it_fails(self):
        self.wire.on("/", lambda a: CUT if a.method == "POST" and b" lost" in a.raw else None)
        for provider, (path, body) in one_of_each(" lost").items():
            if provider == "midjourney":
                continue  # whose tasks can be looked for, test_midjourney.py
            _, error = self.failed(path, body)
            self.assertEqual(error["code"], "submit_outcome_unknown", provider)
        self.assertEqual(len([a for a in self.wire.asked if b" lost" in a.raw]), len(vendors_of_jobs()) - 1)


class Keys(Relay):
    def test_a_wrong_key(self):
        accounts = relay_accounts(self.wire, poll_interval_ms=50)
        for one in accounts:
            one["api_key"] = "sk-wrong"
        with Spool({"accounts": accounts}) as front:
            for path, body in one_of_each().values():
                submit(front, path, body)
            eventually(lambda: front.metric("accounts_out") == len(accounts), what="all accounts' ends")
            for provider, (path, body) in one_of_each().items():

                def refused():
                    answer = front.request("POST", path, body)
                    return answer if answer[0] != 200 else None

                status, headers, answer = eventually(refused, 5, "a refusal")
                self.assertEqual(status, 503, provider)
                self.assertIn("retry-after", headers)
                if provider != "midjourney" and "code" in answer:
                    self.assertEqual(answer["code"], "get_channel_failed")
        self.assertEqual(self.back.get("/v1/tasks")["data"], [])

    def test_back_has_nobody_left(self):
        """Its 503 says that nothing was accepted: front waits."""
        accounts = [one for vendor in vendors_of_jobs().values() for one in vendor.accounts(self.sim)]
        accounts = [one for one in accounts if one.get("dialect") not in ("vertex", "agents")]
        accounts = [{**one, **{name: "x" for name in ("api_key", "secret_key") if one.get(name)}} for one in accounts]
        with Spool({"accounts": accounts}) as back, Between(back) as wire:
            wire.key = back.key
            for path, body in one_of_each().values():
                submit(back, path, body)
            eventually(lambda: back.metric("accounts_out") == len(accounts), what="all accounts' ends")
            for path, body in one_of_each().values():
                eventually(lambda: back.request("POST", path, body)[0] == 503, 5, f"a refusal of {path}")
            with Spool({"accounts": relay_accounts(wire, poll_interval_ms=50)}) as front:
                tasks = {p: submit(front, *one) for p, one in one_of_each(" waits").items()}
                for provider, task in tasks.items():
                    eventually(lambda: "refused" in front.events(task), 5, f"{provider}'s refusal")
                    self.assertNotIn("in_doubt", front.events(task), provider)
                    self.assertEqual(front.task(task)["status"], "queued", provider)
                self.assertEqual(front.metric("accounts_out"), 0)


class CallingBack(Relay):
    """Back tells front, as a vendor does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        accounts = relay_accounts(cls.wire, poll_interval_ms=60000)
        cls.patient = cls.enterClassContext(Spool({"accounts": accounts, "vendor_callbacks": "always"}))

    def test_kling(self):
        task = submit(self.patient, *cat("a patient cat"))
        (sent,) = eventually(lambda: self.wire.sent(KLING, prompt="a patient cat"), what="the submit")
        self.assertRegex(sent["callback_url"], f"^{self.patient.url}/v1/callbacks/{task}\\.[0-9a-f]{{24}}$")
        check_artifacts(self.patient.end_of(task, 5), "video")

    def test_a_submit_whose_answer_is_lost(self):
        """The callback names the job, in the words of webhooks: {"id"}."""

        def lose(asked):
            if asked.method == "POST" and b"a lost cat" in asked.raw:
                self.wire.usual(asked)
                return CUT
            return None

        self.wire.on(KLING, lose)
        task = submit(self.patient, *cat("a lost cat"))
        check_artifacts(self.patient.end_of(task, 12), "video")
        self.assertEqual(self.patient.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"])
        self.assertEqual(self.sim.get("/sim/jobs")["kling"]["prompts"]["a lost cat"], 1)


if __name__ == "__main__":
    main()
