"""The Kling family: what clients may say, what Kling gets to see, and what is made of its answers."""
import base64
import hashlib
import hmac
import json
import os
import signal
import threading
import time
import unittest

from harness import CUT, PNG, Asked, Between, Redis, Sim, Spool, bearer, check_artifacts, download, eventually
from harness import exchange, free_port, freeze, main, words_seen
from vendors.kling import KlingFamily, kling_account

BARE = base64.b64encode(PNG).decode()
IMAGE = "data:image/png;base64," + BARE
LINK = "https://example.com/a.png"
V3 = {"model_name": "kling-v3"}
TEXT, FRAMES = "/kling/v1/videos/text2video", "/kling/v1/videos/image2video"
MULTI, OMNI = "/kling/v1/videos/multi-image2video", "/kling/v1/videos/omni-video"
PICTURES, TRY_ON = "/kling/v1/images/generations", "/kling/v1/images/kolors-virtual-try-on"


def decoded(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Kling(KlingFamily):
    def shown(self, path, task):
        status, answer = self.look(f"{path}/{task}")
        self.assertEqual((status, answer["code"], answer["message"]), (200, "success", ""))
        return answer["data"]

    def sent(self, path, task):
        """The one body that Kling got for it."""
        (body,) = self.vendor.sent(path.removeprefix("/kling"), external_task_id=task)
        return body

    def succeed(self, path, body, *kinds):
        """The task's id, and that body."""
        task = self.submit(path, body)
        check_artifacts(self.succeeded(task), *kinds)
        return task, self.sent(path, task)


class Sending(Kling):
    """What Kling gets for what a client says: everything that the pages have, in Kling's words."""

    def test_text(self):
        shots = [{"index": 1, "prompt": "one", "duration": 4}, {"index": 2, "prompt": "two", "duration": "6"}]
        camera = {"type": "simple", "config": {"zoom": 3}}
        client = {
            **V3,
            "prompt": "a cat",
            "negative_prompt": "blurry",
            "duration": 10,
            "aspect_ratio": "16:9",
            "mode": "pro",
            "sound": True,
            "multi_shots": True,
            "multi_prompt": shots,
            "kling_elements": [7, {"element_id": 8}],
            "cfg_scale": 0.5,
            "camera_control": camera,
            "watermark_info": {"enabled": True},
            "callback_url": self.receiver.url + "/mine",
            "notifyHook": None,
            "external_task_id": "order 7",
        }
        task, sent = self.succeed(TEXT, client, "video", "video")
        expected = {
            **V3,
            "prompt": "a cat",
            "negative_prompt": "blurry",
            "duration": "10",
            "aspect_ratio": "16:9",
            "mode": "pro",
            "sound": "on",
            "multi_shot": True,
            "multi_prompt": [{**shots[0], "duration": "4"}, shots[1]],
            "element_list": [{"element_id": 7}, {"element_id": 8}],
            "cfg_scale": 0.5,
            "camera_control": camera,
            "watermark_info": {"enabled": True},
            "external_task_id": task,
        }
        self.assertEqual(sent, expected)
        self.assertEqual(self.spool.task(task)["state"], "order 7")
        self.assertNotIn(b"order 7", b"".join(asked.raw for asked in self.vendor.asked))

    def test_few_words(self):
        for sound, expected in (("off", "off"), (False, "off"), ("on", "on")):
            body = {"model": "kling-v2-6", "prompt": "a cat", "sound": sound, "multi_shot": False}
            task, sent = self.succeed(TEXT, body, "video")
            names = {"model_name": "kling-v2-6", "prompt": "a cat", "sound": expected}
            self.assertEqual(sent, {**names, "multi_shot": False, "external_task_id": task})

    def test_what_is_left_empty(self):
        empty = dict.fromkeys(("negative_prompt", "mode", "sound", "model", "duration"), "")
        task, sent = self.succeed(TEXT, {**V3, "prompt": "a cat", **empty}, "video")
        self.assertEqual(sent, {**V3, "prompt": "a cat", "external_task_id": task})

    def test_both_names_of_the_model(self):
        body = {**V3, "model": "kling-v3", "prompt": "a cat"}
        task, sent = self.succeed(TEXT, body, "video")
        self.assertEqual(sent, {**V3, "prompt": "a cat", "external_task_id": task})
        text = self.refused(TEXT, {**body, "model": "kling-v2-6"}, 400, "invalid_request")
        self.assertTrue(text.startswith("model: "), text)

    def test_frames(self):
        two = {"image": BARE, "image_tail": LINK}
        for images, expected in (
            ({"image_urls": [LINK]}, {"image": LINK}),
            ({"image_urls": [IMAGE, LINK]}, two),
            ({"image_urls": [IMAGE, LINK], "image": "", "image_tail": ""}, two),
            ({"image": IMAGE, "image_tail": LINK}, two),
            ({"image_tail": IMAGE}, {"image_tail": BARE}),
            ({"image": BARE, "static_mask": IMAGE}, {"image": BARE, "static_mask": BARE}),
        ):
            with self.subTest(images=str(images)[:60]):
                task, sent = self.succeed(FRAMES, {**V3, "prompt": "a cat", **images}, "video")
                self.assertEqual(sent, {**V3, "prompt": "a cat", **expected, "external_task_id": task})

    def test_text_with_frames_goes_where_frames_go(self):
        task = self.submit(TEXT, {**V3, "prompt": "a cat", "image_urls": [IMAGE]})
        self.succeeded(task)
        self.assertEqual(self.sent(FRAMES, task)["image"], BARE)
        self.assertEqual(self.vendor.sent("text2video", external_task_id=task), [])
        for path in (TEXT, FRAMES):
            self.assertEqual(self.shown(path, task)["status"], "succeeded")

    def test_references(self):
        given = [{"image_id": 2, "image_url": LINK}, {"image_id": 1, "image_url": IMAGE}]
        common = {**V3, "prompt": "a cat", "aspect_ratio": "1:1"}
        task, sent = self.succeed(MULTI, {**common, "image_list": given}, "video")
        self.assertEqual(sent["image_list"], [{"image": BARE}, {"image": LINK}])
        self.assertEqual(sent["model_name"], "kling-v3")
        task, sent = self.succeed(OMNI, {**common, "image_list": given}, "video")
        self.assertEqual(sent["image_list"], [{"image_url": BARE}, {"image_url": LINK}])
        self.assertEqual(sent["model_name"], "kling-v3-omni")
        self.assertEqual(self.spool.task(task)["model"], "kling-v3")

    def test_omni(self):
        video = {"video_url": "https://example.com/a.mp4", "refer_type": "base", "keep_original_sound": "yes"}
        client = {
            **V3,
            "prompt": "<<<image_1>>> walks",
            "sound": "on",
            "duration": "7",
            "mode": "std",
            "image_list": [{"image_url": LINK, "type": "first_frame"}],
            "kling_elements": [{"element_id": 1}],
            "video_list": [video],
            "voice_list": [{"voice_id": "v"}],
        }
        task, sent = self.succeed(OMNI, client, "video")
        expected = {**client, "model_name": "kling-v3-omni", "external_task_id": task}
        expected["element_list"] = expected.pop("kling_elements")
        self.assertEqual(sent, expected)

    def test_omni_without_a_ratio(self):
        """The page has it as optional, the vendor wants it."""
        _, sent = self.succeed(OMNI, {**V3, "prompt": "a cat"}, "video")
        self.assertEqual(sent["aspect_ratio"], "16:9")

    def test_omni_by_the_vendor_s_names(self):
        shots = [{"index": i + 1, "prompt": "a cat", "duration": "1"} for i in range(6)]
        more = {"prompt": "a cat", "aspect_ratio": "1:1", "duration": 6}
        more.update(multi_shot=True, multi_prompt=shots)
        for name in ("kling-v3-omni", "kling-video-o1"):
            task, sent = self.succeed(OMNI, {"model_name": name, **more}, "video")
            self.assertEqual((sent["model_name"], len(sent["multi_prompt"])), (name, 6))

    def test_pictures(self):
        client = {
            "model": "kling-v2-1",
            "prompt": "a dog",
            "negative_prompt": "x",
            "aspect_ratio": "1:1",
            "n": 3,
        }
        task, sent = self.succeed(PICTURES, client, "image", "image", "image")
        model = {"model_name": client.pop("model")}
        self.assertEqual(sent, {**client, **model, "external_task_id": task})
        more = {"image": IMAGE, "image_reference": "face", "image_fidelity": 0.5, "resolution": "2k"}
        task, sent = self.succeed(PICTURES, {"prompt": "a dog", **more}, "image")
        self.assertEqual(sent, {"prompt": "a dog", **more, "image": BARE, "external_task_id": task})

    def test_try_on(self):
        model = {"model_name": "kolors-virtual-try-on-v1-5"}
        body = {"human_image": LINK, "cloth_image": IMAGE}
        task, sent = self.succeed(TRY_ON, {**model, **body}, "image")
        self.assertEqual(sent, {**model, "human_image": LINK, "cloth_image": BARE, "external_task_id": task})
        task, sent = self.succeed(TRY_ON, body, "image")
        self.assertNotIn("model_name", sent)

    def test_the_token(self):
        for number in range(3):
            self.succeed(TEXT, {**V3, "prompt": f"token {number}"}, "video")
        tokens = {asked.headers["authorization"] for asked in self.vendor.at("/v1/")}
        self.assertEqual(len(tokens), 1, "one for all calls")
        head, claims, signature = tokens.pop().removeprefix("Bearer ").split(".")
        mine = hmac.new(b"sim-secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
        self.assertEqual(base64.urlsafe_b64encode(mine).rstrip(b"=").decode(), signature)
        self.assertEqual(decoded(head), {"alg": "HS256", "typ": "JWT"})
        claims = decoded(claims)
        self.assertEqual(set(claims), {"iss", "exp", "nbf"})
        self.assertEqual((claims["iss"], claims["exp"] - claims["nbf"]), ("sim-access", 1805))
        self.assertLess(abs(claims["nbf"] + 5 - time.time()), 60)
        self.assertGreaterEqual(len(self.vendor.at("/sim/files/")), 3)
        for asked in self.vendor.at("/sim/files/"):
            self.assertNotIn("authorization", asked.headers, "a file isn't the API")


class Expiry(Kling):
    def test_a_token_that_is_refused_is_made_anew_once(self):
        self.succeed(TEXT, {**V3, "prompt": "the first"}, "video")
        time.sleep(1.1)  # a token says the second that it ends in
        task = self.submit(TEXT, {**V3, "prompt": "a cat [expire-token]"})
        self.succeeded(task)
        tries = [
            asked
            for asked in self.vendor.at(TEXT[6:])
            if asked.method == "POST" and task.encode() in asked.raw
        ]
        tokens = [asked.headers["authorization"] for asked in tries]
        self.assertEqual((len(tokens), len(set(tokens))), (2, 2))
        self.assertEqual(tries[0].raw, tries[1].raw)
        self.assertEqual(self.spool.events(task)[:3], ["accepted", "claimed", "submitted"])
        later = {asked.headers["authorization"] for asked in self.vendor.at(TEXT[6:] + "/")[-1:]}
        self.assertEqual(later, {tokens[1]})
        self.assertEqual(self.sim.jobs("kling")[1][task], 1)
        self.assertEqual(self.spool.metric("accounts_out"), 0)


class Showing(Kling):
    def test_submit(self):
        before = int(time.time())
        for path, body in (
            (TEXT, {**V3, "prompt": "a cat"}),
            (FRAMES, {**V3, "image": LINK}),
            (MULTI, {**V3, "prompt": "a cat", "image_list": [{"image_url": LINK}]}),
            (OMNI, {**V3, "prompt": "a cat", "aspect_ratio": "16:9"}),
            (PICTURES, {"model": "kling-v2-1", "prompt": "a cat"}),
            (TRY_ON, {"human_image": LINK, "cloth_image": LINK}),
        ):
            status, _, answer = self.post(path, body)
            task = answer["task_id"]
            self.assertRegex(task, r"^task_[0-9A-Za-z]{26}$")
            self.assertTrue(before <= answer.pop("created_at") <= time.time())
            own = {name: answer.pop(name) for name in ("code", "message", "request_id", "data")}
            self.assertEqual((own["code"], own["data"]["task_id"], own["data"]["task_status"]), (0, task, "submitted"))
            model = body.get("model_name") or body.get("model") or ""
            expected = {
                "id": task,
                "task_id": task,
                "model": model,
                "object": "video",
                "progress": 0,
                "status": "",
            }
            self.assertEqual((status, answer), (200, expected))
            ended = self.succeeded(task)
            kind, extension = ("image", "png") if "/images/" in path else ("video", "mp4")
            action = path.rsplit("/", 1)[1]
            (artifact,) = ended["artifacts"]
            self.assertEqual((ended["provider"], ended["action"], artifact["kind"]), ("kling", action, kind))
            self.assertRegex(artifact["url"], f"/kling-1/{action}/{task}\\.{extension}$")
            expected = {
                "error": None,
                "format": extension,
                "metadata": None,
                "status": "succeeded",
                "task_id": task,
                "url": artifact["url"],
            }
            shown = self.shown(path, task)
            self.assertEqual({name: shown[name] for name in expected}, expected)
            (file,) = shown["task_result"][f"{kind}s"]
            self.assertEqual((shown["task_status"], file["url"]), ("succeed", artifact["url"]))

    def test_a_client_of_kling_s_own_api(self):
        """A front end that knows Kling's envelope alone; its images have a space at the end of their path."""
        body = {"prompt": "a cat [slow]", "negative_prompt": "", "image": "", "aspect_ratio": "16:9"}
        video = {"image_tail": "", "mode": "std", "duration": "5", "model": "kling-v1-6"}
        for path, more, place in ((TEXT, video, "videos"), (PICTURES + "%20", {"n": 1}, "images")):
            status, _, answer = self.post(path, {**body, **more})
            self.assertEqual((status, answer["code"], answer["data"]["task_status"]), (200, 0, "submitted"))
            words = [answer["data"]["task_status"]]
            while words[-1] not in ("succeed", "failed"):
                shown = self.look(f"{path}/{answer['data']['task_id']}")[1]["data"]
                words.append(shown["task_status"])
                time.sleep(0.02)
            self.assertEqual(words_seen(words, "submitted"), ["processing", "succeed"])
            self.assertEqual(download(shown["task_result"][place][0]["url"])[0], 200)
        answer = self.post(TEXT, {**V3, "prompt": "a cat [fail]", "external_task_id": "mine"})[2]
        self.spool.end_of(answer["task_id"])
        shown = self.shown(TEXT, answer["task_id"])
        self.assertEqual((shown["task_status"], shown["task_info"]), ("failed", {"external_task_id": "mine"}))
        self.assertEqual(shown["task_status_msg"], shown["error"]["message"])

    def test_more_than_one_image(self):
        task = self.submit(PICTURES, {"prompt": "a dog", "n": 2})
        urls = [artifact["url"] for artifact in self.succeeded(task)["artifacts"]]
        shown = self.shown(PICTURES, task)
        self.assertEqual([(one["index"], one["url"]) for one in shown["task_result"]["images"]], list(enumerate(urls)))
        self.assertEqual((shown["url"], shown["metadata"]), (urls[0], {"urls": urls}))

    def test_words_on_the_way(self):
        task = self.submit(TEXT, {**V3, "prompt": "a cat [slow]"})
        words = []
        while not words or words[-1] not in ("succeeded", "failed"):
            shown = self.shown(TEXT, task)
            if shown["status"] != "succeeded":
                self.assertEqual((shown["url"], shown["error"], shown["format"]), ("", None, "mp4"))
            words.append(shown["status"])
            time.sleep(0.02)
        self.assertEqual(words_seen(words, "queued"), ["processing", "succeeded"])

    def test_failures(self):
        for word, code, message, shown_code in (
            ("fail", "vendor_failed", "the simulated job failed", "task_failed"),
            ("moderation", "vendor_failed", "Failure to pass the risk control system", "task_failed"),
            ("refuse", "content_filter", "the content violates our policy", "content_filter"),
            ("invalid", "invalid_request", "prompt is invalid", "invalid_request"),
        ):
            with self.subTest(word):
                task = self.submit(TEXT, {**V3, "prompt": f"a cat [{word}]"})
                self.assertEqual(self.failed(task), {"code": code, "message": message})
                shown = self.shown(TEXT, task)
                self.assertEqual((shown["status"], shown["url"]), ("failed", ""))
                self.assertEqual(shown["error"], {"code": shown_code, "message": message})
                self.assertEqual(len(self.vendor.sent(TEXT[6:], external_task_id=task)), 1)

    def test_a_model_that_the_vendor_doesn_t_have(self):
        task = self.submit(TEXT, {"model_name": "kling-video-o1", "prompt": "a cat"})
        self.assertEqual(self.failed(task), {"code": "model_not_found", "message": "model is not found"})

    def test_webhooks_of_a_video(self):
        before = int(time.time())
        task, (first, last) = self.hooks(
            TEXT, {**V3, "prompt": "a cat [slow]", "duration": 10}, "processing", "succeed"
        )
        times = [body.pop(name) for body in (first, last) for name in ("created_at", "updated_at")]
        self.assertTrue(all(type(at) is int and before <= at <= time.time() + 1 for at in times), times)
        made, at_first, made_again, at_last = times
        self.assertTrue(made == made_again and made <= at_first <= at_last, times)
        output = {"video_url": "", "cover_url": "", "duration": 10}
        self.assertEqual(first, {"id": task, "status": "processing", "type": "video", "output": output})
        output = {"video_url": self.shown(TEXT, task)["url"], "cover_url": "", "duration": 10.1}
        self.assertEqual(last, {"id": task, "status": "succeed", "type": "video", "output": output})

    def test_webhooks_of_images(self):
        task, (first, last) = self.hooks(PICTURES, {"prompt": "a cat", "n": 2}, "processing", "succeed")
        self.assertEqual(
            (first["status"], first["type"], first["output"]), ("processing", "image", {"image_url": ""})
        )
        url = self.shown(PICTURES, task)["url"]
        self.assertEqual(
            (last["status"], last["type"], last["output"]), ("succeed", "image", {"image_url": url})
        )

    def test_webhooks_of_a_failure(self):
        _, (only,) = self.hooks(TEXT, {**V3, "prompt": "a cat [refuse]"}, "failed", name="notifyHook")
        self.assertEqual(
            only["error"], {"code": "content_filter", "message": "the content violates our policy"}
        )
        self.assertEqual(only["output"]["video_url"], "")


# Path, body, the field that is named.
WRONG = [
    (TEXT, b"", "body"),
    (TEXT, b"{", "body"),
    (TEXT, b"[]", "body"),
    (TEXT, {"prompt": "x"}, "model_name"),
    (TEXT, {"prompt": "x", "model_name": ""}, "model_name"),
    (TEXT, {"prompt": "x", "model_name": 5}, "model_name"),
    (TEXT, V3, "prompt"),
    (TEXT, {**V3, "prompt": ""}, "prompt"),
    (TEXT, {**V3, "prompt": 5}, "prompt"),
    (TEXT, {**V3, "prompt": "x", "duration": "x"}, "duration"),
    (TEXT, {**V3, "prompt": "x", "duration": 5.5}, "duration"),
    (TEXT, {**V3, "prompt": "x", "duration": 2}, "duration"),
    (TEXT, {**V3, "prompt": "x", "duration": "16"}, "duration"),
    (TEXT, {**V3, "prompt": "x", "sound": "loud"}, "sound"),
    (TEXT, {**V3, "prompt": "x", "sound": 1}, "sound"),
    (TEXT, {**V3, "prompt": "x", "multi_shots": "yes"}, "multi_shots"),
    (TEXT, {**V3, "prompt": "x", "multi_shot": 1}, "multi_shot"),
    (TEXT, {**V3, "prompt": "x", "multi_shots": True}, "multi_prompt"),
    (TEXT, {**V3, "prompt": "x", "multi_prompt": "x"}, "multi_prompt"),
    (TEXT, {**V3, "prompt": "x", "multi_prompt": [{"prompt": "x"}] * 6}, "multi_prompt"),
    (FRAMES, {**V3, "image": LINK, "multi_prompt": [{"prompt": "x"}] * 6}, "multi_prompt"),
    (OMNI, {**V3, "prompt": "x", "multi_prompt": [{"prompt": "x"}] * 7}, "multi_prompt"),
    (TEXT, {**V3, "prompt": "x", "multi_prompt": [{"duration": 5}]}, "multi_prompt.0.prompt"),
    (TEXT, {**V3, "prompt": "x", "image_urls": LINK}, "image_urls"),
    (TEXT, {**V3, "prompt": "x", "image_urls": [LINK] * 3}, "image_urls"),
    (TEXT, {**V3, "prompt": "x", "image_urls": [LINK, 5]}, "image_urls.1"),
    (TEXT, {**V3, "prompt": "x", "kling_elements": 5}, "kling_elements"),
    (TEXT, {**V3, "prompt": "x", "cfg_scale": 1.1}, "cfg_scale"),
    (TEXT, {**V3, "prompt": "x", "cfg_scale": -0.1}, "cfg_scale"),
    (TEXT, {**V3, "prompt": "x", "cfg_scale": "0.5"}, "cfg_scale"),
    (TEXT, {**V3, "prompt": "x", "camera_control": "pan"}, "camera_control"),
    (TEXT, {**V3, "prompt": "x", "aspect_ratio": 5}, "aspect_ratio"),
    (TEXT, {**V3, "prompt": "x", "aspect_ratio": "2:1"}, "aspect_ratio"),
    (TEXT, {**V3, "prompt": "x", "mode": 5}, "mode"),
    (TEXT, {**V3, "prompt": "x", "mode": "foo"}, "mode"),
    (TEXT, {"model_name": "kling-v2-5-turbo", "prompt": "x", "duration": 7}, "duration"),
    (TEXT, {**V3, "prompt": "x", "negative_prompt": 5}, "negative_prompt"),
    (TEXT, {**V3, "prompt": "x", "external_task_id": 5}, "external_task_id"),
    (TEXT, {**V3, "prompt": "x", "external_task_id": "x" * 256}, "external_task_id"),
    (TEXT, {**V3, "prompt": "x", "callback_url": 5}, "callback_url"),
    (TEXT, {**V3, "prompt": "x", "callback_url": "ftp://example.com/"}, "callback_url"),
    (TEXT, {**V3, "prompt": "x", "notifyHook": "what?"}, "notifyHook"),
    (TEXT, {**V3, "prompt": "x", "notifyHook": "what?", "callback_url": ""}, "notifyHook"),
    (TEXT, {**V3, "prompt": "x", "notifyHook": "", "callback_url": "what?"}, "callback_url"),
    (FRAMES, {**V3, "prompt": "x"}, "image_urls"),
    (FRAMES, {**V3, "image_urls": []}, "image_urls"),
    (FRAMES, {**V3, "image": "", "image_tail": ""}, "image_urls"),
    (FRAMES, {**V3, "image": 5}, "image"),
    (FRAMES, {**V3, "image": "a\nb"}, "image"),
    (FRAMES, {**V3, "image": LINK, "image_tail": 5}, "image_tail"),
    (MULTI, {**V3, "prompt": "x"}, "image_list"),
    (MULTI, {**V3, "prompt": "x", "image_list": []}, "image_list"),
    (MULTI, {**V3, "prompt": "x", "image_list": [{"image_url": LINK}] * 5}, "image_list"),
    (MULTI, {**V3, "prompt": "x", "image_list": [{"image_id": 1}]}, "image_list.0.image_url"),
    (MULTI, {**V3, "prompt": "x", "image_list": [{"image_url": ""}]}, "image_list.0.image_url"),
    (MULTI, {**V3, "prompt": "x", "image_list": ["", None]}, "image_list"),
    (MULTI, {**V3, "image_list": [{"image_url": LINK}]}, "prompt"),
    (OMNI, {**V3}, "prompt"),
    (OMNI, {"model_name": "kling-v2-6", "prompt": "x"}, "model_name"),
    (OMNI, {**V3, "prompt": "x", "video_list": [{}]}, "video_list.0.video_url"),
    (OMNI, {**V3, "prompt": "x", "video_list": [{"video_url": 5}]}, "video_list.0.video_url"),
    (OMNI, {**V3, "prompt": "x", "voice_list": "v"}, "voice_list"),
    (PICTURES, {}, "prompt"),
    (PICTURES, {"prompt": "x", "n": 0}, "n"),
    (PICTURES, {"prompt": "x", "n": 10}, "n"),
    (PICTURES, {"prompt": "x", "n": "2"}, "n"),
    (PICTURES, {"prompt": "x", "image_reference": "cat"}, "image_reference"),
    (PICTURES, {"prompt": "x", "resolution": "8k"}, "resolution"),
    (TRY_ON, {"human_image": LINK}, "cloth_image"),
    (TRY_ON, {"cloth_image": LINK}, "human_image"),
    (TRY_ON, {"human_image": "", "cloth_image": LINK}, "human_image"),
]


class Refusing(Kling):
    settings = {"max_body_bytes": 262144}

    def test_wrong_input(self):
        self.check_wrong_input(WRONG)

    def test_a_model_nobody_serves(self):
        for name in ("model_name", "model"):
            for path in (TEXT, OMNI):
                text = self.refused(path, {name: "kling-v99", "prompt": "x"}, 404, "model_not_found")
                self.assertIn("kling-v99", text)

    def test_too_long(self):
        status, _, answer = self.post(TEXT, json.dumps({**V3, "prompt": "x" * 300000}).encode())
        self.assertEqual(status, 413, answer)

    def test_unknown_paths(self):
        for method, path, status in (
            ("POST", "/kling/v1/videos/lip-sync", 404),
            ("GET", TEXT, 405),
            ("POST", TEXT + "/task_x", 405),
        ):
            got = self.spool.request(method, path, b"" if method == "POST" else None)
            self.assertEqual(got[0], status, (path, got[2]))

    def test_no_key_and_strangers(self):
        task = self.submit(TEXT, {**V3, "prompt": "a cat"})
        for path in (TEXT, FRAMES, MULTI, OMNI, PICTURES, TRY_ON):
            for headers in ({}, {"Authorization": "Bearer sk-no"}):
                for method, place in (("POST", path), ("GET", f"{path}/{task}")):
                    body = {"prompt": "x"} if method == "POST" else None
                    status, _, answer = exchange(self.spool.port, method, place, body, headers)
                    self.assertEqual((status, set(answer)), (401, {"error"}), place)
                    self.assertEqual(answer["error"]["type"], "authentication_error")
            for one, key in ((task, "other"), ("task_" + "0" * 26, "dev"), ("x", "dev"), ("x" * 60, "dev")):
                status, _, answer = exchange(self.spool.port, "GET", f"{path}/{one}", None, bearer(key))
                self.assertEqual((status, answer), (404, self.unknown), (path, one, key))
            # The family's own task is found on each of its paths.
            self.assertEqual(self.shown(path, task)["task_id"], task)
        for path in (f"/mj/task/{task}/fetch", f"/suno/fetch/{task}", f"/v1/video/generations/{task}"):
            self.assertEqual(self.spool.request("GET", path)[0], 404, path)

    def test_a_long_id_is_unknown(self):
        status, _, answer = self.spool.request("GET", f"{TEXT}/{'x' * 200}")
        self.assertEqual((status, answer), (404, self.unknown))

    def test_idempotency_keys(self):
        body = {**V3, "prompt": "once [slow]", "duration": 5}
        first = self.post(TEXT, body, **{"Idempotency-Key": "a"})
        again = self.post(TEXT, body, **{"Idempotency-Key": "a"})
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        self.assertNotIn("idempotent-replayed", first[1])
        self.assertEqual(again[1]["idempotent-replayed"], "true")
        other = self.post(TEXT, {**body, "duration": 10}, **{"Idempotency-Key": "a"})
        self.assertEqual(
            (other[0], other[2]["code"], other[2]["data"]), (422, "idempotency_key_reused", None)
        )
        stranger = self.post(TEXT, body, "other", **{"Idempotency-Key": "a"})
        self.assertNotEqual(stranger[2]["task_id"], first[2]["task_id"])
        self.succeeded(first[2]["task_id"])
        self.assertEqual(len(self.vendor.sent("text2video", external_task_id=first[2]["task_id"])), 1)

    def test_cancel(self):
        """Kling can't: the answer says what that may mean."""
        task = self.submit(TEXT, {**V3, "prompt": "a cat [hang]"})
        self.spool.wait_phase(task, "submitted", "rendering")
        status, _, answer = self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        self.assertEqual(answer["status"], "cancelled")
        shown = self.shown(TEXT, task)
        self.assertEqual((shown["status"], shown["error"]["code"]), ("failed", "cancelled"))
        self.assertEqual(self.spool.request("POST", f"/v1/tasks/{task}/cancel", b"")[0], 409)


class Slots(Kling):
    """n images are n jobs for Kling, and for our account of it."""

    @classmethod
    def accounts(cls):
        return [kling_account(cls.vendor, max_concurrency=3, poll_interval_ms=50)]

    def test_n(self):
        costs = {self.submit(PICTURES, {"prompt": f"{n} [slow]", "n": n}): n for n in (3, 1, 1, 1, 2)}
        changes = []
        for task, cost in costs.items():
            self.succeeded(task)
            at = {entry["event"]: entry["at"] for entry in self.spool.timeline(task)}
            changes += [(at["claimed"], cost), (at["rendered"], -cost)]
        used = [sum(cost for _, cost in sorted(changes)[: i + 1]) for i in range(len(changes))]
        self.assertEqual((used[0], used[1], used[-1]), (3, 0, 0), "the first is alone")
        self.assertEqual(max(used), 3, used)

    def test_more_than_there_are(self):
        text = self.refused(PICTURES, {"prompt": "x", "n": 4}, 400, "invalid_request")
        self.assertTrue(text.startswith("n: "), text)


class Doubt(Kling):
    """The answer to a submit is lost, or says nothing: Kling knows our id."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seen = set()
        cls.vendor.on("text2video", cls.lose)
        cls.vendor.on("multi-image2video", cls.hide)
        # These take two seconds and more.
        cls.lost = cls.submit(TEXT, {**V3, "prompt": "lost on the way"})
        cls.error = cls.submit(TEXT, {**V3, "prompt": "a cat [500]"})
        cls.never = cls.submit(TEXT, {**V3, "prompt": "a cat [cut-unaccepted]"})
        body = {**V3, "prompt": "a cat [cut]", "image_list": [{"image_url": LINK}]}
        cls.hidden = cls.submit(MULTI, body)

    @classmethod
    def is_first(cls, asked):
        mark = asked.body["external_task_id"]
        is_first = mark not in cls.seen
        cls.seen.add(mark)
        return is_first

    @classmethod
    def lose(cls, asked):
        is_it = asked.method == "POST" and b"lost on the way" in asked.raw
        return CUT if is_it and cls.is_first(asked) else None

    @classmethod
    def hide(cls, asked):
        """Until there is a second try, lists and queries don't have the job."""
        if asked.method == "POST":
            cls.is_first(asked)
        elif len(cls.vendor.sent("multi-image2video")) < 2:
            if "?pageNum" in asked.path:
                return 200, {}, {"code": 0, "message": "", "data": []}
            return 404, {}, {"code": 1203, "message": "no"}
        return None

    def check_billed_once(self, tasks):
        marks = self.sim.jobs("kling")[1]
        self.assertEqual({task: marks.get(task) for task in tasks}, dict.fromkeys(tasks, 1))
        self.assertEqual(set(marks.values()), {1})

    def test_accepted_and_lost(self):
        words = ("cut", "502", "html", "empty", "slow-answer", "cut-reused")
        tasks = {word: self.submit(TEXT, {**V3, "prompt": f"a cat [{word}]"}) for word in words}
        frames = self.submit(FRAMES, {**V3, "image": "https://example.com/[cut].png"})
        for word, task in tasks.items():
            self.succeeded(task)
            doubted = ["in_doubt", "found"] if word not in ("slow-answer", "cut-reused") else ["submitted"]
            events = self.spool.events(task)
            self.assertEqual(events[: 2 + len(doubted)], ["accepted", "claimed", *doubted], word)
            self.assertEqual(len(self.vendor.sent("text2video", external_task_id=task)), 1, word)
        self.succeeded(frames)
        # Found by our id in the path, which is the task's own.
        asked = self.vendor.at(f"/v1/videos/image2video/{frames}")
        self.assertEqual([one.method for one in asked], ["GET"])
        self.check_billed_once([*tasks.values(), frames])

    def test_ids_in_the_path_don_t_work(self):
        """Nobody has tried them at the real one: then the list has it."""
        self.vendor.on(
            "/v1/videos/omni-video/task_", lambda asked: (404, {}, {"code": 1203, "message": "no"})
        )
        task = self.submit(OMNI, {**V3, "prompt": "a cat [cut]", "aspect_ratio": "1:1"})
        self.succeeded(task)
        asked = [one.path for one in self.vendor.at("/v1/videos/omni-video?")]
        self.assertEqual(asked, ["/v1/videos/omni-video?pageNum=1&pageSize=500"])
        self.check_billed_once([task])

    def test_not_accepted(self):
        """Its absence is proved: it is sent again, with the same id. So it is after an error there."""
        for task in (self.lost, self.error):
            self.succeeded(task)
            sent = self.vendor.sent("text2video", external_task_id=task)
            self.assertEqual(sent, [sent[0]] * 2)
            events = self.spool.events(task)
            expected = ["accepted", "claimed", "in_doubt", "not_found", "claimed", "submitted"]
            self.assertEqual(events[:6], expected)
        self.check_billed_once([self.lost, self.error])

    def test_never_accepted(self):
        task = self.never
        eventually(lambda: len(self.vendor.sent("text2video", external_task_id=task)) >= 2, 8, "a second try")
        self.assertNotIn(task, self.sim.jobs("kling")[1])
        self.assertEqual(self.shown(TEXT, task)["status"], "queued")

    def test_it_was_there_after_all(self):
        """A second try is refused because the first was accepted (1201): found, not failed, billed once."""
        self.succeeded(self.hidden)
        self.assertEqual(len(self.vendor.sent("multi-image2video", external_task_id=self.hidden)), 2)
        self.check_billed_once([self.hidden])

    def test_killed_while_it_waits_for_the_answer(self):
        with Sim(speed=1) as sim, Between(sim) as vendor:
            config = {"accounts": [kling_account(vendor)], "lease_ms": 2000}
            with Spool(config) as spool:
                body = {**V3, "prompt": "a cat [slow-answer] [fast]"}
                task = spool.request("POST", TEXT, body)[2]["task_id"]
                eventually(lambda: vendor.sent("text2video"), what="the submit")
                eventually(lambda: sim.jobs("kling")[1], what="its acceptance")
                spool.kill()
                spool.start()
                self.assertEqual(spool.end_of(task)["status"], "succeeded")
                self.assertEqual(len(vendor.sent("text2video")), 1)
                self.assertIn("found", spool.events(task))
            self.assertEqual(sim.jobs("kling")[1], {task: 1})


class Stopped(unittest.TestCase):
    def test_a_worker_that_is_late_deletes_nothing(self):
        """What it heard of the first try is a refusal; by then another one is about to send the request."""
        asked, gate = threading.Event(), threading.Event()
        image = base64.b64encode(PNG + bytes(100000)).decode()
        invalid = (400, {}, {"code": 1200, "message": "prompt is invalid"})

        def answer(request):
            if request.method != "POST" or asked.is_set():
                return None
            asked.set()
            gate.wait(20)
            return invalid

        redis = self.enterContext(Redis())
        sim = self.enterContext(Sim(speed=50))
        vendor = self.enterContext(Between(sim))
        vendor.on("image2video", answer)
        config = {"accounts": [kling_account(vendor, poll_interval_ms=50)], "lease_ms": 1000}
        api = self.enterContext(Spool(config, redis=redis, roles=["api"]))
        workers = [
            self.enterContext(Spool(config, redis=redis, roles=["worker"], data_dir=api.data_dir))
            for _ in range(2)
        ]
        task = api.request("POST", FRAMES, {**V3, "image": image})[2]["task_id"]
        self.assertTrue(asked.wait(10))
        (late,) = (worker for worker in workers if f"task.submitting task={task}".encode() in worker.log())
        freeze(late.pid)
        gate.set()
        eventually(lambda: "not_found" in api.events(task), what="the proof that it isn't there")
        os.kill(late.pid, signal.SIGCONT)
        eventually(lambda: b"prompt is invalid" in late.log(), what="the late answer")
        self.assertEqual(api.end_of(task)["error"], None)
        self.assertEqual([body["image"] for body in vendor.sent("image2video")], [image] * 2)
        self.assertEqual(sim.jobs("kling")[1], {task: 1})
        inputs = os.path.join(api.data_dir, "inputs")
        eventually(lambda: not os.listdir(inputs), what="no request that isn't needed any more")


class LongSearch(Kling):
    """Kling's list is long, and slow to read."""

    settings = {"lease_ms": 1000}

    def page(self, task, number, delay, job=None):
        """As long as a page can be, with the task's job where there is one."""
        time.sleep(delay)
        others = [{"task_id": f"{number}-{i}", "task_info": {}} for i in range(499)]
        mine = {"task_id": job or "none", "task_info": {"external_task_id": task if job else ""}}
        return 200, {}, {"code": 0, "message": "", "data": [*others, mine]}

    def listen(self, path, delay, page_of_job=None):
        """Submits at the path are lost. The answers' page numbers as they were asked for."""
        asked_for = []

        def answer(asked):
            if asked.method == "POST":
                self.vendor.usual(asked)
                return CUT
            if "?pageNum=" not in asked.path:
                return (404, {}, {"code": 1203, "message": "no"}) if "/task_" in asked.path else None
            number = int(asked.path.split("=")[1].split("&")[0])
            asked_for.append(number)
            task = self.vendor.sent(path)[0]["external_task_id"]
            job = self.vendor.usual(Asked("GET", f"/v1/videos/{path}/{task}", asked.headers, b""))[2]
            found = number == page_of_job and json.loads(job)["data"]["task_id"]
            return self.page(task, number, delay, found)

        self.vendor.on(path, answer)
        return asked_for

    def test_longer_than_a_lease_and_longer_than_there_is_time(self):
        """A search goes on over its lease, begun once; and it ends when the time to decide is over."""
        found, never = self.listen("text2video", 0.4, 7), self.listen("multi-image2video", 4)
        body = {**V3, "prompt": "a cat", "image_list": [{"image_url": LINK}]}
        tasks = self.submit(TEXT, {**V3, "prompt": "a cat"}), self.submit(MULTI, body)
        self.succeeded(tasks[0])
        self.assertEqual(found, [1, 2, 3, 4, 5, 6, 7])
        ended = self.spool.end_of(tasks[1], 20)
        self.assertEqual(ended["error"]["code"], "submit_outcome_unknown")
        self.assertEqual(never, [1, 2, 3, 4])
        self.assertEqual(set(self.sim.jobs("kling")[1].values()), {1})


class Later(unittest.TestCase):
    """Refusals that say: not now, or not here."""

    def spool_with(self, *accounts):
        return self.enterContext(Spool({"accounts": list(accounts)}))

    def submit(self, spool, prompt):
        status, _, answer = spool.request("POST", TEXT, {**V3, "prompt": prompt})
        self.assertEqual(status, 200, answer)
        return answer["task_id"]

    def test_too_fast_and_too_many(self):
        with Sim(speed=50) as sim, Between(sim) as one, Between(sim) as other:
            spools = [self.spool_with(kling_account(vendor)) for vendor in (one, other)]
            words = ("429", "1303")
            tasks = [self.submit(spool, f"a cat [{word}]") for spool, word in zip(spools, words)]
            for spool, task, vendor, word in zip(spools, tasks, (one, other), words):
                self.assertEqual(spool.end_of(task)["status"], "succeeded")
                at = [a.at for a in vendor.at("text2video") if a.method == "POST"]
                self.assertEqual(len(at), 3, word)
                self.assertGreater(at[1] - at[0], 0.9)
                self.assertGreater(at[2] - at[1], 1.8)
                self.assertEqual(spool.events(task).count("refused"), 2)
            self.assertEqual(set(sim.jobs("kling")[1].values()), {1})

    def test_refused_often_then_lost_then_refused_because_it_is_there(self):
        """What was refused before doesn't count: the one doubt says that 1201 may mean our own job."""
        with Sim(speed=50) as sim, Between(sim) as vendor:
            posts = []

            def answer(asked):
                if asked.method == "POST":
                    posts.append(asked)
                    if len(posts) <= 3:
                        return 429, {}, {"code": 1302, "message": "too fast"}
                    return (vendor.usual(asked), CUT)[1] if len(posts) == 4 else None
                if len(posts) > 4:
                    return None
                # What was accepted isn't shown yet.
                if "?pageNum" in asked.path:
                    return 200, {}, {"code": 0, "message": "", "data": []}
                return 404, {}, {"code": 1203, "message": "no"}

            vendor.on("text2video", answer)
            spool = self.spool_with(kling_account(vendor))
            task = self.submit(spool, "a cat")
            self.assertEqual(spool.end_of(task, 25)["status"], "succeeded")
            events = [word for word in spool.events(task) if word != "claimed"]
            self.assertEqual(events[:6], ["accepted", *["refused"] * 3, "in_doubt", "not_found"])
            self.assertEqual(events[6:8], ["in_doubt", "found"])
            self.assertEqual((len(posts), sim.jobs("kling")[1]), (5, {task: 1}))

    def test_an_empty_balance_is_not_a_busy_vendor(self):
        with Sim(speed=20) as sim, Between(sim) as poor, Between(sim) as rich:
            bill = {"code": 1102, "message": "account balance not enough", "request_id": "x"}
            poor.on("text2video", lambda asked: (429, {}, bill) if asked.method == "POST" else None)
            spool = self.spool_with(kling_account(poor, "poor"), kling_account(rich, "rich"))
            task = self.submit(spool, "a cat")
            self.assertEqual(spool.end_of(task, 5)["status"], "succeeded")
            claims = [e["detail"] for e in spool.timeline(task) if e["event"] == "claimed"]
            self.assertEqual(claims, ["poor", "rich"])
            self.assertEqual(len(poor.sent("text2video")), 1)
            self.assertEqual(sim.jobs("kling")[1], {task: 1})

    def test_a_bad_key_takes_the_account_out(self):
        with Sim(speed=20) as sim, Between(sim) as vendor:
            spool = self.spool_with(kling_account(vendor, secret_key="wrong"))
            task = self.submit(spool, "a cat")
            eventually(lambda: spool.metric("accounts_out") == 1, what="the account's end")
            expected = {
                "code": "get_channel_failed",
                "message": "model kling-v3 is temporarily unavailable, please try again later",
                "data": None,
            }

            def refused():
                status, headers, answer = spool.request("POST", TEXT, {**V3, "prompt": "more"})
                return (status, headers, answer) if status != 200 else None

            status, headers, answer = eventually(refused, 5, "a refusal")
            self.assertEqual((status, answer), (503, expected))
            self.assertIn("retry-after", headers)
            status, _, answer = spool.request("POST", PICTURES, {"prompt": "x"})
            self.assertEqual((status, answer["code"]), (503, "get_channel_failed"))
            self.assertEqual(spool.task(task)["phase"], "queued")
            self.assertEqual(sim.jobs("kling")[1], {})

    def test_nobody_there(self):
        """No connection: nothing was sent, so nothing is in doubt."""
        spool = self.spool_with(kling_account(f"http://127.0.0.1:{free_port()}"))
        task = self.submit(spool, "a cat")
        eventually(lambda: "refused" in spool.events(task), 5, "a refusal")
        self.assertNotIn("in_doubt", spool.events(task))


if __name__ == "__main__":
    main()
