"""Receivers of webhooks, good and dead ones."""
import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

from harness.common import eventually


class Hook:
    """A request that came to a Receiver."""

    def __init__(self, path, headers, body):
        self.at = time.monotonic()
        self.wall = time.time()
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def word(self):
        return self.body["status"]


class Receiver:
    """Receives webhooks; what it answers is programmed per path.

    answer(path, 500) always answers so, answer(path, [500, 200]) in turn, the last one for ever. A
    status may also be a function of the hook. `delay` is slept before the answer.
    """

    def __init__(self, port=0):
        self.lock = threading.Lock()
        self.hooks = []
        self.answers = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass  # who hangs up on us isn't news

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def answer(self, path, status, delay=0, headers=None, body=b"{}"):
        statuses = list(status) if isinstance(status, (list, tuple)) else [status]
        with self.lock:
            self.answers[path] = (statuses, delay, headers or {}, body)

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        hook = Hook(request.path, dict(request.headers), body)
        with self.lock:
            self.hooks.append(hook)
            statuses, delay, headers, answer = self.answers.get(request.path, ([200], 0, {}, b"{}"))
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if callable(status):
            status = status(hook)
        time.sleep(delay)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def at(self, path):
        with self.lock:
            return [hook for hook in self.hooks if hook.path == path]

    def words(self, path):
        return [hook.word for hook in self.at(path)]

    def wait(self, path, count=1, timeout=15):
        """At least so many hooks at the path."""
        eventually(
            lambda: len(self.at(path)) >= count, timeout, f"{count} webhooks at {path}"
        )
        return self.at(path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class DeadReceiver:
    """Accepts connections and never says anything."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept()[0])
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.connections:
            connection.close()


def check_signature(hook, secret):
    """As a receiver with `secret` ("whsec_…") does it; our own words, not Spool's code."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = f"{hook.headers['webhook-id']}.{hook.headers['webhook-timestamp']}.".encode() + hook.raw
    mine = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1) for part in hook.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(text, mine) for version, text in given)
