"""fal: its endpoints as models of the common paths, its queue, its signed webhooks."""
import base64
import re
import time
import types
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, eventually, exchange, main
from vendors.fal import CREATE, MODELS, PICTURE, TEXT, fal_account

VIDEOS, GENERATIONS = "/v1/videos", "/v1/video/generations"
NEVER = 60000  # a look that comes only when it is asked for, within a test
RAW = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + RAW
LINK = "https://example.com/a.png"
HAILUO, LUMA, VEO, WAN, PLAIN = list(MODELS)[2:7]


def film(words, model=TEXT, **fields):
    return {"model": model, "prompt": words, **fields}


class Fal(Family):
    @classmethod
    def accounts(cls):
        return [fal_account(cls.vendor)]

    @classmethod
    def id_of(cls, answer):
        return answer["id"]

    def asked(self, words):
        (asked,) = [a for a in self.vendor.at("/fal-ai/") if a.method == "POST" and words.encode() in a.raw]
        return asked

    def at_job(self, task, method, behind="", vendor=None):
        """What came about the task's job at its vendor."""
        path = f"/{self.spool.upstream(task)}{behind}"
        return [a for a in (vendor or self.vendor).at("/requests/") if (a.method, a.path) == (method, path)]


class Sending(Fal):
    def sends(self, words, body, expected, path=CREATE, kinds=("video",)):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task = self.submit(path, {**body, **hooks})
        check_artifacts(self.succeeded(task), *kinds)
        asked = self.asked(words)
        self.assertEqual((asked.path, asked.body), (f"/{MODELS[body['model']]}", expected))
        app = "/".join(MODELS[body["model"]].split("/")[:2])
        self.assertRegex(self.spool.upstream(task), rf"^{app}/requests/[0-9a-f-]{{36}}$")
        for one in [asked, *self.at_job(task, "GET", "/status"), *self.at_job(task, "GET")]:
            self.assertEqual(one.headers["authorization"], "Key sim-secret")
        self.assertEqual(len(self.at_job(task, "GET")), 1, "its result, once")
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "its files are public")
        return task

    def test_each_family_in_its_words(self):
        for words, body, expected in (
            (
                "kling text",
                film("kling text", duration=10, aspect_ratio="9:16", negative_prompt="rain", cfg_scale=0.5, sync_mode=True),
                {"prompt": "kling text", "duration": "10", "aspect_ratio": "9:16", "negative_prompt": "rain", "cfg_scale": 0.5},
            ),
            (
                "kling image",
                film("kling image", PICTURE, images=[LINK, RAW], duration="5", size="1280x720"),
                {"prompt": "kling image", "image_url": LINK, "tail_image_url": IMAGE, "duration": "5", "aspect_ratio": "16:9"},
            ),
            (
                "hailuo",
                film("hailuo", HAILUO, images=[RAW, LINK], duration=6, size="768P"),
                {"prompt": "hailuo", "image_url": IMAGE, "end_image_url": LINK, "duration": "6", "resolution": "768P"},
            ),
            (
                "luma",
                film("luma", LUMA, duration=9, size="1280x720", loop=True),
                {"prompt": "luma", "duration": "9s", "aspect_ratio": "16:9", "resolution": "720p", "loop": True},
            ),
            (
                "veo",
                film("veo", VEO, duration="8", size="1080p", negative_prompt="n", generate_audio=False),
                {"prompt": "veo", "duration": "8s", "resolution": "1080p", "negative_prompt": "n", "generate_audio": False},
            ),
            ("wan", film("wan", WAN, num_frames=81, size="480P"), {"prompt": "wan", "num_frames": 81, "resolution": "480p"}),
            (
                "plain",
                film("plain", PLAIN, images=[LINK], duration=8, size="720P", guidance={"a": 1}),
                {"prompt": "plain", "image_url": LINK, "duration": 8, "resolution": "720p", "guidance": {"a": 1}},
            ),
        ):
            with self.subTest(words):
                self.sends(words, body, expected)

    def test_each_path(self):
        body = film("generations", duration=5)
        task = self.sends("generations", body, {"prompt": "generations", "duration": "5"}, GENERATIONS)
        url = self.spool.task(task)["artifacts"][0]["url"]
        for path in (f"{GENERATIONS}/{task}", f"/v1/video/query?id={task}"):
            status, answer = self.look(path)
            self.assertEqual((status, answer["status"], answer["video_url"]), (200, "completed", url))
        body = film("openai", seconds="10", size="720x1280", input_reference={"image_url": IMAGE}, model=PICTURE)
        expected = {"prompt": "openai", "duration": "10", "aspect_ratio": "9:16", "image_url": IMAGE}
        shown = self.look(f"{VIDEOS}/{self.sends('openai', body, expected, VIDEOS)}")[1]
        self.assertEqual([shown[n] for n in ("status", "model", "seconds", "size")], ["completed", PICTURE, "10", "720x1280"])

    def test_two_videos(self):
        self.sends("[videos]", film("[videos]"), {"prompt": "[videos]"}, kinds=("video", "video"))

    def test_nobody_is_asked_to_call(self):
        """Where nobody can reach us."""
        task = self.submit(CREATE, film("a quiet gull"))
        self.succeeded(task)
        self.assertEqual(self.asked("a quiet gull").path, f"/{MODELS[TEXT]}")


class Ending(Fal):
    def test_failures(self):
        flagged = "prompt: The content could not be processed: it was flagged."
        for word, code, message in (
            ("fail", "vendor_failed", "The simulated job failed."),
            ("moderation", "content_filter", flagged),
            ("late-invalid", "invalid_request", "prompt: The model can make nothing of it"),
            ("timeout", "vendor_failed", "Request timed out"),
            ("expired", "vendor_failed", "Request timed out"),
            ("refuse", "content_filter", flagged),
        ):
            with self.subTest(word):
                task = self.submit(CREATE, film(f"a gull [{word}]"))
                self.assertEqual(self.failed(task), {"code": code, "message": message})
                status, answer = self.look(f"/v1/video/query?id={task}")
                self.assertEqual((status, answer["status"]), (200, "failed"))

    def test_what_the_vendor_finds_wrong(self):
        task = self.submit(CREATE, film("too long", duration=7))
        self.assertEqual(self.failed(task)["code"], "invalid_request")
        self.assertIn("duration: ", self.spool.task(task)["error"]["message"])
        task = self.submit(CREATE, film("nowhere", "fal-ai/unknown"))
        self.assertEqual(self.failed(task), {"code": "model_not_found", "message": "Application not found"})

    def test_a_gateway_before_the_result_proves_nothing(self):
        task = self.submit(CREATE, film("a gull [lost-result]"))
        check_artifacts(self.succeeded(task), "video")
        self.assertEqual(len(self.at_job(task, "GET")), 3)

    def test_words_on_the_way(self):
        task = self.submit(CREATE, film("a gull [slow]"))
        self.spool.wait_phase(task, "rendering")
        self.succeeded(task)
        events = self.spool.events(task)
        self.assertEqual(events[:3], ["accepted", "claimed", "submitted"])

    def test_webhooks(self):
        task, (only,) = self.hooks(CREATE, film("a hooked gull", duration=10), "succeed")
        url = self.spool.task(task)["artifacts"][0]["url"]
        self.assertEqual((only["type"], only["output"]["video_url"]), ("video", url))
        _, (only,) = self.hooks(CREATE, film("a gull [refuse]"), "failed")
        self.assertEqual(only["error"]["code"], "content_filter")


class Cancel(Fal):
    def cancel(self, task):
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        return status, answer.get("cancel")

    def test_while_it_waits_there(self):
        task = self.submit(CREATE, film("a gull [stay-queued]"))
        self.spool.wait_phase(task, "submitted")
        self.assertEqual(self.cancel(task), (200, "requested"))
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        (asked,) = self.at_job(task, "PUT", "/cancel")
        self.assertEqual((asked.headers["authorization"], asked.raw), ("Key sim-secret", b""))
        self.assertEqual(self.cancel(task)[0], 409)

    def test_while_it_runs_there(self):
        task = self.submit(CREATE, film("a gull [hang]"))
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.cancel(task), (200, "requested"))
        ended = self.spool.end_of(task)
        self.assertEqual((ended["status"], ended["artifacts"]), ("cancelled", []))
        self.assertEqual(len(self.at_job(task, "PUT", "/cancel")), 1)

    def test_it_may_finish_all_the_same(self):
        task = self.submit(CREATE, film("a gull [stubborn] [slow]"))
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.cancel(task), (200, "requested"))
        check_artifacts(self.succeeded(task), "video")
        puts, looks = (len(self.at_job(task, *what)) for what in (("PUT", "/cancel"), ("GET", "/status")))
        self.assertTrue(0 < puts <= looks, f"{puts} cancels, {looks} looks: at most one a look")


# Body, the field that is named.
WRONG = [
    (b"", "body"),
    (b"{", "body"),
    (b"[]", "body"),
    ({}, "model"),
    ({"prompt": "x"}, "model"),
    ({"model": 5, "prompt": "x"}, "model"),
    ({"model": TEXT}, "prompt"),
    ({"model": TEXT, "prompt": ""}, "prompt"),
    ({"model": TEXT, "prompt": ["x"]}, "prompt"),
    (film("x", negative_prompt=5), "negative_prompt"),
    (film("x", aspect_ratio=5), "aspect_ratio"),
    (film("x", aspect_ratio="a ratio that nobody has"), "aspect_ratio"),
    (film("x", size="wide"), "size"),
    (film("x", size="720P"), "size"),
    (film("x", size="1280x720", aspect_ratio="1:1"), "aspect_ratio"),
    (film("x", duration="long"), "duration"),
    (film("x", duration=0), "duration"),
    (film("x", duration=[5]), "duration"),
    (film("x", images=LINK), "images"),
    (film("x", images=[5]), "images.0"),
    (film("x", images=[LINK] * 3), "images"),
    (film("x", storyboard=[{"prompt": "x"}]), "storyboard"),
    (film("x", HAILUO, images=[LINK], aspect_ratio="16:9"), "aspect_ratio"),
    (film("x", HAILUO, images=[LINK], negative_prompt="n"), "negative_prompt"),
    (film("x", LUMA, negative_prompt="n"), "negative_prompt"),
    (film("x", VEO, images=[LINK, LINK]), "images"),
    (film("x", WAN, duration=5), "duration"),
    (film("x", PLAIN, images=[LINK, LINK]), "images"),
    (film("x", notifyHook="ftp://example.com/"), "notifyHook"),
    (film("x", callback_url=5), "callback_url"),
]


class Refusing(Fal):
    def test_wrong_input(self):
        self.check_wrong_input([(CREATE, body, field) for body, field in WRONG])
        status, _, answer = self.post(VIDEOS, film("x", WAN, seconds="5"))
        self.assertEqual((status, answer["error"]["message"].split(":")[0]), (400, "seconds"))

    def test_a_model_nobody_serves(self):
        for model in ("fal-ai/kling-video/v9", "fal-ai/", MODELS[TEXT]):
            self.assertIn(model, self.refused(CREATE, film("x", model), 404, "model_not_found"))

    def test_no_key_and_strangers(self):
        task = self.submit(CREATE, film("a gull"))
        for headers in ({}, {"Authorization": "Bearer sk-no"}, {"Authorization": "Key sk-dev"}):
            self.assertEqual(exchange(self.spool.port, "POST", CREATE, film("x"), headers)[0], 401)
        self.succeeded(task)
        upstream = self.spool.upstream(task).rsplit("/", 1)[1]
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), (upstream, "dev")):
            self.assertEqual(self.look(f"{GENERATIONS}/{one}", key), (404, self.unknown), (one, key))


class Later(unittest.TestCase):
    def test_refusals(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim)]}) as spool:
            task = spool.request("POST", CREATE, film("[429]"))[2]["id"]
            self.assertEqual(spool.end_of(task)["status"], "succeeded")
            task = spool.request("POST", CREATE, film("[balance]"))[2]["id"]
            eventually(lambda: "refused" in spool.events(task), what="a refusal")
            self.assertEqual((spool.task(task)["phase"], spool.metric("accounts_out")), ("queued", 0))

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim, api_key="wrong")]}) as spool:
            spool.request("POST", CREATE, film("x"))
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")

    def test_an_account_is_tried(self):
        with Sim(speed=50) as sim:
            accounts = [fal_account(sim), fal_account(sim, "fal-2", api_key="wrong")]
            with Spool({"accounts": accounts, "tokens": [{"name": "op", "key": "sk-op", "admin": True}]}) as spool:
                for name, state in (("fal-1", "ok"), ("fal-2", "bad_key")):
                    headers = {"Authorization": "Bearer sk-op"}
                    said = exchange(spool.port, "POST", f"/admin/v1/accounts/{name}/test", b"", headers)[2]
                    self.assertEqual(said["state"], state, said)


class Called(unittest.TestCase):
    """sim ── vendor ── Spool ── ear ── sim: what fal says goes through an ear of ours; a look comes only with a call."""

    speed = 20

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=cls.speed))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        cls.ear = cls.enterClassContext(Between(types.SimpleNamespace(port=0)))
        cls.keys = cls.enterClassContext(Between(cls.sim))
        accounts = [fal_account(cls.vendor, poll_interval_ms=NEVER, webhook_keys_url=cls.keys.url + "/.well-known/jwks.json")]
        cls.spool = cls.enterClassContext(Spool({"accounts": accounts, "public_url": cls.ear.url, "vendor_callbacks": "always"}))
        cls.ear.sim.port = cls.spool.port

    def setUp(self):
        for one in (self.vendor, self.ear, self.keys):
            one.special.clear()

    def submit(self, words, **fields):
        status, _, answer = self.spool.request("POST", CREATE, film(words, **fields))
        self.assertEqual(status, 200, answer)
        return answer["id"]

    def calls(self, task):
        return self.ear.at(f"/v1/callbacks/{task}.")

    def looks(self, task):
        return len([a for a in self.vendor.at(self.spool.upstream(task)) if a.method == "GET" and "/sim/" not in a.path])

    def repeat(self, call, raw=None, **headers):
        """The same call with some headers replaced, or left out (None)."""
        kept = {name: value for name, value in call.headers.items() if name not in ("connection", "content-length", "host")}
        changed = {f"x-fal-webhook-{name.replace('_', '-')}": value for name, value in headers.items()}
        kept = {name: value for name, value in {**kept, **changed}.items() if value is not None}
        status, _, answer = exchange(self.spool.port, "POST", call.path, call.raw if raw is None else raw, kept)
        return status, answer


class Signed(Called):
    def test_it_is_followed_by_its_call(self):
        began = time.monotonic()
        task = self.submit("a called gull")
        check_artifacts(self.spool.end_of(task, 10), "video")
        self.assertLess(time.monotonic() - began, 5)
        (sent,) = [a for a in self.vendor.at(MODELS[TEXT]) if b'"a called gull"' in a.raw]
        self.assertRegex(sent.path, rf"\?fal_webhook=http%3A%2F%2F127\.0\.0\.1%3A{self.ear.port}%2Fv1%2Fcallbacks%2F{task}\.[0-9a-f]{{24}}$")
        self.assertEqual(sent.body, {"prompt": "a called gull"})
        (call,) = self.calls(task)
        self.assertEqual(call.body["request_id"], self.spool.upstream(task).rsplit("/", 1)[1])
        self.assertEqual(self.looks(task), 2, "its status and its result: nothing is believed")
        self.assertNotIn(b"fal_webhook", self.spool.log())

    def test_a_failure(self):
        task = self.submit("a called gull [moderation]")
        ended = self.spool.end_of(task, 10)
        self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "content_filter"))

    def test_what_was_changed_on_the_way(self):
        task = self.submit("a changed gull")
        self.spool.end_of(task, 10)
        (call,) = self.calls(task)
        before = self.looks(task)
        self.assertEqual(self.repeat(call), (200, {}))
        now = str(int(time.time()))
        for raw, headers in (
            (call.raw + b" ", {}),
            (call.raw.replace(b'"OK"', b'"ERROR"'), {}),
            (b"{}", {}),
            (None, {"request_id": None}),
            (None, {"request_id": "another"}),
            (None, {"user_id": None}),
            (None, {"user_id": "another"}),
            (None, {"timestamp": None}),
            (None, {"timestamp": str(int(call.headers["x-fal-webhook-timestamp"]) + 1)}),
            (None, {"timestamp": "soon"}),
            (None, {"timestamp": str(int(now) - 400)}),
            (None, {"signature": None}),
            (None, {"signature": ""}),
            (None, {"signature": "00" * 64}),
            (None, {"signature": call.headers["x-fal-webhook-signature"][:-2]}),
            (None, {"signature": call.headers["x-fal-webhook-signature"] + "00"}),
            (None, {"signature": "zz" * 64}),
        ):
            status, answer = self.repeat(call, raw, **headers)
            self.assertEqual((status, answer["error"]["code"]), (401, "invalid_api_key"), (raw, headers))
        self.assertEqual(self.looks(task), before)
        self.assertNotIn(call.headers["x-fal-webhook-signature"].encode(), self.spool.log())

    def test_nothing_that_isn_t_signed_is_a_hint(self):
        for word in ("unsigned", "forged", "stale"):
            with self.subTest(word):
                task = self.submit(f"a gull [{word}]")
                eventually(lambda: len(self.calls(task)) >= 3, 10, "that it is told again")
                self.assertEqual(self.looks(task), 0)
                self.assertIn(self.spool.task(task)["phase"], ("submitted", "rendering"))

    def test_another_task_s_call(self):
        """Signed all right, but for another path."""
        one, other = self.submit("one gull"), self.submit("another gull [hang]")
        self.spool.end_of(one, 10)
        self.spool.wait_phase(other, "submitted", "rendering")
        (call,) = self.calls(one)
        (sent,) = [a for a in self.vendor.at(MODELS[TEXT]) if b"another gull" in a.raw]
        call.path = re.search(r"%2Fv1%2Fcallbacks%2F(\S+)", sent.path).group(1).join(["/v1/callbacks/", ""])
        before = self.looks(other)
        self.assertEqual(self.repeat(call), (200, {}))
        time.sleep(0.3)
        self.assertEqual(self.looks(other), before)

    def test_the_keys_are_asked_for_once(self):
        self.spool.end_of(self.submit("a gull before many"), 10)
        before, began = len(self.keys.at("/.well-known/")), time.monotonic()
        tasks = [self.submit(f"gull {n} of many") for n in range(12)]
        for task in tasks:
            self.assertEqual(self.spool.end_of(task, 10)["status"], "succeeded")
        asked = self.keys.at("/.well-known/")
        # One more a second at most, where another test's forged call comes.
        self.assertLessEqual(len(asked) - before, 1 + time.monotonic() - began)
        self.assertGreater(before, 0)
        self.assertTrue(all("authorization" not in one.headers for one in asked), "they are public")


class NoKeys(Called):
    def test_the_vendor_is_to_call_again(self):
        self.keys.on("/.well-known/", lambda asked: (503, {}, {}))
        task = self.submit("a gull without keys")
        eventually(lambda: len(self.calls(task)) >= 2, 10, "that it is told again")
        status, answer = self.repeat(self.calls(task)[-1])
        self.assertEqual((status, answer["error"]["code"]), (503, "service_unavailable"))
        self.assertEqual(self.looks(task), 0)
        for odd in ({"keys": []}, [], b"<html>"):
            self.keys.special.clear()
            self.keys.on("/.well-known/", lambda asked, odd=odd: (200, {}, odd))
            self.assertEqual(self.repeat(self.calls(task)[-1])[0], 503, odd)
        self.keys.special.clear()
        check_artifacts(self.spool.end_of(task, 20), "video")


class Keys(Called):
    def test_they_are_slow(self):
        """Whoever waits holds up nobody."""
        fresh = self.enterContext(Spool(self.config()))
        self.ear.sim.port, usual = fresh.port, self.ear.sim.port
        self.addCleanup(setattr, self.ear.sim, "port", usual)

        def late(asked):
            time.sleep(1)
            return None

        self.keys.on("/.well-known/", late)
        task = fresh.request("POST", CREATE, film("a slow key"))[2]["id"]
        eventually(lambda: self.keys.at("/.well-known/"), 5, "the keys' fetch")
        began = time.monotonic()
        self.assertEqual(fresh.request("GET", "/healthz")[0], 200)
        self.assertLess(time.monotonic() - began, 0.5)
        check_artifacts(fresh.end_of(task, 10), "video")

    def config(self):
        accounts = [fal_account(self.vendor, poll_interval_ms=NEVER, webhook_keys_url=self.keys.url + "/.well-known/jwks.json")]
        return {"accounts": accounts, "public_url": self.ear.url, "vendor_callbacks": "always"}

    def test_they_are_replaced(self):
        first = self.submit("by the first key")
        self.assertEqual(self.spool.end_of(first, 20)["status"], "succeeded")
        exchange(self.sim.port, "POST", "/sim/fal/new-key", b"")
        second = self.submit("by the second key")
        self.assertEqual(self.spool.end_of(second, 20)["status"], "succeeded")
        self.assertEqual([self.repeat(self.calls(task)[-1])[0] for task in (first, second)], [401, 200])


class Doubt(Called):
    def test_its_call_names_the_job(self):
        unsigned = self.submit("a lost gull [cut] [unsigned]")
        for word in ("cut", "502", "html", "empty"):
            words = f"a lost gull [{word}]"
            task = self.submit(words)
            check_artifacts(self.spool.end_of(task, 12), "video")
            self.assertEqual(self.spool.events(task)[:4], ["accepted", "claimed", "in_doubt", "found"])
            self.assertEqual(self.sim.jobs("fal")[0][words], 1)
            (call,) = self.calls(task)[:1]
            self.assertEqual(self.spool.upstream(task), f"fal-ai/kling-video/requests/{call.body['request_id']}")
        eventually(lambda: len(self.calls(unsigned)) >= 3, 10, "that it is told again")
        self.assertEqual(self.spool.task(unsigned)["phase"], "in_doubt")
        name = self.calls(unsigned)[0].body["request_id"]
        self.assertEqual(self.vendor.at(name), [], "nobody has looked for it")


class Hosts(unittest.TestCase):
    def test_urls_of_another_host_are_not_followed(self):
        with Sim(speed=50) as sim, Between(sim) as vendor, Between(sim) as elsewhere:

            def lead_away(asked):
                if asked.method != "POST":
                    return None
                status, headers, data = vendor.usual(asked)
                return status, {"Content-Type": "application/json"}, data.replace(vendor.url.encode(), elsewhere.url.encode())

            vendor.on("/fal-ai/", lead_away)
            with Spool({"accounts": [fal_account(vendor)]}) as spool:
                task = spool.request("POST", CREATE, film("a led gull"))[2]["id"]
                check_artifacts(spool.end_of(task), "video")
            self.assertEqual([a.path for a in elsewhere.asked], [])

    def test_a_path_of_its_own_is(self):
        """As long as it is the job's."""
        with Sim(speed=50) as sim, Between(sim) as vendor:

            def elsewhere(asked):
                if asked.method != "POST":
                    asked.path = asked.path.replace("/fal-ai/another/", "/fal-ai/kling-video/")
                    return None
                status, headers, data = vendor.usual(asked)
                return status, {"Content-Type": "application/json"}, data.replace(b"/fal-ai/kling-video/", b"/fal-ai/another/")

            vendor.on("/fal-ai/", elsewhere)
            with Spool({"accounts": [fal_account(vendor)]}) as spool:
                task = spool.request("POST", CREATE, film("a moved gull"))[2]["id"]
                check_artifacts(spool.end_of(task), "video")
                self.assertRegex(spool.upstream(task), "^fal-ai/another/requests/")


class Relayed(unittest.TestCase):
    """front ── wire ── back ── simulator"""

    def test_every_path(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim)]}) as back, Between(back) as wire:
            models = {name: name for name in MODELS}
            accounts = [fal_account(wire, "fal-r", dialect="relay", api_key=back.key, models=models, webhook_keys_url=None)]
            with Spool({"accounts": accounts}) as front:
                for path in (CREATE, GENERATIONS, VIDEOS):
                    body = film(f"far {path}", PICTURE, images=[LINK], duration=5) if path != VIDEOS else film(f"far {path}", seconds="5")
                    task = front.request("POST", path, body)[2]["id"]
                    check_artifacts(front.end_of(task), "video")
                    theirs = back.task(front.upstream(task))
                    self.assertEqual((theirs["provider"], theirs["model"]), ("fal", body["model"]))
                    sent = [a for a in wire.at(GENERATIONS) if a.method == "POST"][-1]
                    expected = {**body, "duration": 5 if path != VIDEOS else "5"}
                    expected.pop("seconds", None)
                    self.assertEqual((sent.body, sent.headers["idempotency-key"]), (expected, task))
                task = front.request("POST", CREATE, film("far [moderation]"))[2]["id"]
                self.assertEqual(front.end_of(task)["error"]["code"], "content_filter")


if __name__ == "__main__":
    main()
