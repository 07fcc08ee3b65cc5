"""The command line: exit codes, configurations that are wrong, which setting wins, what stays secret."""
import base64
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import harness
from harness import PNG, DeadReceiver, Receiver, Redis, Sim, Spool, Vendor, account, eventually, exchange, free_port
from harness import main
from vendors.kling import kling_account
from vendors.veo import veo_account
from swift import Swift

WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MJ = account("http://127.0.0.1:1")
KLING = kling_account("http://127.0.0.1:1")
VEO = veo_account("http://127.0.0.1:1")


def environment(**more):
    """Ours without what would configure Spool."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPOOL_")}
    return {**kept, **more}


def run(*words, env=None, binary=None, cwd=None):
    return subprocess.run(
        [binary or harness.spool_binary(), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(**(env or {})),
        cwd=cwd,
    )


class Files(unittest.TestCase):
    def setUp(self):
        self.dir = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-cli-"))
        self.path = os.path.join(self.dir, "spool.json")

    def write(self, config):
        with open(self.path, "wb") as file:
            file.write(config if isinstance(config, bytes) else json.dumps(config).encode())
        return self.path

    def config(self, **more):
        listen, data_dir = f"127.0.0.1:{free_port()}", os.path.join(self.dir, "data")
        return {"listen": listen, "data_dir": data_dir, "accounts": [MJ], **more}


class Probe(Files):
    """check-config --probe says what to mend."""

    @classmethod
    def setUpClass(cls):
        cls.sim = cls.enterClassContext(Sim())

    def write_probe(self, **more):
        return self.write(self.config(**{"accounts": [account(self.sim)], **more}))

    def probe(self, **storage):
        done = run("check-config", "-c", self.write_probe(storage=storage), "--probe")
        return done.returncode, done.stdout, done.stderr

    def test_a_directory(self):
        code, out, errors = self.probe()
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(out, r"\nspool: account mj-1: its key is taken, its vendor answered \d+ in \d+ ms\n")

    def test_accounts(self):
        """All mistakes at once, with the account's number."""
        with Vendor() as busy:
            busy.on("/", lambda asked: (429, {}, {"message": "slowly"}))
            accounts = [
                account(self.sim, "right"),
                account(self.sim, "wrong", api_key="canary-3"),
                account("http://127.0.0.1:1", "away"),
                account(busy, "busy"),
                kling_account(self.sim),
                kling_account(self.sim, "kling-2", secret_key="canary-3"),
            ]
            path = self.write_probe(accounts=accounts, storage={"url": "s3://a/b", "endpoint": "http://127.0.0.1:1",
                                                                "access_key": "a", "secret_key": "b"})  # fmt: skip
            done = run("check-config", "-c", path, "--probe")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            errors = done.stderr.splitlines()
            expected = [
                "storage: ",
                "accounts.1: the vendor doesn't take the key of wrong: ",
                "accounts.2.base_url: the vendor of away can't be reached: ",
                "accounts.5: the vendor doesn't take the key of kling-2: ",
            ]
            self.assertEqual(len(errors), len(expected), errors)
            for line, words in zip(errors, expected):
                self.assertTrue(line.startswith(f"spool: {path}: {words}"), line)
            self.assertNotIn("canary-3", done.stderr)
            self.assertEqual({asked.method for asked in busy.asked}, {"GET"}, "something free")
            done = run("check-config", "-c", self.write_probe(accounts=[accounts[0], accounts[3]]), "--probe")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("account busy: busy, its vendor answered 429", done.stdout)

    def test_a_storage_at_a_start(self):
        """One that is known to be wrong is refused; for one that is away tasks wait."""
        with Swift() as swift:
            swift.create_bucket("media")
            keys = {"access_key": swift.access_key, "secret_key": swift.secret_key}
            right = {"url": "s3://media/x", "endpoint": swift.endpoint, "region": swift.region, **keys}
            for wrong, named in (
                ({"secret_key": "no"}, "storage.secret_key: "),
                ({"url": "s3://other/x"}, "storage.url: there is no such bucket"),
            ):
                done = run("serve", "-c", self.write_probe(storage={**right, **wrong}))
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(f"spool: {named}", done.stderr)
            for storage, word in (({**right, "endpoint": "http://127.0.0.1:1"}, True), (right, False)):
                with Spool({"accounts": [account(self.sim)], "storage": storage}) as spool:
                    eventually(spool.is_ready)
                    self.assertEqual(b"storage.away" in spool.log(), word)
            eventually(lambda: swift.objects("media") == {}, what="nothing left behind")

    def test_a_redis(self):
        def probe(url, **more):
            done = run("check-config", "-c", self.write_probe(redis_url=url, **more), "--probe")
            self.assertEqual(done.stderr.count("\n"), done.returncode != 0, done.stderr)
            return done.returncode, done.stderr or done.stdout

        with Redis() as redis:
            code, out = probe(redis.url)
            self.assertEqual(code, 0, out)
            self.assertIn("Redis answers and keeps what it is given", out)
            for setting, word, named in (
                ("maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"),
                ("maxmemory", "500kb", "raise its maxmemory"),
                ("appendonly", "no", "redis_persistence: "),
                ("requirepass", "canary-2", "redis_url: PING: NOAUTH"),
            ):
                before = redis.cli("CONFIG", "GET", setting).split("\n")[-1]
                redis.cli("CONFIG", "SET", setting, word)
                code, out = probe(redis.url)
                self.assertEqual(code, 2, out)
                self.assertIn(named, out)
                if setting != "requirepass":
                    redis.cli("CONFIG", "SET", setting, before)
            code, out = probe(f"unix://{redis.socket}x")
            self.assertEqual(code, 2, out)
            self.assertIn("redis_url: no Redis answers there", out)

    def test_a_directory_that_takes_nothing(self):
        file = os.path.join(self.dir, "file")
        with open(file, "wb"):
            pass
        for redis_url in ("", "redis://127.0.0.1:1"):
            for data_dir in (file, f"{file}/below", "/proc/spool"):
                path = self.write_probe(redis_url=redis_url, data_dir=data_dir)
                for words in (("serve",), ("check-config", "--probe")):
                    done = run(words[0], "-c", path, *words[1:])
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertRegex(done.stderr, f"^spool: ({path}: )?data_dir: .*{data_dir}.*\n")

    def test_one_that_forgets(self):
        """It isn't started on, unless that is said to be meant; snapshots are enough."""
        with Redis(options=["--appendonly", "no"]) as redis:
            forgets = self.config(redis_url=redis.url)
            done = run("serve", "-c", self.write(forgets))
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("redis_persistence: ", done.stderr)
            self.assertIn("CONFIG SET appendonly yes", done.stderr)
            with Spool({"redis_persistence": "none", "accounts": [MJ]}, redis=redis):
                pass
            redis.cli("CONFIG", "SET", "save", "3600 1")
            with Spool({"accounts": [MJ]}, redis=redis):
                pass

    def test_a_bucket(self):
        with Swift() as swift:
            swift.create_bucket("media")
            keys = {"access_key": swift.access_key, "secret_key": swift.secret_key}
            right = {"url": "s3://media/x", "endpoint": swift.endpoint, "region": swift.region, **keys}
            code, out, errors = self.probe(**right)
            self.assertEqual((code, errors), (0, ""))
            self.assertIn("the storage takes files and gives them back", out)
            eventually(lambda: swift.objects("media") == {}, what="nothing left behind")
            for wrong, named in (
                ({"secret_key": "no"}, "storage.secret_key: "),
                ({"region": "us-east-1"}, "storage.region: "),
                ({"url": "s3://other/x"}, "storage.url: there is no such bucket"),
                ({"endpoint": "http://127.0.0.1:1"}, "storage: "),
            ):
                with self.subTest(wrong=wrong):
                    code, out, errors = self.probe(**{**right, **wrong})
                    self.assertEqual((code, out, errors.count("\n")), (2, "", 1), errors)
                    self.assertTrue(errors.startswith(f"spool: {self.path}: {named}"), errors)


class Words(Files):
    def test_version_and_help(self):
        for binary, name in ((harness.spool_binary(), "spool"), (harness.sim_binary(), "spool-sim")):
            done = run("--version", binary=binary)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, rf"^{name} \d+\.\d+\.\d+\n$")
            done = run("--help", binary=binary)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"usage: {name}", done.stdout)

    def test_what_is_not_understood(self):
        for words in (
            (), ("serv",), ("serve", "more"), ("--nonsense",), ("serve", "--nonsense"), ("serve", "-c"),
            ("serve", "--listen"), ("check-config", "-x"),
        ):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("usage: spool", done.stderr)
        for words in (("--nonsense",), ("--listen", "nowhere"), ("--speed", "fast")):
            self.assertEqual(run(*words, binary=harness.sim_binary()).returncode, 2, words)

    def test_check_config(self):
        path = self.write(self.config())
        done = run("check-config", "-c", path)
        self.assertEqual((done.returncode, done.stderr, done.stdout.count("\n")), (0, "", 1), done)
        self.assertEqual(os.listdir(self.dir), ["spool.json"], "it only looks")
        done = run("check-config", env={"SPOOL_CONFIG": path})
        self.assertEqual(done.returncode, 0, done.stderr)
        for address in ("127.0.0.1:8080", "[::1]:8080", "localhost:0"):
            done = run("check-config", "-c", path, "--listen", address)
            self.assertTrue(done.stdout.endswith(f" listening on {address}\n"), done.stdout)

    def test_a_path_that_is_too_long_for_a_socket(self):
        most = 100 - len("/redis.sock")
        good = os.path.join(self.dir, "a", "b", "c")
        good += "c" * (most - len(good))
        wrong = good + "c"
        known = os.path.join(self.dir, "known")
        os.mkdir(known)
        link = os.path.join(self.dir, "l")
        os.symlink(os.path.join(known, "x" * (most + 1 - len(known) - len("/"))), link)
        os.mkdir(os.readlink(link))
        for data_dir, redis_url, is_good in ((good, "", True), (wrong, "", False), (os.path.relpath(wrong), "", False),
                                             (link, "", False), (wrong, "redis://127.0.0.1:1", True)):  # fmt: skip
            with self.subTest(data_dir=data_dir, redis_url=redis_url):
                path = self.write(self.config(data_dir=data_dir, redis_url=redis_url))
                said = "" if is_good else f"spool: {path}: data_dir: the path is too long for a socket\n"
                done = run("check-config", "-c", path)
                self.assertEqual((done.returncode, done.stderr), (0 if is_good else 2, said))
                if not is_good:
                    done = run("serve", "-c", path)
                    self.assertEqual((done.returncode, done.stderr), (2, said))
        self.assertFalse(os.path.exists(os.path.join(self.dir, "a")))


# A change of a good configuration, or the whole file; what the line names.
WRONG = [
    (b"", "line 1"),
    (b"{", "line 1"),
    (b'{"listen": "127.0.0.1:0",\n "listen": "127.0.0.1:0"}', "line 2"),
    (b"[]", "object"),
    (b"{}", "accounts"),
    ({"accounts": []}, "accounts"),
    ({"accounts": {}}, "accounts"),
    ({"accounts": ["x"]}, "accounts.0"),
    ({"nonsense": 1}, "nonsense"),
    ({"listen": 8080}, "listen"),
    ({"listen": "8080"}, "listen"),
    ({"listen": "127.0.0.1:70000"}, "listen"),
    ({"listen": "127.0.0.1:"}, "listen"),
    ({"listen": "0.0.0.0:0"}, "tokens"),
    ({"listen": "127.0.0.1:8081", "admin_listen": "127.0.0.1:8081"}, "admin_listen"),
    ({"public_url": "ftp://x"}, "public_url"),
    ({"data_dir": ""}, "data_dir"),
    ({"data_dir": 5}, "data_dir"),
    ({"redis_url": "rediss://127.0.0.1:6379"}, "redis_url"),
    ({"redis_url": "http://127.0.0.1"}, "redis_url"),
    ({"redis_url": "127.0.0.1:6379"}, "redis_url"),
    ({"redis_url": "redis://127.0.0.1:port"}, "redis_url"),
    ({"redis_url": "redis://127.0.0.1:6379/x"}, "redis_url"),
    ({"redis_url": "redis://"}, "redis_url"),
    ({"storage": "s3://x"}, "storage"),
    ({"storage": {"nonsense": 1}}, "storage.nonsense"),
    ({"storage": {"on_failure": "give_up"}}, "storage.on_failure"),
    ({"redis_persistence": "some"}, "redis_persistence"),
    ({"roles": []}, "roles"),
    ({"roles": "api"}, "roles"),
    ({"roles": ["cook"]}, "roles"),
    ({"log_level": "loud"}, "log_level"),
    ({"retention_hours": 0}, "retention_hours"),
    ({"retention_hours": "168"}, "retention_hours"),
    ({"max_body_bytes": -1}, "max_body_bytes"),
    ({"max_connections": 1.5}, "max_connections"),
    ({"cors_origins": "https://a.example/"}, "cors_origins"),
    ({"cors_origins": 5}, "cors_origins"),
    ({"cors_origins": {}}, "cors_origins"),
    ({"cors_origins": [5]}, "cors_origins.0"),
    ({"cors_origins": [""]}, "cors_origins.0"),
    ({"cors_origins": ["null"]}, "cors_origins.0"),
    ({"cors_origins": ["*", "example.com"]}, "cors_origins.1"),
    ({"cors_origins": ["https://a.example", "https://*.example"]}, "cors_origins.1"),
    ({"cors_origins": ["https://user@a.example"]}, "cors_origins.0"),
    ({"cors_origins": ["https://a.example/page"]}, "cors_origins.0"),
    ({"queue_limit": -1}, "queue_limit"),
    ({"queue_limit_per_key": None}, "queue_limit_per_key"),
    ({"lease_ms": 49}, "lease_ms"),
    ({"drain_timeout_ms": True}, "drain_timeout_ms"),
    ({"vendor_callbacks": "sometimes"}, "vendor_callbacks"),
    ({"tokens": [{"name": "x"}]}, "tokens.0"),
    ({"tokens": [{"name": "", "key": "x"}]}, "tokens.0"),
    ({"tokens": [{"name": "x", "key": "k"}, {"name": "y", "key": "k"}]}, "tokens.1.key"),
    ({"tokens": [{"name": "x", "key": "k", "more": 1}]}, "tokens.0.more"),
    ({"webhook": {"timeout_ms": 0}}, "webhook.timeout_ms"),
    ({"webhook": {"retry_delays_ms": [1]}}, "webhook.retry_delays_ms.0"),
    ({"webhook": {"retry_delays_ms": 5}}, "webhook.retry_delays_ms"),
    ({"webhook": {"allow_private_networks": "yes"}}, "webhook.allow_private_networks"),
    ({"webhook": {"secret": "canary-1"}}, "webhook.secret"),
    ({"accounts": [{**MJ, "name": "a/b"}]}, "accounts.0"),
    ({"accounts": [{**MJ, "name": "../x"}]}, "accounts.0"),
    ({"accounts": [MJ, MJ]}, "accounts.1.name"),
    ({"accounts": [{**MJ, "provider": "dall-e"}]}, "accounts.0.provider"),
    ({"accounts": [{k: v for k, v in MJ.items() if k != "provider"}]}, "accounts.0"),
    ({"accounts": [{**MJ, "dialect": "nonsense"}]}, "accounts.0.dialect"),
    ({"accounts": [{**MJ, "base_url": "nonsense"}]}, "accounts.0"),
    ({"accounts": [{**MJ, "base_url": ""}]}, "accounts.0.base_url"),
    ({"accounts": [{**MJ, "api_key": 5}]}, "accounts.0.api_key"),
    ({"accounts": [{**MJ, "api_key": "env:SPOOL_NO_SUCH"}]}, "accounts.0.api_key"),
    ({"accounts": [{**MJ, "max_concurrency": -1}]}, "accounts.0.max_concurrency"),
    ({"accounts": [{**MJ, "poll_interval_ms": 10}]}, "accounts.0.poll_interval_ms"),
    ({"accounts": [{**MJ, "on_unknown_submit": "hope"}]}, "accounts.0.on_unknown_submit"),
    ({"accounts": [{**MJ, "models": ["x"]}]}, "accounts.0.models"),
    ({"accounts": [{**MJ, "nonsense": 1}]}, "accounts.0.nonsense"),
    ({"accounts": [{**MJ, "nonsense": "canary"}]}, "accounts.0.nonsense: midjourney's dialect proxy takes no such key"),
    # A dialect's keys: one that is missing, one too many, another dialect's.
    ({"accounts": [{**MJ, "dialect": "relay", "api_key": ""}]}, "accounts.0.api_key: midjourney's dialect relay needs it"),
    ({"accounts": [{**MJ, "access_key": "canary"}]}, "accounts.0.access_key: midjourney's dialect proxy takes no such"),
    ({"accounts": [{**KLING, "secret_key": ""}]}, "accounts.0.secret_key: kling's dialect official needs it"),
    ({"accounts": [{**MJ, "provider": "kling", "dialect": "relay", "api_key": ""}]}, "accounts.0.api_key: kling's dialect relay needs it"),
    ({"accounts": [{**MJ, "provider": "kling", "dialect": "relay", "access_key": "canary"}]}, "accounts.0.access_key: kling's dialect relay takes"),
    ({"accounts": [{**VEO, "dialect": "vertex"}]}, "accounts.0.service_account_file: veo's dialect vertex needs it"),
    ({"accounts": [{**VEO, "region": "us-central1"}]}, "accounts.0.region: veo's dialect gemini takes no such key"),
    ({"accounts": [{**VEO, "service_account_file": "/nowhere/k"}]}, "accounts.0.service_account_file: /nowhere/k: No such file"),
    ({"accounts": [{**VEO, "api_key": ""}]}, "accounts.0.api_key: veo's dialect gemini needs it"),
]


class WrongConfigurations(Files):
    def complaint(self, done, named):
        """One line, before anything was begun."""
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("spool: "), done.stderr)
        self.assertIn(named, done.stderr)
        self.assertNotIn("canary", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "data")))
        return done.stderr

    def test_table(self):
        for change, named in WRONG:
            with self.subTest(change=str(change)[:80]):
                path = self.write(change if isinstance(change, bytes) else self.config(**change))
                first = self.complaint(run("serve", "-c", path), named)
                self.assertEqual(self.complaint(run("check-config", "-c", path), named), first)

    def test_all_at_once(self):
        """check-config says every mistake, with the file's name; serve says the first."""
        many = {
            "listen": 8080,
            "nonsense": 1,
            "retention_hours": 0,
            "redis_url": "redis://127.0.0.1:port",
            "public_url": "ftp://x",
            "webhook": {"timeout_ms": 1, "secret": "whsec_x", "more": 1},
            "tokens": [{"name": "a"}, {"name": "b", "key": "k"}, {"name": "c", "key": "k"}],
            "accounts": [
                {**MJ, "weight": True, "models": {"x": 1, "y": 2}},
                {**MJ, "name": "two", "provider": "dall-e"},
                {**MJ, "name": "a/b", "provider": 5},
                {**MJ, "name": "two"},
                {"name": "five", "provider": "midjourney"},
                {"base_url": "http://x"},
                {**MJ, "name": "six", "provider": "dall-e", "weight": True},
                {**MJ, "name": "seven", "dialect": "none", "base_url": "ftp://x"},
                {"name": "eight", "provider": "suno", "base_url": "ftp://x", "weight": True},
                {**MJ, "name": "nine", "dialect": 5},
                {**MJ, "name": "ten", "old.api_key": "k", "models": {"": "x", "y": ""}},
            ],
        }
        keys = [
            "listen", "nonsense", "retention_hours", "public_url", "webhook.timeout_ms", "webhook.more", "tokens.0",
            "accounts.0.weight", "accounts.0.models.x", "accounts.0.models.y", "accounts.2.provider", "accounts.2",
            "accounts.5", "accounts.5", "tokens.2.key", "accounts.3.name", "accounts.1.provider", "accounts.4.base_url",
            "redis_url", "webhook.secret", "accounts.6.weight", "accounts.6.provider", "accounts.7.base_url",
            "accounts.7.dialect", "accounts.8.base_url", "accounts.8.weight", "accounts.8.api_key", "accounts.9.dialect",
            "accounts.10.old.api_key", "accounts.10.models", "accounts.10.models.y",
        ]
        path = self.write(many)
        done = run("check-config", "-c", path)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        lines = done.stderr.splitlines()
        begin = f"spool: {path}: "
        self.assertEqual([line[: len(begin)] for line in lines], [begin] * len(lines))
        self.assertEqual(sorted(line[len(begin) :].split(": ")[0] for line in lines), sorted(keys), done.stderr)
        self.assertEqual(run("serve", "-c", path).stderr, lines[0] + "\n")
        done = run("check-config", "-c", path, env={"SPOOL_LISTEN": "nonsense", "SPOOL_ROLES": "cook"})
        self.assertEqual(done.stderr.count("\n"), len(lines) + 2)

    def test_every_secret(self):
        secrets = ["whsec_AAAA", "nope", 5, "whsec_" + "A" * 32, "whsec_!!"]
        path = self.write({"accounts": [MJ], "webhook": {"secret": secrets}})
        lines = run("check-config", "-c", path).stderr.splitlines()
        begins = ["webhook.secret.2: ", *(f"webhook.secret: signing secret {number} " for number in (1, 2, 5))]
        self.assertEqual(len(lines), len(begins), lines)
        for line, begin in zip(lines, begins):
            self.assertTrue(line.startswith(f"spool: {path}: {begin}"), line)
        self.assertNotIn("AAAA", "".join(lines))

    def test_tls_is_stunnel_s(self):
        path = self.write(self.config(redis_url="rediss://:canary@127.0.0.1:6379"))
        self.assertIn("stunnel", self.complaint(run("serve", "-c", path), "redis_url"))

    def test_files_that_can_t_be_read(self):
        missing = os.path.join(self.dir, "missing.json")
        self.complaint(run("serve", "-c", missing), missing)
        self.complaint(run("serve", "-c", self.dir), self.dir)
        self.complaint(run("serve", env={"SPOOL_CONFIG": missing}), missing)

    def test_a_data_dir_that_is_none(self):
        plain = os.path.join(self.dir, "plain")
        with open(plain, "w", encoding="utf-8"):
            pass
        done = run("serve", "-c", self.write(self.config(data_dir=plain)))
        self.assertEqual(done.returncode, 2)
        self.assertIn("data_dir", done.stderr.splitlines()[-1])

    def test_no_redis_server_to_start(self):
        done = run("serve", "-c", self.write(self.config()), env={"PATH": self.dir})
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("redis_url", done.stderr.splitlines()[-1])

    def test_variables(self):
        path = self.write(self.config())
        for name, value in (
            ("SPOOL_LISTEN", "nonsense"), ("SPOOL_ROLES", "cook"), ("SPOOL_LOG_LEVEL", "loud"),
            ("SPOOL_PUBLIC_URL", "x"), ("SPOOL_REDIS_URL", "rediss://x"),
        ):
            done = run("check-config", "-c", path, env={name: value})
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done)
            key = name[len("SPOOL_") :]
            self.assertTrue(name in done.stderr or key.lower() in done.stderr, done.stderr)
        for flag, value in (("--listen", "nonsense"), ("--roles", "cook")):
            done = run("serve", "-c", path, flag, value)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done)
            self.assertIn(flag, done.stderr)

    def test_flag_before_variable_before_file(self):
        path = self.write(self.config(listen="127.0.0.1:1111"))
        self.assertIn("127.0.0.1:1111", run("check-config", "-c", path).stdout)
        env = {"SPOOL_LISTEN": "127.0.0.1:2222"}
        self.assertIn("127.0.0.1:2222", run("check-config", "-c", path, env=env).stdout)
        done = run("check-config", "-c", path, "--listen", "127.0.0.1:3333", env=env)
        self.assertIn("127.0.0.1:3333", done.stdout)
        other = os.path.join(self.dir, "none.json")
        self.assertEqual(run("check-config", "-c", path, env={"SPOOL_CONFIG": other}).returncode, 0)


class Serving(Files):
    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("serve", "-c", self.write(self.config(listen=f"127.0.0.1:{port}", log_level="error")))
            self.assertEqual((done.returncode, done.stdout), (1, ""), done)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(f"127.0.0.1:{port}", done.stderr)
        lock = os.path.join(self.dir, "data", "redis.lock")
        done = subprocess.run(["flock", "-n", lock, "true"], check=False)
        self.assertEqual(done.returncode, 0, "its Redis has ended with it")

    def test_variables_in_the_file(self):
        names = {"TEST_SPOOL_KEY": "sim-secret", "TEST_SPOOL_TOKEN": "sk-dev"}
        with Sim(speed=20) as sim:
            config = {
                "tokens": [{"name": "dev", "key": "env:TEST_SPOOL_TOKEN"}],
                "accounts": [account(sim, api_key="env:TEST_SPOOL_KEY")],
            }
            with Spool(config, env=names) as spool:
                self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")

    def test_one_line_when_it_is_ready(self):
        with Redis() as redis, Sim(speed=20) as sim, Spool(sim=sim, redis=redis) as spool:
            self.assertEqual(spool.ready, f"spool: listening on http://127.0.0.1:{spool.port}\n")
            with Spool(sim=sim, redis=redis, roles=["worker"], data_dir=spool.data_dir) as worker:
                self.assertEqual(worker.ready, "spool: ready, without an address\n")
                with socket.socket() as one:
                    self.assertNotEqual(one.connect_ex(("127.0.0.1", worker.port)), 0)

    def test_any_port(self):
        with Sim(speed=20) as sim, Redis() as redis:
            path = self.write(self.config(redis_url=redis.url, accounts=[account(sim)]))
            process = subprocess.Popen(
                [harness.spool_binary(), "serve", "-c", path, "--listen", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), text=True,
            )
            try:
                port = int(process.stdout.readline().rsplit(":", 1)[1])
                headers = {"Authorization": "Bearer sk-dev"}
                eventually(lambda: exchange(port, "GET", "/readyz")[0] == 200)
                task = exchange(port, "POST", "/mj/submit/imagine", {"prompt": "x"}, headers)[2]["result"]
                path = f"/mj/task/{task}/fetch"
                shown = eventually(
                    lambda: (s := exchange(port, "GET", path, None, headers)[2])["status"] == "SUCCESS" and s
                )
                self.assertTrue(shown["imageUrl"].startswith(f"http://127.0.0.1:{port}/media/"), shown)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(20), 0)
            finally:
                harness.end(process)
                process.stdout.close()

    def test_idle_it_rests(self):
        """Not a busy loop in sight."""
        with Sim(speed=20) as sim, Spool(sim=sim) as spool:
            spool.wait(spool.submit("a lighthouse"))
            time.sleep(0.5)

            def used():
                with open(f"/proc/{spool.pid}/stat", encoding="utf-8") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

            before = used()
            time.sleep(2)
            self.assertLess(used() - before, 0.2)


class Rights(unittest.TestCase):
    """What isn't served is for our own user alone, whatever umask we were started with."""

    def setUp(self):
        self.addCleanup(os.umask, os.umask(0o022))
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.data = os.path.join(self.folder, "some", "data")

    def modes(self):
        found = {"": os.stat(self.data).st_mode & 0o777}
        for folder, folders, files in os.walk(self.data):
            for name in folders + files:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, self.data)] = os.lstat(path).st_mode & 0o777
        return found

    def serve(self, sim):
        return Spool({"data_dir": self.data, "accounts": [account(sim)]})

    def work(self, spool):
        png = "data:image/png;base64," + base64.b64encode(PNG + os.urandom(200000)).decode()
        status, _, made = spool.request("POST", "/mj/submit/blend", {"base64Array": [png, png]})
        self.assertEqual(status, 200, made)
        eventually(lambda: os.path.isdir(os.path.join(self.data, "inputs")), 10, "a stored input")
        spool.end_of(spool.submit("x"))
        spool.end_of(made["result"])  # else a file of it may be on its way from tmp/ to media/

    def check(self):
        modes = self.modes()
        self.assertTrue({"redis", "redis.log", "redis/appendonlydir", "inputs", "tmp", "media"} <= set(modes), modes)
        for name, mode in modes.items():
            if name.split("/")[0] == "media":
                self.assertIn(mode, (0o755, 0o644), name)
            elif name:
                self.assertEqual(mode & 0o077, 0, (name, oct(mode)))

    def test_a_new_directory(self):
        with Sim() as sim, self.serve(sim) as spool:
            self.work(spool)
            self.check()
            self.assertEqual(self.modes()[""], 0o700)
            self.assertEqual(self.modes()["redis.sock"], 0o600)

    def test_one_that_others_may_read(self):
        for name in ("redis", "inputs", "tmp"):
            os.makedirs(os.path.join(self.data, name))
        with open(os.path.join(self.data, "redis.log"), "wb"):
            pass
        with Sim() as sim, self.serve(sim) as spool:
            self.work(spool)
            self.check()
            for name in (b"/redis ", b"/inputs ", b"/tmp ", b"/redis.log "):
                self.assertRegex(spool.log(), b"rights.tightened path=[^ ]*" + name)


class Secrets(unittest.TestCase):
    """Canaries, and traffic of every kind: none of them is told."""

    CANARIES = [
        "canary-api", "canary-token", "canary-client", "canary-redis", "canary-query", "canary-prompt", WHSEC[6:],
    ]

    def test_canaries(self):
        seen = []  # answers
        sim = self.enterContext(Sim(speed=20, secret="canary-api"))
        with Receiver() as receiver, DeadReceiver() as dead, Redis(tcp=True) as redis:
            redis.cli("CONFIG", "SET", "requirepass", "canary-redis")
            url = f"redis://:canary-redis@127.0.0.1:{redis.port}"
            keys = {"mj-1": "canary-api", "mj-2": "canary-api-wrong"}
            config = {
                "redis_url": url,
                "log_level": "debug",
                "tokens": [{"name": "dev", "key": "sk-canary-token"}],
                "webhook": {"secret": WHSEC, "timeout_ms": 200, "retry_delays_ms": [100]},
                "accounts": [account(sim, name, api_key=key) for name, key in keys.items()],
            }
            spool = self.enterContext(Spool(config))
            spool.key = "sk-canary-token"
            eventually(spool.is_ready)

            def ask(method, path, body=None, key="sk-canary-token"):
                status, headers, answer = exchange(
                    spool.port, method, path, body, {"Authorization": f"Bearer {key}"}
                )
                seen.append((path, status, str(headers), str(answer)))
                return answer

            hooks = [receiver.url, dead.url, "http://127.0.0.1:1", "http://no.such.host.invalid"]
            words = ["", "[fail]", "[refuse]", "[invalid]", "[cut]", "[502]", "[429]", "[jpeg-named]"]
            tasks = []
            for number, word in enumerate(words):
                hook = hooks[number % len(hooks)] + f"/h?k=canary-query{number}"
                body = {"prompt": f"canary-prompt {word}", "notifyHook": hook}
                tasks.append(ask("POST", "/mj/submit/imagine", body)["result"])
            paths = ["/v1/tasks", f"/mj/task/{tasks[0]}/fetch", "/v1/events", "/metrics", "/readyz", "/healthz"]
            for key in ("canary-client", "sk-canary-client"):
                for path in paths:
                    ask("GET", path, None, key)
            ask("GET", "/v1/events?access_token=canary-client")
            bad_hook = {"prompt": "x", "notifyHook": "http://u:canary-query@x/"}
            for body in (b"{", b'{"prompt": 5}', bad_hook, {"prompt": ""}):
                ask("POST", "/mj/submit/imagine", body)
            for task in tasks:
                spool.wait(task)
                ask("GET", f"/v1/tasks/{task}")
                ask("GET", f"/v1/tasks/{task}/timeline")
            eventually(lambda: spool.metric("webhooks_exhausted_total") >= 1, 10, "a delivery given up")
            ask("GET", "/mj/nothing")
            ask("GET", "/media/nothing")
            ask("GET", "/metrics")
            # Redis goes and comes back with another password.
            redis.cli("-a", "canary-redis", "CONFIG", "SET", "requirepass", "canary-redis-2")
            redis.cli("-a", "canary-redis-2", "CLIENT", "KILL", "TYPE", "normal")
            eventually(lambda: not spool.is_ready(), 10, "a Redis that refuses us")
            for path in ("/readyz", "/v1/tasks", "/metrics"):
                ask("GET", path)
            ask("POST", "/mj/submit/imagine", {"prompt": "x"})
            spool.process.send_signal(signal.SIGTERM)
            self.assertEqual(spool.process.wait(20), 0)
            log = spool.log().decode()
            with open(f"{spool.dir}/spool.json", encoding="utf-8") as file:
                self.assertIn("canary-redis", file.read(), "the test means what it says")
        self.assertIn("account.out", log)
        for canary in self.CANARIES:
            self.assertNotIn(canary, log)
            for answer in seen:
                self.assertNotIn(canary, "".join(answer[2:]), answer)


if __name__ == "__main__":
    main()
