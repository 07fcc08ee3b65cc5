"""Clients' files: uploaded in four ways to both kinds of storage, under links that submits take."""
import base64
import gzip
import hashlib
import os
import threading
import unittest
import urllib.error
import urllib.request

from harness import PNG, Sim, Spool, Vendor, bearer, download, eventually, main
from vendors.veo import veo_account
from swift import Swift

PATH = "/v1/files/uploads"
MODELS = {"veo-3.1": "veo-3.1-generate-preview"}


def form(data, name="file", filename='; filename="a.png"'):
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{filename}\r\nContent-Type: image/png\r\n\r\n'
    return head.encode() + data + b"\r\n--b--\r\n"


class Uploads:
    """What holds for either storage."""

    @classmethod
    def start(cls, storage, **more):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        veo = veo_account(cls.sim, "gemini", models=MODELS)
        tokens = [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")]
        config = {"accounts": [veo], "storage": storage, "tokens": tokens, **more}
        cls.spool = cls.enterClassContext(Spool(config))

    def post(self, path, body, headers=None):
        return self.spool.request("POST", PATH + path, body, headers)

    def kept(self, answer, data=PNG):
        """The file is there, as it was sent."""
        status, _, file = answer
        self.assertEqual((status, file["object"]), (200, "file"), file)
        self.assertEqual((file["kind"], file["content_type"], file["bytes"]), ("image", "image/png", len(data)))
        self.assertEqual(file["sha256"], hashlib.sha256(data).hexdigest())
        self.assertGreater(file["expires_at"], 1.7e12)
        _, headers, got = download(file["url"])
        self.assertEqual((got, headers["content-type"]), (data, "image/png"))
        return file["url"]

    def refused(self, answer, status, message):
        self.assertEqual((answer[0], answer[2]["error"]["message"]), (status, message))

    def test_form(self):
        form_type = {"Content-Type": "multipart/form-data; boundary=b"}
        self.kept(self.post("", form(PNG), form_type))
        self.refused(self.post("", {}), 400, "file: send a multipart/form-data form with a file")
        self.refused(self.post("", form(b"x", filename=""), form_type), 400, "file: is required")
        self.refused(self.post("", form(b""), form_type), 400, "file: is empty")
        html = "file: is no image, video or audio that we know"
        self.refused(self.post("", form(b"<html>" * 10), form_type), 400, html)

    def test_base64(self):
        text = base64.b64encode(PNG).decode()
        self.kept(self.post("/base64", {"base64": text}))
        self.kept(self.post("/base64", {"data": f"data:image/png;base64,{text}"}))
        big = PNG + os.urandom(4 << 20)
        self.kept(self.post("/base64", {"base64": base64.b64encode(big).decode()}), big)
        self.refused(self.post("/base64", {}), 400, "base64: is required")
        self.refused(self.post("/base64", {"base64": "<>"}), 400, "base64: must be base64, or a data URL of it")

    def test_presign(self):
        status, _, place = self.post("/presign", {"content_type": "image/png"})
        self.assertEqual((status, place["method"]), (200, "PUT"))
        put = urllib.request.Request(place["upload_url"], PNG, place["headers"], method="PUT")
        with urllib.request.urlopen(put) as answer:
            self.assertEqual(answer.status, 200)
        self.assertEqual(download(place["url"])[2], PNG)
        self.refused(self.post("/presign", {}), 400, "content_type: is required")
        html = "content_type: is no type of image, video or audio that we know"
        self.refused(self.post("/presign", {"content_type": "text/html"}), 400, html)

    def test_a_submit_takes_the_link(self):
        url = self.kept(self.post("/base64", {"base64": base64.b64encode(PNG).decode()}))
        body = {"model": "veo-3.1", "prompt": "x", "images": [url]}
        status, _, made = self.spool.request("POST", "/v1/video/create", body)
        self.assertEqual(status, 200, made)
        self.assertEqual(self.spool.end_of(made["id"])["status"], "succeeded")

    def test_nothing_without_a_key(self):
        for path in ("", "/base64", "/url", "/presign"):
            status, _, answer = self.post(path, {}, {"Authorization": "Bearer sk-wrong"})
            self.assertEqual((status, answer["error"]["code"]), (401, "invalid_api_key"))


class Local(Uploads, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.start({}, webhook={"allow_private_networks": False})

    def test_a_link_of_theirs(self):
        for url in ("http://127.0.0.1:1/a.png", "http://localhost/a.png", "http://[::1]/a.png"):
            status, _, answer = self.post("/url", {"url": url})
            self.assertEqual((status, answer["error"]["message"][:4]), (400, "url:"), answer)
        self.refused(self.post("/url", {}), 400, "url: is required")
        self.refused(self.post("/url", {"url": "file:///etc/passwd"}), 400, "url: must be an http or https URL")

    def test_a_place_is_good_once(self):
        place = self.post("/presign", {"content_type": "image/png"})[2]
        path = place["upload_url"].removeprefix(self.spool.url)
        wrong = self.post("/presign", {"content_type": "image/png"})[2]
        wrong_path = wrong["upload_url"].removeprefix(self.spool.url)
        self.assertEqual(self.spool.request("PUT", path, PNG)[0], 200)
        self.assertEqual(self.spool.request("PUT", path, PNG)[0], 404)
        self.assertEqual(self.spool.request("PUT", wrong_path, b"\xff\xd8\xff" * 9)[0], 400)
        self.assertEqual(self.spool.request("PUT", wrong_path, PNG)[0], 200, "nothing was stored before")
        self.assertEqual(self.spool.request("PUT", f"{PATH}/{'0' * 32}", PNG, bearer("dev"))[0], 404)


class Bucket(Uploads, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.swift = cls.enterClassContext(Swift())
        cls.swift.create_bucket("media")
        storage = {"url": "s3://media/some", "endpoint": cls.swift.endpoint, "region": cls.swift.region}
        keys = {"access_key": cls.swift.access_key, "secret_key": cls.swift.secret_key}
        cls.start({**storage, **keys}, webhook={"allow_private_networks": True})

    def test_a_link_of_theirs(self):
        with Vendor() as site:
            site.on("/a.png", lambda asked: (200, {}, PNG))
            self.kept(self.post("/url", {"url": f"{site.url}/a.png"}))
            site.on("/gone.png", lambda asked: (404, {}, b"{}"))
            self.refused(self.post("/url", {"url": f"{site.url}/gone.png"}), 400, "url: answers HTTP 404")

    def test_large_links(self):
        """They go to the storage as they come: one that is slow holds no memory, and nobody up."""
        big, gate = PNG + os.urandom(9 << 20), threading.Event()
        zipped = {"Content-Encoding": "gzip"}
        with Vendor() as site:
            self.addCleanup(gate.set)
            site.on("/big.png", lambda asked: (200, {}, big))
            site.on("/zipped.png", lambda asked: (200, zipped, gzip.compress(PNG + bytes(1 << 20))))
            site.on("/empty.png", lambda asked: (200, {}, b""))
            site.on("/page.html", lambda asked: (200, {}, b"<html>" * 10))
            site.on("/large.png", lambda asked: (200, {}, PNG + bytes(33 << 20)))
            site.on("/bomb.png", lambda asked: (200, zipped, gzip.compress(PNG + bytes(80 << 20))))
            site.on("/slow.png", lambda asked: gate.wait(30) and None)
            self.kept(self.post("/url", {"url": f"{site.url}/big.png"}), big)
            self.kept(self.post("/url", {"url": f"{site.url}/zipped.png"}), PNG + bytes(1 << 20))
            self.refused(self.post("/url", {"url": f"{site.url}/empty.png"}), 400, "url: is empty")
            html = "url: is no image, video or audio that we know"
            self.refused(self.post("/url", {"url": f"{site.url}/page.html"}), 400, html)
            for name in ("large.png", "bomb.png"):
                self.refused(self.post("/url", {"url": f"{site.url}/{name}"}), 413, "url: the file is too large")
            crowd = [threading.Thread(target=self.post, args=("/url", {"url": f"{site.url}/slow.png"})) for _ in range(16)]
            for one in crowd:
                one.start()
            eventually(lambda: len(site.at("/slow.png")) == 16, 10, "sixteen fetches")
            self.assertEqual(self.post("/url", {"url": f"{site.url}/big.png"})[0], 503)
            self.kept(self.post("/url", {"url": f"{site.url}/big.png"}, {"Authorization": "Bearer sk-other"}), big)
            gate.set()
            for one in crowd:
                one.join()

    def test_a_place_is_for_one_type(self):
        place = self.post("/presign", {"content_type": "image/png"})[2]
        put = urllib.request.Request(place["upload_url"], PNG, {"Content-Type": "text/html"}, method="PUT")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(put)
        self.assertEqual(refused.exception.code, 403)

    def test_a_link_is_signed(self):
        url = self.kept(self.post("/base64", {"base64": base64.b64encode(PNG).decode()}))
        self.assertGreaterEqual(download(url.split("?")[0])[0], 400)


if __name__ == "__main__":
    main()
