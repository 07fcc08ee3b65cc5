"""Vendors: the simulator, one that the test plays, one in between."""
import http.client
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import time

from harness.process import Child, sim_binary
from harness.common import PNG, exchange


class Sim(Child):
    """The vendor simulator. `speed` 0: every job is finished at once."""

    def __init__(self, speed=20, secret="sim-secret", port=0):
        super().__init__()
        self.key_path = None
        command = [sim_binary(), "--listen", f"127.0.0.1:{port}", "--speed", str(speed)]
        line = self.run(command + ["--secret", secret], "listening on", subprocess.DEVNULL)
        self.url = re.search(r"http://\S+", line).group()
        self.port = int(self.url.rsplit(":", 1)[1])

    def get(self, path):
        return exchange(self.port, "GET", path, headers={"mj-api-secret": "sim-secret"})[2]

    def accepted(self, task):
        """How often the vendor took it."""
        return self.get(f"/sim/submits?state={task}")["accepted"]

    def jobs(self, vendor):
        """How often each prompt was accepted, and each id that was given along."""
        found = self.get("/sim/jobs")[vendor]
        return found["prompts"], found["marks"]

    def key_file(self):
        """The service account of its Google."""
        if self.key_path is None:
            number, self.key_path = tempfile.mkstemp(prefix="spool-key-", suffix=".json")
            with open(number, "w", encoding="utf-8") as file:
                json.dump(self.get("/sim/service-account.json"), file)
        return self.key_path

    def close(self):
        super().close()
        if self.key_path is not None:
            os.unlink(self.key_path)
            self.key_path = None


class Asked:
    """A request that came to a Vendor."""

    def __init__(self, method, path, headers, body):
        self.at = time.monotonic()
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body

    @property
    def body(self):
        return json.loads(self.raw)


CUT = (0, {}, b"")  # of a Vendor: no answer


class Vendor:
    """A Midjourney of a few lines that keeps every request, for what the simulator can't be asked.

    Jobs have ended when they are looked at, unless `is_held`. on(words, answer) answers requests
    whose path has the words: a function of the Asked that returns (status, headers, body), CUT, or None
    where the usual answer is right. A `body` longer than its Content-Length header, or shorter, is sent as it is.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.asked = []
        self.jobs = {}  # id -> the submit's body
        self.is_held = False
        self.special = []
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                vendor.handle(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def on(self, words, answer):
        self.special.append((words, answer))

    def at(self, words):
        with self.lock:
            return [asked for asked in self.asked if words in asked.path]

    def prompts(self):
        return [asked.body["prompt"] for asked in self.at("/submit/imagine")]

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        asked = Asked(request.command, request.path, dict(request.headers), body)
        with self.lock:
            self.asked.append(asked)
        answer = None
        for words, special in self.special:
            if answer is None and words in asked.path:
                answer = special(asked)
        status, headers, data = answer or self.usual(asked)
        if status == 0:
            request.close_connection = True
            return
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
            headers = {"Content-Type": "application/json", **headers}
        headers = {"Content-Length": str(len(data)), **headers}
        request.close_connection = int(headers["Content-Length"]) != len(data)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def usual(self, asked):
        parts = asked.path.split("/")
        if "/submit/" in asked.path:
            with self.lock:
                job = str(1000000 + len(self.jobs))
                self.jobs[job] = asked.body
            return 200, {}, {"code": 1, "description": "", "result": job, "properties": {}}
        if asked.path.endswith("/list-by-condition"):
            return 200, {}, [self.shown(job) for job in asked.body["ids"] if job in self.jobs]
        if asked.path.endswith("/task/list"):
            return 200, {}, [self.shown(job) for job in self.jobs]
        if asked.path.endswith("/fetch") and parts[-2] in self.jobs:
            return 200, {}, self.shown(parts[-2])
        if asked.path.startswith("/files/"):
            return 200, {"Content-Type": "image/png"}, PNG
        return 404, {}, {"code": 3, "description": "unknown"}

    def shown(self, job):
        body = self.jobs[job]
        if self.is_held:
            return {"id": job, "status": "IN_PROGRESS", "progress": "10%", "state": body.get("state", "")}
        buttons = [{"customId": f"MJ::JOB::upsample::1::{job}", "emoji": "", "label": "U1", "style": 2}]
        return {
            "id": job,
            "status": "SUCCESS",
            "progress": "100%",
            "prompt": body.get("prompt", ""),
            "state": body.get("state", ""),
            "imageUrl": f"{self.url}/files/{job}.png",
            "buttons": buttons,
        }

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Between(Vendor):
    """Hands everything on to a simulator; what Spool is told leads here again."""

    def __init__(self, sim):
        self.sim = sim
        super().__init__()

    def sent(self, words, **fields):
        """The bodies that were posted to such a path and have the fields."""
        posts = [asked.body for asked in self.at(words) if asked.method == "POST"]
        return [body for body in posts if all(body.get(name) == fields[name] for name in fields)]

    def usual(self, asked):
        hop = ("connection", "content-length")  # the host stays: it may be signed
        headers = {name: value for name, value in asked.headers.items() if name not in hop}
        connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=60)
        try:
            connection.request(asked.method, asked.path, asked.raw or None, headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            return CUT
        finally:
            connection.close()
        here, there = f":{self.port}/", f":{self.sim.port}/"
        kept = {name: value.replace(there, here) for name, value in response.getheaders()}
        for name in ("Content-Length", "Connection", "Transfer-Encoding", "Date"):
            kept.pop(name, None)
        if "json" in kept.get("Content-Type", ""):
            data = data.replace(there.encode(), here.encode())
        return response.status, kept, data
