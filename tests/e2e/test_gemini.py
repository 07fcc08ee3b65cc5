"""Google's images: in its own dialect and in OpenAI's, at both of its APIs, and through another Spool."""
import base64
import unittest

from harness import PNG, Between, Family, Sim, Spool, Vendor, check_artifacts, check_signature, download, eventually, exchange, main
from vendors.gemini import gemini_account, native

MAKE, EDIT = "/v1/images/generations", "/v1/images/edits"
FLASH, PRO, IMAGEN, OWN = "nano-banana-2", "nano-banana-pro", "imagen-4", "gemini-3.1-flash-image"
RAW = base64.b64encode(PNG).decode()
PICTURE = {"inlineData": {"mimeType": "image/png", "data": RAW}}
IMAGE_ONLY = {"generationConfig": {"responseModalities": ["IMAGE"]}}


def path_of(model, version="v1beta"):
    return f"/{version}/models/{model}:generateContent"


def parts_of(answer):
    (candidate,) = answer["candidates"]
    return candidate["content"]["parts"]


def files_in(answer):
    found = [part["inlineData"] for part in parts_of(answer) if "inlineData" in part]
    return [base64.b64decode(one["data"], validate=True) for one in found]


class Google(Family):
    settings = {"queue_timeout_ms": 6000}

    @classmethod
    def accounts(cls):
        return [
            gemini_account(cls.vendor),
            gemini_account(cls.vendor, "vertex", cls.sim.key_file()),
            gemini_account(cls.vendor, name="imagen", models={IMAGEN: "imagen-4.0-generate-001"}),
            gemini_account(cls.vendor, name="gone", models={"nano-banana": "gemini-2.5-flash-image"}),
        ]

    def make(self, body, path=path_of(FLASH), key="dev", **headers):
        """(answer, the task as it ended)"""
        status, sent, answer = self.post(path, body, key, **headers)
        self.assertEqual(status, 200, answer)
        task = self.spool.end_of(sent["x-task-id"])
        self.assertEqual(task["status"], "succeeded")
        return answer, task

    def fails(self, body, path=path_of(FLASH)):
        """(status, error, the task as it ended)"""
        status, sent, answer = self.post(path, body)
        self.assertEqual(set(answer), {"error"}, answer)
        return status, answer["error"], self.spool.end_of(sent["x-task-id"])

    def billed(self, prompt):
        return self.sim.jobs("gemini")[0].get(prompt, 0)

    def sent(self, prompt):
        (asked,) = [one for one in self.vendor.at("/models/") if f'"{prompt}"'.encode() in one.raw]
        return asked

    def check_files(self, answer, task, kinds=1):
        files = check_artifacts(task, *["image"] * kinds)
        self.assertEqual(files_in(answer), files)
        return files


class Native(Google):
    def test_an_image(self):
        for version in ("v1beta", "v1"):
            prompt = f"one by {version}"
            answer, task = self.make(native(prompt), path_of(FLASH, version))
            (data,) = self.check_files(answer, task)
            self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual(set(answer), {"candidates", "usageMetadata", "modelVersion", "responseId"})
            (candidate,) = answer["candidates"]
            self.assertEqual((candidate["finishReason"], candidate["content"]["role"], candidate["index"]), ("STOP", "model", 0))
            self.assertEqual(candidate["content"]["parts"][0]["inlineData"]["mimeType"], "image/png")
            self.assertEqual((answer["modelVersion"], answer["responseId"]), (FLASH, task["id"]))
            self.assertEqual(answer["usageMetadata"]["totalTokenCount"], 1302)
            self.assertEqual((task["provider"], task["action"], task["model"]), ("gemini", "generate", FLASH))
            asked = self.sent(prompt)
            self.assertEqual((asked.path, asked.body), (path_of(OWN), native(prompt)))
            self.assertEqual(asked.headers["x-goog-api-key"], "sim-secret")
            self.assertNotIn("authorization", asked.headers)
            self.assertEqual(self.billed(prompt), 1)

    def test_at_vertex(self):
        config = {"imageConfig": {"aspectRatio": "21:9", "imageSize": "4K", "imageOutputOptions": {"mimeType": "image/jpeg"}}}
        answer, task = self.make({"contents": [{"parts": [{"text": "at vertex"}, PICTURE]}], "generationConfig": config}, path_of(PRO))
        (data,) = self.check_files(answer, task)
        self.assertEqual((data[:2], parts_of(answer)[0]["inlineData"]["mimeType"]), (b"\xff\xd8", "image/jpeg"))
        asked = self.sent("at vertex")
        self.assertEqual(asked.path.split("/models/")[1], "gemini-3-pro-image:generateContent")
        self.assertEqual(asked.body["contents"], [{"role": "user", "parts": [{"text": "at vertex"}, PICTURE]}])
        self.assertEqual(asked.body["generationConfig"], {**config, "responseModalities": ["IMAGE"]})
        self.assertTrue(asked.headers["authorization"].startswith("Bearer ya29."))
        _, task = self.make(native("a token that is refused [401-once]"), path_of(PRO))
        self.assertEqual(self.billed("a token that is refused [401-once]"), 1)

    def test_what_the_gemini_api_has_not(self):
        config = {"imageConfig": {"imageSize": "1K", "imageOutputOptions": {"mimeType": "image/jpeg"}}}
        self.make(native("without options", config=config))
        expected = native("without options", config={"imageConfig": {"imageSize": "1K"}})
        self.assertEqual(self.sent("without options").body, expected)

    def test_other_spellings(self):
        """As python-genai sends bytes, and as Google's examples have it."""
        raw = base64.urlsafe_b64encode(PNG + b"\xfb\xff").decode()
        body = {
            "contents": {"parts": {"inline_data": {"mime_type": "image/png", "data": raw.rstrip("=")}}},
            "generation_config": {"response_modalities": ["Text", "Image"], "image_config": {"aspect_ratio": "1:1", "image_size": ""}},
            "system_instruction": {"parts": [{"text": "other spellings"}]},
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        }
        answer, task = self.make(body)
        self.check_files(answer, task)
        sent = self.sent("other spellings").body
        data = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG + b"\xfb\xff").decode()}}
        self.assertEqual(sent["contents"], [{"parts": [data]}])
        self.assertEqual(sent["generationConfig"], {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1"}})
        self.assertEqual((sent["systemInstruction"], sent["safetySettings"]), (body["system_instruction"], body["safety_settings"]))

    def test_a_talk(self):
        """Its next turn needs what was told of the first, or Google refuses it."""
        both = {"responseModalities": ["TEXT", "IMAGE"]}
        answer, task = self.make(native("a cat [talk] [thoughts]", config=both))
        self.check_files(answer, task)
        first, image, last = parts_of(answer)
        self.assertEqual((first["text"], last["text"]), ("Here it is:", "Shall I change it?"))
        self.assertEqual(image["thoughtSignature"], "c2lnbmF0dXJl")
        turns = native("a cat")["contents"] + [answer["candidates"][0]["content"], {"role": "user", "parts": [{"text": "make it blue"}]}]
        answer, task = self.make({"contents": turns, **IMAGE_ONLY})
        self.check_files(answer, task)
        image.pop("thoughtSignature")
        status, error, _ = self.fails({"contents": turns, **IMAGE_ONLY})
        self.assertEqual((status, error["type"]), (400, "invalid_request"))

    def test_links(self):
        with Vendor() as host:
            link = {"fileData": {"fileUri": f"{host.url}/files/a.png", "mimeType": "image/webp"}}
            for model in (FLASH, PRO):
                prompt = f"a link for {model}"
                answer, task = self.make(native(prompt, link, PICTURE, link), path_of(model))
                self.check_files(answer, task)
                self.assertEqual(self.sent(prompt).body["contents"], native(prompt, PICTURE, PICTURE, PICTURE)["contents"])
            status, error, task = self.fails(native("a link to nowhere", {"fileData": {"fileUri": f"{host.url}/none"}}))
            self.assertEqual((status, task["status"]), (400, "failed"), error)
            self.assertIn("input image 0 can't be fetched", error["message"])

    def test_imagen(self):
        config = {"imageGenerationConfig": {"numberOfImages": 3, "aspectRatio": "16:9"}}
        answer, task = self.make(native("three dogs", config=config), path_of(IMAGEN))
        self.check_files(answer, task, 3)
        asked = self.sent("three dogs")
        self.assertEqual(asked.path, "/v1beta/models/imagen-4.0-generate-001:predict")
        self.assertEqual(asked.body, {"instances": [{"prompt": "three dogs"}], "parameters": {"sampleCount": 3, "aspectRatio": "16:9"}})
        answer, task = self.make(native("some dogs [part]", config=config), path_of(IMAGEN))
        self.check_files(answer, task, 2)
        for word, status, code in (("[moderation]", 400, "content_filter"), ("[none]", 502, "vendor_failed")):
            got, error, _ = self.fails(native(f"a dog {word}"), path_of(IMAGEN))
            self.assertEqual((got, error["type"]), (status, code))

    def test_a_large_one(self):
        answer, task = self.make(native("large [big-20]"))
        (data,) = self.check_files(answer, task)
        self.assertGreater(len(data), 20 * 1024 * 1024 - 3)

    def test_keys(self):
        path, body = path_of(FLASH), native("keys")
        for query, headers, status in (
            ("?key=sk-dev", {}, 200),
            ("", {"x-goog-api-key": "sk-dev"}, 200),
            ("", {"Authorization": "Bearer sk-dev"}, 200),
            ("", {}, 401),
            ("?key=sk-wrong", {}, 401),
            ("", {"x-goog-api-key": "sk-wrong"}, 401),
        ):
            self.assertEqual(exchange(self.spool.port, "POST", path + query, body, headers)[0], status, (query, headers))

    def test_the_file_that_is_no_draft(self):
        """Marks before the data and behind it: the files are told apart by their places."""
        files = [PNG + bytes([i]) for i in range(3)]
        blobs = [{"mimeType": "image/png", "data": base64.b64encode(data).decode()} for data in files]
        parts = [{"thought": True, "inlineData": blobs[0]}, {"inlineData": blobs[1], "thought": True}, {"inlineData": blobs[2]}]
        made = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
        with Vendor() as vendor:
            vendor.on(":generateContent", lambda asked: (200, {}, made))
            with Spool({"accounts": [gemini_account(vendor)]}) as spool:
                status, _, answer = spool.request("POST", path_of(FLASH), native("drafts"))
        self.assertEqual((status, files_in(answer)), (200, files[2:]))


class Failures(Google):
    def test_refusals(self):
        """By either dialect."""
        for word, status, google, code, words in (
            ("[refuse]", 400, "INVALID_ARGUMENT", "invalid_request", "The prompt violates our usage guidelines."),
            ("[block]", 400, "INVALID_ARGUMENT", "content_filter", "PROHIBITED_CONTENT"),
            ("[moderation]", 400, "INVALID_ARGUMENT", "content_filter", "IMAGE_SAFETY: Unable to show the generated image."),
            ("[text]", 502, "INTERNAL", "vendor_failed", "I can only describe it: a lighthouse."),
            ("[none]", 502, "INTERNAL", "vendor_failed", "the answer has no image: NO_IMAGE"),
            ("[fail]", 502, "INTERNAL", "vendor_failed", "the answer has no image: IMAGE_OTHER"),
            ("[forbidden]", 404, "NOT_FOUND", "model_not_found", "The caller does not have permission."),
        ):
            for path, body in ((path_of(FLASH), native(f"no {word}")), (MAKE, {"model": FLASH, "prompt": f"also no {word}"})):
                got, error, task = self.fails(body, path)
                self.assertEqual((got, task["error"]), (status, {"code": code, "message": words}), path)
                if path == MAKE:
                    self.assertEqual((error["code"], error["message"]), (code, words))
                else:
                    self.assertEqual(error, {"code": status, "status": google, "type": code, "message": words})

    def test_a_lost_answer_is_never_asked_for_again(self):
        for word in ("[cut]", "[502]", "[html]", "[empty]", "[500]", "[503]", "[cut-length]", "[cut-chunks]", "[cut-unaccepted]"):
            status, error, task = self.fails(native(f"lost {word}"))
            self.assertEqual((status, error["type"]), (502, "submit_outcome_unknown"), word)
            self.assertEqual((task["status"], task["artifacts"]), ("failed", []))
            self.assertEqual(len([one for one in self.vendor.at("/models/") if f"lost {word}".encode() in one.raw]), 1)

    def test_refused_for_now(self):
        answer, task = self.make(native("busy [429]"))
        self.check_files(answer, task)
        self.assertEqual(self.billed("busy [429]"), 1)

    def test_models(self):
        for path, body in ((path_of("nano-banana"), native("gone")), (MAKE, {"model": "nano-banana", "prompt": "gone"})):
            status, error, _ = self.fails(body, path)
            self.assertEqual((status, error.get("type") if path != MAKE else error["code"]), (404, "model_not_found"))
        for model in ("nobody-1", "imagen-3", "gemini-9-image"):
            status, _, answer = self.post(path_of(model), native("x"))
            self.assertEqual((status, answer["error"]["status"], answer["error"]["type"]), (404, "NOT_FOUND", "model_not_found"))
        status, _, answer = self.post(MAKE, {"model": "imagen-3", "prompt": "x"})
        self.assertEqual((status, answer["error"]["code"]), (404, "model_not_found"))
        status, _, answer = self.post("/v1/videos", {"model": FLASH, "prompt": "x"})
        self.assertEqual((status, answer["error"]["message"]), (400, f"model: {FLASH} doesn't make videos"))

    def test_an_account_that_can_t(self):
        accounts = [
            gemini_account(self.sim, api_key="wrong"),
            gemini_account(self.sim, "vertex", self.sim.key_file()),
        ]
        later = {"Prefer": "respond-async"}
        with Spool({"accounts": accounts, "queue_timeout_ms": 1000}) as spool:
            bodies = ((FLASH, native("a wrong key")), (PRO, native("the wrong place [location]")))
            tasks = [spool.request("POST", path_of(model), body, later)[2]["id"] for model, body in bodies]
            errors = [spool.end_of(task)["error"] for task in tasks]
        self.assertEqual([error["code"] for error in errors], ["vendor_unavailable"] * 2)
        self.assertIn("API key not valid", errors[0]["message"])
        self.assertIn("User location is not supported", errors[1]["message"])

    def test_links_that_lead_to_us(self):
        config = {"accounts": [gemini_account(self.sim)], "webhook": {"allow_private_networks": False}}
        link = "http://127.0.0.1:9/a.png"
        with Spool(config) as spool:
            for path, body, field in (
                (path_of(FLASH), native("x", {"fileData": {"fileUri": link}}), "contents"),
                (MAKE, {"model": FLASH, "prompt": "x", "image_input": [link]}, "image_input"),
            ):
                status, _, answer = spool.request("POST", path, body)
                self.assertEqual(status, 400, answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)

    def test_accounts_are_tried(self):
        """A model that there isn't costs nothing, and tells whether the key is right."""
        key, relay = self.sim.key_file(), {"dialect": "relay", "models": {}}
        accounts = {
            "right": (gemini_account(self.sim, name="right"), "ok"),
            "wrong": (gemini_account(self.sim, name="wrong", api_key="wrong"), "bad_key"),
            "vertex": (gemini_account(self.sim, "vertex", key, "vertex"), "ok"),
            "relay": (gemini_account(self.spool, name="relay", api_key="sk-dev", **relay), "ok"),
            "relay-wrong": (gemini_account(self.spool, name="relay-wrong", api_key="wrong", **relay), "bad_key"),
        }
        tokens = [{"name": "root", "key": "sk-root", "admin": True}]
        with Spool({"accounts": [one for one, _ in accounts.values()], "tokens": tokens}) as spool:
            for name, (_, state) in accounts.items():
                path = f"/admin/v1/accounts/{name}/test"
                _, _, body = spool.request("POST", path, None, {"Authorization": "Bearer sk-root"})
                self.assertEqual((body["ok"], body["state"]), (state == "ok", state), body)


class Unified(Google):
    def test_generations(self):
        with Vendor() as host:
            link = f"{host.url}/files/a.png"
            body = {
                "model": PRO, "prompt": "as the page has it", "image_input": [link, link], "resolution": "4K",
                "aspect_ratio": "21:9", "output_format": "jpg", "n": 1,
            }  # fmt: skip
            answer, task = self.make(body, MAKE)
        (data,) = check_artifacts(task, "image")
        self.assertEqual(set(answer), {"created", "data"})
        self.assertEqual(answer["data"], [{"url": task["artifacts"][0]["url"]}])
        self.assertEqual((data[:2], download(answer["data"][0]["url"])[2]), (b"\xff\xd8", data))
        config = {"aspectRatio": "21:9", "imageSize": "4K", "imageOutputOptions": {"mimeType": "image/jpeg"}}
        self.assertEqual(self.sent("as the page has it").body, native("as the page has it", PICTURE, PICTURE, config={"imageConfig": config}))

    def test_base64(self):
        answer, task = self.make({"model": FLASH, "prompt": "in the answer", "response_format": "b64_json", "output_format": "png"}, MAKE)
        (data,) = check_artifacts(task, "image")
        self.assertEqual(base64.b64decode(answer["data"][0]["b64_json"], validate=True), data)
        self.assertEqual(self.sent("in the answer").body, native("in the answer"))

    def test_edits(self):
        answer, task = self.make({"model": FLASH, "prompt": "an edit", "image": [RAW, RAW], "size": "1536x1024"}, EDIT)
        check_artifacts(task, "image")
        self.assertEqual(self.sent("an edit").body, native("an edit", PICTURE, PICTURE, config={"imageConfig": {"aspectRatio": "3:2"}}))
        self.assertEqual(task["action"], "edit")

    def test_imagen(self):
        answer, task = self.make({"model": IMAGEN, "prompt": "four cats", "n": 4, "aspect_ratio": "3:4"}, MAKE)
        check_artifacts(task, *["image"] * 4)
        self.assertEqual(len(answer["data"]), 4)
        self.assertEqual(self.sent("four cats").body["parameters"], {"sampleCount": 4, "aspectRatio": "3:4"})

    def test_wrong_input(self):
        for path, model, body, field in (
            (MAKE, PRO, {"n": 2}, "n"),
            (MAKE, FLASH, {"n": 2}, "n"),
            (MAKE, IMAGEN, {"n": 5}, "n"),
            (MAKE, PRO, {"resolution": "8K"}, "resolution"),
            (MAKE, PRO, {"aspect_ratio": "8:1"}, "aspect_ratio"),
            (MAKE, PRO, {"size": "1000x7"}, "size"),
            (MAKE, PRO, {"quality": "hd"}, "quality"),
            (MAKE, PRO, {"style": "vivid"}, "style"),
            (MAKE, PRO, {"stream": True}, "stream"),
            (MAKE, PRO, {"output_format": "webp"}, "output_format"),
            (MAKE, PRO, {"image_input": ["ftp://a/b"]}, "image_input"),
            (MAKE, PRO, {"image_input": ["https://vendor.example/a.png"] * 15}, "image_input"),
            (MAKE, PRO, {"image_input": [RAW]}, "image_input"),
            (MAKE, PRO, {"image_input": f"data:image/png;base64,{RAW}"}, "image_input"),
            (MAKE, PRO, {"image": "https://vendor.example/a.png"}, "image"),
            (MAKE, IMAGEN, {"image_input": [RAW]}, "image_input"),
            (MAKE, PRO, {"mask": RAW}, "mask"),
            (EDIT, PRO, {}, "image"),
            (EDIT, PRO, {"image": RAW, "mask": RAW}, "mask"),
            ("/v1/images/variations", PRO, {"image": RAW}, "model"),
        ):
            with self.subTest(body=str(body)[:60]):
                status, _, answer = self.post(path, {"model": model, "prompt": "x", **body}, "empty")
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
                self.assertRegex(answer["error"]["message"], rf"^{field}(\.\d+)?: ")
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])


class Rest(Google):
    speed = 4

    def test_wrong_input(self):
        config = lambda **fields: {"contents": native("x")["contents"], "generationConfig": fields}
        part = lambda value: {"contents": [{"parts": [value]}]}
        picture = lambda **fields: part({"inlineData": {"mimeType": "image/png", "data": RAW, **fields}})
        for body, field in (
            ({}, "contents"),
            ({"contents": []}, "contents"),
            ({"contents": "x"}, "contents"),
            ({"contents": [{}]}, "contents"),
            ({"contents": [7]}, "contents.0"),
            ({"contents": [{"role": "user"}]}, "contents.0.parts"),
            ({"contents": [{"role": 7, "parts": [{"text": "x"}]}]}, "contents.0.role"),
            (part("x"), "contents.0.parts.0"),
            (part({"text": 7}), "contents.0.parts.0.text"),
            (part({"inlineData": "x"}), "contents.0.parts.0.inlineData"),
            (picture(data="?"), "contents.0.parts.0.inlineData.data"),
            (picture(data="Zm9vYmFy"), "contents.0.parts.0.inlineData.data"),
            (picture(data=""), "contents.0.parts.0.inlineData.data"),
            (picture(mimeType=""), "contents.0.parts.0.inlineData.mimeType"),
            (part({"fileData": {"mimeType": "image/png"}}), "contents.0.parts.0.fileData.fileUri"),
            (native("x", {"fileData": {"fileUri": "gs://a/b"}}), "contents"),
            (native("x", *[PICTURE] * 15), "contents"),
            (config(responseModalities=["TEXT"]), "generationConfig.responseModalities"),
            (config(responseModalities="IMAGE"), "generationConfig.responseModalities"),
            (config(responseModalities=["IMAGE", "AUDIO"]), "generationConfig.responseModalities.1"),
            (config(candidateCount=2), "generationConfig.candidateCount"),
            (config(candidateCount="x"), "generationConfig.candidateCount"),
            (config(imageConfig="x"), "generationConfig.imageConfig"),
            (config(imageConfig={"aspectRatio": "7:1"}), "generationConfig.imageConfig.aspectRatio"),
            (config(imageConfig={"imageSize": "2k"}), "generationConfig.imageConfig.imageSize"),
            (config(imageConfig={"personGeneration": "ALLOW_ALL"}), "generationConfig.imageConfig.personGeneration"),
            (config(imageGenerationConfig={"numberOfImages": 2}), "generationConfig.imageGenerationConfig"),
            ({**native("x"), "callback_url": "ftp://a"}, "callback_url"),
            ({**native("x"), "safetySettings": "x"}, "safetySettings"),
        ):
            with self.subTest(body=str(body)[:80]):
                status, _, answer = self.post(path_of(FLASH), body, "empty")
                self.assertEqual((status, answer["error"]["code"], answer["error"]["status"]), (400, 400, "INVALID_ARGUMENT"), answer)
                self.assertTrue(answer["error"]["message"].startswith(f"{field}: "), answer)
        for model, body in (("gemini-2.5-flash", native("x")), ("veo-3.1", native("x")), ("gpt-image-2", native("x"))):
            status, _, answer = self.post(path_of(model), body, "empty")
            expected = 404 if model == "gpt-image-2" else 400
            self.assertEqual(status, expected, answer)
            self.assertIn(model, answer["error"]["message"])
        self.assertEqual(self.look("/v1/tasks", "empty")[1]["data"], [])

    def test_async(self):
        status, headers, task = self.post(path_of(FLASH), native("later"), Prefer="respond-async")
        self.assertEqual((status, task["object"], task["id"]), (202, "task", headers["x-task-id"]))
        check_artifacts(self.spool.end_of(task["id"]), "image")

    def test_cancel(self):
        status, headers, task = self.post(path_of(FLASH), native("held [never]"), Prefer="respond-async")
        eventually(lambda: self.billed("held [never]"), what="the call")
        status, _, answer = self.post(f"/v1/tasks/{task['id']}/cancel", b"")
        self.assertEqual((status, answer["cancel"]), (200, "not_supported_may_be_billed"))
        self.assertEqual(self.spool.end_of(task["id"])["status"], "cancelled")

    def test_webhooks(self):
        place = "/hook-gemini"
        self.make({**native("told"), "callback_url": self.receiver.url + place})
        eventually(lambda: self.receiver.at(place) and self.receiver.at(place)[-1].word == "succeed", what="the last word")
        hook = self.receiver.at(place)[-1]
        self.assertTrue(check_signature(hook, self.secret))
        self.assertEqual((hook.body["type"], list(hook.body["output"])), ("image", ["image_url"]))
        self.assertEqual(download(hook.body["output"]["image_url"])[0], 200)
        self.assertNotIn(place.encode(), self.sent("told").raw)


class Relay(unittest.TestCase):
    """front ── wire ── back ── simulator."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=50))
        imagen = gemini_account(cls.sim, name="imagen", models={IMAGEN: "imagen-4.0-generate-001"})
        accounts = [gemini_account(cls.sim), gemini_account(cls.sim, "vertex", cls.sim.key_file()), imagen]
        cls.back = cls.enterClassContext(Spool({"accounts": accounts}))
        cls.wire = cls.enterClassContext(Between(cls.back))
        models = {name: name for name in (FLASH, PRO, IMAGEN)}
        account = gemini_account(cls.wire, "relay", api_key=cls.back.key, models=models)
        cls.front = cls.enterClassContext(Spool({"accounts": [account], "queue_timeout_ms": 3000}))

    def ask(self, path, body):
        status, headers, answer = self.front.request("POST", path, body)
        return status, answer, self.front.end_of(headers["x-task-id"])

    def test_through_another(self):
        both = {"responseModalities": ["TEXT", "IMAGE"]}
        for path, body, kinds in (
            (path_of(FLASH), native("through [thoughts] [talk]", PICTURE, config=both), 1),
            (path_of(PRO), native("through", config={"imageConfig": {"imageSize": "2K"}}), 1),
            (path_of(IMAGEN), native("through", config={"imageGenerationConfig": {"numberOfImages": 2}}), 2),
            (MAKE, {"model": FLASH, "prompt": "through, as OpenAI has it", "image_input": [RAW], "aspect_ratio": "1:1"}, 1),
            (MAKE, {"model": IMAGEN, "prompt": "two", "n": 2}, 2),
        ):
            status, answer, task = self.ask(path, body)
            self.assertEqual(status, 200, answer)
            files = check_artifacts(task, *["image"] * kinds)
            asked = self.wire.asked[-1]
            self.assertRegex(asked.path, "^/v1beta/models/[a-z0-9-]+:generateContent$")
            self.assertEqual((asked.headers["authorization"], asked.headers["idempotency-key"]), (f"Bearer {self.back.key}", task["id"]))
            theirs = self.back.get("/v1/tasks?limit=1")["data"][0]
            self.assertEqual(files, check_artifacts(theirs, *["image"] * kinds))
            if path != MAKE:
                self.assertEqual(files_in(answer), files)
            if "[talk]" in str(body):
                self.assertEqual([part.get("text") for part in parts_of(answer)], ["Here it is:", None, "Shall I change it?"])

    def test_what_the_other_says(self):
        for word, status, code, words in (
            ("[block]", 400, "content_filter", "PROHIBITED_CONTENT"),
            ("[refuse]", 400, "invalid_request", "The prompt violates our usage guidelines."),
            ("[text]", 502, "vendor_failed", "I can only describe it: a lighthouse."),
            ("[500]", 502, "submit_outcome_unknown", None),
        ):
            got, answer, task = self.ask(path_of(FLASH), native(f"there {word}"))
            self.assertEqual((got, answer["error"]["type"], task["error"]["code"]), (status, code, code))
            if words is not None:
                self.assertEqual(answer["error"]["message"], words)

    def test_a_gateway(self):
        """Its models answer with data URLs or links in words."""
        data, link = f"![image](data:image/png;base64,{RAW})", "![image]({0}/files/1.png)"
        for text in (data, link):
            with Vendor() as vendor:
                text = text.format(vendor.url)
                answered = {"candidates": [{"content": {"parts": [{"text": text}]}}]}
                vendor.on(":generateContent", lambda asked, answered=answered: (200, {}, answered))
                with Spool({"accounts": [gemini_account(vendor, "relay")]}) as spool:
                    status, _, answer = spool.request("POST", path_of(PRO), native("by a gateway"))
            self.assertEqual((status, parts_of(answer)), (200, [PICTURE]))


if __name__ == "__main__":
    main()
