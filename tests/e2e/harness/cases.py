"""What test cases share, and how they are run."""
import base64
import hashlib
import signal
import sys
import time
import unittest

from harness.process import close_all, last_words, running
from harness.common import bearer, download, merged
from harness.receivers import Receiver, check_signature
from harness.vendors import Between, Sim
from harness.spool import Spool


def check_artifacts(task, *kinds):
    """Their kinds are these, in this order, and each link gives what is said of it; their bytes."""
    artifacts = task["artifacts"]
    assert [artifact["kind"] for artifact in artifacts] == list(kinds), task
    files = []
    for artifact in artifacts:
        if artifact["kind"] == "text":
            files.append(artifact["text"].encode())
            continue
        status, headers, data = download(artifact["url"])
        told = (artifact["content_type"], artifact["bytes"], artifact["sha256"])
        found = (headers["content-type"], len(data), hashlib.sha256(data).hexdigest())
        assert (status, told) == (200, found), (artifact, status, found)
        files.append(data)
    assert len(set(files)) == len(files), f"{len(files)} files, some are the same: {artifacts}"
    return files


class Family(unittest.TestCase):
    """One Spool at a simulator that is listened to. Keys: sk-dev, sk-other, sk-empty.

    A file of tests says what a submit's answer calls the task (`id_of`) and which accounts there are.
    """

    speed = 50
    settings = {}
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    unknown = {"code": "task_not_exist", "message": "task_not_exist", "data": None}

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=cls.speed))
        cls.vendor = cls.enterClassContext(Between(cls.sim))
        cls.receiver = cls.enterClassContext(Receiver())
        config = {
            "accounts": cls.accounts(),
            "tokens": [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other", "empty")],
            "webhook": {"secret": cls.secret},
        }
        cls.spool = cls.enterClassContext(Spool(merged(config, cls.settings)))

    @classmethod
    def accounts(cls):
        raise NotImplementedError

    @classmethod
    def id_of(cls, answer):
        raise NotImplementedError

    @classmethod
    def submit(cls, path, body):
        status, _, answer = cls.spool.request("POST", path, body)
        assert status == 200, (path, body, status, answer)
        return cls.id_of(answer)

    def post(self, path, body, key="dev", **headers):
        return self.spool.request("POST", path, body, {**bearer(key), **headers})

    def look(self, path, key="dev"):
        """(status, answer)"""
        status, _, answer = self.spool.request("GET", path, None, bearer(key))
        return status, answer

    def check_wrong_input(self, cases):
        """Each (path, body, field) is refused by the field's name, and makes no task."""
        for path, body, field in cases:
            with self.subTest(path=path, body=str(body)[:90]):
                text = self.refused(path, body, 400, "invalid_request", "empty")
                self.assertTrue(text.startswith(f"{field}: "), text)
        status, listed = self.look("/v1/tasks", "empty")
        self.assertEqual((status, listed["data"]), (200, []))

    def succeeded(self, task):
        shown = self.spool.end_of(task)
        self.assertEqual((shown["status"], shown["error"]), ("succeeded", None), shown)
        return shown

    def failed(self, task):
        shown = self.spool.end_of(task)
        self.assertEqual((shown["status"], shown["artifacts"]), ("failed", []), shown)
        return shown["error"]

    def refused(self, path, body, status, code, key="dev"):
        """The message of {"code", "message", "data"}."""
        got, _, answer = self.post(path, body, key)
        self.assertEqual((got, set(answer)), (status, {"code", "message", "data"}), (path, body, answer))
        self.assertEqual((answer["code"], answer["data"]), (code, None), (path, body, answer))
        return answer["message"]

    def hooks(self, path, body, *words, name="callback_url"):
        """The task, and what comes at its hook: these words and no more, signed, hidden from the vendor."""
        place = f"/hook-{time.monotonic_ns()}"
        task = self.submit(path, {**body, name: self.receiver.url + place})
        self.spool.end_of(task)
        self.receiver.wait(place, len(words))
        time.sleep(0.1)
        hooks = self.receiver.at(place)
        self.assertEqual([hook.word for hook in hooks], list(words))
        for hook in hooks:
            self.assertTrue(check_signature(hook, self.secret))
            self.assertEqual(hook.body["id"], task)
        self.assertEqual([asked.path for asked in self.vendor.asked if place.encode() in asked.raw], [])
        return task, [hook.body for hook in hooks]


class Result(unittest.TextTestResult):
    """Says how long each test took; a failure comes with the end of Spool's log."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        print(f"{time.monotonic() - self.began:7.2f} s  {test.id()}", file=sys.stderr, flush=True)

    def tails(self):
        live = [(t.log_path, t.log_tail()) for t in running if isinstance(t, Spool)]
        for path, text in live or list(last_words)[-1:]:
            print(f"--- the end of {path}\n{text}---", file=sys.stderr, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tails()

    def addError(self, test, err):
        super().addError(test, err)
        self.tails()

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tails()


def main():
    # Ended from outside (a time limit), we still end what we started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    runner = unittest.TextTestRunner(resultclass=Result)
    try:
        program = unittest.main(module="__main__", testRunner=runner, exit=False)
        is_fine = program.result.wasSuccessful()
    finally:
        close_all()
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
    sys.exit(not is_fine)
