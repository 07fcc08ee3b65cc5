"""The commands that README prints work as they are printed, with the vendors that quickstart.sh simulates."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ROOT, Sim, Spool, main


def text_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text_of("README.md"), re.M | re.S)


def quickstart_config(sim):
    """As quickstart.sh writes it, but for where it listens."""
    text = re.search(r'cat >"\$home/spool.json" <<JSON\n(.*?)\nJSON\n', text_of("scripts/quickstart.sh"), re.S).group(1)
    text = text.replace("$home/service-account.json", sim.key_file()).replace("$sim", sim.url)
    config = json.loads(text)
    return {key: value for key, value in config.items() if key not in ("listen", "data_dir")}


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("curl", "jq"):
            if shutil.which(program) is None:
                print(f"skipped: there is no {program} here", file=sys.stderr)
                raise unittest.SkipTest(program)
        cls.sim = cls.enterClassContext(Sim(speed=20))
        cls.spool = cls.enterClassContext(Spool(quickstart_config(cls.sim)))
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())

    def run_block(self, text):
        """What it printed: each command must succeed, and no answer may be an error."""
        self.assertIn("localhost:8080", text)
        text = text.replace("localhost:8080", f"127.0.0.1:{self.spool.port}")
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
        known = self.spool.get("/openapi.json")["paths"]
        for methods, path in re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?]*)", text_of("README.md")):
            self.assertIn(methods.lower(), known.get(path, {}), path)

    def test_json(self):
        for block in blocks("json"):
            json.loads(block)


if __name__ == "__main__":
    main()
