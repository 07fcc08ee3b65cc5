"""The commands that README prints work as they are printed, with what "spool dev" runs."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ROOT, Child, exchange, main, spool_binary


def text_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text_of("README.md"), re.M | re.S)


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("curl", "jq"):
            if shutil.which(program) is None:
                print(f"skipped: there is no {program} here", file=sys.stderr)
                raise unittest.SkipTest(program)
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
        dev = cls.enterClassContext(Child())
        words = [spool_binary(), "dev", "--listen", "127.0.0.1:0", "-O", os.path.join(cls.dir, "dev")]
        line = dev.run(words, "listening on", subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
        cls.port = int(re.search(r"http://[\d.]+:(\d+)", line).group(1))

    def run_block(self, text):
        """What it printed: each command must succeed, and no answer may be an error."""
        self.assertIn("localhost:8080", text)
        text = text.replace("localhost:8080", f"127.0.0.1:{self.port}")
        text = re.sub(r"\bcurl ", "curl --fail-with-body ", text)
        command = ["bash", "-e", "-u", "-o", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=self.dir, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_every_command(self):
        found = [block for block in blocks("sh") if "curl" in block]
        self.assertGreaterEqual(len(found), 8)
        for block in found:
            with self.subTest(block.split("\n")[0]):
                self.assertNotRegex(block, r"task_\w*…|\$H\b")
                self.run_block(block)
        with open(os.path.join(self.dir, "tram.mp4"), "rb") as file:
            self.assertEqual(file.read()[4:8], b"ftyp")
        with open(os.path.join(self.dir, "openapi.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["openapi"], "3.1.0")

    def test_every_path_is_served(self):
        """Those of the table, and those in the text."""
        known = exchange(self.port, "GET", "/openapi.json")[2]["paths"]
        for methods, path in re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?]*)", text_of("README.md")):
            self.assertIn(methods.lower(), known.get(path, {}), path)

    def test_the_secret_that_was_made(self):
        (command,) = re.findall(r"`(redis-cli -s var/redis.sock [^`]*)`", text_of("README.md"))
        command = command.replace("var/", os.path.join(self.dir, "dev", "data", ""))
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
        self.assertRegex(done.stdout, r"^whsec_[A-Za-z0-9+/]{43}=$")

    def test_json(self):
        for block in blocks("json"):
            json.loads(block)


if __name__ == "__main__":
    main()
