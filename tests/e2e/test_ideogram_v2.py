"""Ideogram's newer API: the same paths and answers for clients, a job at the vendor."""
import json
import time
import types
import unittest

from harness import Between, Sim, Spool, Vendor, check_artifacts, download, eventually, exchange, main
from test_ideogram import DATA, FILE, MAKE, MASK, OLD, RAW, V3, Ideogram, bare_form, encoded, fields_of, picture
from vendors.ideogram import ideogram_account, v2_account

V2 = "/v2/image/"
NEVER = 60000  # a look that comes only when it is asked for, within a test


class Newer(Ideogram):
    @classmethod
    def accounts(cls):
        return [v2_account(cls.vendor, poll_interval_ms=50)]

    def submits(self):
        return [one for one in self.vendor.at("/") if one.headers.get("api-key") and one.method == "POST"]

    def last(self):
        return self.submits()[-1]

    def looks(self, task):
        return [one for one in self.vendor.at(f"/v2/generations/{self.spool.upstream(task)}") if one.method == "GET"]


class Results(Newer):
    def test_generate(self):
        """What a client gets is what it gets of a call; what the vendor is asked for is a job."""
        prompt = 'A serene Japanese garden, text saying "Hello World"'
        body = {"prompt": prompt, "aspect_ratio": "ASPECT_16_9", "rendering_speed": "QUALITY", "style_type": "REALISTIC"}
        answer, task = self.make({**body, "model": "V_3", "magic_prompt_option": "AUTO", "negative_prompt": "", "notifyHook": ""})
        self.check_answer(answer, task)
        (image,) = answer["data"]
        self.assertEqual({**image, "url": ""}, {"url": "", "prompt": prompt, "resolution": "1344x768", "is_image_safe": True, "seed": 12345})
        self.assertEqual((task["provider"], task["action"], task["model"]), ("ideogram", "generate", "V_3"))
        words = {"aspect_ratio": "16x9", "magic_prompt": "auto", "rendering_speed": "quality", "style_type": "realistic"}
        asked = self.last()
        self.assertEqual((asked.path, asked.body), (f"{V2}generate/ideogram-3", {"prompt": prompt, **words, "async": True}))
        looks = self.looks(task["id"])
        self.assertEqual({one.headers["api-key"] for one in [asked, *looks]}, {"sim-secret"})
        self.assertTrue(looks)
        self.assertTrue(all("api-key" not in one.headers for one in self.vendor.at("/sim/files/")))
        self.assertEqual(self.billed(prompt), 1)
        self.assertIn("submitted", self.spool.events(task["id"]))

    def test_images_of_images(self):
        """JSON with a link, with base64 and with a data URL, and a form: to the vendor it is always a form."""
        text = {"prompt": "x"}
        with Vendor() as host:
            link = f"{host.url}/files/a.png"
            for path, body, images, sent_to, expected in (
                (V3 + "edit", {**text, "style_type": "DESIGN"}, {"image": FILE, "mask": MASK}, "inpaint", {**text, "style_type": "design"}),
                (V3 + "remix", {**text, "image_weight": 0}, {"image": FILE}, "remix", {**text, "image_weight": "1"}),
                (V3 + "reframe", {"aspect_ratio": "ASPECT_9_16"}, {"image": FILE}, "reframe", {"resolution": "736x1312"}),
                (V3 + "replace-background", text, {"image": FILE}, "replace-background", {**text, "private": "true"}),
            ):
                ways = [(lambda _, way=way: way) for way in (link, RAW, DATA)]
                bodies = [(json.dumps({**body, **{name: way(name) for name in images}}), {}) for way in ways]
                bodies.append(bare_form(body, **{name: file[2] for name, file in images.items()}))
                for number, (raw, headers) in enumerate(bodies):
                    with self.subTest(path=path, way=number):
                        answer, task = self.make(raw, path, **headers)
                        self.check_answer(answer, task)
                        asked = self.last()
                        theirs = {**expected, "async": "true", **images}
                        self.assertEqual((asked.path, fields_of(asked)), (f"{V2}{sent_to}/ideogram-3", theirs))

    def test_large_images(self):
        image = picture(1, 1) + bytes(range(256)) * (9 << 12)
        with Vendor() as host:
            host.on("/large.png", lambda _: (200, {"Content-Type": "image/png"}, image))
            answer, task = self.make({"prompt": "large", "image": f"{host.url}/large.png"}, V3 + "remix")
        self.check_answer(answer, task)
        self.assertTrue(fields_of(self.last())["image"][2] == image)

    def test_several(self):
        answer, task = self.make({"prompt": "five boats", "num_images": 5, "seed": 0})
        self.assertEqual(len(set(self.check_answer(answer, task))), 5)
        self.assertEqual([one["seed"] for one in answer["data"]], list(range(12345, 12350)))

    def test_some_of_several(self):
        answer, task = self.make({"prompt": "boats [part]", "num_images": 3})
        lost, *found = task["artifacts"]
        self.assertEqual((lost["url"], lost["error"]["code"]), ("", "content_filter"))
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in found])
        self.assertEqual([one["seed"] for one in answer["data"]], [12346, 12347])
        for one in found:
            self.assertEqual(download(one["url"])[0], 200)

    def test_what_it_lacks_are_calls(self):
        image = {"image": RAW}
        for path, body, sent_to in (
            (MAKE, {"prompt": "x", "rendering_speed": "FLASH"}, "/v1/ideogram-v3/generate"),
            (V3 + "edit", {"prompt": "x", **image}, "/v1/edit"),
            (V3 + "replace-background", {"prompt": "x", **image, "seed": 7}, "/v1/ideogram-v3/replace-background"),
            (OLD + "generate", {"image_request": {"prompt": "x"}}, "/generate"),
            (OLD + "remix", {"image_request": {"prompt": "x"}, "image_file": RAW}, "/remix"),
            (OLD + "upscale", {"image_file": RAW}, "/upscale"),
            (OLD + "describe", {"image_file": RAW}, "/describe"),
        ):
            _, task = self.make(body, path)
            self.assertEqual(self.last().path, sent_to)
            self.assertNotIn("submitted", self.spool.events(task["id"]))

    def test_async(self):
        status, headers, task = self.post(MAKE, {"prompt": "later"}, Prefer="respond-async")
        self.assertEqual((status, task["object"], task["id"]), (202, "task", headers["x-task-id"]))
        check_artifacts(self.spool.end_of(task["id"]), "image")

    def test_a_webhook_of_ours(self):
        place = "/hook-ideogram-v2"
        self.make({"prompt": "told", "callback_url": self.receiver.url + place})
        eventually(lambda: self.receiver.at(place) and self.receiver.at(place)[-1].word == "succeed", what="the last word")
        self.assertNotIn(place.encode(), self.last().raw)

    def test_the_vendor_is_slow_to_know_it(self):
        answer, task = self.make({"prompt": "a boat [early]"})
        self.check_answer(answer, task)
        self.assertGreater(len(self.looks(task["id"])), 2)

    def test_the_vendor_wants_no_looks_for_a_second(self):
        answer, task = self.make({"prompt": "a boat [limited]"})
        self.check_answer(answer, task)
        first, second, *_ = self.looks(task["id"])
        self.assertGreater(second.at - first.at, 0.9)


class Failures(Newer):
    def test_refusals(self):
        for word, status, code, words in (
            ("[refuse]", 400, "content_filter", "Prompt failed the safety check."),
            ("[invalid]", 400, "invalid_request", "The prompt can't be used."),
            ("[400]", 400, "invalid_request", "Invalid input provided."),
            ("[unsafe]", 400, "content_filter", "the vendor holds all images for unsafe"),
            ("[moderation]", 400, "content_filter", "content_policy_violation"),
            ("[fail]", 502, "vendor_failed", "internal_error"),
            ("[none]", 502, "vendor_failed", "the answer has no image"),
        ):
            self.check_refusal(word, status, code, words)

    def test_refusals_about_images(self):
        for word, status, code in (("[refuse]", 400, "content_filter"), ("[fail]", 502, "vendor_failed")):
            got, error, _ = self.fails({"image": encoded(picture(1, 1, word))}, V3 + "reframe")
            self.assertEqual((got, error["code"]), (status, code))

    def test_a_lost_answer_is_never_asked_for_again(self):
        words = ("[cut]", "[502]", "[html]", "[empty]", "[500]", "[503]", "[cut-unaccepted]")
        for word in words:
            status, error, task = self.fails({"prompt": f"lost {word}"})
            self.assertEqual((status, error["code"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.assertEqual(len([one for one in self.submits() if f"lost {word}".encode() in one.raw]), 1)

    def test_refused_for_now(self):
        later = {"Prefer": "respond-async"}
        tasks = {word: self.post(MAKE, {"prompt": f"busy {word}"}, **later)[2]["id"] for word in ("[inflight]", "[429]")}
        for word, task in tasks.items():
            check_artifacts(self.spool.end_of(task), "image")
            self.assertEqual(len([e for e in self.spool.events(task) if e == "refused"]), 2)
            self.assertEqual(self.billed(f"busy {word}"), 1)

    def test_an_account_that_can_t(self):
        for prompt, fields, words in (
            ("poor [funds]", {}, "You have no credits left."),
            ("a wrong key", {"api_key": "wrong"}, "Not authorized."),
        ):
            with Spool({"accounts": [v2_account(self.sim, **fields)], "queue_timeout_ms": 300}) as spool:
                status, _, answer = spool.request("POST", MAKE, {"prompt": prompt})
                self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"))
                self.assertIn(words, answer["error"]["message"])

    def test_accounts_are_tried(self):
        accounts = {"right": "ok", "wrong": "bad_key"}
        tokens = [{"name": "root", "key": "sk-root", "admin": True}]
        listed = [v2_account(self.sim, name, api_key="wrong" if name == "wrong" else "sim-secret") for name in accounts]
        with Spool({"accounts": listed, "tokens": tokens}) as spool:
            for name, state in accounts.items():
                path = f"/admin/v1/accounts/{name}/test"
                _, _, body = spool.request("POST", path, None, {"Authorization": "Bearer sk-root"})
                self.assertEqual((body["ok"], body["state"]), (state == "ok", state), body)

    def test_a_cancel(self):
        """The vendor can't: the result is discarded, and the slot is kept until the job's end."""
        waiting = {"Prefer": "respond-async"}
        task = self.post(MAKE, {"prompt": "a slow boat [slow]"}, **waiting)[2]["id"]
        self.spool.wait_phase(task, "submitted", "rendering")
        status, _, answer = self.post(f"/v1/tasks/{task}/cancel", {})
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        ended = self.spool.end_of(task)
        self.assertEqual((ended["status"], ended["artifacts"]), ("cancelled", []))
        eventually(lambda: f"watch.over task={task}".encode() in self.spool.log(), what="the end of its job")
        self.assertEqual(self.vendor.at("/sim/files/ideogram-" + self.spool.upstream(task)), [])


class Crashes(unittest.TestCase):
    """Spool is killed while the job runs: it is found by its id, and billed once."""

    def test_between_submit_and_look(self):
        sim = self.enterContext(Sim(speed=5))
        vendor = self.enterContext(Between(sim))
        spool = self.enterContext(Spool({"accounts": [v2_account(vendor, poll_interval_ms=500)], "lease_ms": 2000}))
        key = {"Idempotency-Key": "k1"}
        task = spool.request("POST", MAKE, {"prompt": "a boat"}, {"Prefer": "respond-async", **key})[2]["id"]
        spool.wait_phase(task, "submitted", "rendering")
        spool.kill()
        spool.start()
        # A client that asks again joins it, and waits for the page's answer.
        status, headers, answer = spool.request("POST", MAKE, {"prompt": "a boat"}, key)
        self.assertEqual((status, headers["x-task-id"], len(answer["data"])), (200, task, 1), answer)
        check_artifacts(spool.end_of(task), "image")
        self.assertEqual(sim.jobs("ideogram")[0]["a boat"], 1)
        self.assertEqual(len([one for one in vendor.at("/v2/image/") if one.method == "POST"]), 1)

    def test_while_the_client_waits_for_a_call(self):
        """The same at an account without it: what was lost isn't asked for again."""
        sim = self.enterContext(Sim(speed=1))
        spool = self.enterContext(Spool({"accounts": [ideogram_account(sim)], "lease_ms": 2000}))
        task = spool.request("POST", MAKE, {"prompt": "a boat"}, {"Prefer": "respond-async"})[2]["id"]
        eventually(lambda: sim.jobs("ideogram")[0].get("a boat"), what="the call")
        spool.kill()
        spool.start()
        self.assertEqual(spool.end_of(task, 30)["error"]["code"], "submit_outcome_unknown")
        self.assertEqual(sim.jobs("ideogram")[0]["a boat"], 1)


class Called(unittest.TestCase):
    """sim ── vendor ── Spool ── ear ── sim: a look comes only with a call. The vendor calls https addresses alone."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        cls.ear = cls.enterClassContext(Between(types.SimpleNamespace(port=0)))
        cls.spool = cls.enterClassContext(Spool(cls.config(cls.ear.url.replace("http:", "https:"))))
        cls.ear.sim.port = cls.spool.port

    @classmethod
    def config(cls, public_url):
        accounts = [v2_account(cls.vendor, poll_interval_ms=NEVER)]
        return {"accounts": accounts, "public_url": public_url, "vendor_callbacks": "always"}

    def submit(self, words, path=MAKE, **fields):
        return self.spool.request("POST", path, {"prompt": words, **fields}, {"Prefer": "respond-async"})[2]["id"]

    def calls(self, task):
        return self.ear.at(f"/v1/callbacks/{task}.")

    def sent(self, words):
        (sent,) = [one for one in self.vendor.at("/v2/image/") if words.encode() in one.raw]
        return fields_of(sent)

    def looks(self, task):
        return len(self.vendor.at(f"/v2/generations/{self.spool.upstream(task)}"))

    def repeat(self, call, raw=None, **headers):
        """The same call with some headers replaced, or left out (None)."""
        kept = {name: value for name, value in call.headers.items() if name not in ("connection", "content-length", "host")}
        changed = {f"x-ideogram-webhook-{name.replace('_', '-')}": value for name, value in headers.items()}
        kept = {name: value for name, value in {**kept, **changed}.items() if value is not None}
        return exchange(self.spool.port, "POST", call.path, call.raw if raw is None else raw, kept)[0]

    def test_it_is_followed_by_its_call(self):
        for words, path, fields in (
            ("a called boat", MAKE, {}),
            ("a called boat by another name [request-id]", MAKE, {}),
            ("a called boat after another", V3 + "remix", {"image": RAW}),
        ):
            began = time.monotonic()
            task = self.submit(words, path, **fields)
            self.assertEqual(self.spool.end_of(task, 10)["status"], "succeeded")
            self.assertLess(time.monotonic() - began, 5)
            hook = self.sent(words)["webhook_url"]
            self.assertRegex(hook, rf"^https://127\.0\.0\.1:{self.ear.port}/v1/callbacks/{task}\.[0-9a-f]{{24}}$")
            self.assertEqual(self.looks(task), 1, "nothing is believed")

    def test_what_was_changed_on_the_way(self):
        task = self.submit("a changed boat")
        self.spool.end_of(task, 10)
        (call,) = self.calls(task)
        self.assertEqual(self.repeat(call), 200)
        for raw, headers in (
            (call.raw + b" ", {}),
            (None, {"generation_id": None}),
            (None, {"generation_id": "another"}),
            (None, {"generation_id": None, "request_id": call.headers["x-ideogram-webhook-generation-id"]}),
            (None, {"user_id": "another"}),
            (None, {"timestamp": str(int(time.time()) - 400)}),
            (None, {"signature": None}),
            (None, {"signature": "00" * 64}),
        ):
            self.assertEqual(self.repeat(call, raw, **headers), 401, (raw, headers))

    def test_nothing_that_isn_t_signed_is_a_hint(self):
        for word in ("unsigned", "forged", "stale"):
            task = self.submit(f"a boat [{word}]")
            eventually(lambda: len(self.calls(task)) >= 2, 10, "that it is told again")
            self.assertEqual(self.looks(task), 0, word)

    def test_a_lost_answer_is_found(self):
        for word in ("cut", "502", "html", "empty"):
            words = f"a lost boat [{word}]"
            task = self.submit(words)
            self.assertEqual(self.spool.end_of(task, 12)["status"], "succeeded")
            self.assertEqual(self.spool.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"])
            self.assertEqual(self.sim.jobs("ideogram")[0][words], 1)

    def test_a_lost_call_is_not_waited_for(self):
        """Nobody was asked to tell of it."""
        began = time.monotonic()
        task = self.submit("a lost call [cut]", rendering_speed="FLASH")
        self.assertEqual(self.spool.end_of(task, 12)["error"]["code"], "submit_outcome_unknown")
        self.assertLess(time.monotonic() - began, 5)

    def test_an_address_without_tls(self):
        with Spool(self.config(self.ear.url)) as spool:
            task = spool.request("POST", MAKE, {"prompt": "no hook"}, {"Prefer": "respond-async"})[2]["id"]
            spool.wait_phase(task, "submitted", "rendering")
            self.assertNotIn("webhook_url", self.sent("no hook"))


class Relay(unittest.TestCase):
    """front ── back ── simulator: a relay's call is as long as the job behind it."""

    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        back = self.enterContext(Spool({"accounts": [v2_account(sim, poll_interval_ms=50)]}))
        front = self.enterContext(Spool({"accounts": [ideogram_account(back, dialect="relay", api_key=back.key)]}))
        for path, body in (
            (MAKE, {"prompt": "x", "num_images": 2, "aspect_ratio": "ASPECT_16_9"}),
            (V3 + "edit", {"prompt": "x", "image": RAW, "mask": DATA}),
            (V3 + "edit", {"prompt": "x", "image": RAW}),
            (V3 + "reframe", {"image": RAW}),
        ):
            status, headers, answer = front.request("POST", path, body)
            self.assertEqual(status, 200, answer)
            task = front.end_of(headers["x-task-id"])
            theirs = back.get("/v1/tasks?limit=1")["data"][0]
            kept = [[one["sha256"] for one in each["artifacts"]] for each in (task, theirs)]
            self.assertEqual(kept[0], kept[1])
            self.assertEqual(len(answer["data"]), len(kept[0]))
        for word, status, code in (
            ("refuse", 400, "content_filter"),
            ("unsafe", 400, "content_filter"),
            ("moderation", 400, "content_filter"),
            ("fail", 502, "vendor_failed"),
            ("cut", 502, "submit_outcome_unknown"),
        ):
            got, _, answer = front.request("POST", MAKE, {"prompt": f"no [{word}]"})
            self.assertEqual((got, answer["error"]["code"]), (status, code))
            self.assertLessEqual(sim.jobs("ideogram")[0].get(f"no [{word}]", 0), 1)


if __name__ == "__main__":
    main()
