"""Backup and restore, by the very commands of spool-admin(7)."""
import base64
import json
import os
import re
import subprocess
import tempfile
import unittest

from harness import PNG, ROOT, Receiver, Spool, Vendor, account, check_artifacts, check_signature, eventually, main, merged, spool_binary
from test_realtime import Watch, subscribe


def commands(section):
    """The first literal block of the section, without what needs a service manager or its user."""
    with open(os.path.join(ROOT, "scheduler", "spool-admin.7"), encoding="utf-8") as file:
        text = file.read().split(f"\n.Ss {section}\n")[1].split("\n.Ss ")[0]
    block = re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S).group(1).replace("\\e", "\\")
    return "\n".join(line for line in block.splitlines() if not re.match(r"systemctl |chown ", line))


class Backup(unittest.TestCase):
    def setUp(self):
        self.vendor = self.enterContext(Vendor())
        self.receiver = self.enterContext(Receiver())
        self.dir = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-backup-"))
        self.old = self.enterContext(Spool(self.config()))

    def config(self, **more):
        operator = {"name": "operator", "key": "sk-admin", "admin": True}
        return {"accounts": [account(self.vendor, max_concurrency=4)], "lease_ms": 1000, "log_level": "info",
                "tokens": [{"name": "dev", "key": "sk-dev"}, operator],
                "webhook": {"retry_delays_ms": [7000] * 5}, **more}  # fmt: skip

    def run_page(self, section, data_dir):
        script = commands(section)
        for theirs, ours in (("/var/lib/spool", data_dir), ("/backup", f"{self.dir}/backup"), ("/etc/spool", self.old.dir)):
            script = script.replace(theirs, ours)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)

    def restored(self, **more):
        """Another Spool, in a folder that was empty."""
        data_dir = os.path.join(self.dir, "restored")
        os.mkdir(data_dir)
        self.run_page("Restore", data_dir)
        with open(os.path.join(self.dir, "backup", os.path.basename(self.old.dir), "spool.json"), encoding="utf-8") as file:
            kept = json.load(file)
        del kept["listen"], kept["data_dir"]
        return self.enterContext(Spool(merged(kept, more), data_dir=data_dir))

    def shown(self, spool, task):
        """Without what belongs to the address."""
        text = json.dumps(spool.task(task))
        return json.loads(text.replace(spool.url, ""))

    def test_all_is_found_again(self):
        hook = {"notifyHook": self.receiver.url + "/hook"}
        ended = [self.old.submit(f"ended {number}", **hook) for number in range(3)]
        for task in ended:
            self.assertEqual(self.old.wait(task)["status"], "SUCCESS")
        ended_hooks = self.receiver.wait("/hook", 3)
        self.receiver.answer("/refused", 500)
        undelivered = self.old.submit("nobody was told", notifyHook=self.receiver.url + "/refused")
        self.old.wait(undelivered)
        eventually(lambda: "SUCCESS" in self.receiver.words("/refused"), what="the last word")
        refused = self.receiver.at("/refused")[-1]
        self.vendor.is_held = True
        image = "data:image/png;base64," + base64.b64encode(PNG).decode()
        running = self.old.submit("a lighthouse", base64Array=[image], **hook)
        self.old.wait_phase(running, "rendering")
        before = {task: self.shown(self.old, task) for task in [*ended, undelivered]}

        self.run_page("Backup", self.old.data_dir)
        with Watch(self.old, subscribe(all=True)) as watch:
            watch.wait(lambda m: m)
            later = self.old.submit("after the backup", **hook)
            self.old.wait_phase(later, "rendering")
            watch.wait(lambda messages: any(m.get("task", {}).get("id") == later for m in messages))
            cursor = watch.changes()[-1][0]
        self.old.stop()  # and all of it is lost
        submits = len(self.vendor.prompts())

        new = self.restored()
        self.assertEqual({task: self.shown(new, task) for task in before}, before)
        for task in before:
            self.assertEqual(check_artifacts(new.task(task), "image"), [PNG])
        # What came later isn't known, and a cursor of later is told so.
        status, _, _ = new.request("GET", f"/v1/tasks/{later}")
        self.assertEqual(status, 404)
        with Watch(new, subscribe(all=True, since=cursor)) as watch:
            watch.wait(lambda messages: len(messages) >= 2)
            self.assertEqual([m["type"] for m in watch.messages[:2]], ["subscribed", "gap"])
        # What ran at the vendor is followed to its end, and not paid for again.
        self.vendor.is_held = False
        self.assertEqual(new.wait(running)["status"], "SUCCESS")
        self.assertEqual(len(self.vendor.prompts()), submits)
        # The same secret signs, the same id is on what is sent again.
        secret = new.redis("GET", "{spool}:webhook_secret")
        self.assertTrue(secret.startswith("whsec_"), secret)
        self.assertTrue(all(check_signature(each, secret) for each in [*ended_hooks, refused]))
        self.receiver.answer("/refused", 200)
        count = len(self.receiver.at("/refused"))
        again = self.receiver.wait("/refused", count + 1, 20)[-1]
        self.assertEqual((again.id, again.word), (refused.id, refused.word))
        self.assertTrue(check_signature(again, secret))

    def test_what_waited(self):
        """It is submitted again after a restore, as the page says, unless it is cancelled first."""
        self.vendor.is_held = True
        blockers = [self.old.submit(f"blocker {number}") for number in range(4)]
        for task in blockers:
            self.old.wait_phase(task, "rendering")
        waiting = [self.old.submit(f"waiting {number}") for number in range(2)]
        self.run_page("Backup", self.old.data_dir)
        self.vendor.is_held = False
        for task in waiting:
            self.assertEqual(self.old.wait(task)["status"], "SUCCESS")
        self.old.stop()
        self.assertEqual(sorted(p for p in self.vendor.prompts() if "waiting" in p), ["waiting 0", "waiting 1"])

        new = self.restored(roles=["api"])
        path = f"{os.path.dirname(spool_binary())}:{os.environ['PATH']}"
        env = {"SPOOL_URL": new.url, "SPOOL_KEY": "sk-admin", "PATH": path}
        with open(os.path.join(ROOT, "scheduler", "spool-admin.7"), encoding="utf-8") as file:
            (command,) = re.findall(r"^spool list .*$", file.read(), re.M)
        self.assertEqual({new.task(task)["status"] for task in waiting}, {"queued"})
        done = subprocess.run(["bash", "-c", command], env={**os.environ, **env}, capture_output=True, text=True,
                              timeout=30, check=False)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({new.task(task)["status"] for task in waiting}, {"cancelled"})
        new.stop()
        new.config["roles"] = ["api", "worker", "webhook"]
        new.start()
        for task in blockers:
            self.assertEqual(new.wait(task)["status"], "SUCCESS")
        self.assertEqual(len(self.vendor.prompts()), 6)

    def test_what_waited_is_submitted_again(self):
        self.vendor.is_held = True
        blockers = [self.old.submit(f"blocker {number}") for number in range(4)]
        for task in blockers:
            self.old.wait_phase(task, "rendering")
        waiting = self.old.submit("waiting")
        self.run_page("Backup", self.old.data_dir)
        self.vendor.is_held = False
        self.old.wait(waiting)
        self.old.stop()
        new = self.restored()
        self.assertEqual(new.wait(waiting)["status"], "SUCCESS")
        self.assertEqual(self.vendor.prompts().count("waiting"), 2, "the page says so")


if __name__ == "__main__":
    main()
