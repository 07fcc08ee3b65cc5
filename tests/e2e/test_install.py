"""What cmake --install brings: each thing where it is looked for, in working order."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT, SANITIZER, end, eventually, exchange, free_port, main, spool_binary

BUILD = os.environ.get("SPOOL_BUILD") or os.path.join(ROOT, "build", "dev")
FILES = {
    "bin/spool",
    "lib/systemd/system/spool.service",
    "lib/systemd/system/spool@.service",
    "lib/sysusers.d/spool.conf",
    "share/bash-completion/completions/spool",
    "share/doc/spool/examples/alerts.yml",
    "share/doc/spool/examples/dashboard.json",
    "share/doc/spool/examples/nginx.conf",
    "share/doc/spool/examples/spool.env",
    "share/doc/spool/examples/spool.json",
    "share/man/man1/spool.1",
    "share/man/man5/spool.json.5",
    "share/man/man7/spool-admin.7",
}


def run(*words, env=None, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, **options)  # fmt: skip


def install(prefix, **env):
    done = run("cmake", "--install", BUILD, "--prefix", prefix, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def files_in(folder):
    return {os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names}


def settings_in(text, name):
    """The values of a unit's setting."""
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def variables_of(path):
    """Of a file of NAME=value, as EnvironmentFile has it."""
    with open(path, encoding="utf-8") as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#"))


def keys_of(value):
    """Every key of a configuration, but not of what its owner names."""
    if isinstance(value, dict):
        return {key for name, below in value.items() for key in {name} | (keys_of(below) if name != "models" else set())}
    return {key for item in value for key in keys_of(item)} if isinstance(value, list) else set()


class Prefix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="spool-install-"))
        install(cls.dir)
        cls.program = os.path.join(cls.dir, "bin/spool")

    def text(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8") as file:
            return file.read()


class Installed(Prefix):
    def test_files(self):
        self.assertEqual(files_in(self.dir), FILES | {"share/zsh/site-functions/_spool"})
        for name in FILES:
            mode = os.stat(os.path.join(self.dir, name)).st_mode & 0o777
            self.assertEqual(mode, 0o755 if name == "bin/spool" else 0o644, name)

    def test_for_a_package(self):
        """Debian's zsh looks elsewhere for those of packages; the units name the program where it will be."""
        with tempfile.TemporaryDirectory(prefix="spool-install-") as root:
            install("/usr", DESTDIR=root)
            self.assertEqual(files_in(root), {f"usr/{name}" for name in FILES | {"share/zsh/vendor-completions/_spool"}})
            with open(os.path.join(root, "usr/lib/systemd/system/spool.service"), encoding="utf-8") as file:
                self.assertEqual(settings_in(file.read(), "ExecStart"), ["/usr/bin/spool serve -c /etc/spool/spool.json"])

    def test_any_prefix(self):
        """systemd wants a whole path, as one word."""
        with tempfile.TemporaryDirectory(prefix="spool install 100% ") as folder:
            for prefix in (folder, "here"):
                done = run("cmake", "--install", BUILD, "--prefix", prefix, cwd=folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                place = os.path.join(folder, prefix)
                with open(os.path.join(place, "lib/systemd/system/spool.service"), encoding="utf-8") as file:
                    (command,) = settings_in(file.read(), "ExecStart")
                program = os.path.join(os.path.realpath(place), "bin/spool").replace("%", "%%")
                self.assertEqual(command, f'"{program}" serve -c /etc/spool/spool.json')

    def test_program(self):
        self.assertRegex(run(self.program, "--version").stdout, r"^spool \d+\.\d+\.\d+\n$")

    def test_man_pages(self):
        for name in FILES:
            if name.startswith("share/man/"):
                title = os.path.basename(name).rsplit(".", 1)[0].upper()
                self.assertIn(f".Dt {title} {name[-1]}\n", self.text(name))

    def test_completion(self):
        """bash loads it by the command's name; zsh by the file's, which says what it is for."""
        path = os.path.join(self.dir, "share/bash-completion/completions/spool")
        script = f"source {path} && complete -p spool && COMP_WORDS=(spool ser) COMP_CWORD=1 && _spool && echo ${{COMPREPLY[@]}}"
        done = run("bash", "--norc", "-c", script)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.split("\n")[1], "serve")
        for shell, name in (("bash", "share/bash-completion/completions/spool"), ("zsh", "share/zsh/site-functions/_spool")):
            self.assertEqual(self.text(name), run(spool_binary(), "completion", shell).stdout)
        self.assertTrue(self.text("share/zsh/site-functions/_spool").startswith("#compdef spool\n"))


class Example(Prefix):
    """The configuration to begin with."""

    def configured(self):
        return json.loads(self.text("share/doc/spool/examples/spool.json"))

    def variables(self):
        return variables_of(os.path.join(self.dir, "share/doc/spool/examples/spool.env"))

    def test_is_fine(self):
        path = os.path.join(self.dir, "share/doc/spool/examples/spool.json")
        done = run(self.program, "check-config", "-c", path, env=self.variables())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("127.0.0.1:8080", done.stdout)

    def test_each_variable_is_there_and_used(self):
        text = self.text("share/doc/spool/examples/spool.json")
        self.assertEqual(set(re.findall(r'"env:(\w+)"', text)), set(self.variables()))

    def test_no_secret_is_in_it(self):
        secret = {"key", "api_key", "access_key", "secret_key", "secret"}

        def look(value):
            if isinstance(value, dict):
                for name, below in value.items():
                    self.assertTrue(name not in secret or below.startswith("env:"), name)
                    look(below)
            elif isinstance(value, list):
                for below in value:
                    look(below)

        look(self.configured())

    def test_each_key_is_explained(self):
        page = self.text("share/man/man5/spool.json.5")
        explained = set(re.findall(r"\w+", " ".join(re.findall(r"^\.(?:It )?Ic (.*)$", page, re.M))))
        self.assertEqual(keys_of(self.configured()) - explained, set())

    def test_starts(self):
        """As it is, but for the port and the folder, from any working directory."""
        port = free_port()
        more = {**self.variables(), "SPOOL_LISTEN": f"127.0.0.1:{port}", "SPOOL_DATA_DIR": os.path.join(self.dir, "state")}
        path = os.path.join(self.dir, "share/doc/spool/examples/spool.json")
        log_path = os.path.join(self.dir, "log")
        with open(log_path, "wb") as log:
            process = subprocess.Popen([self.program, "serve", "-c", path], env={**os.environ, **more}, cwd="/",
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip
        try:

            def ready():
                try:
                    return exchange(port, "GET", "/readyz")[0] == 200
                except OSError:
                    return False

            eventually(ready, 20, "readiness")
            for name, path, status in (("SPOOL_KEY", "/admin/v1/overview", 200), ("APP_KEY", "/v1/tasks", 200),
                                       ("APP_KEY", "/admin/v1/overview", 403)):  # fmt: skip
                bearer = {"Authorization": f"Bearer {more[name]}"}
                self.assertEqual(exchange(port, "GET", path, headers=bearer)[0], status, (name, path))
            process.terminate()
            self.assertEqual(process.wait(20), 0)
        finally:
            end(process)
            with open(log_path, "rb") as log:
                self.assertIsNone(SANITIZER.search(log.read()))


class Units(Prefix):
    def unit(self, name="spool.service"):
        return self.text(f"lib/systemd/system/{name}")

    def test_verify(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze")
        for name in ("spool.service", "spool@.service"):
            path = os.path.join(self.dir, "lib/systemd/system", name.replace("@", "@api1"))
            if "@" in name:
                shutil.copy(os.path.join(self.dir, "lib/systemd/system", name), path)
                self.addCleanup(os.unlink, path)
            done = run("systemd-analyze", "verify", "--man=no", path)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "spool" in line]
            self.assertEqual(said, [])
            done = run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_it_says(self):
        text = self.unit()
        self.assertEqual(settings_in(text, "ExecStart"), [f"{self.program} serve -c /etc/spool/spool.json"])
        for name, value in (
            ("Type", "notify"),
            ("ExecReload", "/bin/kill -HUP $MAINPID"),
            ("Restart", "on-failure"),
            ("RestartPreventExitStatus", "2"),
            ("KillMode", "mixed"),  # else its Redis ends before it
            ("StateDirectory", "spool"),
        ):
            self.assertEqual(settings_in(text, name), [value], name)
        drain = self.configured_drain_ms()
        self.assertGreater(int(settings_in(text, "TimeoutStopSec")[0]) * 1000, drain + 10000)  # Redis has 10 s
        self.assertGreaterEqual(int(settings_in(text, "WatchdogSec")[0]), 10)
        example = json.loads(self.text("share/doc/spool/examples/spool.json"))
        self.assertEqual(example["data_dir"], "/var/lib/" + settings_in(text, "StateDirectory")[0])

    def configured_drain_ms(self):
        return json.loads(self.text("share/doc/spool/examples/spool.json"))["drain_timeout_ms"]

    def test_several(self):
        """Each has a configuration and a folder of its own."""
        text = self.unit("spool@.service")
        self.assertEqual(settings_in(text, "ExecStart"), [f"{self.program} serve -c /etc/spool/%i.json"])
        self.assertEqual(settings_in(text, "StateDirectory"), ["spool/%i"])
        self.assertEqual(settings_in(text, "Environment"), ["SPOOL_DATA_DIR=/var/lib/spool/%i"])
        self.assertNotIn("@UNIT", text + self.unit())


if __name__ == "__main__":
    main()
