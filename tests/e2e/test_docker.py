"""scripts/docker: no container runs here, but all that is in the files is held against what the program takes."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import yaml

from harness import ROOT, Redis, Sim, Spool, account, end, eventually, exchange, free_port, main, spool_binary
from test_install import run, variables_of

DOCKER = os.path.join(ROOT, "scripts", "docker")


def text_of(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def configuration():
    return json.loads(text_of(DOCKER, "spool.json"))


def filled(value, variables):
    """${NAME}, ${NAME:-default} and ${NAME:?complaint}, as compose fills them in."""

    def one(found):
        name, default = found.group(1), found.group(2)
        if not variables.get(name):
            assert default is not None, f"{name} is needed"
            return default
        return variables[name]

    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", one, value)
    if isinstance(value, dict):
        return {key: filled(below, variables) for key, below in value.items()}
    return [filled(below, variables) for below in value] if isinstance(value, list) else value


def compose():
    return yaml.safe_load(text_of(DOCKER, "compose.yml"))


def stages():
    """{name: [(INSTRUCTION, words)]} of the Dockerfile."""
    found = {}
    text = re.sub(r"^#.*\n", "", text_of(DOCKER, "Dockerfile"), flags=re.M).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.split("\n"))):
        word, rest = line.split(" ", 1)
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            current = found[name] = []
            rest = image
        current.append((word, rest))
    return found


def all_of(stage, word):
    return [rest for name, rest in stage if name == word]


def packages_of(stage):
    (install,) = [rest for rest in all_of(stage, "RUN") if "apt-get install" in rest]
    return set(re.search(r"--no-install-recommends ([^&]*)", install).group(1).split())


class Files(unittest.TestCase):
    def test_compose(self):
        """Every service is built from a stage; what it depends on says whether it is well, what it keeps has a volume."""
        services, built = compose()["services"], stages()
        self.assertEqual(set(services), {"api", "worker", "redis", "s3"})
        for name, service in services.items():
            with self.subTest(service=name):
                stage = built[service["build"]["target"]]
                self.assertEqual(os.path.realpath(os.path.join(DOCKER, service["build"]["context"])), ROOT)
                self.assertTrue(os.path.exists(os.path.join(ROOT, service["build"]["dockerfile"])))
                for needed, how in service.get("depends_on", {}).items():
                    self.assertEqual(how, {"condition": "service_healthy"})
                    self.assertTrue(all_of(built[services[needed]["build"]["target"]], "HEALTHCHECK"))
                for volume in service["volumes"]:
                    source, place = volume.split(":")[:2]
                    if source.startswith("."):
                        self.assertTrue(os.path.exists(os.path.join(DOCKER, source)))
                    else:
                        self.assertIn(source, compose()["volumes"])
                        self.assertIn(place, all_of(stage, "VOLUME"))
        self.assertEqual(services["worker"]["deploy"]["replicas"], 2)

    def test_images(self):
        for name, stage in stages().items():
            with self.subTest(stage=name):
                self.assertEqual(all_of(stage, "FROM"), ["debian:bookworm-slim"])
                if name == "build":
                    continue
                self.assertNotIn(all_of(stage, "USER"), ([], ["root"]))
                self.assertTrue(all_of(stage, "HEALTHCHECK"))
                for place in all_of(stage, "VOLUME"):
                    (owner,) = {re.search(rf"install -d -o (\w+) .* {place}$", rest).group(1)
                                for rest in all_of(stage, "RUN") if place in rest and "install -d" in rest}  # fmt: skip
                    self.assertEqual([owner], all_of(stage, "USER"))
                for copy in all_of(stage, "COPY"):
                    if not copy.startswith("--from"):
                        self.assertTrue(os.path.exists(os.path.join(ROOT, copy.split()[0])))
        self.assertEqual(list(stages())[-1], "spool", "what is built without a --target")

    def test_packages_are_those_that_scripts_need(self):
        text = text_of(ROOT, "scripts", "lib.sh")
        wanted = set(re.search(r"BUILD_PACKAGES=\(([^)]*)\)", text).group(1).split())
        built = packages_of(stages()["build"])
        self.assertEqual(built - wanted, set())
        self.assertEqual(wanted - built, {"redis-server", "ca-certificates", "curl"})  # these are for what runs
        if shutil.which("dpkg-shlibdeps") is None or "bookworm" not in text_of("/etc/os-release"):
            return
        # What the program is linked with is installed where it runs.
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-docker-"))
        os.mkdir(os.path.join(folder, "debian"))
        with open(os.path.join(folder, "debian", "control"), "w", encoding="utf-8") as file:
            file.write("Source: spool\n\nPackage: spool\nArchitecture: any\n")
        done = run("dpkg-shlibdeps", "-O", os.path.abspath(spool_binary()), cwd=folder)
        linked = {need.split(" ")[0] for need in done.stdout.strip().split("=", 1)[1].split(", ")}
        ours = packages_of(stages()["spool"])
        self.assertEqual(linked - ours - {"libc6", "libcap2", "libasan8", "libubsan1", "libgcc-s1"}, set())

    def test_variables(self):
        """Each that is set is read by somebody, and each that is read is set."""
        example = variables_of(os.path.join(DOCKER, "env.example"))
        asked = set(re.findall(r"\$\{(\w+)", text_of(DOCKER, "compose.yml")))
        self.assertEqual(asked, set(example))
        known = set(re.findall(r"^\.It Ev (SPOOL_[A-Z_]+)$", text_of(ROOT, "scheduler", "spool.1"), re.M))
        named = set(re.findall(r'"env:(\w+)"', text_of(DOCKER, "spool.json")))
        services = compose()["services"]
        for name in ("api", "worker"):
            given = set(services[name]["environment"])
            self.assertEqual(named - given, set())
            self.assertEqual(given - named - known, set())
        of_image = dict(word.split("=", 1) for rest in all_of(stages()["spool"], "ENV") for word in rest.split())
        self.assertEqual(set(of_image) - known, set())
        script = text_of(DOCKER, "s3.sh")
        for name in services["s3"]["environment"]:
            self.assertRegex(script, rf"\$\{{{name}:")

    def test_the_configuration(self):
        """As each process gets it."""
        variables = variables_of(os.path.join(DOCKER, "env.example"))
        services = filled(compose()["services"], variables)
        image = dict(word.split("=", 1) for rest in all_of(stages()["spool"], "ENV") for word in rest.split())
        with tempfile.TemporaryDirectory(prefix="spool-docker-") as folder:
            env = {**image, "SPOOL_CONFIG": os.path.join(DOCKER, "spool.json"), "SPOOL_DATA_DIR": folder}
            for name in ("api", "worker"):
                service = services[name]
                done = run(spool_binary(), "check-config", *service["command"], env={**env, **service["environment"]})
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)
                self.assertIn("0.0.0.0:8080", done.stdout)
            bucket = services["s3"]["environment"]["S3_BUCKET"]
            self.assertTrue(configuration()["storage"]["url"].startswith(f"s3://{bucket}/"))
            self.assertGreater(int(services["api"]["stop_grace_period"][:-1]) * 1000, configuration()["drain_timeout_ms"] + 10000)

    def test_what_is_not_copied(self):
        ignored = text_of(ROOT, ".dockerignore").split()
        self.assertTrue({".git", "build*", "var"} <= set(ignored), ignored)


class Parts(unittest.TestCase):
    """They do what is expected of them, without a container around."""

    def test_redis(self):
        """Of its image: append-only, evicts nothing; asked for its health as the image does it."""
        (entry,) = all_of(stages()["redis"], "ENTRYPOINT")
        command = json.loads(entry)
        with tempfile.TemporaryDirectory(prefix="spool-docker-") as folder:
            port = str(free_port())
            words = ["127.0.0.1" if word == "*" else folder if word == "/data" else word for word in command]
            more = filled(compose()["services"]["redis"]["command"], {"REDIS_PASSWORD": "secret"})
            process = subprocess.Popen([*words, *more, "--port", port], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            try:
                (check,) = all_of(stages()["redis"], "HEALTHCHECK")
                check = check.split("CMD ", 1)[1].replace("redis-cli", f"redis-cli -p {port}")
                healthy = lambda password: run("sh", "-c", check, env={"REDISCLI_AUTH": password}).returncode == 0
                eventually(lambda: healthy("secret"), what="health")
                self.assertFalse(healthy("wrong"))
                url = filled(compose()["services"]["api"]["environment"]["SPOOL_REDIS_URL"],
                             {"REDIS_PASSWORD": "secret"}).replace("redis:6379", f"127.0.0.1:{port}")  # fmt: skip
                with Sim(speed=20) as sim, Spool({"redis_url": url}, sim=sim) as spool:
                    eventually(spool.is_ready, what="readiness")
                    self.assertEqual(spool.wait(spool.submit("a lighthouse"))["status"], "SUCCESS")
                self.assertTrue(os.path.isdir(os.path.join(folder, "appendonlydir")))
            finally:
                end(process, signal.SIGTERM)

    def test_health(self):
        """Each role answers at the address that the image sets."""
        (check,) = all_of(stages()["spool"], "HEALTHCHECK")
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/healthz", check)
        self.assertIn(f"SPOOL_ADMIN_LISTEN=0.0.0.0:{port}", " ".join(all_of(stages()["spool"], "ENV")))
        services = compose()["services"]
        with Redis() as redis:
            for name in ("api", "worker"):
                roles = services[name]["command"][1].split(",")
                admin = free_port()
                with Spool(redis=redis, roles=roles, env={"SPOOL_ADMIN_LISTEN": f"0.0.0.0:{admin}"}):
                    command = shlex.split(check.split("CMD ", 1)[1].replace(port, str(admin)))
                    self.assertEqual(run(*command).returncode, 0, name)

    def test_the_store(self):
        """Started as the image does it, it takes the files of a job, and has them when it was away."""
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="spool-docker-", dir="/var/tmp"))
        ports = [str(free_port()) for _ in range(5)]
        variables = {**variables_of(os.path.join(DOCKER, "env.example")), "S3_SECRET_KEY": "a-secret"}
        given = filled(compose()["services"]["s3"]["environment"], variables)
        own = {"S3_LISTEN": f"127.0.0.1:{ports[0]}", "S3_PORTS": " ".join(ports[1:])}

        def start():
            log = open(os.path.join(folder, "log"), "ab")
            with log:
                process = subprocess.Popen([os.path.join(DOCKER, "s3.sh"), os.path.join(folder, "data")],
                                           env={**os.environ, **given, **own}, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log)  # fmt: skip

            def answers():
                self.assertIsNone(process.poll(), text_of(folder, "log"))
                try:
                    return exchange(int(ports[0]), "GET", "/healthcheck")[0] == 200
                except OSError:
                    return False

            eventually(answers, 90, "a store", 0.1)
            return process

        def listens(port):
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", int(port))) == 0

        def stop(process):
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            eventually(lambda: not any(map(listens, ports)), 20, "the end of its servers")
            self.assertNotEqual(run("pgrep", "-f", f"{folder}/data").returncode, 0, "servers that were left")

        storage = configuration()["storage"]
        keys = {"endpoint": f"http://127.0.0.1:{ports[0]}", "access_key": given["S3_ACCESS_KEY"],
                "secret_key": given["S3_SECRET_KEY"]}  # fmt: skip
        process = start()
        try:
            with Sim(speed=20) as sim, Spool({"storage": {**storage, **keys}, "accounts": [account(sim)]}) as spool:
                task = spool.submit("a lighthouse")
                self.assertEqual(spool.wait(task, 60)["status"], "SUCCESS")
                path = re.sub(r"^http://[^/]+", "", spool.task(task)["artifacts"][0]["url"])
                got = exchange(int(ports[0]), "GET", path)
                self.assertEqual((got[0], len(got[2])), (200, spool.task(task)["artifacts"][0]["bytes"]))
                stop(process)
                process = start()
                self.assertEqual(exchange(int(ports[0]), "GET", path)[2], got[2])
        finally:
            stop(process)


if __name__ == "__main__":
    main()
