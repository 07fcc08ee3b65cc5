"""fal's images: its endpoints by their paths, and as models of /v1/images."""
import base64
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, check_artifacts, eventually, main
from vendors.fal import FLUX, IMAGES, KONTEXT, MODELS, NANO, TEXT, fal_account

MAKE, EDIT = "/v1/images/generations", "/v1/images/edits"
RAW = base64.b64encode(PNG).decode()
DATA = "data:image/png;base64," + RAW
LINK = "https://example.com/landscape.jpg"
PRO, GPT, BIREFNET = "fal-ai/nano-banana-pro", "fal-ai/gpt-image-1.5", "fal-ai/birefnet"
LIGHT = {"lighthouse-images": FLUX, "fal-ai/nowhere": "fal-ai/nowhere"}


class Images(Family):
    @classmethod
    def accounts(cls):
        return [fal_account(cls.vendor, models={**MODELS, **IMAGES, **LIGHT})]

    def run_model(self, endpoint, body, **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(f"/{endpoint}", body, **headers)
        self.assertEqual(status, 200, answer)
        return answer, self.spool.end_of(sent["x-task-id"])

    def asked(self, body):
        words = body["prompt"].encode()
        (asked,) = [one for one in self.vendor.at("/fal-ai/") if one.method == "POST" and words in one.raw]
        return asked

    def failing(self, endpoint, prompt, **fields):
        """(status, answer, the task as it ended)"""
        status, sent, answer = self.post(f"/{endpoint}", {"prompt": prompt, **fields})
        self.assertEqual(set(answer), {"error", "detail"}, answer)
        return status, answer, self.spool.end_of(sent["x-task-id"])

    def check_links(self, answer, task):
        self.assertEqual([one["url"] for one in answer["images"]], [one["url"] for one in task["artifacts"]])
        self.assertEqual([one["content_type"] for one in answer["images"]], [one["content_type"] for one in task["artifacts"]])
        self.assertTrue(all(one["url"].startswith(self.spool.url) for one in answer["images"]))


class Page(Images):
    def test_text_to_image(self):
        words = "A majestic eagle soaring over snow-capped mountains at sunrise"
        body = {"prompt": words, "image_size": "landscape_16_9", "num_images": 1}
        answer, task = self.run_model(NANO, body)
        check_artifacts(task, "image")
        self.check_links(answer, task)
        self.assertEqual((answer["prompt"], answer["seed"], answer["description"]), (words, None, "Seen by the simulator."))
        self.assertEqual((task["provider"], task["action"], task["model"]), ("fal", "run", NANO))
        asked = self.asked(body)
        self.assertEqual((asked.path, asked.body), (f"/{NANO}", {"prompt": words, "aspect_ratio": "16:9", "num_images": 1}))
        self.assertEqual(asked.headers["authorization"], "Key sim-secret")

    def test_edit(self):
        body = {"prompt": "Add a rainbow in the sky", "image_url": LINK, "strength": 0.6}
        answer, task = self.run_model(f"{NANO}/edit", body)
        self.check_links(answer, task)
        asked = self.asked(body)
        self.assertEqual((asked.path, asked.body), (f"/{NANO}/edit", {"prompt": body["prompt"], "image_urls": [LINK]}))
        self.assertRegex(self.spool.upstream(task["id"]), rf"^{NANO}/requests/")

    def test_every_field(self):
        page = {"negative_prompt": "rain", "image_size": "portrait_4_3", "num_images": 3, "seed": 42, "guidance_scale": 3.5, "num_inference_steps": 28}
        hooks = {"notifyHook": self.receiver.url + "/here", "callback_url": ""}
        body = {"prompt": "every field", **page, "output_format": "png", **hooks}
        answer, task = self.run_model(NANO, body)
        check_artifacts(task, "image", "image", "image")
        self.check_links(answer, task)
        self.assertEqual(answer["seed"], 42)
        expected = {"prompt": "every field", "aspect_ratio": "3:4", "num_images": 3, "seed": 42, "output_format": "png"}
        self.assertEqual(self.asked(body).body, expected)


class Models(Images):
    def test_flux(self):
        body = {"prompt": "a flux", "image_size": {"width": 1280, "height": 720}, "guidance_scale": 3.5, "num_inference_steps": 28, "num_images": 2}
        answer, task = self.run_model(FLUX, body)
        self.check_links(answer, task)
        self.assertEqual([(one["width"], one["height"]) for one in answer["images"]], [(1280, 720)] * 2)
        told = {name: answer[name] for name in ("seed", "prompt", "has_nsfw_concepts", "timings")}
        self.assertEqual(told, {"seed": 4242, "prompt": "a flux", "has_nsfw_concepts": [False, False], "timings": {"inference": 1.25}})
        self.assertEqual(self.asked(body).body, body)

    def test_several_segments(self):
        body = {"prompt": "a kontext", "image_url": RAW, "guidance_scale": 3.5, "aspect_ratio": "9:21"}
        answer, task = self.run_model(KONTEXT, body)
        self.check_links(answer, task)
        self.assertEqual((self.asked(body).path, self.asked(body).body), (f"/{KONTEXT}", {**body, "image_url": DATA}))

    def test_one_image_without_words(self):
        answer, task = self.run_model(BIREFNET, {"image_url": DATA})
        (url,) = [one["url"] for one in task["artifacts"]]
        self.assertEqual(set(answer), {"image", "seed"})
        self.assertEqual((answer["image"]["url"], answer["image"]["width"]), (url, 1344))

    def test_a_video(self):
        body = {"prompt": "a film in fal's own words", "duration": "5"}
        status, sent, answer = self.post(f"/{TEXT}", body)
        self.assertEqual(status, 200, answer)
        task = self.spool.end_of(sent["x-task-id"])
        check_artifacts(task, "video")
        self.assertEqual(answer["video"]["url"], task["artifacts"][0]["url"])
        self.assertEqual((self.asked(body).path, self.asked(body).body), (f"/{MODELS[TEXT]}", body))

    def test_files_in_the_answer(self):
        body = {"prompt": "in the answer", "sync_mode": True, "num_images": 2}
        answer, task = self.run_model(NANO, body)
        files = check_artifacts(task, "image", "image")
        heads, data = zip(*(one["url"].split(",") for one in answer["images"]))
        self.assertEqual(set(heads), {"data:image/png;base64"})
        self.assertEqual([base64.b64decode(one, validate=True) for one in data], files)
        self.assertNotIn("sync_mode", self.asked(body).body)


class Ending(Images):
    def test_some_of_several(self):
        for word, code in (("part", "vendor_failed"), ("nsfw-first", "content_filter")):
            answer, task = self.run_model(FLUX, {"prompt": f"some [{word}]", "num_images": 3})
            self.assertEqual((task["status"], len(answer["images"])), ("succeeded", 2))
            self.assertEqual(answer["has_nsfw_concepts"], [False, False])
            (lost,) = [one for one in task["artifacts"] if one["url"] == ""]
            self.assertEqual(lost["error"]["code"], code)
            task["artifacts"].remove(lost)
            check_artifacts(task, "image", "image")
            self.check_links(answer, task)

    def test_failures(self):
        flagged = "The content could not be processed: it was flagged."
        policy = {"loc": ["body", "prompt"], "type": "content_policy_violation"}
        for model, word, status, code, detail in (
            (NANO, "refuse", 400, "content_filter", [{**policy, "msg": flagged}]),
            (NANO, "moderation", 400, "content_filter", [{**policy, "msg": flagged}]),
            (FLUX, "nsfw", 400, "content_filter", [{**policy, "msg": "the vendor doesn't show it for its content"}]),
            (NANO, "late-invalid", 400, "invalid_request", [{"loc": ["body", "prompt"], "msg": "The model can make nothing of it", "type": "value_error"}]),
            (NANO, "fail", 500, "vendor_failed", "The simulated job failed."),
            (NANO, "timeout", 500, "vendor_failed", "Request timed out"),
            (NANO, "none", 500, "vendor_failed", "the answer has no file"),
        ):
            with self.subTest(word):
                got, answer, task = self.failing(model, f"a gull [{word}]")
                self.assertEqual((got, answer["error"]["code"], task["status"]), (status, code, "failed"))
                self.assertEqual((answer["error"]["code"], answer["error"]["message"]), (task["error"]["code"], task["error"]["message"]))
                self.assertEqual(answer["detail"], detail or answer["error"]["message"])

    def test_what_the_vendor_finds_wrong(self):
        got, answer, _ = self.failing(FLUX, "a gull", guidance_scale=99)
        self.assertEqual((got, answer["error"]["code"], answer["detail"][0]["loc"]), (400, "invalid_request", ["body", "guidance_scale"]))
        got, answer, _ = self.failing("fal-ai/nowhere", "a gull")
        self.assertEqual((got, answer["error"]["code"]), (404, "model_not_found"))

    def test_cancelled(self):
        status, _, task = self.post(f"/{NANO}", {"prompt": "a gull [hang]"}, prefer="respond-async")
        self.assertEqual((status, task["object"]), (202, "task"))
        self.spool.wait_phase(task["id"], "rendering")
        self.assertEqual(self.post(f"/v1/tasks/{task['id']}/cancel", b"")[2]["cancel"], "requested")
        self.assertEqual(self.spool.end_of(task["id"])["status"], "cancelled")

    def test_a_webhook(self):
        for word in ("succeed", "failed"):
            place = f"/hook-{time.monotonic_ns()}"
            body = {"prompt": "hooked" + (" [moderation]" if word == "failed" else ""), "callback_url": self.receiver.url + place}
            _, sent, answer = self.post(f"/{NANO}", body)
            self.receiver.wait(place, 1)
            eventually(lambda: self.receiver.words(place)[-1] == word, what="the last word")
            hook = self.receiver.at(place)[-1]
            self.assertEqual((hook.body["id"], hook.body["type"]), (sent["x-task-id"], "image"))
            if word == "succeed":
                self.assertEqual(hook.body["output"]["image_url"], answer["images"][0]["url"])
            self.assertEqual([one.path for one in self.vendor.asked if place.encode() in one.raw], [])

    def test_the_same_again(self):
        body = {"prompt": "once"}
        headers = {"Idempotency-Key": "fal-once"}
        first, second = (self.post(f"/{NANO}", body, **headers) for _ in range(2))
        self.assertEqual((first[0], second[0], first[1]["x-task-id"]), (200, 200, second[1]["x-task-id"]))
        self.assertEqual(first[2], second[2])
        self.assertEqual(self.sim.jobs("fal")[0]["once"], 1)


# Endpoint, body, the field that is named.
WRONG = [
    (NANO, b"", "body"),
    (NANO, b"{", "body"),
    (NANO, b"[]", "body"),
    (NANO, {}, "prompt"),
    (NANO, {"prompt": ""}, "prompt"),
    (NANO, {"prompt": None}, "prompt"),
    (NANO, {"prompt": 5}, "prompt"),
    (NANO, {"prompt": ["x"]}, "prompt"),
    (NANO, {"prompt": "x", "negative_prompt": 5}, "negative_prompt"),
    (NANO, {"prompt": "x", "image_size": "enormous"}, "image_size"),
    (NANO, {"prompt": "x", "image_size": 5}, "image_size"),
    (NANO, {"prompt": "x", "image_size": {"width": 5}}, "image_size"),
    (NANO, {"prompt": "x", "num_images": 0}, "num_images"),
    (NANO, {"prompt": "x", "num_images": 5}, "num_images"),
    (NANO, {"prompt": "x", "num_images": "two"}, "num_images"),
    (NANO, {"prompt": "x", "num_images": 1.5}, "num_images"),
    (NANO, {"prompt": "x", "seed": "x"}, "seed"),
    (NANO, {"prompt": "x", "guidance_scale": "x"}, "guidance_scale"),
    (NANO, {"prompt": "x", "num_inference_steps": "x"}, "num_inference_steps"),
    (NANO, {"prompt": "x", "sync_mode": "yes"}, "sync_mode"),
    (NANO, {"prompt": "x", "notifyHook": "ftp://example.com/"}, "notifyHook"),
    (NANO, {"prompt": "x", "callback_url": 5}, "callback_url"),
    (f"{NANO}/edit", {"prompt": "x"}, "image_url"),
    (f"{NANO}/edit", {"prompt": "x", "image_url": ""}, "image_url"),
    (f"{NANO}/edit", {"prompt": "x", "image_url": 5}, "image_url"),
    (f"{NANO}/edit", {"image_url": LINK}, "prompt"),
    (f"{NANO}/edit", {"prompt": "x", "image_urls": LINK}, "image_urls"),
    (f"{NANO}/edit", {"prompt": "x", "image_urls": [5]}, "image_urls.0"),
    (f"{NANO}/edit", {"prompt": "x", "image_url": LINK, "mask_url": LINK}, "mask_url"),
    (f"{NANO}/edit", {"prompt": "x", "image_url": LINK, "strength": 2}, "strength"),
    (f"{NANO}/edit", {"prompt": "x", "image_url": LINK, "strength": "x"}, "strength"),
]


class Refusing(Images):
    def refused(self, path, body, status, code, key="dev"):
        got, _, answer = self.post(path, body, key)
        self.assertEqual((got, set(answer)), (status, {"error", "detail"}), (path, body, answer))
        self.assertEqual(answer["error"]["code"], code)
        return answer["error"]["message"]

    def test_wrong_input(self):
        self.check_wrong_input([(f"/{endpoint}", body, field) for endpoint, body, field in WRONG])
        _, _, answer = self.post(f"/{NANO}", {})
        self.assertEqual(answer["detail"], [{"loc": ["body", "prompt"], "msg": "is required", "type": "missing"}])

    def test_a_model_nobody_serves(self):
        for endpoint in ("fal-ai/nano-banana-9", f"{NANO}/edit/more", "fal-ai/x", "fal-ai/" + "x" * 300, f"{NANO}/requests/1"):
            self.assertIn("fal-ai/", self.refused(f"/{endpoint}", {"prompt": "x"}, 404, "model_not_found"))

    def test_paths(self):
        for method, path, status in (("GET", f"/{NANO}", 405), ("POST", "/fal-ai/", 404), ("POST", "/fal-ai", 404), ("POST", f"/{NANO}/", 404)):
            self.assertEqual(self.spool.request(method, path, {"prompt": "x"} if method == "POST" else None)[0], status, path)

    def test_no_key(self):
        for value in ("", "Bearer sk-no", "Key sk-no", "Key", "Key ", "Basic sk-dev", "KeyBearer sk-dev"):
            status, _, answer = self.spool.request("POST", f"/{NANO}", {"prompt": "x"}, {"Authorization": value})
            self.assertEqual((status, answer["error"]["code"]), (401, "invalid_api_key"), value)

    def test_the_key_as_fal_s_clients_send_it(self):
        for value in ("Key sk-dev", "key  sk-dev"):
            self.assertEqual(self.spool.request("POST", f"/{NANO}", {"prompt": "by key"}, {"Authorization": value})[0], 200, value)
        self.assertEqual(self.spool.request("GET", "/v1/tasks", None, {"Authorization": "Key sk-dev"})[0], 401, "nowhere else")


class Common(Images):
    """The same models on /v1/images."""

    def make(self, body, path=MAKE):
        status, sent, answer = self.post(path, body)
        self.assertEqual(status, 200, answer)
        return answer, self.spool.end_of(sent["x-task-id"])

    def test_what_is_sent(self):
        for body, path, endpoint, expected in (
            ({"model": NANO, "prompt": "nano", "size": "1792x1024", "n": 2}, MAKE, NANO, {"aspect_ratio": "16:9", "num_images": 2}),
            ({"model": PRO, "prompt": "pro", "resolution": "2K", "aspect_ratio": "21:9"}, MAKE, PRO, {"aspect_ratio": "21:9", "resolution": "2K"}),
            ({"model": NANO, "prompt": "nano edit", "image": [RAW, LINK]}, EDIT, f"{NANO}/edit", {"image_urls": [DATA, LINK]}),
            ({"model": FLUX, "prompt": "flux", "size": "1024x768", "user": "u", "quality": "hd"}, MAKE, FLUX, {"image_size": {"width": 1024, "height": 768}}),
            ({"model": "lighthouse-images", "prompt": "flux edit", "image": LINK}, EDIT, f"{FLUX}/image-to-image", {"image_url": LINK}),
            ({"model": KONTEXT, "prompt": "kontext", "image": LINK, "size": "1024x1024"}, EDIT, KONTEXT, {"image_url": LINK, "aspect_ratio": "1:1"}),
            (
                {"model": GPT, "prompt": "gpt", "image": RAW, "mask": RAW, "size": "1024x1536", "quality": "low"},
                EDIT,
                f"{GPT}/edit",
                {"image_urls": [DATA], "mask_image_url": DATA, "image_size": "1024x1536", "quality": "low"},
            ),
        ):
            with self.subTest(body["prompt"]):
                answer, task = self.make(body, path)
                sent = next(one for one in self.vendor.at("/fal-ai/") if one.method == "POST" and one.body["prompt"] == body["prompt"])
                self.assertEqual((sent.path, sent.body), (f"/{endpoint}", {"prompt": body["prompt"], **expected}))
                check_artifacts(task, *["image"] * body.get("n", 1))
                self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
                self.assertEqual(set(answer["data"][0]), {"url"})

    def test_base64(self):
        answer, task = self.make({"model": NANO, "prompt": "in base64", "response_format": "b64_json"})
        (data,) = check_artifacts(task, "image")
        self.assertEqual(base64.b64decode(answer["data"][0]["b64_json"], validate=True), data)

    def test_what_is_wrong(self):
        for body, path, field in (
            ({"model": NANO, "prompt": "x", "n": 5}, MAKE, "n"),
            ({"model": NANO, "prompt": "x", "size": "big"}, MAKE, "size"),
            ({"model": NANO, "prompt": "x", "background": "opaque"}, MAKE, "background"),
            ({"model": NANO, "prompt": "x", "image": RAW, "mask": RAW}, EDIT, "mask"),
            ({"model": FLUX, "prompt": "x", "aspect_ratio": "1:1"}, MAKE, "aspect_ratio"),
            ({"model": FLUX, "prompt": "x", "image": [LINK, LINK]}, EDIT, "image"),
            ({"model": TEXT, "prompt": "x"}, MAKE, "model"),
            ({"model": NANO, "image": LINK}, "/v1/images/variations", "model"),
            ({"model": NANO, "prompt": "x"}, "/v1/video/create", "model"),
        ):
            status, _, answer = self.post(path, body, "empty")
            said = answer["error"]["message"] if "error" in answer else answer["message"]
            self.assertEqual((status, said.split(":")[0]), (400, field), answer)
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])


class Queue(Images):
    """As fal's own clients use its queue."""

    def enqueue(self, endpoint, prompt, **fields):
        status, _, answer = self.post(f"/queue/{endpoint}", {"prompt": prompt, **fields})
        self.assertEqual(status, 200, answer)
        app = "/".join(endpoint.split("/")[:2])
        url = f"{self.spool.url}/queue/{app}/requests/{answer['request_id']}"
        self.assertEqual([answer[f"{name}_url"] for name in ("response", "status", "cancel")], [url, f"{url}/status", f"{url}/cancel"])
        self.assertEqual((answer["status"], answer["queue_position"]), ("IN_QUEUE", 0))
        return answer["request_id"], url[len(self.spool.url) :]

    def test_a_job(self):
        task, path = self.enqueue(FLUX, "queued", num_images=2, sync_mode=False)
        self.spool.end_of(task)
        status, answer = self.look(f"{path}/status")
        self.assertEqual((status, answer["status"], answer["request_id"]), (200, "COMPLETED", task))
        self.assertNotIn("queue_position", answer)
        status, headers, answer = self.spool.request("GET", path)
        self.assertEqual((status, len(answer["images"]), answer["seed"]), (200, 2, 4242))
        self.assertEqual((headers["x-task-id"], headers["x-fal-request-id"]), (task, task))
        self.check_links(answer, self.spool.task(task))

    def test_files_in_the_answer(self):
        task, path = self.enqueue(NANO, "queued inline", sync_mode=True)
        (data,) = check_artifacts(self.spool.end_of(task), "image")
        answer = self.look(path)[1]
        self.assertEqual(base64.b64decode(answer["images"][0]["url"].split(",")[1], validate=True), data)

    def test_while_it_runs(self):
        task, path = self.enqueue(NANO, "queued [hang]")
        self.spool.wait_phase(task, "rendering")
        self.assertEqual(self.look(f"{path}/status")[1]["status"], "IN_PROGRESS")
        status, answer = self.look(path)
        self.assertEqual((status, answer["detail"]), (400, "Request is still in progress"))
        status, _, answer = self.spool.request("PUT", f"{path}/cancel", None)
        self.assertEqual((status, answer), (200, {"status": "CANCELLATION_REQUESTED"}))
        self.assertEqual(self.spool.end_of(task)["status"], "cancelled")
        self.assertEqual(self.spool.request("PUT", f"{path}/cancel", None)[0], 409)
        self.assertEqual((self.look(path)[0], self.look(f"{path}/status")[1]["status"]), (409, "COMPLETED"))

    def test_failures(self):
        for word, status in (("moderation", 400), ("fail", 500)):
            task, path = self.enqueue(NANO, f"queued [{word}]")
            self.spool.end_of(task)
            self.assertEqual(self.look(f"{path}/status")[1]["status"], "COMPLETED")
            got, answer = self.look(path)
            self.assertEqual((got, set(answer)), (status, {"error", "detail"}))

    def test_whose_it_is(self):
        task, path = self.enqueue(NANO, "mine")
        film = self.post("/v1/video/create", {"model": TEXT, "prompt": "no image"})[2]["id"]
        for one, key in ((path, "other"), (path.replace(task, "task_" + "0" * 26), "dev"), (path.replace(task, film), "dev")):
            for method, behind in (("GET", ""), ("GET", "/status"), ("PUT", "/cancel")):
                status, _, answer = self.spool.request(method, one + behind, None, {"Authorization": f"Bearer sk-{key}"})
                self.assertEqual((status, answer["detail"]), (404, answer["error"]["message"]), (method, one, behind))
        self.spool.end_of(task)
        self.assertEqual(self.spool.end_of(film)["status"], "succeeded", "nobody has cancelled it")

    def test_wrong_input(self):
        for body, field in (({}, "prompt"), ({"prompt": "x", "num_images": 5}, "num_images")):
            status, _, answer = self.post(f"/queue/{NANO}", body)
            self.assertEqual((status, answer["detail"][0]["loc"]), (400, ["body", field]))
        self.assertEqual(self.post("/queue/fal-ai/x", {"prompt": "x"})[0], 404)


class Clients(unittest.TestCase):
    """What comes of clients that don't wait, and of those that send again."""

    def test_waiting_too_long(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim)], "sync_wait_ms": 1000}) as spool:
            body = {"prompt": "long [hang]"}
            first, second = (spool.request("POST", f"/{NANO}", body) for _ in range(2))
            self.assertEqual((first[0], first[2]["error"]["code"]), (504, "task_timeout_waiting"))
            self.assertEqual((second[0], second[1]["x-task-id"]), (504, first[1]["x-task-id"]), "the same that runs still")
            self.assertEqual(sim.jobs("fal")[0]["long [hang]"], 1)

    def test_nobody_there(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim)]}) as spool:
            status, _, answer = spool.request("POST", f"/{NANO}", {"prompt": "soon [429]"})
            self.assertEqual((status, len(answer["images"])), (200, 1))


class Relayed(unittest.TestCase):
    """front ── wire ── back ── simulator"""

    def test_every_path(self):
        with Sim(speed=50) as sim, Spool({"accounts": [fal_account(sim)]}) as back, Between(back) as wire:
            models = {**IMAGES, "art": FLUX}
            accounts = [fal_account(wire, "fal-r", dialect="relay", api_key=back.key, models=models, webhook_keys_url=None)]
            with Spool({"accounts": accounts}) as front:
                status, sent, answer = front.request("POST", f"/{NANO}", {"prompt": "far", "image_size": "square_hd", "num_images": 2})
                self.assertEqual(status, 200, answer)
                task = front.end_of(sent["x-task-id"])
                check_artifacts(task, "image", "image")
                self.assertEqual([one["url"] for one in answer["images"]], [one["url"] for one in task["artifacts"]])
                self.assertEqual(answer["description"], "Seen by the simulator.")
                (asked,) = [one for one in wire.at(f"/{NANO}") if one.method == "POST"]
                self.assertEqual(asked.body, {"prompt": "far", "aspect_ratio": "1:1", "num_images": 2})
                self.assertEqual(asked.headers["idempotency-key"], task["id"])
                status, _, answer = front.request("POST", MAKE, {"model": "art", "prompt": "further", "size": "512x512"})
                self.assertEqual((status, len(answer["data"])), (200, 1), answer)
                for word, status, code in (("moderation", 400, "content_filter"), ("fail", 500, "vendor_failed"), ("nsfw", 400, "content_filter")):
                    got, _, answer = front.request("POST", f"/{FLUX}", {"prompt": f"far [{word}]"})
                    self.assertEqual((got, answer["error"]["code"]), (status, code), word)
                    self.assertEqual(sim.jobs("fal")[0][f"far [{word}]"], 1)


if __name__ == "__main__":
    main()
