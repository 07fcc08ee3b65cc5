"""Answers with a Content-Encoding: undone and bounded, whether they were asked for or not."""
import gzip
import json
import re
import unittest
import zlib

from harness import PNG, Receiver, Spool, Vendor, account, download, eventually, main
from vendors.suno import suno_account

MB = 1 << 20
SMALL = {"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0"}
WAYS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
BIG_PNG = PNG + bytes(range(256)) * 4096


def bomb(megabytes):
    """So much of nothing, in a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(bytes(MB)) for _ in range(megabytes)]) + packer.flush()


def rss_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) // 1024


def encoded(vendor, way, pack):
    """What the vendor says as usual, packed."""

    def answer(asked):
        status, headers, body = vendor.usual(asked)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return status, {"Content-Type": "application/json", **headers, "Content-Encoding": way}, pack(body)

    return answer


class Encoding(unittest.TestCase):
    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.spool = self.enterContext(Spool({"accounts": [account(self.vendor)]}, env=SMALL))

    def test_all_that_a_vendor_says(self):
        for way, pack in WAYS.items():
            with self.subTest(way):
                self.vendor.special = [("", encoded(self.vendor, way, pack))]
                task = self.spool.end_of(self.spool.submit(f"as {way}"))
                self.assertEqual(task["status"], "succeeded", task)
                self.assertEqual((task["artifacts"][0]["bytes"], download(task["artifacts"][0]["url"])[2]), (len(PNG), PNG))
        asked = {a.path.split("/")[1]: a.headers.get("accept-encoding", "") for a in self.vendor.asked}
        self.assertIn("gzip", asked["mj"])
        self.assertEqual(asked["files"], "identity")

    def test_a_file(self):
        """What is said of its packed form, length and ETag, isn't taken for the file's."""
        packed = gzip.compress(BIG_PNG)
        head = {"Content-Encoding": "gzip", "ETag": '"packed"'}
        cut = iter([True])
        whole = {**head, "Content-Length": str(len(packed))}
        self.vendor.on("/files/", lambda asked: (200, whole, packed[:3000]) if next(cut, False) else (200, head, packed))
        task = self.spool.end_of(self.spool.submit("a file"))
        self.assertEqual(task["status"], "succeeded", task)
        self.assertEqual(download(task["artifacts"][0]["url"])[2], BIG_PNG)
        self.assertGreaterEqual(len(self.vendor.at("/files/")), 2)
        self.assertEqual([a.headers.get("range") for a in self.vendor.at("/files/") if a.headers.get("range")], [])

    def test_a_bomb(self):
        packed = bomb(1024)
        self.spool.end_of(self.spool.submit("the first"))
        idle = rss_mb(self.spool.pid)
        self.vendor.on("/submit/imagine", lambda asked: (200, {"Content-Encoding": "gzip"}, packed))
        self.spool.submit("a bomb")
        eventually(lambda: b"body exceeds the limit" in self.spool.log(), 15, "its end")
        self.assertLess(rss_mb(self.spool.pid) - idle, 50)

    def test_one_that_nobody_knows(self):
        self.vendor.on("/submit/imagine", lambda asked: (200, {"Content-Encoding": "rot13"}, b"{}"))
        self.spool.submit("unknown")
        eventually(lambda: re.search(rb"content encoding", self.spool.log(), re.I), 10, "a word about it")


class Others(unittest.TestCase):
    def test_a_suno_submit(self):
        def packed(asked):
            data = gzip.compress(json.dumps({"code": "success", "message": "", "data": "suno-job-1"}).encode())
            return 200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, data

        with Vendor() as vendor:
            vendor.on("/suno/submit/", packed)
            with Spool({"accounts": [suno_account(vendor)]}) as spool:
                body = {"prompt": "x", "title": "x", "tags": "x", "mv": "chirp-v4"}
                status, _, made = spool.request("POST", "/suno/submit/music", body)
                self.assertEqual(status, 200, made)
                spool.wait_phase(made["result"], "submitted", "rendering")
                self.assertEqual(spool.upstream(made["result"]), "suno-job-1")

    def test_a_hook(self):
        """Its status is the answer, whatever it says beside."""
        with Vendor() as vendor, Receiver() as receiver:
            receiver.answer("/hook", 200, headers={"Content-Encoding": "gzip"}, body=b"not gzip at all")
            with Spool({"accounts": [account(vendor)]}) as spool:
                task = spool.submit("x", notifyHook=f"{receiver.url}/hook")
                spool.end_of(task)
                eventually(lambda: {d["status"] for d in spool.deliveries(task)} == {"delivered"}, 10, "its deliveries")


if __name__ == "__main__":
    main()
