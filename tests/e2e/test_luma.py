"""The Luma family: videos by either API, what goes on from them, and doubts that the list settles."""
import base64
import json
import time
import unittest

from harness import CUT, PNG, Between, Family, Sim, Spool, check_artifacts, download, eventually, main, words_seen
from vendors import relay_accounts
from vendors.luma import luma_account

MAKE = "/luma/generations"
LINK = "https://example.com/a.png"
DRONE = {"user_prompt": "a drone", "model_name": "ray-v2"}


class Luma(Family):
    @classmethod
    def accounts(cls):
        return [{**luma_account(cls.vendor, name), "poll_interval_ms": 50} for name in ("dream_machine", "agents")]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def asked(self, prompt):
        (asked,) = [a for a in self.vendor.asked if a.method == "POST" and a.raw and a.body.get("prompt") == prompt]
        return asked

    def shown(self, task):
        status, answer = self.look(f"{MAKE}/{task}")
        self.assertEqual((status, answer["id"]), (200, task))
        return answer


class Making(Luma):
    def sends(self, body, path, expected, *kinds):
        task = self.submit(MAKE, body)
        check_artifacts(self.spool.end_of(task), *kinds)
        asked = self.asked(body["user_prompt"])
        sent = asked.body
        callback = sent.pop("callback_url", None)
        self.assertEqual((asked.path, sent), (path, expected))
        self.assertEqual(asked.headers["authorization"], "Bearer sim-secret")
        return task, callback

    def test_dream_machine(self):
        path, base = "/dream-machine/v1/generations/video", {"model": "ray-2"}
        for number, (body, expected) in enumerate((
            ({}, {}),
            ({"duration": "5", "resolution": "720p", "expand_prompt": True}, {"duration": "5s", "resolution": "720p"}),
            ({"duration": 10, "aspect_ratio": "9:16", "loop": True}, {"duration": "9s", "aspect_ratio": "9:16", "loop": True}),
            ({"image_url": LINK}, {"keyframes": {"frame0": {"type": "image", "url": LINK}}}),
            (
                {"image_url": LINK, "image_end_url": LINK + "2"},
                {"keyframes": {"frame0": {"type": "image", "url": LINK}, "frame1": {"type": "image", "url": LINK + "2"}}},
            ),
        )):  # fmt: skip
            with self.subTest(body=body):
                prompt = f"dream {number}"
                self.sends({**DRONE, **body, "user_prompt": prompt}, path, {**base, **expected, "prompt": prompt}, "video", "cover")

    def test_agents(self):
        video = {"duration": "10s", "resolution": "1080p", "start_frame": LINK, "end_frame": LINK + "2"}
        body = {"model_name": "ray-3", "duration": "9", "resolution": "1080p", "image_url": LINK, "image_end_url": LINK + "2"}
        expected = {"model": "ray-3.2", "type": "video", "aspect_ratio": "16:9", "video": video, "prompt": "an agent"}
        _, callback = self.sends({**body, "user_prompt": "an agent", "aspect_ratio": "16:9"}, "/v1/generations", expected, "video")
        self.assertIsNone(callback)

    def test_names_without_a_table(self):
        """An account that lists no models has the page's, and what follows them."""
        with Spool({"accounts": [luma_account(self.vendor, models={})]}) as spool:
            for name in ("ray-v1", "ray-v2", ""):
                status, _, answer = spool.request("POST", MAKE, {"user_prompt": f"of {name}.", **({"model_name": name} if name else {})})
                self.assertEqual(status, 200, answer)
                spool.end_of(answer["id"])
                self.assertEqual(self.asked(f"of {name}.").body["model"], "ray-2")
            self.assertEqual(spool.request("POST", MAKE, {**DRONE, "model_name": "ray-9"})[0], 404)

    def test_words_on_the_way(self):
        task = self.submit(MAKE, {**DRONE, "user_prompt": "a drone [slow]"})
        words = []
        while not words or words[-1] not in ("completed", "failed"):
            shown = self.shown(task)
            self.assertEqual("video" in shown, shown["state"] == "completed")
            words.append(shown["state"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "queued"), ["dreaming", "completed"])
        artifacts = self.spool.task(task)["artifacts"]
        self.assertEqual(shown["video"], {"url": artifacts[0]["url"], "download_url": artifacts[0]["url"]})
        self.assertEqual(shown["thumbnail"], {"url": artifacts[1]["url"]})
        self.assertRegex(shown["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_extend(self):
        parent = self.submit(MAKE, {**DRONE, "user_prompt": "a parent"})
        status, _, answer = self.post(f"{MAKE}/{parent}/extend", {"user_prompt": "too early"})
        self.assertEqual((status, answer), (400, {"detail": "id: the generation has not completed"}))
        self.spool.end_of(parent)
        task = self.submit(f"{MAKE}/{parent}/extend", {"user_prompt": "a child"})
        self.assertEqual(self.spool.end_of(task)["status"], "succeeded")
        frames = self.asked("a child").body["keyframes"]
        self.assertEqual(frames, {"frame0": {"type": "generation", "id": self.spool.upstream(parent)}})
        self.assertEqual(self.spool.task(task)["action"], "extend")
        # The parent is a part of what an Idempotency-Key stands for.
        other = self.submit(MAKE, {**DRONE, "user_prompt": "another parent"})
        self.spool.end_of(other)
        key = {"Idempotency-Key": "extends"}
        first = self.post(f"{MAKE}/{parent}/extend", {"user_prompt": "once"}, **key)
        self.assertEqual(self.post(f"{MAKE}/{parent}/extend", {"user_prompt": "once"}, **key)[2]["id"], first[2]["id"])
        self.assertEqual(self.post(f"{MAKE}/{other}/extend", {"user_prompt": "once"}, **key)[0], 422)
        # What can't go on.
        agent = self.submit(MAKE, {"user_prompt": "of agents", "model_name": "ray-3"})
        self.spool.end_of(agent)
        for path, key, status, text in (
            (f"{MAKE}/{agent}/extend", "dev", 400, "id: its account's API can't extend a video"),
            (f"{MAKE}/{parent}/extend", "other", 404, "no such generation"),
            (f"{MAKE}/task_{'0' * 26}/extend", "dev", 404, "no such generation"),
        ):
            got = self.post(path, {"user_prompt": "xyz"}, key)
            self.assertEqual((got[0], got[2]), (status, {"detail": text}))

    def test_unified(self):
        body = {"model": "ray-v2", "prompt": "a unified drone", "size": "1280x720", "duration": 5, "images": [LINK]}
        task = self.post("/v1/video/create", body)[2]["id"]
        check_artifacts(self.spool.end_of(task), "video", "cover")
        sent = self.asked("a unified drone").body
        sent.pop("callback_url", None)
        frames = {"frame0": {"type": "image", "url": LINK}}
        expected = {"duration": "5s", "resolution": "720p", "aspect_ratio": "16:9", "keyframes": frames}
        self.assertEqual(sent, {"model": "ray-2", "prompt": "a unified drone", **expected})
        for more, field in (({"negative_prompt": "x"}, "negative_prompt"), ({"images": ["AAAAAAAA"]}, "images"), ({"duration": 7}, "duration")):
            status, _, answer = self.post("/v1/video/create", {**body, **more})
            self.assertEqual(status, 400, answer)
            self.assertTrue(answer["message"].startswith(field), answer)

    def test_a_file_becomes_a_link(self):
        """The vendor takes links alone: what the client sends is put where it can be opened."""
        text = base64.b64encode(PNG).decode()
        large = base64.b64encode(PNG + bytes(9000)).decode()
        for number, (path, body, sizes) in enumerate((
            (MAKE, {"image_url": text}, [len(PNG)]),
            (MAKE, {"image_url": f"data:image/png;base64,{large}", "image_end_url": text}, [len(PNG) + 9000, len(PNG)]),
            (MAKE, {"image_url": LINK, "image_end_url": text}, [None, len(PNG)]),
            ("/v1/video/create", {"model": "ray-v2", "images": [text]}, [len(PNG)]),
        )):  # fmt: skip
            with self.subTest(path=path, body=number):
                prompt = f"a file {number}"
                words = {"prompt": prompt} if "model" in body else {**DRONE, "user_prompt": prompt}
                task = self.post(path, {**body, **words})[2]["id"]
                check_artifacts(self.spool.end_of(task), "video", "cover")
                frames = self.asked(prompt).body["keyframes"]
                for (_, frame), size in zip(sorted(frames.items()), sizes, strict=True):
                    if size is None:
                        self.assertEqual(frame["url"], LINK)
                        continue
                    self.assertTrue(frame["url"].startswith(f"http://127.0.0.1:{self.spool.port}/media/uploads/"), frame)
                    self.assertEqual(len(download(frame["url"])[2]), size)

    def test_failures(self):
        for model in ("ray-v2", "ray-3"):
            for word, code in (("[fail]", "vendor_failed"), ("[moderation]", "content_filter"), ("[refuse]", "content_filter")):
                task = self.submit(MAKE, {"user_prompt": f"a drone {word}", "model_name": model})
                ended = self.spool.end_of(task)
                self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", code), (model, word))
                shown = self.shown(task)
                self.assertEqual((shown["state"], shown["failure_reason"]), ("failed", ended["error"]["message"]))

    def test_webhooks(self):
        _, hooks = self.hooks(MAKE, DRONE, "processing", "succeed")
        self.assertEqual((hooks[-1]["type"], hooks[-1]["output"]["duration"]), ("video", 0))
        self.hooks(MAKE, DRONE, "processing", "succeed", name="notify_hook")

    def test_wrong_input(self):
        for body, field in (
            ({}, "user_prompt"),
            ({"user_prompt": 5}, "user_prompt"),
            ({"user_prompt": "ab"}, "user_prompt"),
            ({"user_prompt": "x" * 5001}, "user_prompt"),
            ({"model_name": 5}, "model_name"),
            ({"duration": "7"}, "duration"),
            ({"duration": "x"}, "duration"),
            ({"duration": [5]}, "duration"),
            ({"resolution": "480p"}, "resolution"),
            ({"resolution": 720}, "resolution"),
            ({"aspect_ratio": "2:1"}, "aspect_ratio"),
            ({"expand_prompt": "yes"}, "expand_prompt"),
            ({"loop": 1}, "loop"),
            ({"loop": True, "image_end_url": LINK}, "loop"),
            ({"image_url": "data:image/png;base64,AAAAAAAA"}, "image_url"),
            ({"image_end_url": "AAAAAAAA"}, "image_end_url"),
            ({"image_url": {"url": LINK}}, "image_url"),
            ({"image_end_url": "ftp://a/b"}, "image_end_url"),
            ({"notify_hook": "nowhere"}, "notify_hook"),
            ({"user_prompt": None, "prompt": 5}, "user_prompt"),
            ({"keyframes": {"frame0": {"type": "image", "url": 5}}}, "image_url"),
            ({"keyframes": {"frame0": {"type": "generation", "id": "x"}}}, "keyframes.frame0"),
            ({"duration": "7s"}, "duration"),
        ):
            status, _, answer = self.post(MAKE, {**DRONE, **body} if body else {})
            self.assertEqual((status, set(answer)), (400, {"detail"}), (body, answer))
            self.assertTrue(answer["detail"].startswith(f"{field}: "), (body, answer))
        status, _, answer = self.post(MAKE, {**DRONE, "model_name": "nobody-1"})
        self.assertEqual((status, set(answer)), (404, {"detail"}))
        task = self.submit(MAKE, DRONE)
        for path, key in ((f"{MAKE}/{task}", "other"), (f"{MAKE}/task_{'0' * 26}", "dev"), (f"{MAKE}/x", "dev")):
            status, answer = self.look(path, key)
            self.assertEqual((status, set(answer)), (404, {"detail"}))
        self.assertEqual(self.look(f"{MAKE}/{task}", "nobody")[0], 401)


class Doubts(unittest.TestCase):
    """The vendor takes the job, and its answer gets lost."""

    def start(self, **settings):
        sim = self.enterContext(Sim(speed=50))
        wire = self.enterContext(Between(sim))
        config = {"vendor_callbacks": "always", "accounts": [luma_account(wire, poll_interval_ms=50)], **settings}
        return sim, wire, self.enterContext(Spool(config))

    def lose(self, wire, after=True):
        def lose(asked):
            if asked.method == "POST" and b"lost" in asked.raw:
                if after:
                    wire.usual(asked)
                return CUT
            return None

        wire.on("/generations", lose)

    def test_it_is_found_by_where_it_calls(self):
        sim, wire, spool = self.start()
        self.lose(wire)
        wire.on("/v1/callbacks/", lambda asked: (500, {}, b""))
        others = [spool.request("POST", MAKE, {"user_prompt": "not it"})[2]["id"] for _ in range(3)]
        task = spool.request("POST", MAKE, {"user_prompt": "it was lost"})[2]["id"]
        self.assertEqual(spool.end_of(task)["status"], "succeeded")
        self.assertIn("in_doubt", spool.events(task))
        self.assertEqual(sim.jobs("luma")[0]["it was lost"], 1)
        self.assertNotIn(spool.upstream(task), [spool.upstream(other) for other in others])

    def test_it_was_never_there(self):
        """Or the list doesn't show it yet: a second submit might be a second job."""
        sim, wire, spool = self.start()
        self.lose(wire, after=False)
        task = spool.request("POST", MAKE, {"user_prompt": "it was lost"})[2]["id"]
        eventually(lambda: "in_doubt" in spool.events(task), 10, "the doubt")
        wire.special.clear()
        end = spool.end_of(task, 90)
        self.assertEqual((end["status"], end["error"]["code"]), ("failed", "submit_outcome_unknown"))
        self.assertNotIn("it was lost", sim.jobs("luma")[0])

    def test_the_list_is_late(self):
        sim, wire, spool = self.start(public_url="http://127.0.0.1:9")  # nobody is there to be called back
        self.lose(wire)
        began = time.monotonic()
        empty = json.dumps({"generations": [], "has_more": False, "count": 0, "limit": 100, "offset": 0}).encode()
        wire.on("/generations?", lambda asked: (200, {}, empty) if time.monotonic() < began + 5 else None)
        task = spool.request("POST", MAKE, {"user_prompt": "it was lost"})[2]["id"]
        self.assertEqual(spool.end_of(task)["status"], "succeeded")
        self.assertEqual(sim.jobs("luma")[0]["it was lost"], 1)


class Cancel(Luma):
    def test_while_it_waits(self):
        task = self.submit(MAKE, {**DRONE, "user_prompt": "a drone [stay-queued]"})
        self.spool.wait_phase(task, "submitted")
        status, _, answer = self.post(f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "requested"))
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        self.assertEqual(self.shown(task)["state"], "failed")
        self.assertEqual(self.sim.get("/sim/stats")["destroyed"], 0)

    def test_what_runs_is_left_alone(self):
        """It may still succeed, and a delete would destroy that."""
        task = self.submit(MAKE, {**DRONE, "user_prompt": "a drone [slow]"})
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.post(f"/v1/tasks/{task}/cancel", b"")[2]["cancel"], "requested")
        check_artifacts(self.spool.end_of(task), "video", "cover")
        self.assertEqual([asked.path for asked in self.vendor.asked if asked.method == "DELETE" and self.spool.upstream(task) in asked.path], [])


class Relay(unittest.TestCase):
    def test_a_video_and_what_follows(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [luma_account(sim, poll_interval_ms=50)]}))
        wire = self.enterContext(Between(back))
        wire.key = back.key
        accounts = [one for one in relay_accounts(wire, poll_interval_ms=50) if one["provider"] == "luma"]
        front = self.enterContext(Spool({"accounts": accounts}))
        body = {**DRONE, "duration": "5", "resolution": "720p"}
        parent = front.request("POST", MAKE, body)[2]["id"]
        check_artifacts(front.end_of(parent), "video", "cover")
        self.assertEqual(wire.sent(MAKE)[0], body)
        child = front.request("POST", f"{MAKE}/{parent}/extend", {"user_prompt": "it lands"})[2]["id"]
        self.assertEqual(front.end_of(child)["status"], "succeeded")
        self.assertIn(f"{MAKE}/{front.upstream(parent)}/extend", [asked.path for asked in wire.asked])


if __name__ == "__main__":
    main()
