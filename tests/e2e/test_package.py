"""The Debian package: what is in it, what it needs, and that its program runs from there."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT, SANITIZER, end, main
from test_install import BUILD, FILES, files_in, run, variables_of

ELSEWHERE = {
    "etc/spool/spool.json",
    "usr/share/doc/spool/changelog.gz",
    "usr/share/doc/spool/copyright",
    "usr/share/spool/spool.env",
    "usr/share/zsh/vendor-completions/_spool",
}


@unittest.skipIf(shutil.which("dpkg-shlibdeps") is None, "there is no dpkg-dev")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="spool-package-"))
        done = run(os.path.join(ROOT, "scripts", "package.sh"), BUILD, cls.dir, env={"VERSION": "9.8.7~test"})
        assert done.returncode == 0, done.stdout + done.stderr
        (name,) = os.listdir(cls.dir)
        cls.deb = os.path.join(cls.dir, name)
        cls.root = os.path.join(cls.dir, "root")
        cls.control = os.path.join(cls.dir, "control")
        for option, folder in (("-x", cls.root), ("-e", cls.control)):
            done = run("dpkg-deb", option, cls.deb, folder)
            assert done.returncode == 0, done.stderr

    def text(self, name):
        with open(os.path.join(self.control, name), encoding="utf-8") as file:
            return file.read()

    def test_name_and_fields(self):
        fields = dict(re.findall(r"^(\S+): (.*)$", self.text("control"), re.M))
        self.assertEqual((fields["Package"], fields["Version"]), ("spool", "9.8.7~test"))
        self.assertEqual(os.path.basename(self.deb), f"spool_9.8.7~test_{fields['Architecture']}.deb")
        self.assertNotIn("@", re.sub(r"<.*>", "", self.text("control")))
        needs = [need.split(" ")[0] for need in fields["Depends"].split(", ")]
        # Linked with, loaded by a library, started, and asked for certificates.
        for wanted in (r"libc6", r"libcurl4\w*", r"libhiredis[\d.]+\w*", r"libjansson4", r"libssl3\w*", r"libuv1\w*",
                       r"libwebsockets\d+\w*", r"libwebsockets-evlib-uv", r"redis-server", r"ca-certificates"):  # fmt: skip
            self.assertTrue(any(re.fullmatch(wanted, need) for need in needs), (wanted, needs))

    def test_files(self):
        installed = {f"usr/{name}" + (".gz" if "/man/" in name else "") for name in FILES}
        self.assertEqual(files_in(self.root), installed | ELSEWHERE)
        self.assertEqual(self.text("conffiles"), "/etc/spool/spool.json\n")
        listed = run("dpkg-deb", "-c", self.deb).stdout.splitlines()
        self.assertEqual({line.split()[1] for line in listed}, {"root/root"})
        done = run("md5sum", "--check", "--strict", "--quiet", os.path.join(self.control, "md5sums"), cwd=self.root)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        sums = {line.split("  ", 1)[1] for line in self.text("md5sums").splitlines()}
        self.assertEqual(sums, files_in(self.root) - {"etc/spool/spool.json"})

    def test_scripts(self):
        for name in ("postinst", "prerm", "postrm"):
            self.assertEqual(run("sh", "-n", os.path.join(self.control, name)).stderr, "")
            self.assertTrue(self.text(name).startswith("#!/bin/sh\n"))
            self.assertIn("\nset -e\n", self.text(name))
        self.assertNotIn("rm -r", self.text("postrm").replace("with: rm -r", ""), "data isn't ours to delete")

    def test_the_same_again(self):
        again = os.path.join(self.dir, "again")
        done = run(os.path.join(ROOT, "scripts", "package.sh"), BUILD, again, env={"VERSION": "9.8.7~test"})
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.deb, "rb") as one, open(os.path.join(again, os.path.basename(self.deb)), "rb") as other:
            self.assertEqual(one.read(), other.read())
        shutil.rmtree(again)

    def test_program(self):
        """From where it was unpacked, with the package's configuration."""
        program = os.path.join(self.root, "usr/bin/spool")
        self.assertRegex(run(program, "--version").stdout, r"^spool \d+\.\d+\.\d+\n$")
        env = variables_of(os.path.join(self.root, "usr/share/spool/spool.env"))
        path = os.path.join(self.root, "etc/spool/spool.json")
        done = run(program, "check-config", "-c", path, env=env)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        log_path = os.path.join(self.dir, "log")
        more = {"SPOOL_LISTEN": "127.0.0.1:0", "SPOOL_DATA_DIR": os.path.join(self.dir, "data")}
        with open(log_path, "wb") as log:
            process = subprocess.Popen([program, "serve", "-c", path], env={**os.environ, **env, **more},
                                       stdout=subprocess.PIPE, stderr=log)  # fmt: skip
        try:
            self.assertIn(b"listening on http://127.0.0.1:", process.stdout.readline())
            process.terminate()
            self.assertEqual(process.wait(20), 0)
        finally:
            end(process)
            process.stdout.close()
            with open(log_path, "rb") as log:
                self.assertIsNone(SANITIZER.search(log.read()))

    def test_lintian(self):
        """Nothing to complain of, beside what a build for tests can't have."""
        if shutil.which("lintian") is None:
            self.skipTest("there is no lintian")
        done = run("lintian", "--fail-on", "error,warning", self.deb)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    main()
