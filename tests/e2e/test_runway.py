"""The Runway family: videos of an image, and what a DELETE may and mustn't do."""
import base64
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, Vendor, check_artifacts, main, words_seen
from vendors import relay_accounts
from vendors.runway import IMAGE, runway_account

MAKE, TASKS = "/runwayml/v1/image_to_video", "/runwayml/v1/tasks"
LINK = "https://example.com/a.png"
CLOUDS = {"model": "gen4_turbo", "promptImage": LINK, "promptText": "the clouds move"}


class Runway(Family):
    @classmethod
    def accounts(cls):
        return [runway_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def asked(self, text):
        (asked,) = [a for a in self.vendor.at("/v1/image_to_video") if a.body.get("promptText") == text]
        return asked

    def shown(self, task):
        status, answer = self.look(f"{TASKS}/{task}")
        self.assertEqual((status, answer["id"]), (200, task))
        return answer

    def deletes(self, task):
        return [a.path for a in self.vendor.asked if a.method == "DELETE" and self.spool.upstream(task) in a.path]

    def cancel(self, task):
        status, _, answer = self.post(f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual(status, 200)
        return answer["cancel"]


class Making(Runway):
    def test_what_it_sends(self):
        usual = {"model": "gen4_turbo", "promptImage": LINK, "ratio": "1280:720", "duration": 5}
        for number, (body, expected) in enumerate((
            ({}, {}),
            ({"model": "gen3a_turbo", "watermark": False}, {}),
            ({"model": ""}, {}),
            ({"ratio": "9:16", "duration": 10}, {"ratio": "720:1280", "duration": 10}),
            ({"ratio": "1584:672", "seed": 7}, {"ratio": "1584:672", "seed": 7}),
            ({"ratio": "1:1", "promptImage": IMAGE}, {"ratio": "960:960", "promptImage": IMAGE}),
            ({"promptImage": IMAGE.split(",")[1]}, {"promptImage": IMAGE}),
            ({"promptImage": [{"uri": LINK, "position": "first"}]}, {}),
            ({"model": "gen4.5", "contentModeration": {"publicFigureThreshold": "low"}},
             {"model": "gen4.5", "contentModeration": {"publicFigureThreshold": "low"}}),
        )):  # fmt: skip
            with self.subTest(body=str(body)[:80]):
                text = f"job {number}"
                task = self.submit(MAKE, {**CLOUDS, **body, "promptText": text})
                check_artifacts(self.spool.end_of(task), "video")
                asked = self.asked(text)
                self.assertEqual(asked.body, {**usual, **expected, "promptText": text})
                self.assertEqual((asked.headers["authorization"], asked.headers["x-runway-version"]), ("Bearer sim-secret", "2024-11-06"))

    def test_a_link_without_tls(self):
        """The vendor opens https alone: we fetch the image."""
        with Vendor() as host:
            task = self.submit(MAKE, {**CLOUDS, "promptImage": f"{host.url}/files/a.png", "promptText": "fetched"})
            self.assertEqual(self.spool.end_of(task)["status"], "succeeded")
        image = "data:image/png;base64," + base64.b64encode(PNG).decode()
        self.assertEqual(self.asked("fetched").body["promptImage"], image)

    def test_words_on_the_way(self):
        for prompt in ("clouds [slow]", "clouds [slow] [throttled]"):
            task = self.submit(MAKE, {**CLOUDS, "promptText": prompt})
            words = []
            while not words or words[-1] not in ("SUCCEEDED", "FAILED"):
                shown = self.shown(task)
                words.append(shown["status"])
                if shown["status"] == "RUNNING":
                    self.assertTrue(0 <= shown["progress"] <= 1)
                time.sleep(0.02)
            self.assertEqual(words_seen(words, "PENDING"), ["RUNNING", "SUCCEEDED"])
            (artifact,) = self.spool.task(task)["artifacts"]
            self.assertEqual(shown["output"], [artifact["url"]])

    def test_the_first_model_that_there_is(self):
        account = runway_account(self.vendor, models={"mine": "gen4.5", "other": "gen4_turbo"})
        with Spool({"accounts": [account]}) as spool:
            body = {"promptImage": LINK, "promptText": "the first"}
            spool.end_of(spool.request("POST", MAKE, body)[2]["id"])
            self.assertEqual(self.asked("the first").body["model"], "gen4.5")
            self.assertEqual(spool.request("POST", MAKE, {**CLOUDS, "model": "gen9"})[0], 404)
            status, _, answer = spool.request("POST", MAKE, {"promptImage": LINK, "model": "mine"})
            self.assertEqual((status, answer), (400, {"error": "promptText: is required by gen4.5"}))

    def test_failures(self):
        for word, code in (("[fail]", "vendor_failed"), ("[moderation]", "content_filter"), ("[refuse]", "vendor_refused")):
            task = self.submit(MAKE, {**CLOUDS, "promptText": f"clouds {word}"})
            error = self.spool.end_of(task)["error"]
            if word != "[refuse]":
                self.assertEqual(error["code"], code)
            shown = self.shown(task)
            self.assertEqual((shown["status"], shown["failure"]), ("FAILED", error["message"]))
            self.assertIn(shown["failureCode"], (error["code"], "task_failed"))

    def test_refused_for_now(self):
        for word in ("[429]", "[busy]"):
            task = self.submit(MAKE, {**CLOUDS, "promptText": f"clouds {word}"})
            self.assertEqual(self.spool.end_of(task)["status"], "succeeded")
            self.assertEqual(self.sim.jobs("runway")[0][f"clouds {word}"], 1)

    def test_unified(self):
        body = {"model": "gen4_turbo", "prompt": "unified clouds", "images": [LINK], "aspect_ratio": "9:16", "duration": 4}
        task = self.post("/v1/video/create", body)[2]["id"]
        check_artifacts(self.spool.end_of(task), "video")
        expected = {"model": "gen4_turbo", "promptImage": LINK, "ratio": "720:1280", "duration": 4, "promptText": "unified clouds"}
        self.assertEqual(self.asked("unified clouds").body, expected)
        for more, field in (
            ({"images": []}, "images"),
            ({"images": [LINK, LINK]}, "images"),
            ({"size": "1920x1080"}, "aspect_ratio"),
            ({"size": "1080P"}, "size"),
            ({"negative_prompt": "x"}, "negative_prompt"),
            ({"duration": 11}, "duration"),
            ({"prompt": "x" * 1001}, "prompt"),
        ):
            status, _, answer = self.post("/v1/video/create", {**body, **more})
            self.assertEqual(status, 400, (more, answer))
            self.assertTrue(answer["message"].startswith(f"{field}: "), (more, answer))

    def test_webhooks(self):
        _, hooks = self.hooks(MAKE, CLOUDS, "processing", "succeed")
        self.assertEqual(hooks[-1]["type"], "video")

    def test_wrong_input(self):
        for body, field in (
            ({"promptImage": None}, "promptImage"),
            ({"promptImage": 5}, "promptImage"),
            ({"promptImage": "ftp://a/b"}, "promptImage"),
            ({"promptImage": []}, "promptImage"),
            ({"promptImage": [{"uri": LINK}, {"uri": LINK}]}, "promptImage"),
            ({"promptImage": [{"position": "first"}]}, "promptImage.0.uri"),
            ({"promptText": 5}, "promptText"),
            ({"promptText": "x" * 1001}, "promptText"),
            ({"promptText": "\U0001f980" * 501}, "promptText"),
            ({"model": 5}, "model"),
            ({"duration": 11}, "duration"),
            ({"duration": 1}, "duration"),
            ({"duration": "5"}, "duration"),
            ({"ratio": "2:1"}, "ratio"),
            ({"ratio": 16}, "ratio"),
            ({"watermark": "no"}, "watermark"),
            ({"seed": "x"}, "seed"),
            ({"model": "gen4.5", "promptText": ""}, "promptText"),
        ):
            status, _, answer = self.post(MAKE, {**CLOUDS, **body})
            self.assertEqual((status, set(answer)), (400, {"error"}), (body, answer))
            self.assertTrue(answer["error"].startswith(f"{field}: "), (body, answer))
        status, _, answer = self.post(MAKE, {**CLOUDS, "model": "nobody-1"})
        self.assertEqual((status, set(answer)), (404, {"error"}))
        task = self.submit(MAKE, CLOUDS)
        for path, key in ((f"{TASKS}/{task}", "other"), (f"{TASKS}/task_{'0' * 26}", "dev"), (f"{TASKS}/x", "dev")):
            status, answer = self.look(path, key)
            self.assertEqual((status, set(answer)), (404, {"error"}))


class Cancel(Runway):
    def test_while_it_waits_and_while_it_runs(self):
        for word, phase in (("[stay-queued]", "submitted"), ("[hang]", "rendering")):
            task = self.submit(MAKE, {**CLOUDS, "promptText": f"clouds {word}"})
            self.spool.wait_phase(task, phase)
            self.assertEqual(self.cancel(task), "requested")
            self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
            self.assertEqual(self.shown(task)["status"], "CANCELLED")
            self.assertEqual(len(self.deletes(task)), 1)
        self.assertEqual(self.sim.get("/sim/stats")["destroyed"], 0)

    def test_what_has_ended_stays(self):
        task = self.submit(MAKE, {**CLOUDS, "promptText": "ended"})
        self.spool.end_of(task)
        self.assertEqual(self.post(f"/v1/tasks/{task}/cancel", b"")[0], 409)
        self.assertEqual(self.deletes(task), [])

    def test_a_lost_submit_is_never_sent_again(self):
        for word in ("[cut]", "[500]"):
            task = self.submit(MAKE, {**CLOUDS, "promptText": f"lost {word}"})
            error = self.spool.end_of(task)["error"]
            self.assertEqual(error["code"], "submit_outcome_unknown")
            self.assertLessEqual(self.sim.jobs("runway")[0].get(f"lost {word}", 0), 1)


class Relay(unittest.TestCase):
    def test_a_video(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [runway_account(sim, poll_interval_ms=50)]}))
        wire = self.enterContext(Between(back))
        wire.key = back.key
        accounts = [one for one in relay_accounts(wire, poll_interval_ms=50) if one["provider"] == "runway"]
        front = self.enterContext(Spool({"accounts": accounts}))
        body = {**CLOUDS, "duration": 5, "ratio": "16:9", "watermark": False}
        task = front.request("POST", MAKE, body)[2]["id"]
        check_artifacts(front.end_of(task), "video")
        self.assertEqual(wire.sent(MAKE), [body])


if __name__ == "__main__":
    main()
