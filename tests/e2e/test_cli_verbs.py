"""The verbs of the command line, against a real Spool: what they print, what they exit with, the one line
that says what is wrong and what to do."""
import base64
import fcntl
import hashlib
import hmac
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import harness
from harness import PNG, Sim, Spool, Vendor, account, eventually, exchange, free_port, main
from vendors import accounts_of_all
from vendors.suno import suno_account

IMAGINE = '{"prompt":"a lighthouse"}'
NO_TASK = "task_00000000000000000000000000"
ID = re.compile(r"task_[0-9A-Z]{26}")


def environment(url, key="sk-dev", **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOL_")}
    return {**kept, "SPOOL_URL": url, "SPOOL_KEY": key, "TZ": "UTC", **more}


class Terminal:
    """A spool on a terminal of a size; what it drew, with its escapes taken out."""

    def __init__(self, words, env, columns=80, lines=24):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [harness.spool_binary(), *words], stdin=slave, stdout=slave, stderr=subprocess.PIPE, env=env
        )
        os.close(slave)
        self.raw = b""

    def read(self, until=None, timeout=20):
        """To the end, or until the words are there."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and (until is None or until.encode() not in self.raw):
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.master, 65536)
                except OSError:  # its other side is closed
                    break
                if not piece:
                    break
                self.raw += piece
        return self

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        self.read()
        code = self.process.wait(20)
        self.errors = self.process.stderr.read().decode()
        self.process.stderr.close()
        os.close(self.master)
        return code

    @property
    def text(self):
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self.raw.decode()).replace("\r", "")

    @property
    def lines(self):
        return self.text.splitlines()


class Verbs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        config = {
            "accounts": accounts_of_all(cls.sim),
            "tokens": [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other", "empty", "held")],
        }
        cls.spool = cls.enterClassContext(Spool(config))

    def setUp(self):
        self.dir = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-verbs-"))

    def run_verb(self, *words, key="sk-dev", stdin="", url=None, **env):
        return subprocess.run(
            [harness.spool_binary(), *words], capture_output=True, text=True, timeout=60, check=False,
            input=stdin, env=environment(url or self.spool.url, key, **env), cwd=self.dir,
        )

    def good(self, *words, **options):
        done = self.run_verb(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), (words, done))
        return done.stdout

    def wrong(self, code, *words, **options):
        """One line on stderr, and nothing on stdout; the line."""
        done = self.run_verb(*words, **options)
        self.assertEqual((done.returncode, done.stdout), (code, ""), (words, done))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("spool: "), done.stderr)
        return done.stderr[len("spool: ") : -1]

    def submit(self, body=IMAGINE, *words, family="midjourney", **options):
        return self.good("submit", family, "-d", body, *words, "-o", "id", **options).strip()

    def ended(self, *words, **options):
        task = self.submit(*words, **options)
        self.assertIn(self.run_verb("watch", task, "--timeout", "30", **self.keyed(options)).returncode, (0, 1))
        return task

    @staticmethod
    def keyed(options):
        return {"key": options["key"]} if "key" in options else {}


class Tasks(Verbs):
    def test_submit_says_the_id(self):
        task = self.good("submit", "midjourney", "-d", IMAGINE)
        self.assertRegex(task, rf"^{ID.pattern}\n$")
        self.assertEqual(self.good("submit", "/mj/submit/imagine", "-d", "-", "-o", "id", stdin=IMAGINE)[:5], "task_")
        answer = json.loads(self.good("submit", "midjourney", "-d", IMAGINE, "-o", "json"))
        self.assertEqual(answer["code"], 1)
        self.assertEqual(self.spool.task(answer["result"])["action"], "IMAGINE")

    def test_every_family_that_there_is(self):
        bodies = {
            "midjourney": ({"prompt": "x"}, "midjourney"),
            "kling": ({"model_name": "kling-v2-6", "prompt": "x", "duration": 5}, "kling"),
            "suno": ({"gpt_description_prompt": "x", "mv": "chirp-v4"}, "suno"),
            "veo": ({"model": "veo-3.1", "prompt": "x"}, "veo"),
            "seedance": (
                {"model": "doubao-seedance-1-5-pro", "content": [{"type": "text", "text": "x"}]}, "seedance",
            ),
        }
        for family, (body, provider) in bodies.items():
            with self.subTest(family=family):
                task = self.submit(json.dumps(body), family=family)
                self.assertEqual(self.spool.task(task)["provider"], provider)

    def test_submit_watch_download(self):
        out = os.path.join(self.dir, "some", "folder")
        done = self.run_verb("submit", "midjourney", "-d", IMAGINE, "--watch", "-O", out)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        task = ID.search(done.stdout).group()
        self.assertIn(f"{task}  succeeded", done.stdout)
        self.assertEqual(os.listdir(out), [f"{task}.png"])
        with open(os.path.join(out, f"{task}.png"), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(digest, self.spool.task(task)["artifacts"][0]["sha256"])

    def test_submit_watch_json_and_id(self):
        shown = json.loads(self.good("submit", "midjourney", "-d", IMAGINE, "--watch", "-o", "json"))
        self.assertEqual((shown["object"], shown["status"]), ("task", "succeeded"))
        self.assertRegex(self.good("submit", "midjourney", "-d", IMAGINE, "--watch", "-o", "id"), rf"^{ID.pattern}\n$")

    def test_submit_watch_fails(self):
        done = self.run_verb("submit", "midjourney", "-d", '{"prompt":"[fail] x"}', "--watch", "-o", "json")
        self.assertEqual((done.returncode, done.stderr), (1, ""), done)
        self.assertEqual(json.loads(done.stdout)["status"], "failed")

    def test_submit_many(self):
        lines = [json.dumps({"prompt": f"boat {i}"}) for i in range(5)]
        with open(os.path.join(self.dir, "jobs.jsonl"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        tasks = self.good("submit", "midjourney", "-d", "@jobs.jsonl", "--watch", "-o", "id").split()
        self.assertEqual([self.spool.task(task)["status"] for task in tasks], ["succeeded"] * 5)
        keyed = ("submit", "midjourney", "-d", "@jobs.jsonl", "--idempotency-key", "night", "-o", "id")
        self.assertEqual(self.good(*keyed), self.good(*keyed))
        self.assertEqual(len(set(self.good(*keyed).split())), 5)

    def test_one_of_many_is_refused(self):
        jobs = '{"prompt":"a"}\n\n{"prompt":""}\n{"prompt":"c"}\n'
        done = self.run_verb("submit", "midjourney", "-d", "-", "-o", "id", stdin=jobs)
        self.assertEqual((done.returncode, len(done.stdout.split())), (1, 2), done)
        self.assertEqual(done.stderr, "spool: stdin, line 3: prompt: must not be empty (HTTP 400)\n")

    def test_nothing_is_submitted_of_a_file_that_is_no_json(self):
        before = self.good("list", "--limit", "0", "-o", "id", key="sk-empty")
        line = self.wrong(2, "submit", "midjourney", "-d", "-", stdin='{"prompt":"a"}\n{"prompt":}\n', key="sk-empty")
        self.assertTrue(line.startswith("stdin: line 2: "), line)
        self.assertEqual(self.good("list", "--limit", "0", "-o", "id", key="sk-empty"), before)

    def test_submit_a_form(self):
        path = os.path.join(self.dir, "first.png")
        with open(path, "wb") as file:
            file.write(PNG)
        task = self.good(
            "submit", "/v1/videos", "-F", "model=veo-3.1", "-F", "prompt=x", "-F", "seconds=8",
            "-F", f"input_reference=@{path}", "-o", "id",
        ).strip()
        self.assertEqual(self.spool.task(task)["provider"], "veo")
        line = self.wrong(2, "submit", "/v1/videos", "-F", "input_reference=@missing.png")
        self.assertEqual(line, "missing.png: can't be read")
        self.assertIn("NAME=@FILE", self.wrong(2, "submit", "/v1/videos", "-F", "prompt"))

    def test_submit_twice_with_a_key(self):
        first = self.submit(IMAGINE, "--idempotency-key", "once")
        self.assertEqual(self.submit(IMAGINE, "--idempotency-key", "once"), first)
        line = self.wrong(1, "submit", "midjourney", "-d", '{"prompt":"else"}', "--idempotency-key", "once")
        self.assertIn("(HTTP 422)", line)

    def test_what_is_no_job(self):
        for words, said in (
            (("submit", "/mj/submit/imagine"), "-d JSON"),
            (("submit", "midjourney", "-d", "{}", "-F", "a=b"), "-d JSON"),
            (("submit", "midjourney", "-d", "prompt"), "-d: "),
            (("submit", "midjourney", "-d", "@missing.json"), "missing.json: No such file"),
            (("submit", "nobody", "-d", "{}"), 'there is no family "nobody"'),
            (("submit", "midjourney", "-d", "{}", "--timeout", "soon"), "--timeout: "),
        ):
            with self.subTest(words=words):
                self.assertIn(said, self.wrong(2, *words))
        self.assertEqual(
            self.wrong(1, "submit", "midjourney", "-d", "{}"), "prompt: is required (HTTP 400)"
        )
        self.assertIn("there is no POST /mj/submit/dance", self.wrong(1, "submit", "/mj/submit/dance", "-d", "{}"))

    def test_get(self):
        task = self.ended()
        shown = self.good("get", task)
        self.assertIn("status     succeeded", shown)
        self.assertIn(self.spool.task(task)["artifacts"][0]["url"], shown)
        self.assertEqual(json.loads(self.good("get", task, "-o", "json")), self.spool.task(task))
        self.assertEqual(self.good("-o", "id", "get", task), task + "\n")

    def test_list(self):
        tasks = [self.ended(key="sk-other") for _ in range(3)]
        self.assertEqual(self.good("list", "-o", "id", key="sk-other").split(), tasks[::-1])
        listed = json.loads(self.good("list", "-o", "json", key="sk-other"))
        self.assertEqual(([t["id"] for t in listed["data"]], listed["has_more"]), (tasks[::-1], False))
        table = self.good("list", key="sk-other").splitlines()
        self.assertEqual(table[0].split(), ["ID", "PROVIDER", "ACTION", "STATUS", "DONE", "AGE", "TOOK"])
        self.assertEqual([line.split()[0] for line in table[1:]], tasks[::-1])
        self.assertEqual(self.good("list", "--status", "failed", "-o", "id", key="sk-other"), "")
        self.assertEqual(self.good("list", "--provider", "kling", "-o", "id", key="sk-other"), "")
        done = self.run_verb("list", "--limit", "2", key="sk-other")
        self.assertEqual((done.returncode, done.stdout.count("task_")), (0, 2))
        self.assertEqual(done.stderr, "There are more: --limit 0 shows all.\n")
        self.assertEqual(self.good("list", "--since", "1h", "-o", "id", key="sk-other").split(), tasks[::-1])
        self.assertEqual(self.good("list", "--since", "2999-01-01", "-o", "id", key="sk-other"), "")
        for words in (("--account", "suno-1"), ("--key", "dev")):
            self.assertIn("isn't an operator's", self.wrong(1, "list", *words, "-o", "id", key="sk-other"))
        self.assertIn("--limit: ", self.wrong(2, "list", "--limit", "many"))
        self.assertIn("--since: ", self.wrong(2, "list", "--since", "yesterday"))

    def test_a_long_list(self):
        jobs = "".join(json.dumps({"prompt": f"p {i}"}) + "\n" for i in range(120))
        tasks = self.good("submit", "midjourney", "-d", "-", "-o", "id", stdin=jobs, key="sk-held").split()
        listed = self.good("list", "--limit", "0", "-o", "id", key="sk-held").split()
        self.assertEqual(listed, tasks[::-1])
        listed = self.good("list", "--limit", "101", "-o", "id", key="sk-held").split()
        self.assertEqual(listed, tasks[::-1][:101])

    def test_timeline(self):
        task = self.ended()
        table = self.good("timeline", task)
        for event in ("accepted", "claimed", "submitted", "archived"):
            self.assertRegex(table, rf"(?m)^20\S+ \S+ +\d+\.\d\d\d s  {event}\b")
        entries = json.loads(self.good("timeline", task, "-o", "json"))["data"]
        self.assertEqual(entries, self.spool.timeline(task))

    def test_download(self):
        task = self.ended('{"gpt_description_prompt":"a shanty","mv":"chirp-v4"}', family="suno")
        artifacts = self.spool.task(task)["artifacts"]
        names = [artifact["url"].rsplit("/", 1)[1] for artifact in artifacts]
        first = self.good("download", task)
        self.assertEqual(first.count("sha256 ok"), len(names))
        self.assertEqual(sorted(os.listdir(self.dir)), sorted(names))
        # What is there isn't fetched again; what is damaged is.
        with open(os.path.join(self.dir, names[0]), "ab") as file:
            file.write(b"more")
        again = self.good("download", task)
        self.assertEqual((again.count("was there already"), again.count("sha256 ok")), (len(names) - 1, 1))
        lines = self.good("download", task, "-o", "json", "-O", "other").splitlines()
        self.assertEqual([json.loads(line)["file"] for line in lines], [f"other/{name}" for name in names])

    def test_upload(self):
        path = os.path.join(self.dir, "first.png")
        with open(path, "wb") as file:
            file.write(PNG)
        link = self.good("upload", path).strip()
        self.assertEqual(harness.download(link)[2], PNG)
        shown = json.loads(self.good("upload", path, "-o", "json"))
        self.assertEqual((shown["kind"], shown["sha256"]), ("image", hashlib.sha256(PNG).hexdigest()))
        self.assertEqual(self.wrong(2, "upload", "missing.png"), "missing.png: can't be read")
        self.assertEqual(self.wrong(2, "upload", self.dir), f"{self.dir}: is a folder")
        with open(path, "w", encoding="utf-8") as file:
            file.write("text")
        self.assertIn("(HTTP 4", self.wrong(1, "upload", path))

    def test_cancel(self):
        task = self.ended()
        self.assertEqual(self.wrong(1, "cancel", task), f"{task}: the task has already ended")

    def test_watch(self):
        tasks = [self.submit() for _ in range(3)]
        out = self.good("watch", *tasks)
        for task in tasks:
            lines = [line for line in out.splitlines() if line.startswith(task)]
            self.assertRegex(lines[-1], rf"^{task}  succeeded  \S+ s  1 file$")
        # They have ended: the same is said at once.
        self.assertEqual(sorted(self.good("watch", *tasks, "-o", "id").split()), sorted(tasks))
        shown = [json.loads(line) for line in self.good("watch", tasks[0], "-o", "json").splitlines()]
        self.assertEqual([(s["id"], s["status"]) for s in shown], [(tasks[0], "succeeded")])

    def test_watch_tells_every_change_once(self):
        task = self.submit('{"prompt":"slow"}')
        shown = [json.loads(line) for line in self.good("watch", task, "-o", "json").splitlines()]
        versions = [s["version"] for s in shown]
        self.assertEqual(versions, sorted(set(versions)))
        self.assertEqual(shown[-1]["status"], "succeeded")

    def test_watch_of_what_failed(self):
        failed = self.ended('{"prompt":"[fail] x"}')
        fine = self.ended()
        done = self.run_verb("watch", failed, fine)
        self.assertEqual((done.returncode, done.stderr), (1, ""), done)
        self.assertIn(f"{failed}  failed", done.stdout)
        self.assertIn(f"{fine}  succeeded", done.stdout)

    def test_watch_all(self):
        running = Terminal(["watch", "--all", "--timeout", "20", "-o", "id"], environment(self.spool.url))
        time.sleep(0.5)
        task = self.submit()
        running.read(until=task)
        running.end(signal.SIGTERM)
        self.assertIn(task, running.text)
        self.assertEqual(self.wrong(3, "watch", "--all", "--timeout", "0.2", key="sk-empty"), "the 0.2 s are over")
        for words in (("watch",), ("watch", task, "--all")):
            self.assertIn("watch takes ids, or --all", self.wrong(2, *words))


class Held(Verbs):
    """At a vendor that never finishes."""

    @classmethod
    def setUpClass(cls):
        cls.held = cls.enterClassContext(Vendor())
        cls.held.is_held = True
        cls.spool = cls.enterClassContext(Spool(sim=cls.held))

    def test_timeout(self):
        task = self.submit()
        self.spool.wait_phase(task, "rendering")
        done = self.run_verb("watch", task, "--timeout", "0.3")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(
            done.stderr,
            'spool: after 0.3 s 1 of 1 haven\'t ended: they go on, and "spool watch" waits again\n',
        )
        words = ("submit", "midjourney", "-d", IMAGINE, "--watch", "--timeout", "0.3")
        self.assertEqual(self.run_verb(*words).returncode, 3)
        done = self.run_verb(*words, "-o", "json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["object"]), (3, "task"))
        done = self.run_verb(*words, "-o", "id")
        self.assertEqual((done.returncode, bool(ID.match(done.stdout))), (3, True))

    def test_cancel(self):
        tasks = [self.submit() for _ in range(2)]
        for task in tasks:
            self.spool.wait_phase(task, "rendering")
        out = self.good("cancel", *tasks)
        self.assertEqual(out, "".join(f"{t}  cancelled here; its vendor can't, and may bill it\n" for t in tasks))
        done = self.run_verb("cancel", tasks[0], NO_TASK)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 2), done)
        self.assertEqual(self.run_verb("watch", *tasks).returncode, 1, "cancelled isn't succeeded")

    def test_download_too_early(self):
        task = self.submit()
        line = self.wrong(1, "download", task)
        self.assertRegex(line, rf'^{task} is (queued|in_progress): "spool watch {task}" waits for its end$')

    def test_bars_on_a_terminal(self):
        tasks = [self.submit() for _ in range(2)]
        for columns in (80, 60, 40):
            env = environment(self.spool.url, NO_COLOR="1", TERM="xterm", LC_ALL="C.UTF-8")
            terminal = Terminal(["watch", *tasks, "--timeout", "1.5"], env, columns)
            self.assertEqual(terminal.end(), 3, terminal.text)
            self.assertTrue(all(len(line) < columns for line in terminal.lines), terminal.lines)
            self.assertIn("\u2588", terminal.text)
            self.assertNotRegex(terminal.raw.decode(), "\x1b\\[[0-9;]*m", "NO_COLOR")
            self.assertIn("\x1b[2A", terminal.raw.decode(), "drawn in place")
        terminal = Terminal(["watch", tasks[0], "--timeout", "0.5"], environment(self.spool.url, LC_ALL="C"))
        self.assertEqual(terminal.end(), 3)
        self.assertIn("####", terminal.text)

    def test_more_bars_than_lines(self):
        tasks = [self.submit() for _ in range(12)]
        terminal = Terminal(["watch", *tasks, "--timeout", "0.7"], environment(self.spool.url), 80, 8)
        self.assertEqual(terminal.end(), 3)
        self.assertIn("and 7 more", terminal.text)

    def test_a_spool_that_is_started_anew(self):
        task = self.submit()
        self.spool.wait_phase(task, "rendering")
        running = subprocess.Popen(
            [harness.spool_binary(), "watch", task], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(self.spool.url),
        )
        try:
            self.assertIn(task, running.stdout.readline())
            self.spool.terminate(30)
            self.spool.start()
            self.held.is_held = False
            out, errors = running.communicate(timeout=30)
            self.assertEqual(running.returncode, 0, (out, errors))
            self.assertIn(f"{task}  succeeded", out)
            self.assertEqual(errors.count("trying again"), errors.count("\n"), errors)
        finally:
            self.held.is_held = True
            harness.end(running)


class Terminals(Verbs):
    def test_lists_fit(self):
        for _ in range(2):
            self.ended()
        long = self.ended('{"prompt":"[fail] ' + "x" * 300 + '"}')
        for columns in (132, 80, 60, 44):
            env = environment(self.spool.url, NO_COLOR="1", TERM="xterm", LC_ALL="C.UTF-8")
            for words in (["list"], ["timeline", long]):
                terminal = Terminal(words, env, columns)
                self.assertEqual(terminal.end(), 0)
                self.assertTrue(terminal.lines and all(len(line) <= columns for line in terminal.lines), terminal.lines)

    def test_colours(self):
        self.ended()
        for env, has in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
            terminal = Terminal(["list"], {**environment(self.spool.url), "NO_COLOR": "", **env})
            self.assertEqual(terminal.end(), 0)
            self.assertEqual("\x1b[32m" in terminal.raw.decode(), has, env)

    def test_others_words_don_t_reach_the_terminal(self):
        task = self.ended(json.dumps({"prompt": "x", "state": "\u001b[2Jgone\u009b31m"}))
        self.assertIn("state      ", self.good("get", task))
        self.assertNotIn("\x1b", self.good("get", task))
        self.assertNotIn("\x9b", self.good("get", task))


def signature(secret, body, msg="msg_1", at=None):
    """The three headers."""
    at = str(int(time.time()) if at is None else at)
    key = base64.b64decode(secret[len("whsec_") :])
    mac = hmac.new(key, f"{msg}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": msg, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


class Listener(harness.Child):
    """spool hooks listen, on a free port."""

    def __init__(self, *words, output="table"):
        super().__init__()
        command = [harness.spool_binary(), "hooks", "listen", "--port", "0", "-o", output, *words]
        # Where stdout is for a program, the line that says the address is on stderr.
        command = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]
        line = self.run(command, "listening on", subprocess.DEVNULL, env=environment("http://127.0.0.1:1"))
        self.url = re.search(r"http://[\d.:]+", line).group()
        self.port = int(self.url.rsplit(":", 1)[1])


class Hooks(Verbs):
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.receiver = cls.enterClassContext(harness.Receiver())
        config = {
            "webhook": {"secret": cls.secret, "retry_delays_ms": [50]},
            "tokens": [{"name": name, "key": f"sk-{name}"} for name in ("dev", "other")],
        }
        cls.spool = cls.enterClassContext(Spool(config, sim=cls.sim))

    def hooked(self, url):
        return self.ended(json.dumps({"prompt": "x", "notifyHook": url}))

    def delivered(self, task, status):
        def there():
            found = self.spool.deliveries(task)
            return found if found and found[-1]["status"] == status else None

        return eventually(there, 15, f"the last delivery to be {status}")

    def test_list(self):
        task = self.hooked(self.receiver.url + "/list")
        shown = self.delivered(task, "delivered")
        lines = self.good("hooks", "list", task).splitlines()
        self.assertEqual(lines[0].split()[:5], ["N", "SAID", "DELIVERY", "ATTEMPTS", "HTTP"])
        self.assertEqual(lines[-1].split()[:5], [str(len(shown)), "SUCCESS", "delivered", "1", "200"])
        self.assertEqual(json.loads(self.good("hooks", "list", task, "-o", "json"))["data"], shown)
        numbers = self.good("hooks", "list", task, "-o", "id").split()
        self.assertEqual(numbers, [str(d["n"]) for d in shown])
        self.assertIn("this key has no such task", self.wrong(1, "hooks", "list", task, key="sk-other"))

    def test_redeliver(self):
        self.receiver.answer("/again", 500)
        task = self.hooked(self.receiver.url + "/again")
        last = self.delivered(task, "exhausted")[-1]["n"]
        self.receiver.answer("/again", 200)
        before = len(self.receiver.at("/again"))
        self.assertEqual(self.good("hooks", "redeliver", task), f"{task}  delivery {last} is sent again\n")
        hooks = self.receiver.wait("/again", before + 1)
        self.assertEqual(hooks[-1].word, "SUCCESS")
        self.delivered(task, "delivered")
        self.assertEqual(self.good("hooks", "redeliver", task, str(last), "-o", "id"), f"{last}\n")
        self.receiver.wait("/again", before + 2)

    def test_redeliver_what_is_not_there(self):
        task = self.hooked(self.receiver.url + "/x")
        self.assertEqual(
            self.wrong(1, "hooks", "redeliver", task, "99"),
            f'{task} has no delivery 99: "spool hooks list {task}" shows them',
        )
        self.assertIn("is no number of a delivery", self.wrong(2, "hooks", "redeliver", task, "first"))
        bare = self.ended()
        self.assertEqual(
            self.wrong(1, "hooks", "redeliver", bare), f"{bare} has no webhooks: its submit named no receiver"
        )
        self.assertIn("this key has no such task", self.wrong(1, "hooks", "redeliver", NO_TASK))
        self.assertIn("hooks needs to be told what to do; usage: spool hooks list|", self.wrong(2, "hooks"))
        self.assertIn('hooks has no "lisst"; usage: spool hooks list|', self.wrong(2, "hooks", "lisst"))

    def test_listen_to_spool(self):
        with Listener("--secret", self.secret, output="json") as listener:
            task = self.hooked(listener.url + "/hook")
            self.delivered(task, "delivered")
            listener.process.send_signal(signal.SIGINT)
            self.assertEqual(listener.process.wait(20), 0)
            listener.reader.join(5)
            hooks = [json.loads(line) for line in listener.said[1:]]
        self.assertEqual({hook["signature"] for hook in hooks}, {"ok"})
        self.assertEqual({hook["path"] for hook in hooks}, {"/hook"})
        self.assertEqual([hook["body"]["status"] for hook in hooks][-1], "SUCCESS")
        self.assertEqual({hook["body"]["id"] for hook in hooks}, {task})

    def test_listen_judges(self):
        body = b'{"id":"task_1","text":"\x1b[2J"}'
        other = "whsec_" + base64.b64encode(bytes(32)).decode()
        lines = 1
        with Listener("--secret", self.secret) as listener:
            for headers, said, status in (
                (signature(self.secret, body), "ok", 200),
                (signature(other, body), "wrong", 401),
                (signature(self.secret, body + b" "), "wrong", 401),
                (signature(self.secret, body, at=time.time() - 3600), "stale", 401),
                ({}, "missing", 401),
            ):
                got = harness.exchange(listener.port, "POST", "/here", body, headers)[0]
                self.assertEqual(got, status, said)
                lines += 2
                eventually(lambda: len(listener.said) == lines, what="two lines for each")
                self.assertIn(f"  /here  signature {said}  ", listener.said[-2])
                self.assertEqual(listener.said[-1].encode(), b"  " + body.replace(b"\x1b", b" ") + b"\n")
        with Listener() as listener:
            self.assertIn("without --secret no signature is checked", listener.said[0])
            self.assertEqual(harness.exchange(listener.port, "POST", "/", body)[0], 200)
            eventually(lambda: len(listener.said) == 3)
            self.assertIn("signature unchecked  without an id", listener.said[1])

    def test_listen_where_somebody_does(self):
        line = self.wrong(1, "hooks", "listen", "--port", str(self.receiver.port))
        self.assertIn(str(self.receiver.port), line)
        self.assertIn("--port: ", self.wrong(2, "hooks", "listen", "--port", "x"))
        self.assertIn("--secret: ", self.wrong(2, "hooks", "listen", "--secret", "x"))

    def test_verify(self):
        body = b'{"id":"task_1"}'
        with open(os.path.join(self.dir, "body"), "wb") as file:
            file.write(body)
        headers = signature(self.secret, body, at=1614265330)

        def words(**changed):
            named = {"secret": self.secret, "id": headers["webhook-id"], "timestamp": headers["webhook-timestamp"]}
            named = {**named, "signature": headers["webhook-signature"], **changed}
            return [word for name, value in named.items() if value is not None for word in (f"--{name}", value)]

        self.assertEqual(self.good("hooks", "verify", *words(), "body"), "The signature is right.\n")
        self.assertEqual(self.good("hooks", "verify", *words(), "-", stdin=body.decode()), "The signature is right.\n")
        for changed in ({"id": "msg_2"}, {"timestamp": "1614265331"}, {"signature": "v1,AAAA"}, {"timestamp": "now"}):
            self.assertIn("the signature isn't that of", self.wrong(1, "hooks", "verify", *words(**changed), "body"))
        self.assertIn("the signature isn't", self.wrong(1, "hooks", "verify", *words(), "-", stdin=body.decode() + "\n"))
        self.assertIn("needs --signature", self.wrong(2, "hooks", "verify", *words(signature=None), "body"))
        self.assertIn("--secret: must be whsec_", self.wrong(2, "hooks", "verify", *words(secret="sk-dev"), "body"))
        self.assertIn("missing: No such file", self.wrong(2, "hooks", "verify", *words(), "missing"))

    def test_secret(self):
        secret = self.good("hooks", "secret").strip()
        self.assertEqual(len(base64.b64decode(secret[len("whsec_") :], validate=True)), 32)
        self.assertNotEqual(self.good("hooks", "secret").strip(), secret)


class Operator(Verbs):
    """With the operator's key; Spool has another for everybody else."""

    @classmethod
    def setUpClass(cls):
        cls.receiver = cls.enterClassContext(harness.Receiver())
        cls.receiver.answer("/broken", 500)
        cls.vendor = cls.enterClassContext(Vendor())
        cls.vendor.is_held = True
        config = {
            "accounts": [account(cls.vendor, max_concurrency=2), suno_account("http://127.0.0.1:1")],
            "tokens": [{"name": "dev", "key": "sk-dev"}, {"name": "op", "key": "sk-op", "admin": True}],
            "webhook": {"retry_delays_ms": [50]},
        }
        cls.spool = cls.enterClassContext(Spool(config))

    def run_verb(self, *words, key="sk-op", **options):
        return super().run_verb(*words, key=key, **options)

    def test_accounts(self):
        rows = [line.split() for line in self.good("accounts", "ls").splitlines()]
        self.assertEqual(rows[0][:7], ["ACCOUNT", "PROVIDER", "DIALECT", "STATE", "SLOTS", "IN", "FLIGHT"])
        self.assertEqual([(row[0], row[2]) for row in rows[1:]], [("mj-1", "proxy"), ("suno-1", "relay")])
        self.assertRegex(rows[1][4], "^[0-2]/2$")
        self.assertEqual(len(json.loads(self.good("accounts", "ls", "-o", "json"))["data"]), 2)
        self.assertEqual(self.good("accounts", "ls", "-o", "id"), "mj-1\nsuno-1\n")

    def test_one_account(self):
        def state():
            return [line.split()[3] for line in self.good("accounts", "ls").splitlines() if line.startswith("suno-1")]

        self.assertEqual(self.good("accounts", "disable", "suno-1"), "suno-1  is disabled; what it runs finishes\n")
        self.assertEqual(state(), ["disabled"])
        self.assertEqual(json.loads(self.good("accounts", "enable", "suno-1", "-o", "json"))["disabled"], False)
        self.assertEqual(self.good("accounts", "enable", "suno-1"), "suno-1  is enabled\n")
        self.assertEqual(state(), ["ok"])
        for verb in ("test", "disable", "enable"):
            for name in ("nobody", "a/b", "..", ""):
                self.assertEqual(
                    self.wrong(1, "accounts", verb, name), f'there is no account "{name}": "spool accounts ls" lists them'
                )

    def test_try_an_account(self):
        self.assertRegex(self.good("accounts", "test", "mj-1"), r"^mj-1  ok: .*\(HTTP \d+, \d\.\d s\)\n$")
        self.assertEqual(json.loads(self.good("accounts", "test", "mj-1", "-o", "json"))["ok"], True)
        done = self.run_verb("accounts", "test", "suno-1")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertRegex(done.stdout, r"^suno-1  unreachable: .* \(\d\.\d s\)\n$")
        self.vendor.on("/mj/task/", lambda asked: (401, {}, {"description": "\x1b[2Jno such key"}))
        try:
            done = self.run_verb("accounts", "test", "mj-1")
        finally:
            self.vendor.special.pop()
        self.assertRegex(done.stdout, r"^mj-1  bad_key: .*no such key \(HTTP 401, \d\.\d s\)\n$")
        self.assertEqual((done.returncode, "\x1b" in done.stdout), (1, False))

    def test_resolve(self):
        task = self.submit(key="sk-dev")
        line = self.wrong(1, "resolve", task, "--do", "resubmit")
        self.assertEqual(line, f"{task}: only a task that has failed can be resolved")
        self.assertIn("this key has no such task", self.wrong(1, "resolve", NO_TASK, "--do", "archive"))
        for words, said in (
            ((), "resolve needs --do adopt, archive or resubmit"),
            (("--do", "archive", "--upstream-id", "x"), "--upstream-id"),
            (("--do", "pray"), "--do: must be one of: adopt archive resubmit"),
        ):
            self.assertIn(said, self.wrong(2, "resolve", task, *words))

    def test_adopt(self):
        lost = []
        self.vendor.on("/submit/imagine", lambda asked: lost.append(asked) or harness.CUT if not lost else None)
        with Spool({"tokens": self.spool.config["tokens"]}, sim=self.vendor) as spool:
            task = self.submit(key="sk-dev", url=spool.url)
            self.assertEqual(self.run_verb("watch", task, "--timeout", "60", url=spool.url).returncode, 1)
            job = "4711"
            self.vendor.jobs[job] = {"prompt": "x"}
            out = self.good("resolve", task, "--do", "adopt", "--upstream-id", job, url=spool.url)
            self.assertEqual(out, f'{task}  goes on: "spool watch {task}" follows it\n')
            eventually(lambda: json.loads(self.good("get", task, "-o", "json", url=spool.url))["status"] == "in_progress")

    def test_everybodys_tasks(self):
        task = self.submit(key="sk-dev")
        self.assertIn(task, self.good("list", "--key", "dev", "-o", "id").split())
        self.assertEqual(self.good("list", "--key", "op", "-o", "id"), "")
        self.assertEqual(self.good("list", "--account", "suno-1", "-o", "id"), "")
        self.assertIn(task, self.good("list", "--since", "1h", "-o", "id").split())
        self.assertEqual(self.good("list", "--since", "2999-01-01", "-o", "id"), "")
        self.assertIn("key        dev", self.good("get", task))
        self.assertIn("KEY", self.good("list").splitlines()[0].split())
        self.good("cancel", task)

    def test_exhausted(self):
        body = json.dumps({"prompt": "x", "notifyHook": self.receiver.url + "/broken"})
        task = self.submit(body, key="sk-dev")
        self.good("cancel", task)
        eventually(lambda: "exhausted" in [d["status"] for d in self.spool.deliveries(task)], what="no more attempts")
        host = f"127.0.0.1:{self.receiver.port}"
        row = next(line for line in self.good("hooks", "exhausted").splitlines() if line.startswith(task))
        self.assertEqual(row.split()[2:5], [host, "exhausted", "2"])
        self.assertIn(task, self.good("hooks", "exhausted", "-o", "id", "--host", host, "--since", "1h"))
        self.assertNotIn(task, self.good("hooks", "exhausted", "-o", "id", "--since", "2999-01-01"))
        top = self.good("top")
        self.assertRegex(top, rf"(?m)^NOT TAKEN BY +WEBHOOKS\n{host} +\d+$")
        done = self.run_verb("hooks", "exhausted", "--host", "elsewhere")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "There are none.\n"))
        self.assertEqual(self.good("hooks", "exhausted", "--redeliver", "--host", "elsewhere"), "0 are sent again\n")
        self.receiver.answer("/broken", 200)
        self.assertEqual(self.good("hooks", "exhausted", "--redeliver", "--host", "elsewhere", "-o", "id"), "")
        lost = [d["status"] for d in self.spool.deliveries(task)].count("exhausted")
        self.assertGreaterEqual(int(self.good("hooks", "exhausted", "--redeliver").split()[0]), lost)
        ends = lambda: {d["status"] for d in self.spool.deliveries(task)}
        eventually(lambda: ends() <= {"delivered", "superseded"}, what="the delivery")

    def test_top(self):
        for _ in range(4):
            self.submit(key="sk-dev")
        text = eventually(lambda: (seen := self.good("top")) and "midjourney" in seen.split("ACCOUNT")[0] and seen)
        self.assertIn(f"{self.spool.url}\nRedis is up", text)
        self.assertRegex(text, r"(?m)^WAITS FOR +TASKS +OLDEST$")
        self.assertRegex(text, r"(?m)^midjourney +[1-9]\d* +\d")
        self.assertRegex(text, rf"(?m)^\S+ +{self.spool.pid} +\S*worker\S* +\S+ +\d+(\.\d)? s ")
        self.assertEqual(json.loads(self.good("top", "-o", "json"))["object"], "overview")

    def test_top_on_a_terminal(self):
        env = environment(self.spool.url, "sk-op", NO_COLOR="1", TERM="xterm", LC_ALL="C.UTF-8")
        for columns, lines in ((100, 40), (60, 10)):
            terminal = Terminal(["top"], env, columns, lines)
            eventually(lambda: terminal.read("\x1b[H", 0.2).raw.count(b"\x1b[H") >= 2 or terminal.read(None, 0.5) and False)
            terminal.end(signal.SIGINT)
            plain = re.sub(r"\x1b\[[0-9;]*[KJm]", "", terminal.raw.decode().replace("\r", ""))
            for screen in plain.split("\x1b[H")[1:3]:
                shown = screen.rstrip("\n").split("\n")
                self.assertIn(self.spool.url, shown[0])
                self.assertLess(len(shown), lines)
                self.assertTrue(all(len(line) <= columns for line in shown), shown)

    def test_who_is_no_operator(self):
        verbs = (("top",), ("accounts", "ls"), ("accounts", "disable", "mj-1"), ("hooks", "exhausted"),
                 ("hooks", "exhausted", "--redeliver"), ("resolve", NO_TASK, "--do", "archive"))
        for words in verbs:
            self.assertEqual(
                self.wrong(1, *words, key="sk-dev"),
                'the key isn\'t an operator\'s: use that of a token with "admin": true, with -k or SPOOL_KEY',
            )
        port = free_port()
        with Spool({"admin_listen": f"127.0.0.1:{port}", "tokens": self.spool.config["tokens"]}, sim=self.vendor) as spool:
            for words in verbs:
                self.assertEqual(
                    self.wrong(1, *words, url=spool.url),
                    f"{spool.url} has nothing for operators: where admin_listen is configured, say that address with -u",
                )
            self.assertEqual(self.good("accounts", "ls", "-o", "id", url=f"http://127.0.0.1:{port}"), "mj-1\n")


class Dev(unittest.TestCase):
    def setUp(self):
        self.dir = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-dev-"))

    def command(self, folder):
        """As installed: the two programs in one folder."""
        os.symlink(harness.sim_binary(), os.path.join(folder, "spool-sim"))
        return shutil.copy(harness.spool_binary(), os.path.join(folder, "spool"))

    def start(self, *words, env=None):
        dev = harness.Child()
        self.addCleanup(dev.close)
        binary = self.command(self.dir)
        # What configures another Spool is none of its business.
        env = {**environment("http://127.0.0.1:1"), "SPOOL_LISTEN": "127.0.0.1:1", "SPOOL_ROLES": "api", **(env or {})}
        line = dev.run([binary, "dev", *words], "listening on", subprocess.DEVNULL, env=env, cwd=self.dir)
        dev.url, dev.sim = re.findall(r"http://[\d.:]+\d", line)
        return dev

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(child) for child in file.read().split()]

    def test_from_nothing_to_files(self):
        dev = self.start("--listen", "127.0.0.1:0")
        children = self.children(dev.pid)
        self.assertEqual(len(children), 2)
        done = subprocess.run(
            [harness.spool_binary(), "-u", dev.url, "accounts", "ls", "-o", "id"],
            capture_output=True, text=True, check=True, env=environment("http://127.0.0.1:1"),
        )
        families = [name.removesuffix("-1") for name in done.stdout.split()]
        self.assertLessEqual({"midjourney", "kling", "suno", "veo", "seedance"}, set(families))
        # Each family has a job of its own for whoever tries it out.
        tasks, hook = [], f"{dev.sim}/sim/hooks/dev"
        for family in families:
            done = subprocess.run(
                [harness.spool_binary(), "-u", dev.url, "submit", family, "--hook", hook, "-o", "id"],
                capture_output=True, text=True, check=True, env=environment("http://127.0.0.1:1"),
            )
            tasks.append(done.stdout.strip())
        done = subprocess.run(
            [harness.spool_binary(), "-u", dev.url, "watch", *tasks, "--timeout", "60"],
            capture_output=True, text=True, check=False, env=environment("http://127.0.0.1:1"),
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        hooks = exchange(int(dev.sim.rsplit(":", 1)[1]), "GET", "/sim/hooks?path=/sim/hooks/dev")[2]
        self.assertGreaterEqual(len(hooks), len(tasks))
        modes = {name: os.stat(os.path.join(self.dir, "var", "dev", name)).st_mode & 0o077 for name in ("spool.json", "data")}
        self.assertEqual(set(modes.values()), {0}, modes)
        dev.process.send_signal(signal.SIGINT)
        self.assertEqual(dev.process.wait(30), 0)
        eventually(lambda: not any(harness.is_alive(child) for child in children), what="the end of both")

    def test_killed_it_leaves_nobody(self):
        dev = self.start("--listen", "127.0.0.1:0")
        children = self.children(dev.pid)
        harness.end(dev.process)
        eventually(lambda: not any(harness.is_alive(child) for child in children), 20, "the end of both")

    def test_one_of_them_ends(self):
        dev = self.start("--listen", "127.0.0.1:0")
        os.kill(self.children(dev.pid)[0], signal.SIGKILL)
        self.assertEqual(dev.process.wait(30), 1)

    def test_what_is_in_its_way(self):
        def complaint(*words, binary=self.command(self.dir), **env):
            done = subprocess.run(
                [binary, "dev", *words], capture_output=True, text=True, check=False, timeout=60, cwd=self.dir,
                env={**environment("http://127.0.0.1:1"), **env},
            )
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), done)
            return done.returncode, done.stderr

        with socket.create_server(("127.0.0.1", 0)) as taken:
            place = f"127.0.0.1:{taken.getsockname()[1]}"
            code, line = complaint("--listen", place)
            self.assertEqual(code, 1)
            self.assertRegex(line, f"^spool: Spool didn't start: .*{place}.* \\(var/dev/spool.log\\)\n$")
        code, line = complaint("--listen", "nonsense")
        self.assertEqual((code, "--listen" in line), (2, True), line)
        os.unlink(os.path.join(self.dir, "spool-sim"))
        code, line = complaint(PATH=self.dir)
        self.assertEqual(code, 1)
        self.assertIn("dev needs spool-sim, which is neither beside ", line)


class Completion(unittest.TestCase):
    cases = (
        (("li",), {"list"}, set()),
        (("",), {"serve", "submit", "hooks", "accounts", "--help"}, {"ls", "redeliver"}),
        (("hooks", ""), {"list", "redeliver", "exhausted", "listen", "secret", "verify"}, {"serve"}),
        (("accounts", "d"), {"disable"}, set()),
        (("submit", "mid"), {"midjourney"}, set()),
        (("-u", "http://x", "submit", "--w"), {"--watch"}, set()),
        (("submit", "kling", "--ti"), {"--timeout"}, set()),
        (("list", "--status", "f"), {"failed"}, set()),
        (("-o", ""), {"table", "json", "id"}, {"serve"}),
        (("resolve", "x", "--do", "a"), {"adopt", "archive"}, set()),
        (("completion", ""), {"bash", "zsh"}, set()),
    )

    def script(self, shell):
        return subprocess.run(
            [harness.spool_binary(), "completion", shell], capture_output=True, text=True, check=True
        ).stdout

    def check(self, shell, call):
        with tempfile.NamedTemporaryFile("w", suffix=f".{shell}") as file:
            file.write(self.script(shell))
            file.flush()
            for words, among, without in self.cases:
                with self.subTest(words=words):
                    done = subprocess.run(
                        call(file.name, words), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
                    )
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                    offered = set(done.stdout.split())
                    self.assertLessEqual(among, offered)
                    self.assertEqual(without & offered, set())
                    if not without:
                        self.assertEqual(among, {word for word in offered if word.startswith(words[-1])})

    def test_bash(self):
        def call(path, words):
            text = f'source {path}; COMP_WORDS=(spool "$@"); COMP_CWORD=$#; _spool; printf "%s\n" "${{COMPREPLY[@]}}"'
            return ["bash", "-c", text, "bash", *words]

        self.check("bash", call)

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh(self):
        def call(path, words):
            text = (
                'compdef() { : }; compadd() { shift; print -l -- "$@" }; '
                f'source {path}; words=(spool "$@"); CURRENT=$#words; _spool'
            )
            return ["zsh", "-f", "-c", text, "zsh", *words]

        self.check("zsh", call)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("jobs.jsonl", "job.json"):
                with open(os.path.join(folder, name), "w", encoding="utf-8"):
                    pass
            os.mkdir(os.path.join(folder, "jobs"))
            for words, said in (
                (("submit", "kling", "-d", "@jo"), {"@jobs.jsonl", "@job.json", "@jobs"}),
                (("submit", "kling", "-F", "a=@jo"), {"a=@jobs.jsonl", "a=@job.json", "a=@jobs"}),
                (("submit", "kling", "-O", "jo"), {"jobs"}),
                (("upload", "job."), {"job.json"}),
                (("serve", "-c", "job."), {"job.json"}),
            ):
                text = f'{self.script("bash")}\nCOMP_WORDS=(spool "$@"); COMP_CWORD=$#; _spool; printf "%s\n" "${{COMPREPLY[@]}}"'
                done = subprocess.run(["bash", "-c", text, "bash", *words], capture_output=True, text=True, check=True, cwd=folder)
                self.assertEqual(set(done.stdout.split()), said)

    def test_ids_are_asked_for(self):
        with Sim(speed=20) as sim, Spool(sim=sim) as spool:
            task = spool.submit("x")
            text = f'{self.script("bash")}\nCOMP_WORDS=("$@"); COMP_CWORD=2; _spool; printf "%s\n" "${{COMPREPLY[@]}}"'
            done = subprocess.run(
                ["bash", "-c", text, "bash", harness.spool_binary(), "watch", "task_"], capture_output=True, text=True,
                check=True, env=environment(spool.url),
            )
            self.assertEqual(done.stdout.split(), [task])

    def test_no_other_shell(self):
        done = subprocess.run([harness.spool_binary(), "completion", "fish"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, 'spool: there is completion for bash and zsh, not for "fish"\n')


class Answers(http.server.BaseHTTPRequestHandler):
    """What isn't Spool, or isn't well."""

    def do_GET(self):
        status, body = {
            "/html": (200, b"<html>hello</html>"),
            "/gone": (404, b"not found"),
            "/busy": (503, b'{"error":{"message":"Redis is away","code":"service_unavailable"}}'),
            "/forbidden": (403, b'{"error":{"message":"no","code":"forbidden"}}'),
        }.get("/" + self.path.split("/")[1], (0, b""))
        if status == 0:
            return
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class WrongInput(Verbs):
    def test_nobody_listens(self):
        url = f"http://127.0.0.1:{free_port()}"
        for words in (("get", NO_TASK), ("list",), ("watch", NO_TASK), ("submit", "kling", "-d", "{}"), ("cancel", NO_TASK)):
            self.assertEqual(
                self.wrong(1, "-u", url, *words),
                f'nobody listens at {url} (connection refused): start it with "spool serve", or say where with -u',
            )

    def test_urls(self):
        for url in ("ftp://x", "127.0.0.1:8080", "http://", "http://x/?y", "nonsense"):
            line = self.wrong(2, "-u", url, "list")
            self.assertEqual(line, f'"{url}" isn\'t the URL of a Spool: one looks like http://127.0.0.1:8080')
        line = self.wrong(1, "-u", "http://no-such-host.invalid", "list", no_proxy="*")
        self.assertIn("there is no such host: say where Spool is with -u or SPOOL_URL", line)
        self.assertEqual(self.good("-u", self.spool.url + "/", "list", "-o", "id", key="sk-empty"), "")

    def test_keys(self):
        for words in (("list",), ("get", NO_TASK), ("watch", NO_TASK), ("watch", "--all"), ("submit", "suno", "-d", "{}")):
            for key in ("sk-wrong", "x"):
                line = self.wrong(1, *words, key=key)
                self.assertEqual(
                    line, f"{self.spool.url} doesn't take the key: give one of its tokens with -k or SPOOL_KEY"
                )
        self.assertIn("a character that no key has", self.wrong(2, "-k", "two\nlines", "list"))
        # Here it is what Spool takes there by itself.
        self.assertEqual(self.run_verb("list", key="").returncode, 0)

    def test_tasks_of_others(self):
        task = self.ended(key="sk-other")
        for words in (("get", task), ("watch", task), ("cancel", task), ("timeline", task), ("download", task)):
            self.assertEqual(
                self.wrong(1, *words),
                f'{task}: this key has no such task: "spool list" shows those it has, -k takes another key',
            )
        for words in (("get", "nonsense"), ("hooks", "list", "a/b"), ("watch", "nonsense"), ("cancel", "nonsense"), ("get", "a/b?c")):
            self.assertEqual(
                self.wrong(1, *words),
                f'"{words[-1]}" is no task: ids begin with task_, and "spool list" shows them',
            )

    def test_some_are_there(self):
        task = self.ended()
        for verb in ("watch", "download"):
            done = self.run_verb(verb, NO_TASK, task)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done)
            self.assertIn(task, done.stdout)

    def test_what_is_not_understood(self):
        for words, said in (
            ((), "there is nothing to do; usage: spool VERB"),
            (("lits",), 'there is no verb "lits" (is it "list"?); usage: spool VERB'),
            (("list", "--statsu", "x"), "list has no option --statsu (is it --status?); usage: spool list "),
            (("get",), "get lacks something; usage: spool get ID"),
            (("get", "a", "b"), 'get: "b" is too much; usage: spool get ID'),
            (("list", "--status", "odd"), "--status: must be one of: queued in_progress"),
            (("list", "-o", "xml"), "--output: must be one of: table json id"),
            (("list", "-u"), "--url needs a value, URL; usage: spool list "),
        ):
            with self.subTest(words=words):
                self.assertTrue(self.wrong(2, *words).startswith(said))

    def test_help(self):
        text = self.good("--help")
        self.assertTrue(text.startswith("usage: spool "))
        for verb in re.findall(r"(?m)^  (\w[\w -]*?)  ", text):
            shown = self.good(*verb.split(), "--help")
            self.assertTrue(shown.startswith(f"usage: spool {verb}"), shown)

    def test_others_listen_there(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            for path, said in (
                ("html", f"{url}/html answers (HTTP 200), but not as Spool does: say where Spool is with -u or SPOOL_URL"),
                ("gone", f"{url}/gone answers (HTTP 404), but not as Spool does: say where Spool is with -u or SPOOL_URL"),
                ("busy", "Redis is away (HTTP 503): try again in 7 s"),
                ("forbidden", 'the key isn\'t an operator\'s: use that of a token with "admin": true, with -k or SPOOL_KEY'),
                ("cut", f"{url}/cut broke off before its answer was there: try again"),
            ):
                for words in (("list",), ("watch", NO_TASK)):
                    if path == "cut" and words[0] == "watch":
                        continue
                    with self.subTest(path=path, words=words):
                        self.assertEqual(self.wrong(1, "-u", f"{url}/{path}", *words), said)
            line = self.wrong(1, "-u", f"{url}/cut", "submit", "kling", "-d", "{}")
            self.assertIn("the job may have been taken", line)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


if __name__ == "__main__":
    main()
