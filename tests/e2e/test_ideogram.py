"""Ideogram: V_3 and the older paths, JSON and forms, at the simulator and through another Spool."""
import base64
import email
import json
import time
import unittest

from harness import PNG, Between, Family, Sim, Spool, Vendor, bearer, check_artifacts, download, eventually, exchange, form, main
from vendors.ideogram import ideogram_account

V3, OLD = "/ideogram/v1/ideogram-v3/", "/ideogram/"
MAKE = V3 + "generate"
RAW = base64.b64encode(PNG).decode()
DATA = f"data:image/png;base64,{RAW}"
GIF = base64.b64encode(b"GIF89a\1\0\1\0 and what follows").decode()
FILE = ("image.png", "image/png", PNG)
OLD_FILE = ("image_file.png", "image/png", PNG)
MASK = ("mask.png", "image/png", PNG)


def picture(width, height, words=""):
    """The beginning of a PNG of that size."""
    head = PNG[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + PNG[24:]
    return head + (f"words:{words}".encode() if words else b"")


def encoded(data):
    return base64.b64encode(data).decode()


def bare_form(fields, **files):
    """A form whose files don't say what they are."""
    return form(fields, *files.items(), kind="application/octet-stream")


def fields_of(asked):
    """What the vendor was asked for: a form's files are (name, type, bytes)."""
    kind = asked.headers["content-type"]
    if not kind.startswith("multipart/form-data; "):
        return asked.body
    whole = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + asked.raw)
    found = {}
    for part in whole.get_payload():
        name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        assert name not in found, name
        if part.get_filename() is not None:
            found[name] = (part.get_filename(), part.get_content_type(), data)
        elif part["Content-Type"] == "application/json":
            found[name] = json.loads(data)
        else:
            found[name] = data.decode()
    return found


class Ideogram(Family):
    settings = {"queue_timeout_ms": 6000}

    @classmethod
    def accounts(cls):
        return [ideogram_account(cls.vendor)]

    def make(self, body, path=MAKE, key="dev", **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(path, body, key, **headers)
        self.assertEqual(status, 200, answer)
        task = self.spool.end_of(sent["x-task-id"])
        self.assertEqual(task["status"], "succeeded")
        return answer, task

    def fails(self, body, path=MAKE):
        """(status, error, the task as it ended)"""
        status, sent, answer = self.post(path, body)
        self.assertEqual(set(answer), {"error"}, answer)
        return status, answer["error"], self.spool.end_of(sent["x-task-id"])

    def check_refusal(self, word, status, code, words):
        """Of the prompt with the word, to the client and in the task; billed once at most."""
        got, error, task = self.fails({"prompt": f"no {word}", "num_images": 2})
        self.assertEqual((got, task["error"]), (status, {"code": code, "message": words}))
        self.assertEqual((error["code"], error["message"]), (code, words))
        self.assertLessEqual(self.billed(f"no {word}"), 1)

    def billed(self, prompt):
        return self.sim.jobs("ideogram")[0].get(prompt, 0)

    def last(self):
        return [one for one in self.vendor.at("/") if one.headers.get("api-key")][-1]

    def check_answer(self, answer, task):
        files = check_artifacts(task, *["image"] * len(answer["data"]))
        self.assertEqual(set(answer), {"created", "data"})
        self.assertLess(abs(answer["created"] - time.time()), 60)
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in task["artifacts"]])
        for data in files:
            self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        return files


class Results(Ideogram):
    def test_generate(self):
        """As the page has it."""
        prompt = 'A serene Japanese garden, text saying "Hello World"'
        body = {"prompt": prompt, "aspect_ratio": "ASPECT_16_9", "rendering_speed": "DEFAULT", "style_type": "REALISTIC"}
        answer, task = self.make({**body, "model": "V_3", "magic_prompt_option": "AUTO", "negative_prompt": "", "notifyHook": ""})
        self.check_answer(answer, task)
        (image,) = answer["data"]
        expected = {"prompt": prompt, "resolution": "1344x768", "is_image_safe": True, "seed": 12345, "style_type": "REALISTIC"}
        self.assertEqual({**image, "url": ""}, {**expected, "url": ""})
        self.assertEqual((task["provider"], task["action"], task["model"]), ("ideogram", "generate", "V_3"))
        asked = self.last()
        self.assertEqual((asked.path, asked.body), (MAKE[len("/ideogram") :], {**body, "aspect_ratio": "16x9", "magic_prompt": "AUTO"}))
        self.assertEqual(asked.headers["api-key"], "sim-secret")
        self.assertNotIn("authorization", asked.headers)
        self.assertNotIn("idempotency-key", asked.headers)
        self.assertEqual(self.billed(prompt), 1)

    def test_several(self):
        answer, task = self.make({"prompt": "five boats", "num_images": 5, "seed": 0})
        self.assertEqual(len(set(self.check_answer(answer, task))), 5)
        self.assertEqual([one["seed"] for one in answer["data"]], list(range(12345, 12350)))

    def test_some_of_several(self):
        """The unsafe one can't be had, and is named in the task."""
        answer, task = self.make({"prompt": "boats [part]", "num_images": 3})
        lost, *found = task["artifacts"]
        self.assertEqual((lost["url"], lost["error"]["code"]), ("", "content_filter"))
        self.assertEqual([one["url"] for one in answer["data"]], [one["url"] for one in found])
        self.assertEqual([one["seed"] for one in answer["data"]], [12346, 12347])
        for one in found:
            self.assertEqual(download(one["url"])[0], 200)

    def test_images_of_images(self):
        """JSON with a link, with base64 and with a data URL, and a form: to the vendor it is always a form."""
        text = {"prompt": "x"}
        with Vendor() as host:
            link = f"{host.url}/files/a.png"
            for path, body, images, sent_to, expected in (
                (V3 + "edit", text, {"image": FILE, "mask": MASK}, "/v1/ideogram-v3/edit", text),
                (V3 + "edit", {**text, "style_type": "DESIGN"}, {"image": FILE}, "/v1/edit", text),
                (V3 + "remix", {**text, "image_weight": 0}, {"image": FILE}, "/v1/ideogram-v3/remix", {**text, "image_weight": "1"}),
                (V3 + "reframe", {}, {"image": FILE}, "/v1/ideogram-v3/reframe", {"resolution": "1024x1024"}),
                (V3 + "reframe", {"aspect_ratio": "ASPECT_9_16"}, {"image": FILE}, "/v1/ideogram-v3/reframe", {"resolution": "736x1312"}),
                (V3 + "replace-background", {**text, "seed": 7}, {"image": FILE}, "/v1/ideogram-v3/replace-background", {**text, "seed": "7"}),
                (OLD + "upscale", {}, {"image_file": OLD_FILE}, "/upscale", {"image_request": {}}),
            ):
                ways = [(lambda _, way=way: way) for way in (link, RAW, DATA)]
                bodies = [(json.dumps({**body, **{name: way(name) for name in images}}), {}) for way in ways]
                bodies.append(bare_form(body, **{name: file[2] for name, file in images.items()}))
                for number, (raw, headers) in enumerate(bodies):
                    with self.subTest(path=path, way=number):
                        answer, task = self.make(raw, path, **headers)
                        self.check_answer(answer, task)
                        asked = self.last()
                        theirs = {("images" if sent_to == "/v1/edit" else name): file for name, file in images.items()}
                        self.assertEqual((asked.path, fields_of(asked)), (sent_to, {**expected, **theirs}))

    def test_older_paths(self):
        request = {"prompt": "a city", "model": "V_2_TURBO", "aspect_ratio": "ASPECT_16_9", "magic_prompt_option": "AUTO", "seed": 5}
        answer, task = self.make({"image_request": request}, OLD + "generate")
        self.check_answer(answer, task)
        self.assertEqual((task["action"], task["model"]), ("legacy-generate", "V_2_TURBO"))
        self.assertEqual((self.last().path, self.last().body), ("/generate", {"image_request": request}))
        for raw, headers in (
            (json.dumps({"image_request": {**request, "image_weight": 0}, "image_file": DATA}), {}),
            bare_form({"image_request": json.dumps({**request, "image_weight": 0})}, image_file=PNG),
        ):
            answer, task = self.make(raw, OLD + "remix", **headers)
            self.check_answer(answer, task)
            expected = {"image_request": {**request, "image_weight": 1}, "image_file": OLD_FILE}
            self.assertEqual((self.last().path, fields_of(self.last())), ("/remix", expected))
        answer, _ = self.make({"image_request": {"prompt": "fine", "detail": 60}, "image_file": RAW}, OLD + "upscale")
        self.assertEqual(answer["data"][0]["upscaled_resolution"], "2688x1536")
        self.assertEqual(fields_of(self.last())["image_request"], {"prompt": "fine", "detail": 60})

    def test_describe(self):
        with Vendor() as host:
            for raw, headers in (
                (json.dumps({"image_file": f"{host.url}/files/a.png"}), {}),
                bare_form({"describe_model_version": "V_3"}, image_file=PNG),
            ):
                answer, task = self.make(raw, OLD + "describe", **headers)
                texts = ["A simulated image.", 'A "red" pixel on a lake.']
                self.assertEqual(answer, {"descriptions": [{"text": text} for text in texts]})
                self.assertEqual(task["artifacts"], [{"kind": "text", "text": text} for text in texts])
                self.assertEqual(fields_of(self.last())["image_file"], OLD_FILE)

    def test_large_images(self):
        image = picture(1, 1) + bytes(range(256)) * (9 << 12)
        body, headers = bare_form({"prompt": "large"}, image=image, mask=PNG)
        answer, task = self.make(body, V3 + "edit", **headers)
        self.check_answer(answer, task)
        sent = fields_of(self.last())
        self.assertTrue((sent["image"][2], sent["mask"][2]) == (image, PNG))
        with Vendor() as host:
            host.on("/large.png", lambda _: (200, {"Content-Type": "image/png"}, PNG + b"\0" * (10 << 20)))
            status, error, _ = self.fails({"prompt": "too large", "image": f"{host.url}/large.png"}, V3 + "remix")
        self.assertEqual((status, error["code"], error["message"]), (400, "invalid_request", "image: is larger than 10 MB"))
        self.assertEqual(self.billed("too large"), 0)

    def test_async(self):
        status, headers, task = self.post(MAKE, {"prompt": "later"}, Prefer="respond-async")
        self.assertEqual((status, task["object"], task["id"]), (202, "task", headers["x-task-id"]))
        check_artifacts(self.spool.end_of(task["id"]), "image")


class Failures(Ideogram):
    def test_refusals(self):
        for word, status, code, words in (
            ("[refuse]", 400, "content_filter", "Prompt failed the safety check."),
            ("[invalid]", 400, "invalid_request", "The prompt can't be used."),
            ("[400]", 400, "invalid_request", "Invalid input provided."),
            ("[unsafe]", 400, "content_filter", "the vendor holds all images for unsafe"),
            ("[none]", 502, "vendor_failed", "the answer has no image"),
            ("[error-200]", 502, "vendor_failed", "Something went wrong."),
        ):
            self.check_refusal(word, status, code, words)

    def test_refusals_about_images(self):
        for path, name in ((V3 + "reframe", "image"), (OLD + "upscale", "image_file"), (OLD + "describe", "image_file")):
            for word, status, code in (("[refuse]", 400, "content_filter"), ("[none]", 502, "vendor_failed")):
                got, error, _ = self.fails({name: encoded(picture(1, 1, word))}, path)
                self.assertEqual((got, error["code"]), (status, code), path)

    def test_a_lost_answer_is_never_asked_for_again(self):
        for word in ("[cut]", "[502]", "[html]", "[empty]", "[500]", "[503]", "[cut-length]", "[cut-chunks]", "[cut-unaccepted]"):
            status, error, task = self.fails({"prompt": f"lost {word}"})
            self.assertEqual((status, error["code"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.assertEqual(len([one for one in self.vendor.at("/v1/") if f"lost {word}".encode() in one.raw]), 1)

    def test_refused_for_now(self):
        later = {"Prefer": "respond-async"}
        tasks = {word: self.post(MAKE, {"prompt": f"busy {word}"}, **later)[2]["id"] for word in ("[inflight]", "[429]")}
        for word, task in tasks.items():
            check_artifacts(self.spool.end_of(task), "image")
            self.assertEqual(len([e for e in self.spool.events(task) if e == "refused"]), 2)
            self.assertEqual(self.billed(f"busy {word}"), 1)

    def test_an_account_that_can_t(self):
        upscale = OLD + "upscale", {"image_file": RAW}
        for (path, body), fields, words in (
            ((MAKE, {"prompt": "poor [funds]"}), {}, "You have no credits left."),
            ((MAKE, {"prompt": "a wrong key"}), {"api_key": "wrong"}, "Not authorized."),
            (upscale, {"api_key": "wrong"}, "Not authorized."),
        ):
            with Spool({"accounts": [ideogram_account(self.sim, **fields)], "queue_timeout_ms": 300}) as spool:
                status, _, answer = spool.request("POST", path, body)
                self.assertEqual((status, answer["error"]["code"]), (503, "vendor_unavailable"))
                self.assertIn(words, answer["error"]["message"])

    def test_links(self):
        """One that leads to nothing, to no image, to one that the vendor takes no such of; and to us."""
        with Vendor() as host:
            host.on("/a.txt", lambda _: (200, {"Content-Type": "image/png"}, b"a text, and more of it"))
            host.on("/a.gif", lambda _: (200, {"Content-Type": "image/png"}, base64.b64decode(GIF)))
            for path, words in (
                ("/none", "input image 0 can't be fetched"),
                ("/a.txt", "input image 0 is no image"),
                ("/a.gif", "image: must be a JPEG, a PNG or a WebP"),
            ):
                status, error, task = self.fails({"prompt": f"a link to {path}", "image": host.url + path}, V3 + "remix")
                self.assertEqual((status, task["error"]["code"]), (400, "invalid_request"), error)
                self.assertIn(words, error["message"])
                self.assertEqual(self.billed(f"a link to {path}"), 0)
        with Spool({"accounts": [ideogram_account(self.sim)], "webhook": {"allow_private_networks": False}}) as spool:
            for path, body, field in (
                (V3 + "edit", {"prompt": "x", "image": RAW, "mask": "http://127.0.0.1:9/a.png"}, "mask"),
                (OLD + "describe", {"image_file": "http://127.0.0.1:9/a.png"}, "image_file"),
            ):
                status, _, answer = spool.request("POST", path, body)
                self.assertEqual(status, 400, answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)

    def test_accounts_are_tried(self):
        """A generation that there isn't costs nothing, and tells whether the key is right."""
        accounts = {
            "right": (ideogram_account(self.sim, "right"), "ok"),
            "wrong": (ideogram_account(self.sim, "wrong", api_key="wrong"), "bad_key"),
            "relay": (ideogram_account(self.spool, "relay", dialect="relay", api_key="sk-dev"), "ok"),
            "relay-wrong": (ideogram_account(self.spool, "relay-wrong", dialect="relay", api_key="wrong"), "bad_key"),
        }
        tokens = [{"name": "root", "key": "sk-root", "admin": True}]
        with Spool({"accounts": [one for one, _ in accounts.values()], "tokens": tokens}) as spool:
            for name, (_, state) in accounts.items():
                path = f"/admin/v1/accounts/{name}/test"
                _, _, body = spool.request("POST", path, None, {"Authorization": "Bearer sk-root"})
                self.assertEqual((body["ok"], body["state"]), (state == "ok", state), body)


class Rest(Ideogram):
    def test_webhooks(self):
        place = "/hook-ideogram"
        self.make({"prompt": "told", "callback_url": self.receiver.url + place})
        eventually(lambda: self.receiver.at(place) and self.receiver.at(place)[-1].word == "succeed", what="the last word")
        told = self.receiver.at(place)[-1].body
        self.assertEqual((told["type"], list(told["output"])), ("image", ["image_url"]))
        self.assertEqual(download(told["output"]["image_url"])[0], 200)
        self.assertNotIn(place.encode(), self.last().raw)

    def test_the_same_key(self):
        first, again = (self.post(MAKE, {"prompt": "once"}, **{"Idempotency-Key": "k1"}) for _ in range(2))
        self.assertEqual((first[0], again[0], again[2]), (200, 200, first[2]))
        self.assertEqual((again[1]["idempotent-replayed"], self.billed("once")), ("true", 1))

    def test_wrong_input(self):
        x, image, file = {"prompt": "x"}, {"image": RAW}, {"image_file": RAW}
        request = {"image_request": x}
        for path, body, field in (
            (MAKE, {}, "prompt"),
            (MAKE, {"prompt": ""}, "prompt"),
            (MAKE, {"prompt": 5}, "prompt"),
            (MAKE, {**x, "model": "V_2"}, "model"),
            (MAKE, {**x, "aspect_ratio": "ASPECT_5_1"}, "aspect_ratio"),
            (MAKE, {**x, "aspect_ratio": 5}, "aspect_ratio"),
            (MAKE, {**x, "magic_prompt_option": "YES"}, "magic_prompt_option"),
            (MAKE, {**x, "magic_prompt": "YES"}, "magic_prompt"),
            (MAKE, {**x, "rendering_speed": "FAST"}, "rendering_speed"),
            (MAKE, {**x, "style_type": "ANIME"}, "style_type"),
            (MAKE, {**x, "negative_prompt": 5}, "negative_prompt"),
            (MAKE, {**x, "num_images": 0}, "num_images"),
            (MAKE, {**x, "num_images": 9}, "num_images"),
            (MAKE, {**x, "num_images": "some"}, "num_images"),
            (MAKE, {**x, "seed": -1}, "seed"),
            (MAKE, {**x, "seed": 1 << 31}, "seed"),
            (MAKE, {**x, "resolution": "1000x1000"}, "resolution"),
            (MAKE, {**x, "resolution": "1344x768", "aspect_ratio": "ASPECT_16_9"}, "resolution"),
            (MAKE, {**x, **image}, "image"),
            (MAKE, {**x, "callback_url": "ftp://a"}, "callback_url"),
            (V3 + "edit", x, "image"),
            (V3 + "edit", image, "prompt"),
            (V3 + "edit", {**x, "image": 5}, "image"),
            (V3 + "edit", {**x, "image": [RAW]}, "image"),
            (V3 + "edit", {**x, "image": "a word"}, "image"),
            (V3 + "edit", {**x, "image": GIF}, "image"),
            (V3 + "edit", {**x, "image": encoded(b"a text, and more of it")}, "image"),
            (V3 + "edit", {**x, **image, "mask": GIF}, "mask"),
            (V3 + "edit", {**x, "image": encoded(picture(64, 64)), "mask": encoded(picture(64, 32))}, "mask"),
            (V3 + "edit", {**x, **image, "aspect_ratio": "ASPECT_1_1"}, "aspect_ratio"),
            (V3 + "remix", {**x, **image, "image_weight": 101}, "image_weight"),
            (V3 + "remix", {**x, **image, "image_weight": -1}, "image_weight"),
            (V3 + "remix", {**x, **image, "mask": RAW}, "mask"),
            (V3 + "reframe", {}, "image"),
            (V3 + "reframe", {**image, "resolution": 1024}, "resolution"),
            (V3 + "replace-background", image, "prompt"),
            (V3 + "replace-background", {**x, **image, "resolution": "1024x1024"}, "resolution"),
            (OLD + "generate", {}, "image_request"),
            (OLD + "generate", {"image_request": []}, "image_request"),
            (OLD + "generate", {"image_request": "x"}, "image_request"),
            (OLD + "generate", {"image_request": {"model": "V_2"}}, "image_request.prompt"),
            (OLD + "generate", {"image_request": {**x, "model": "V_9"}}, "image_request.model"),
            (OLD + "generate", {"image_request": {**x, "aspect_ratio": "ASPECT_2_1"}}, "image_request.aspect_ratio"),
            (OLD + "generate", {"image_request": {**x, "resolution": "RESOLUTION_1_1"}}, "image_request.resolution"),
            (OLD + "generate", {"image_request": {**x, "num_images": 9}}, "image_request.num_images"),
            (OLD + "remix", request, "image_file"),
            (OLD + "remix", file, "image_request"),
            (OLD + "upscale", request, "image_file"),
            (OLD + "upscale", {**file, "image_request": {"detail": 101}}, "image_request.detail"),
            (OLD + "describe", {}, "image_file"),
            (OLD + "describe", {**file, "describe_model_version": "V_1"}, "describe_model_version"),
        ):
            with self.subTest(path=path, body=str(body)[:80]):
                status, _, answer = self.post(path, body, "empty")
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        for body, headers, field in (
            (*bare_form({"prompt": "x"}, image=b"a text, and more of it"), "image"),
            (*bare_form({"prompt": "x", "num_images": "many"}, image=PNG), "num_images"),
            (*bare_form({}, image=PNG), "prompt"),
        ):
            status, _, answer = self.post(V3 + "remix", body, "empty", **headers)
            self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
            self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_models(self):
        models = {one["id"] for one in self.spool.get("/v1/models")["data"]}
        self.assertLessEqual({"V_3", "V_2", "V_2_TURBO"}, models)
        with Spool({"accounts": [ideogram_account(self.vendor, models={"V_2": "V_2A"})]}) as spool:
            status, _, answer = spool.request("POST", MAKE, {"prompt": "x"})
            self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
            status, _, _ = spool.request("POST", OLD + "generate", {"image_request": {"prompt": "x"}})
            self.assertEqual((status, self.last().body["image_request"]["model"]), (200, "V_2A"))

    def test_keys(self):
        self.assertEqual(exchange(self.spool.port, "POST", MAKE, {"prompt": "x"})[0], 401)
        self.assertEqual(exchange(self.spool.port, "POST", MAKE, {"prompt": "x"}, bearer("dev"))[0], 200)


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator."""

    def test_through_another(self):
        sim = self.enterContext(Sim(speed=50))
        host = self.enterContext(Vendor())
        back = self.enterContext(Spool({"accounts": [ideogram_account(sim)]}))
        wire = self.enterContext(Between(back))
        front = self.enterContext(Spool({"accounts": [ideogram_account(wire, dialect="relay", api_key=back.key)]}))
        link = f"{host.url}/files/a.png"
        for path, body in (
            (MAKE, {"prompt": "x", "num_images": 2, "aspect_ratio": "ASPECT_16_9"}),
            (V3 + "edit", {"prompt": "x", "image": link, "mask": DATA}),
            (V3 + "edit", {"prompt": "x", "image": RAW}),
            (V3 + "remix", {"prompt": "x", "image": link, "image_weight": 0}),
            (V3 + "reframe", {"image": link}),
            (V3 + "replace-background", {"prompt": "x", "image": RAW}),
            (OLD + "generate", {"image_request": {"prompt": "x", "model": "V_2"}}),
            (OLD + "remix", {"image_request": {"prompt": "x"}, "image_file": link}),
            (OLD + "upscale", {"image_file": RAW}),
            (OLD + "describe", {"image_file": link}),
        ):
            status, headers, answer = front.request("POST", path, body)
            self.assertEqual(status, 200, answer)
            task = front.end_of(headers["x-task-id"])
            (asked,) = [one for one in wire.at(path) if one.headers.get("idempotency-key") == task["id"]]
            theirs = back.get("/v1/tasks?limit=1")["data"][0]
            kept = [[one.get("sha256", one.get("text")) for one in each["artifacts"]] for each in (task, theirs)]
            self.assertEqual(kept[0], kept[1])
            self.assertEqual(len(answer.get("data", answer.get("descriptions"))), len(kept[0]))
            self.assertEqual(asked.headers["authorization"], f"Bearer {back.key}")
            self.assertEqual(asked.body, body)
        for word, status, code in (
            ("refuse", 400, "content_filter"),
            ("unsafe", 400, "content_filter"),
            ("none", 502, "vendor_failed"),
            ("cut", 502, "submit_outcome_unknown"),
        ):
            got, _, answer = front.request("POST", MAKE, {"prompt": f"no [{word}]"})
            self.assertEqual((got, answer["error"]["code"]), (status, code))
            self.assertLessEqual(sim.jobs("ideogram")[0].get(f"no [{word}]", 0), 1)


if __name__ == "__main__":
    main()
