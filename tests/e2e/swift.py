"""An S3 store for tests that verifies what it is sent: OpenStack Swift with its s3api, from Debian.

Four processes on free ports and a temporary folder, ready in 1.2 s where two cores are free; no memcached.
SigV4, the payload's SHA-256, Content-MD5 and the expiry of presigned URLs are checked, for the region given.
As at AWS, a part but the last has 5 MiB or more and is one of 10000, and the clock may be 15 minutes off.

The checks go through Swift's own API with a token of tempauth, not through S3 and its signatures. Buckets are
containers; the parts of "b" are objects in "b+segments", named KEY/UPLOAD-ID/NUMBER, and KEY/UPLOAD-ID alone
stands for an upload that is neither completed nor aborted.
"""
import array
import getpass
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.parse

import harness

PYTHON = "/usr/bin/python3"  # Debian's, which has Swift's modules
SERVERS = ("account", "container", "object", "proxy")
LOG_TAIL_BYTES = 6000
DEFAULT = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {dir}
devices = {dir}
mount_check = false
fallocate_reserve = 0
workers = 0
log_level = WARNING
# The log goes to stderr, and nowhere instead of to the machine's syslog.
log_udp_host = 127.0.0.1
log_udp_port = 9
"""
# A listing shows what was put, however slow the machine: nobody is there to bring it up to date later.
STORE = """\
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
container_update_timeout = 20
"""
FILTERS = "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo symlink"
# With error_suppression_limit it asks a server that failed again at once, not after a minute.
PROXY = """\
[pipeline:main]
pipeline = {filters} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = {timeout}
error_suppression_limit = 1000000
[filter:cache]
paste.filter_factory = spool_swift_cache:factory
[filter:s3api]
use = egg:swift#s3api
location = {region}
min_segment_size = 5242880
max_upload_part_num = 10000
allowable_clock_skew = 900
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin
"""
# In memcached's stead, which keeps tempauth's tokens.
CACHE = """\
import time as clock

class Cache:
    def __init__(self, app):
        self.app, self.values = app, {}

    def __call__(self, env, start):
        env["swift.cache"] = self
        return self.app(env, start)

    def get(self, key, **_):
        value, end = self.values.get(key, (None, 0))
        return value if clock.time() < end else None

    def set(self, key, value, time=0, **_):
        self.values[key] = (value, clock.time() + (time or 1e9))

    def delete(self, key, **_):
        self.values.pop(key, None)

def factory(*_, **__):
    return Cache
"""


def held_port():
    """A port, and the socket that keeps it ours while no server listens there."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as Swift's servers do
    keeper.bind(("127.0.0.1", 0))
    return keeper.getsockname()[1], keeper


def folder():
    """A temporary one that takes user xattrs, where Swift keeps metadata; a tmpfs may not."""
    for place in (tempfile.gettempdir(), "/var/tmp"):
        path = tempfile.mkdtemp(prefix="spool-swift-", dir=place)
        try:
            os.setxattr(path, "user.spool", b"1")
            return path
        except OSError:
            os.rmdir(path)
    raise RuntimeError("no temporary folder takes user xattrs")


class Swift:
    """`timeout` seconds after it asked a paused object server, the proxy answers 503."""

    access_key = "test:tester"
    secret_key = "testing-secret"

    def __init__(self, region="eu-central-1", timeout=2):
        self.region = region
        self.processes = {}
        self.keepers = []
        self.dir = folder()
        self.ports = {}
        harness.running.add(self)
        try:
            for name in SERVERS:
                self.ports[name], keeper = held_port()
                self.keepers.append(keeper)
            self.endpoint = f"http://127.0.0.1:{self.ports['proxy']}"
            self.configure(timeout)
            self.start(*SERVERS)
        except BaseException:
            self.close()
            raise

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self, timeout):
        os.mkdir(os.path.join(self.dir, "d1"))
        self.write("spool_swift_cache.py", CACHE)
        # Eventlet would collect garbage for a second in each of them before they listen.
        self.write("sitecustomize.py", "import gc\ngc.collect = lambda *_: 0\n")
        self.write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = t\n")
        for name in SERVERS:
            text = DEFAULT.format(port=self.ports[name], user=getpass.getuser(), dir=self.dir)
            if name != "proxy":
                self.write(f"{name}.conf", text + STORE.format(name=name))
                self.ring(name)
        user = self.access_key.replace(":", "_")
        given = {"region": self.region, "timeout": timeout, "user": user, "secret": self.secret_key}
        text += PROXY.format(filters=FILTERS, **given)
        for name in FILTERS.split():
            if f"[filter:{name}]" not in text:
                text += f"[filter:{name}]\nuse = egg:swift#{name}\n"
        self.write("proxy.conf", text)

    def ring(self, name):
        """All 16 partitions on one device, as swift-ring-builder would say it, in no time."""
        device = {"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": ""}
        for prefix in ("", "replication_"):
            device.update({f"{prefix}ip": "127.0.0.1", f"{prefix}port": self.ports[name]})
        ring = {"devs": [device], "part_shift": 32 - 4, "replica_count": 1, "byteorder": sys.byteorder}
        text = json.dumps(ring).encode()
        with gzip.open(os.path.join(self.dir, f"{name}.ring.gz"), "wb") as file:
            file.write(
                b"R1NG" + struct.pack("!HI", 1, len(text)) + text + array.array("H", [0] * 16).tobytes()
            )

    def start(self, *names):
        """They are ready when we return."""
        python = {"PYTHONPATH": self.dir, "PYTHONDONTWRITEBYTECODE": "1"}
        for name in names:
            command = [PYTHON, f"/usr/bin/swift-{name}-server", os.path.join(self.dir, f"{name}.conf"), "-v"]
            with open(os.path.join(self.dir, "log"), "ab") as log:
                self.processes[name] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **python}
                )
        for name in names:
            harness.eventually(lambda: self.answers(name), 60, f"a ready {name} server", 0.01)

    def answers(self, name):
        if self.processes[name].poll() is not None:
            raise RuntimeError(f"Swift's {name} server ended: {self.log_tail()}")
        try:
            return harness.exchange(self.ports[name], "GET", "/healthcheck")[0] > 0
        except (OSError, http.client.HTTPException):
            return False

    def log_tail(self):
        with open(os.path.join(self.dir, "log"), "rb") as file:
            return file.read()[-LOG_TAIL_BYTES:].decode(errors="replace")

    # Looking at it, and preparing it.

    def ask(self, method, bucket, name="", query="", body=None, headers=None):
        """(status, bytes) of Swift's own API."""
        user = {"X-Auth-User": self.access_key, "X-Auth-Key": self.secret_key}
        given = harness.exchange(self.ports["proxy"], "GET", "/auth/v1.0", headers=user)[1]
        path = urllib.parse.quote(f"/v1/AUTH_test/{bucket}" + (name and f"/{name}")) + query
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["proxy"], timeout=60)
        try:
            connection.request(method, path, body, {"X-Auth-Token": given["x-auth-token"], **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def create_bucket(self, name, is_public=False):
        """`is_public`: {endpoint}/v1/AUTH_test/{name}/{key} can be read without a signature."""
        status, answer = self.ask("PUT", name, headers={"X-Container-Read": ".r:*"} if is_public else None)
        assert status in (201, 202), (name, status, answer)

    def entries(self, bucket):
        """{name: what a listing says of it}, of no bucket {}; 10000 at most."""
        status, answer = self.ask("GET", bucket, query="?format=json")
        assert status in (200, 404), (bucket, status, answer)
        return {entry["name"]: entry for entry in json.loads(answer)} if status == 200 else {}

    def objects(self, bucket):
        """{name: (bytes, ETag as S3 says it, but without quotes)}"""
        entries = self.entries(bucket).items()
        return {name: (one["bytes"], one.get("s3_etag", one["hash"]).strip('"')) for name, one in entries}

    def read(self, bucket, name):
        status, answer = self.ask("GET", bucket, name)
        assert status == 200, (bucket, name, status, answer)
        return answer

    def delete(self, bucket, name):
        """With its parts."""
        is_multipart = "slo_etag" in self.entries(bucket).get(name, {})
        status, answer = self.ask(
            "DELETE", bucket, name, "?multipart-manifest=delete" if is_multipart else ""
        )
        assert status in (200, 204), (bucket, name, status, answer)

    def parts(self, bucket):
        """{"KEY/UPLOAD-ID/NUMBER": (bytes, etag)}, also those of objects that are complete."""
        found = self.objects(bucket + "+segments").items()
        return {name: what for name, what in found if name.rsplit("/", 1)[1].isdigit()}

    def uploads(self, bucket):
        """[(key, id)] of the uploads that are neither completed nor aborted."""
        names = [name.rsplit("/", 1) for name in self.entries(bucket + "+segments")]
        return [(key, id) for key, id in names if not id.isdigit()]

    def orphans(self, bucket):
        """The names of parts that belong to no object. Swift, unlike AWS, keeps those of an object that was
        overwritten."""
        used = set()
        for name, entry in self.entries(bucket).items():
            if "slo_etag" in entry:
                answer = self.ask("GET", bucket, name, "?multipart-manifest=get")[1]
                used.update(part["name"].split("/", 2)[2] for part in json.loads(answer))
        return sorted(set(self.parts(bucket)) - used)

    # Its faults.

    def pause(self):
        """Whoever reads or writes an object waits `timeout` seconds for a 503."""
        self.processes["object"].send_signal(signal.SIGSTOP)

    def resume(self):
        self.processes["object"].send_signal(signal.SIGCONT)

    def kill_objects(self):
        """The proxy answers 503 at once."""
        harness.end(self.processes["object"])

    def start_objects(self):
        self.start("object")

    def stop_proxy(self):
        """Connections are refused; nobody else gets the port."""
        harness.end(self.processes["proxy"])

    def start_proxy(self):
        self.start("proxy")

    def close(self):
        for process in self.processes.values():
            harness.end(process)
        for keeper in self.keepers:
            keeper.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        harness.running.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
