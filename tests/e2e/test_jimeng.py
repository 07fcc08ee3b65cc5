"""Jimeng: each kind of job, as Volcengine gets it, signed; what is made of its answers; relays."""
import base64
import hashlib
import hmac
import time
import unittest
import urllib.parse

from harness import CUT, PNG, Asked, Between, Family, Sim, Spool, account, check_artifacts, eventually, exchange
from harness import main, words_seen
from vendors.jimeng import jimeng_account

SUBMIT, FETCH = "/jimeng/submit/videos", "/jimeng/fetch"
CREATE, VIDEOS = "/v1/video/create", "/v1/videos"
V3 = {"model": "jimeng-video-3.0"}
BARE = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + BARE
LINK, OTHER = "https://example.com/a.png", "https://example.com/b.png"
CAMERA = {"template_id": "handheld", "camera_strength": "medium"}


def boat(words="a paper boat", **fields):
    return {**V3, "prompt": words, **fields}


def action_of(asked):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked.path).query)).get("Action")


def signature_of(asked, secret="sim-secret", date=None):
    """What the vendor's own signer makes of the request (volc-sdk-python SignerV4.py), with our own words."""
    headers = {
        name: value
        for name, value in asked.headers.items()
        if name in ("content-type", "content-md5", "host") or name.startswith("x-")
    }
    names = ";".join(sorted(headers))
    url = urllib.parse.urlsplit(asked.path)
    query = urllib.parse.urlencode(sorted(urllib.parse.parse_qsl(url.query)), quote_via=urllib.parse.quote)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    body = hashlib.sha256(asked.raw).hexdigest()
    form = "\n".join([asked.method, url.path, query, lines, names, body])
    date = date or headers["x-date"]
    scope = f"{date[:8]}/cn-north-1/cv/request"
    text = "\n".join(["HMAC-SHA256", date, scope, hashlib.sha256(form.encode()).hexdigest()])
    key = secret.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return scope, names, key.hex()


class Jimeng(Family):
    @classmethod
    def accounts(cls):
        return [jimeng_account(cls.vendor, poll_interval_ms=50)]

    @classmethod
    def id_of(cls, answer):
        return answer.get("task_id") or answer["id"]

    def shown(self, task):
        status, answer = self.look(f"{FETCH}/{task}")
        self.assertEqual((status, answer["code"], answer["message"]), (200, "success", ""))
        return answer["data"]

    def asked(self, action, words):
        return [a for a in self.vendor.at("/?Action") if action_of(a) == action and words.encode() in a.raw]

    def submits(self, words):
        return self.asked("CVSync2AsyncSubmitTask", words)

    def sent(self, words):
        """The one body that the vendor got with these words."""
        (asked,) = self.submits(words)
        return asked.body

    def theirs(self, task):
        """The vendor's req_key and id of it."""
        return self.spool.upstream(task).split("/")


class Sending(Jimeng):
    def sends(self, body, expected, words):
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": self.receiver.url + "/there"}
        task = self.submit(SUBMIT, {**body, **hooks})
        check_artifacts(self.succeeded(task), "video")
        self.maxDiff = None
        self.assertEqual(self.sent(words), expected)
        key, their_id = self.theirs(task)
        self.assertEqual(key, expected["req_key"])
        questions = self.asked("CVSync2AsyncGetResult", their_id)
        self.assertGreater(len(questions), 0)
        for asked in questions:
            self.assertEqual(asked.body, {"req_key": key, "task_id": their_id})

    def test_text(self):
        body = boat("all of a text", duration=10, aspect_ratio="9:16", seed=7)
        expected = {"req_key": "jimeng_t2v_v30_1080p", "prompt": "all of a text"}
        self.sends(body, {**expected, "frames": 241, "aspect_ratio": "9:16", "seed": 7}, "all of a text")
        self.sends(boat("few words"), {"req_key": "jimeng_t2v_v30_1080p", "prompt": "few words"}, "few words")

    def test_one_image(self):
        common = {"req_key": "jimeng_i2v_first_v30_1080", "frames": 121}
        for number, (given, sent) in enumerate(
            (
                ({"image_url": LINK}, {"image_urls": [LINK]}),
                ({"image_urls": [LINK]}, {"image_urls": [LINK]}),
                ({"image_url": IMAGE}, {"binary_data_base64": [BARE]}),
                ({"binary_data_base64": [IMAGE]}, {"binary_data_base64": [BARE]}),
                ({"binary_data_base64": [BARE]}, {"binary_data_base64": [BARE]}),
            )
        ):
            with self.subTest(str(given)[:60]):
                words = f"one image {number}"
                body = boat(words, duration=5, aspect_ratio="9:16", **given)
                self.sends(body, {**common, "prompt": words, **sent}, words)
        link = "https://example.com/without-words.png"
        expected = {"req_key": common["req_key"], "image_urls": [link]}
        self.sends({**V3, "image_url": link}, expected, "without-words")

    def test_the_first_frame_and_the_last(self):
        common = {"req_key": "jimeng_i2v_first_tail_v30_1080"}
        for number, (given, sent) in enumerate(
            (
                ({"image_urls": [LINK, OTHER]}, {"image_urls": [LINK, OTHER]}),
                ({"image_url": LINK, "image_urls": [LINK, OTHER]}, {"image_urls": [LINK, OTHER]}),
                ({"binary_data_base64": [IMAGE, BARE]}, {"binary_data_base64": [BARE, BARE]}),
            )
        ):
            with self.subTest(str(given)[:60]):
                words = f"two images {number}"
                self.sends(boat(words, **given), {**common, "prompt": words, **sent}, words)

    def test_a_camera(self):
        body = boat("around it", duration=5, aspect_ratio="9:16", image_url=LINK, **CAMERA)
        expected = {"req_key": "jimeng_i2v_recamera_v30", "prompt": "around it", "frames": 121}
        self.sends(body, {**expected, "image_urls": [LINK], **CAMERA}, "around it")

    def test_what_is_left_empty(self):
        empty = dict.fromkeys(("duration", "aspect_ratio", "image_url", "template_id", "req_key", "seed"), "")
        body = boat("half empty", **empty, camera_strength=None, image_urls=[""], binary_data_base64=[])
        self.sends(body, {"req_key": "jimeng_t2v_v30_1080p", "prompt": "half empty"}, "half empty")

    def test_unified(self):
        for number, (path, given, sent) in enumerate(
            (
                (CREATE, {"aspect_ratio": "1:1"}, {"req_key": "jimeng_t2v_v30_1080p", "aspect_ratio": "1:1"}),
                (CREATE, {"size": "720P", "duration": "5"}, {"req_key": "jimeng_t2v_v30", "frames": 121}),
                (CREATE, {"images": [IMAGE]}, {"req_key": "jimeng_i2v_first_v30_1080", "binary_data_base64": [BARE]}),
                (CREATE, {"images": [LINK, OTHER]}, {"req_key": "jimeng_i2v_first_tail_v30_1080", "image_urls": [LINK, OTHER]}),
                (VIDEOS, {"seconds": "10", "size": "1280x720"}, {"req_key": "jimeng_t2v_v30", "frames": 241, "aspect_ratio": "16:9"}),
                (VIDEOS, {"image_url": LINK}, {"req_key": "jimeng_i2v_first_v30_1080", "image_urls": [LINK]}),
            )
        ):  # fmt: skip
            with self.subTest(path=path, given=str(given)[:60]):
                words = f"unified {number}"
                task = self.submit(path, boat(words, **given))
                check_artifacts(self.succeeded(task), "video")
                self.assertEqual(self.sent(words), {"prompt": words, **sent})
                self.assertEqual(self.spool.task(task)["provider"], "jimeng")

    def test_unified_mistakes(self):
        for given, field in (
            ({"negative_prompt": "x"}, "negative_prompt"),
            ({"size": "4k"}, "size"),
            ({"size": "1792x1024"}, "size"),
            ({"aspect_ratio": "2:1"}, "aspect_ratio"),
            ({"duration": 8}, "duration"),
            ({"images": [LINK] * 3}, "images"),
            ({"images": [LINK, IMAGE]}, "images"),
        ):
            with self.subTest(given=str(given)[:60]):
                text = self.refused(CREATE, boat(**given), 400, "invalid_request")
                self.assertTrue(text.startswith(f"{field}: "), text)


class Signing(Jimeng):
    def check_signed(self, asked, key="sim-access"):
        scope, names, signature = signature_of(asked)
        expected = f"HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
        self.assertEqual(asked.headers["authorization"], expected)
        made = time.strptime(asked.headers["x-date"], "%Y%m%dT%H%M%SZ")
        self.assertLess(abs(time.mktime(made) - time.mktime(time.gmtime())), 60)

    def test_every_question_is_signed(self):
        task = self.submit(SUBMIT, boat("a signed boat"))
        check_artifacts(self.succeeded(task), "video")
        asked = self.vendor.at("/?Action")
        self.assertEqual({action_of(one) for one in asked}, {"CVSync2AsyncSubmitTask", "CVSync2AsyncGetResult"})
        for one in asked:
            self.assertEqual(one.method, "POST")
            self.check_signed(one)
        self.assertGreater(len(self.vendor.at("/sim/files/")), 0)
        for one in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", one.headers, "a file isn't the API")

    def test_each_try_is_signed_anew(self):
        tasks = {word: self.submit(SUBMIT, boat(f"a slow boat [{word}]")) for word in ("429", "busy")}
        for word, task in tasks.items():
            self.succeeded(task)
            self.assertNotIn("in_doubt", self.spool.events(task))
            tries = self.submits(f"[{word}]")
            self.assertEqual(len(tries), 3)
            self.assertEqual(len({one.raw for one in tries}), 1)
            self.assertEqual(len({one.headers["x-date"] for one in tries}), 3)
            self.assertEqual(len({one.headers["authorization"] for one in tries}), 3)
            for one in tries:
                self.check_signed(one)

    def test_temporary_keys(self):
        keys = {"access_key": "sim-temporary", "session_token": "sim-token"}
        with Spool({"accounts": [jimeng_account(self.vendor, poll_interval_ms=50, **keys)]}) as spool:
            status, _, answer = spool.request("POST", SUBMIT, boat("a hired boat"))
            self.assertEqual(status, 200, answer)
            self.assertEqual(spool.end_of(answer["task_id"])["status"], "succeeded")
        (asked,) = self.submits("a hired boat")
        self.assertEqual(asked.headers["x-security-token"], "sim-token")
        self.check_signed(asked, "sim-temporary")
        self.assertIn("x-security-token,", asked.headers["authorization"])

    def test_wrong_keys(self):
        for keys, words in (
            ({"secret_key": "wrong"}, "does not match the signature you provided"),
            ({"access_key": "wrong"}, "The accesskey included in the request is invalid."),
            ({"session_token": "wrong"}, "The security token included in the request is invalid."),
        ):
            with self.subTest(keys), Spool({"accounts": [jimeng_account(self.vendor, **keys)]}) as spool:
                task = spool.request("POST", SUBMIT, boat(f"nobody's boat {words}"))[2]["task_id"]
                waiting = eventually(lambda: spool.task(task)["waiting"], 10, "what it waits for")
                eventually(lambda: spool.task(task)["waiting"]["reason"] == "bad_key", 10, str(waiting))
                self.assertIn(words, spool.task(task)["waiting"]["detail"])


class Gateway(Jimeng):
    """What the simulator lets through, as Volcengine would: a test of the tests."""

    query = "Action=CVSync2AsyncGetResult&Version=2022-08-31"
    body = b'{"req_key":"jimeng_t2v_v30","task_id":"1"}'

    def ask(self, headers=(), query=query, body=body, age=0, names="host;x-content-sha256;x-date", **more):
        """(status, code): signed as the official SDKs do, with what is to be wrong."""
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - age))
        sent = {"content-type": "application/json", "host": f"127.0.0.1:{self.sim.port}", "x-date": date}
        sent["x-content-sha256"] = hashlib.sha256(body).hexdigest()
        sent.update(more.get("signed", {}))
        signed = {name: sent[name] for name in names.split(";")}
        path = "/?" + more.get("signed_query", query)
        asked = Asked("POST", path, signed, body)
        scope, _, signature = signature_of(asked, more.get("secret", "sim-secret"), date)
        scope = more.get("scope", scope)
        queries = "SignedQueries=Action;Version, " if more.get("names_queries") else ""
        key = more.get("key", "sim-access")
        sent["Authorization"] = f"HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, {queries}Signature={signature}"
        sent.update(headers)
        sent = {name: value for name, value in sent.items() if value is not None}
        status, _, answer = exchange(self.sim.port, "POST", "/?" + query, more.get("sent", body), sent)
        return status, answer.get("code") or answer["ResponseMetadata"]["Error"]["Code"]

    def test_what_passes(self):
        reverse = "&".join(reversed(self.query.split("&")))
        for case in (
            {},
            {"names": "content-type;host;x-content-sha256;x-date"},  # volc-sdk-python
            {"names": "x-content-sha256;x-date", "names_queries": True},  # volc-sdk-nodejs
            {"query": reverse},
            {"age": 14 * 60},
            {"age": -14 * 60},
        ):
            with self.subTest(case):
                self.assertEqual(self.ask(**case), (200, 10000))

    def test_what_does_not(self):
        yesterday = time.strftime("%Y%m%d", time.gmtime(time.time() - 86400)) + "/cn-north-1/cv/request"
        today = time.strftime("%Y%m%d", time.gmtime())
        mismatch = (401, "SignatureDoesNotMatch")
        for case, expected in (
            ({"headers": {"Authorization": None}}, (401, "MissingAuthenticationToken")),
            ({"headers": {"Authorization": "Bearer sim-secret"}}, (401, "MissingAuthenticationToken")),
            ({"headers": {"Authorization": "HMAC-SHA256 Credential=sim-access"}}, (401, "MissingSignature")),
            ({"headers": {"x-date": None}}, (400, "InvalidTimestamp")),
            ({"headers": {"x-date": "now"}}, (400, "InvalidTimestamp")),
            ({"age": 16 * 60}, (400, "InvalidTimestamp")),
            ({"age": -16 * 60}, (400, "InvalidTimestamp")),
            ({"scope": yesterday}, (401, "InvalidCredential")),
            ({"scope": today + "/us-east-1/cv/request"}, (401, "InvalidCredential")),
            ({"key": "sim-other"}, (401, "InvalidAccessKey")),
            ({"key": "sim-temporary"}, (401, "InvalidSecretToken")),
            ({"headers": {"x-security-token": "sim-token"}}, (401, "InvalidSecretToken")),
            ({"secret": "other"}, mismatch),
            ({"sent": self.body + b" "}, mismatch),
            ({"signed_query": self.query + "&x=1"}, mismatch),
            ({"signed_query": "Action=CVCancelTask&Version=2022-08-31"}, mismatch),
            ({"headers": {"host": "127.0.0.1"}}, mismatch),
            ({"names": "host;x-content-sha256"}, mismatch),
            ({"names": "host;x-date"}, mismatch),
            ({"query": "Action=CVCancelTask&Version=2022-08-31"}, (404, "InvalidActionOrVersion")),
            ({"query": "Action=CVProcess&Version=2022-08-31"}, (404, "InvalidActionOrVersion")),
            ({"body": b"[]"}, (400, "InvalidParameter")),
        ):
            with self.subTest(case):
                self.assertEqual(self.ask(**case), expected)

    def test_an_account_is_tried(self):
        operator = [{"name": "op", "key": "sk-op", "admin": True}]
        accounts = [jimeng_account(self.vendor), jimeng_account(self.vendor, "jimeng-2", secret_key="wrong")]
        with Spool({"accounts": accounts, "tokens": operator}) as spool:
            spool.key = "sk-op"
            for name, state in (("jimeng-1", "ok"), ("jimeng-2", "bad_key")):
                status, _, said = spool.request("POST", f"/admin/v1/accounts/{name}/test")
                self.assertEqual((status, said["state"]), (200, state), said)


class Showing(Jimeng):
    def test_submit(self):
        before = int(time.time())
        status, _, answer = self.post(SUBMIT, boat(duration=5, aspect_ratio="9:16"))
        task = answer["task_id"]
        self.assertTrue(before <= answer.pop("created_at") <= time.time())
        expected = {"id": task, "task_id": task, "object": "video", **V3, "status": "", "progress": 0}
        self.assertEqual((status, answer), (200, expected))
        ended = self.succeeded(task)
        check_artifacts(ended, "video")
        self.assertEqual([ended[n] for n in ("provider", "action", "model")], ["jimeng", "generate", V3["model"]])
        url = ended["artifacts"][0]["url"]
        self.assertRegex(url, f"/jimeng-1/generate/{task}\\.mp4$")
        expected = {"error": None, "format": "mp4", "metadata": None, "status": "succeeded", "task_id": task}
        self.assertEqual(self.shown(task), {**expected, "url": url})
        sent_again = self.look(f"/v1/tasks/{task}/request")[1]
        self.assertEqual(sent_again["path"], SUBMIT)

    def test_words_on_the_way(self):
        task = self.submit(SUBMIT, boat("[slow]"))
        words = []
        while not words or words[-1] not in ("succeeded", "failed"):
            shown = self.shown(task)
            if shown["status"] != "succeeded":
                self.assertEqual((shown["url"], shown["error"], shown["format"]), ("", None, "mp4"))
            words.append(shown["status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "queued"), ["processing", "succeeded"])

    def test_failures(self):
        for word, code, message in (
            ("fail", "vendor_failed", "the job is done, but there is no video"),
            ("moderation", "content_filter", "Output Video Risk Not Pass"),
            ("review", "vendor_failed", "Risk Internal Error"),
            ("expired", "task_expired", "the job has expired at the vendor"),
            ("refuse", "content_filter", "Text Risk Not Pass"),
            ("invalid", "invalid_request", "Input invalid for this service"),
        ):
            with self.subTest(word):
                task = self.submit(SUBMIT, boat(f"a boat [{word}]"))
                self.assertEqual(self.failed(task), {"code": code, "message": message})
                shown = self.shown(task)
                self.assertEqual((shown["status"], shown["url"]), ("failed", ""))
                code = "task_failed" if code == "vendor_failed" else code
                self.assertEqual(shown["error"], {"code": code, "message": message})
                self.assertEqual(len(self.submits(f"[{word}]")), 1)

    def test_webhooks(self):
        task, (first, last) = self.hooks(SUBMIT, boat("a boat [slow]", duration=5), "processing", "succeed")
        output = {"video_url": "", "cover_url": "", "duration": 5}
        times = [body.pop(name) for body in (first, last) for name in ("created_at", "updated_at")]
        self.assertTrue(times[0] == times[2] and times == sorted(times[:2]) + sorted(times[2:]), times)
        self.assertEqual(first, {"id": task, "status": "processing", "type": "video", "output": output})
        output["video_url"] = self.shown(task)["url"]
        self.assertEqual(last, {"id": task, "status": "succeed", "type": "video", "output": output})
        _, (only,) = self.hooks(SUBMIT, boat("a boat [refuse]"), "failed", name="notifyHook")
        self.assertEqual(only["error"], {"code": "content_filter", "message": "Text Risk Not Pass"})

    def test_unknown_tasks(self):
        task = self.submit(SUBMIT, boat("somebody's"))
        for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("7392616336519610409", "dev")):
            self.assertEqual(self.look(f"{FETCH}/{one}", key), (404, self.unknown), (one, key))
        text = self.refused(SUBMIT, {"model": "jimeng-video-9", "prompt": "x"}, 404, "model_not_found")
        self.assertIn("jimeng-video-9", text)

    def test_wrong_input(self):
        self.check_wrong_input([(SUBMIT, body, field) for body, field in WRONG])


# Body, the field that is named.
WRONG = [
    (b"", "body"),
    (b"[]", "body"),
    ({}, "model"),
    ({"prompt": "x"}, "model"),
    ({"model": 3, "prompt": "x"}, "model"),
    (V3, "prompt"),
    ({**V3, "prompt": ""}, "prompt"),
    ({**V3, "prompt": 5}, "prompt"),
    (boat("雪" * 801), "prompt"),
    (boat(duration=8), "duration"),
    (boat(duration="5"), "duration"),
    (boat(duration=5.0), "duration"),
    (boat(duration=-5), "duration"),
    (boat(frames=100), "frames"),
    (boat(frames="121"), "frames"),
    (boat(frames=121, duration=10), "frames"),
    (boat(aspect_ratio="2:1"), "aspect_ratio"),
    (boat(aspect_ratio=1), "aspect_ratio"),
    (boat(image_url=LINK, aspect_ratio="2:1"), "aspect_ratio"),
    (boat(seed="1"), "seed"),
    (boat(image_url=5), "image_url"),
    (boat(image_url="a.png"), "image_url"),
    (boat(image_urls=LINK), "image_urls"),
    (boat(image_urls=[LINK, 5]), "image_urls.1"),
    (boat(image_urls=[LINK, OTHER, LINK]), "image_urls"),
    (boat(image_urls=[LINK, IMAGE]), "image_urls"),
    (boat(image_url=LINK, image_urls=[OTHER]), "image_urls"),
    (boat(binary_data_base64=BARE), "binary_data_base64"),
    (boat(binary_data_base64=["*"]), "binary_data_base64.0"),
    (boat(binary_data_base64=[LINK]), "binary_data_base64.0"),
    (boat(binary_data_base64=[BARE] * 3), "binary_data_base64"),
    (boat(binary_data_base64=[BARE], image_url=LINK), "binary_data_base64"),
    (boat(binary_data_base64=[BARE], image_urls=[LINK]), "binary_data_base64"),
    (boat(**CAMERA), "image_url"),
    (boat(image_url=LINK, template_id="handheld"), "camera_strength"),
    (boat(image_url=LINK, camera_strength="weak"), "template_id"),
    (boat(image_url=LINK, **{**CAMERA, "template_id": "spin"}), "template_id"),
    (boat(image_url=LINK, **{**CAMERA, "camera_strength": "heavy"}), "camera_strength"),
    (boat(image_url=LINK, **{**CAMERA, "camera_strength": 1}), "camera_strength"),
    (boat(image_urls=[LINK, OTHER], **CAMERA), "image_urls"),
    (boat(req_key="jimeng_t2v_v30"), "req_key"),
    (boat(req_key=5), "req_key"),
    (boat(callback_url="ftp://x"), "callback_url"),
    (boat(notifyHook=5), "notifyHook"),
]


class Choosing(Jimeng):
    """What an account lists."""

    @classmethod
    def accounts(cls):
        models = {
            "jimeng-video-3.0": "jimeng-video-3.0-720p",
            "jimeng-pro": "jimeng-video-3.0-pro",
            "jimeng-raw": "jimeng_t2v_v30",
        }
        return [jimeng_account(cls.vendor, poll_interval_ms=50, models=models)]

    def test_lines_and_keys(self):
        for number, (body, key) in enumerate(
            (
                (V3, "jimeng_t2v_v30"),
                ({**V3, "image_url": LINK}, "jimeng_i2v_first_v30"),
                ({**V3, "image_urls": [LINK, OTHER]}, "jimeng_i2v_first_tail_v30"),
                ({"model": "jimeng-pro"}, "jimeng_ti2v_v30_pro"),
                ({"model": "jimeng-pro", "image_url": LINK}, "jimeng_ti2v_v30_pro"),
                ({"model": "jimeng-raw"}, "jimeng_t2v_v30"),
                ({**V3, "req_key": "jimeng-raw"}, "jimeng_t2v_v30"),
            )
        ):
            words = f"choice {number}"
            task = self.submit(SUBMIT, {**body, "prompt": words})
            self.succeeded(task)
            self.assertEqual((self.sent(words)["req_key"], self.theirs(task)[0]), (key, key))
        text = self.refused(SUBMIT, {**V3, "prompt": "x", "model": "jimeng-pro", "image_urls": [LINK, OTHER]}, 400, "invalid_request")  # fmt: skip
        self.assertTrue(text.startswith("image_urls: "), text)


class Cancel(Jimeng):
    def cancel(self, task):
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        return status, answer

    def cancels(self, task):
        return self.asked("CVCancelTask", self.theirs(task)[1])

    def test_while_it_is_queued_there(self):
        task = self.submit(SUBMIT, boat("a boat [stay-queued]"))
        self.spool.wait_phase(task, "submitted")
        status, answer = self.cancel(task)
        self.assertEqual((status, answer["cancel"], answer["status"]), (200, "requested", "in_progress"))
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        (asked,) = self.cancels(task)
        self.assertEqual(asked.path, "/?Action=CVCancelTask&Version=2024-06-06")
        key, their_id = self.theirs(task)
        self.assertEqual(asked.body, {"req_key": key, "task_id": their_id})
        shown = self.shown(task)
        self.assertEqual((shown["status"], shown["error"]["code"]), ("failed", "cancelled"))
        self.assertEqual(self.cancel(task)[0], 409)

    def test_while_it_runs_there(self):
        """The vendor would refuse: it isn't asked, and the job may still succeed."""
        task = self.submit(SUBMIT, boat("a boat [slow]"))
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.cancel(task)[1]["cancel"], "requested")
        check_artifacts(self.succeeded(task), "video")
        self.assertEqual(self.cancels(task), [])

    def test_the_next_look_decides(self):
        """What the vendor says to the cancel itself is no end."""
        answers = [(400, {}, {"code": 50215, "data": None, "message": "no"}), (200, {}, {"code": 10000}), CUT]
        self.vendor.on("CVCancelTask", lambda asked: answers.pop(0) if answers else None)
        task = self.submit(SUBMIT, boat("another boat [stay-queued]"))
        self.spool.wait_phase(task, "submitted")
        self.cancel(task)
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        self.assertEqual((len(self.cancels(task)), answers), (4, []))


class Doubts(Jimeng):
    def test_nothing_is_sent_again(self):
        """Jimeng has neither a list nor a mark of ours: what is lost stays unknown."""
        tasks = {w: self.submit(SUBMIT, boat(f"lost [{w}]")) for w in ("cut", "502", "html", "empty", "500")}
        for word, task in tasks.items():
            error = self.failed(task)
            self.assertEqual(error["code"], "submit_outcome_unknown", word)
            self.assertEqual(self.spool.events(task), ["accepted", "claimed", "in_doubt", "failed"], word)
            self.assertEqual(len(self.submits(f"[{word}]")), 1)
            self.assertEqual(self.sim.jobs("jimeng")[0].get(f"lost [{word}]", 0), int(word != "500"))


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator"""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        tokens = [{"name": name, "key": f"sk-{name}"} for name in ("front", "dev")]
        cls.back = cls.enterClassContext(
            Spool({"accounts": [jimeng_account(cls.sim, poll_interval_ms=50)], "tokens": tokens})
        )
        cls.back.key = "sk-front"
        cls.wire = cls.enterClassContext(Between(cls.back))
        relay = account(cls.wire, "jimeng-r", provider="jimeng", dialect="relay", api_key="sk-front")
        cls.front = cls.enterClassContext(Spool({"accounts": [{**relay, "poll_interval_ms": 50}]}))

    def submit(self, path, body):
        status, _, answer = self.front.request("POST", path, body)
        self.assertEqual(status, 200, answer)
        return answer.get("task_id") or answer["id"]

    def test_through_both(self):
        for path, body in (
            (SUBMIT, boat("by relay", duration=5, aspect_ratio="1:1")),
            (SUBMIT, boat("by relay", image_url=LINK, **CAMERA)),
            (SUBMIT, boat("by relay", binary_data_base64=[IMAGE])),
            (CREATE, boat("by relay", images=[LINK, OTHER], size="1080P")),
        ):
            with self.subTest(path=path, body=str(body)[:70]):
                mine = self.front.end_of(self.submit(path, body))
                self.assertEqual((mine["status"], mine["error"]), ("succeeded", None), mine)
                theirs = self.back.task(self.front.upstream(mine["id"]))
                self.assertEqual((theirs["provider"], theirs["model"]), ("jimeng", V3["model"]))
                self.assertEqual(check_artifacts(mine, "video"), check_artifacts(theirs, "video"))
        for asked in self.wire.at("/jimeng/"):
            self.assertEqual(asked.headers["authorization"], "Bearer sk-front")
        sent = [asked for asked in self.wire.at(SUBMIT) if asked.body["prompt"] == "by relay"]
        self.assertEqual(sent[0].body, boat("by relay", duration=5, aspect_ratio="1:1"))
        self.assertEqual(sent[3].body, boat("by relay", image_urls=[LINK, OTHER]))
        self.assertTrue(all(asked.headers["idempotency-key"].startswith("task_") for asked in sent))

    def test_failures(self):
        for word, code, message in (
            ("moderation", "content_filter", "Output Video Risk Not Pass"),
            ("refuse", "content_filter", "Text Risk Not Pass"),
            ("fail", "vendor_failed", "the job is done, but there is no video"),
        ):
            ended = self.front.end_of(self.submit(SUBMIT, boat(f"by relay [{word}]")))
            self.assertEqual((ended["status"], ended["error"]), ("failed", {"code": code, "message": message}))

    def test_what_the_other_one_refuses(self):
        ended = self.front.end_of(self.submit(SUBMIT, boat(duration=8)))
        self.assertEqual(ended["error"], {"code": "invalid_request", "message": "duration: must be 5 or 10"})


if __name__ == "__main__":
    main()
