"""Forms to vendors, streamed from where their files are: whole, cut, cancelled, killed."""
import glob
import hashlib
import os
import time
import unittest

from harness import PNG, Redis, Spool, eventually, form, main
from form_vendor import FormVendor
from swift import Swift
from vendors.ideogram import ideogram_account
from vendors.openai import openai_account

MB = 1 << 20
EDIT, REMIX = "/v1/images/edits", "/ideogram/v1/ideogram-v3/remix"
ASYNC = {"Prefer": "respond-async"}


def picture(number, size=45 * MB):
    return PNG + bytes([number]) * (size - len(PNG) - 8) + os.urandom(8)


def told(name, data, kind="image/png"):
    return name, kind, len(data), hashlib.sha256(data).hexdigest()


class Streamed(unittest.TestCase):
    def start(self, vendor, **config):
        accounts = [
            openai_account(vendor, dialect="relay", models={"gpt-image-2": "gpt-image-2"}, max_concurrency=5),
            ideogram_account(vendor),
        ]
        redis = self.enterContext(Redis())
        spool = self.enterContext(Spool({"accounts": accounts, "lease_ms": 3000, **config}, redis=redis))
        eventually(spool.is_ready)
        return spool

    def place(self):
        self.store = self.enterContext(Swift(timeout=30))
        self.store.create_bucket("media")
        keys = {"access_key": self.store.access_key, "secret_key": self.store.secret_key}
        return {"url": "s3://media", "endpoint": self.store.endpoint, "region": self.store.region, **keys}

    def submit(self, spool, fields, *files):
        body, head = form({"model": "gpt-image-2", **fields}, *files)
        status, _, task = spool.request("POST", EDIT, body, {**head, **ASYNC}, timeout=120)
        self.assertEqual(status, 202, task)
        return task["id"]

    def upload(self, spool, data):
        body, head = form({}, ("file", data))
        status, _, file = spool.request("POST", "/v1/files/uploads", body, head)
        self.assertEqual(status, 200, file)
        return file["url"]

    def left(self, spool):
        return glob.glob(f"{spool.data_dir}/answers/*")

    def open_files(self, spool):
        """Of the data directory, in the worker."""
        names = []
        for entry in glob.glob(f"/proc/{spool.pid}/fd/*"):
            try:
                names.append(os.readlink(entry))
            except OSError:
                pass
        return [name for name in names if "/uploads/" in name or "/answers/" in name]


class Whole(Streamed):
    def check(self, **config):
        with FormVendor() as vendor:
            spool = self.start(vendor, **config)
            with self.subTest("four files of 45 MB and a mask"):
                files = [("image[]", picture(n)) for n in range(4)] + [("mask", picture(9, 21 * MB))]
                task = spool.end_of(self.submit(spool, {"prompt": "large"}, *files), 120)
                self.assertEqual((task["status"], task["error"]), ("succeeded", None))
                (sent,) = vendor.forms
                self.assertEqual(sent.files, [told(*file) for file in files])
                self.assertEqual(sent.fields["prompt"], "large")
                self.assertEqual((sent.headers.get("transfer-encoding"), sent.headers.get("expect")), (None, None))
            with self.subTest("a remix"):
                data = picture(1, 9 * MB)
                body = {"prompt": "remixed", "image": self.upload(spool, data)}
                status, headers, answer = spool.request("POST", REMIX, body)
                self.assertEqual(status, 200, answer)
                sent = vendor.forms[-1]
                self.assertEqual((sent.path, sent.files), ("/v1/ideogram-v3/remix", [told("image", data)]))
            with self.subTest("a file from elsewhere, beside one in the request"):
                data = vendor.files["/far.png"] = picture(2, 30 * MB)
                fields = {"model": "gpt-image-2", "prompt": "far", "images": [
                    {"image_url": vendor.url + "/far.png"},
                    {"image_url": self.upload(spool, PNG)},
                ]}  # fmt: skip
                status, _, answer = spool.request("POST", EDIT, fields)
                self.assertEqual(status, 200, answer)
                self.assertEqual(vendor.forms[-1].files, [told("image[]", data), told("image[]", PNG)])
                eventually(lambda: not self.left(spool), what="the copy's end")
            self.assertEqual((vendor.whole, vendor.cut), (3, 0))
            self.assertEqual(self.open_files(spool), [])

    def test_from_the_disk(self):
        self.check()

    def test_from_a_bucket(self):
        self.check(storage=self.place())

    def test_what_no_form_has(self):
        with FormVendor() as vendor:
            spool = self.start(vendor)
            vendor.files.update({"/large.png": picture(1, 51 * MB), "/page.png": b"<html>" * 100})
            for path in ("/large.png", "/page.png"):
                fields = {"model": "gpt-image-2", "prompt": "no", "images": [{"image_url": vendor.url + path}]}
                status, _, answer = spool.request("POST", EDIT, fields)
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_request"), answer)
            body = {"prompt": "too large for it", "image": self.upload(spool, picture(1, 11 * MB))}
            status, _, answer = spool.request("POST", REMIX, body)
            self.assertEqual((status, answer["error"]["message"]), (400, "image: is larger than 10 MB"), answer)
            eventually(lambda: not self.left(spool), what="the copies' end")
            self.assertEqual((vendor.whole, vendor.cut, vendor.received), (0, 0, 0))


class Cut(Streamed):
    """The vendor has read a part of the body when something happens."""

    def begin(self, vendor, **config):
        spool = self.start(vendor, **config)
        data = picture(1, 48 * MB)
        task = self.submit(spool, {"prompt": "cut"}, ("image", data), ("mask", data))
        eventually(lambda: vendor.received >= MB, 30, "the body's beginning")
        time.sleep(0.3)
        return spool, task, data

    def check_ended_well(self, spool, vendor, task, data):
        ended = spool.end_of(task, 60)
        self.assertEqual((ended["status"], ended["error"]), ("succeeded", None))
        self.assertEqual(vendor.forms[0].files, [told("image", data), told("mask", data)])
        self.assertEqual((vendor.whole, vendor.cut), (1, 1))
        self.assertEqual(spool.metric("submits_in_doubt_total"), 0)

    def test_the_bucket_goes_away(self):
        """The vendor never had a whole request: the task waits for the storage, and is sent again."""
        with FormVendor(hold_at=MB) as vendor:
            spool, task, data = self.begin(vendor, storage=self.place())
            self.store.stop_proxy()
            vendor.release()
            eventually(lambda: vendor.cut == 1, 30, "the cut")
            eventually(lambda: "input_failed" in spool.events(task), 10, "its way back")
            self.assertEqual(spool.task(task)["status"], "queued")
            self.store.start_proxy()
            self.check_ended_well(spool, vendor, task, data)

    def test_the_bucket_is_back_soon(self):
        with FormVendor(hold_at=MB) as vendor:
            spool, task, data = self.begin(vendor, storage=self.place())
            self.store.stop_proxy()
            self.store.start_proxy()
            vendor.release()
            ended = spool.end_of(task, 60)
            self.assertEqual((ended["status"], ended["error"]), ("succeeded", None))
            self.assertEqual(vendor.forms[0].files, [told("image", data), told("mask", data)])
            self.assertEqual((vendor.whole, vendor.cut), (1, 0))

    def test_a_file_becomes_shorter(self):
        with FormVendor(hold_at=MB) as vendor:
            spool, task, data = self.begin(vendor)
            paths = glob.glob(f"{spool.data_dir}/media/uploads/*/*/*/*")
            self.assertEqual(len(paths), 2)
            for path in paths:
                os.truncate(path, 40 * MB)
            vendor.release()
            eventually(lambda: "input_failed" in spool.events(task), 30, "its way back")
            for path in paths:
                with open(path, "wb") as file:
                    file.write(data)
            eventually(lambda: vendor.whole == 1, 30, "another try")
            self.assertEqual(vendor.cut, 1)
            self.assertEqual(spool.metric("submits_in_doubt_total"), 0)

    def test_a_file_is_gone(self):
        with FormVendor(hold_at=MB) as vendor:
            spool, task, _ = self.begin(vendor)
            paths = glob.glob(f"{spool.data_dir}/media/uploads/*/*/*/*")
            for path in paths:  # the one that is being read stays readable
                os.unlink(path)
            vendor.release()
            ended = spool.end_of(task, 30)
            self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "input_lost"))
            self.assertEqual((vendor.whole, vendor.cut), (0, 1))

    def test_cancelled(self):
        with FormVendor(hold_at=MB) as vendor:
            spool, task, _ = self.begin(vendor)
            self.assertEqual(len(self.open_files(spool)), 1)
            status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
            self.assertEqual(status, 200, answer)
            self.assertEqual(spool.end_of(task)["status"], "cancelled")
            vendor.release()
            eventually(lambda: vendor.cut == 1, 10, "the cut")
            self.assertEqual(vendor.whole, 0)
            eventually(lambda: not self.open_files(spool), 5, "the files closed")

    def test_cancelled_while_the_bucket_hangs(self):
        with FormVendor() as vendor:
            spool = self.start(vendor, storage=self.place())
            vendor.hold_at = MB
            data = picture(1, 48 * MB)
            task = self.submit(spool, {"prompt": "cut"}, ("image", data))
            eventually(lambda: vendor.received >= MB, 30, "the body's beginning")
            self.store.pause()
            vendor.release()
            time.sleep(0.5)
            status, _, answer = spool.request("POST", f"/v1/tasks/{task}/cancel", b"")
            self.assertEqual(status, 200, answer)
            self.store.resume()
            self.assertEqual(spool.end_of(task)["status"], "cancelled")
            eventually(lambda: vendor.cut == 1, 10, "the cut")
            self.assertEqual(vendor.whole, 0)

    def test_killed(self):
        """As any call that may have left."""
        with FormVendor(hold_at=MB) as vendor:
            spool, task, _ = self.begin(vendor)
            spool.kill()
            vendor.release()
            spool.start()
            eventually(spool.is_ready)
            ended = spool.end_of(task, 60)
            self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "submit_outcome_unknown"))
            self.assertEqual((vendor.whole, vendor.cut), (0, 1))

    def test_the_vendor_hangs_up(self):
        """What it did with the part that it has nobody knows."""
        with FormVendor(hold_at=MB) as vendor:
            spool, task, _ = self.begin(vendor)
            vendor.hang_up()
            ended = spool.end_of(task, 30)
            self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "submit_outcome_unknown"))

    def check_refused(self, spool, task, seconds):
        began = time.monotonic()
        ended = spool.end_of(task, 40)
        self.assertEqual((ended["status"], ended["error"]["message"]), ("failed", "no such picture"))
        self.assertLess(time.monotonic() - began, seconds)

    def test_the_vendor_refuses_what_it_has_seen(self):
        with FormVendor(hold_at=MB) as vendor:
            spool, task, _ = self.begin(vendor)
            vendor.refuse()
            self.check_refused(spool, task, 5)
            eventually(lambda: not self.open_files(spool), 5, "the files closed")

    def test_the_vendor_refuses_while_the_bucket_hangs(self):
        """Its answer is heard, whatever the rest of the body does."""
        with FormVendor() as vendor:
            spool = self.start(vendor, storage=self.place())
            vendor.hold_at = MB
            task = self.submit(spool, {"prompt": "cut"}, ("image", picture(1, 48 * MB)))
            eventually(lambda: vendor.received >= MB, 30, "the body's beginning")
            self.store.pause()
            vendor.hold_at = None
            vendor.release()
            time.sleep(2)  # all that was on the way has come
            vendor.refuse()
            self.check_refused(spool, task, 30)
            self.store.resume()


if __name__ == "__main__":
    main()
