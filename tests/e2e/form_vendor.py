"""A vendor of forms, OpenAI's and Ideogram's, that takes them as slowly as the test likes."""
import base64
import email
import hashlib
import http.server
import select
import threading
import time

from harness import PNG



REFUSAL = b'{"error":{"message":"no such picture","type":"invalid_request_error","code":"invalid_image"}}'


class Refused(Exception):
    """What has come of the form is enough."""


class Form:
    """One that came whole."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        whole = email.message_from_bytes(f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode() + body)
        self.files, self.fields = [], {}
        for part in whole.get_payload():
            name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
            if part.get_filename() is None:
                self.fields[name] = data.decode()
            else:
                self.files.append((name, part.get_content_type(), len(data), hashlib.sha256(data).hexdigest()))


class FormVendor:
    """Counts what comes. `rate`: bytes a second of each body; `hold_at`: so much of each is read, and the rest once
    release() was called. `keeps` says whether whole forms are looked into, at the price of memory."""

    def __init__(self, rate=None, hold_at=None, keeps=True):
        self.rate, self.hold_at, self.keeps = rate, hold_at, keeps
        self.lock = threading.Lock()
        self.forms, self.whole, self.cut, self.received = [], 0, 0, 0
        self.gate, self.hangs_up, self.refuses = threading.Event(), False, False
        self.files = {}  # path -> what a GET answers
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(200, vendor.files.get(self.path, PNG), "image/png")

            def do_POST(self):
                try:
                    body = vendor.read(self)
                except Refused:
                    self.answer(400, REFUSAL, "application/json")
                    body = None
                    while self.rfile.read1(65536):
                        pass
                if body is None:
                    self.close_connection = True
                    return
                if vendor.keeps:
                    with vendor.lock:
                        vendor.forms.append(Form(self.path, dict(self.headers), body))
                self.answer(200, vendor.answer(self.path), "application/json")

            def answer(self, status, data, kind):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def read(self, request):
        """The body; None where it broke off."""
        left, body, got = int(request.headers["Content-Length"]), bytearray(), 0
        while left > 0:
            if self.hold_at is not None and got >= self.hold_at:
                self.gate.wait(60)
            # Behind the first piece nothing is buffered: what is to be read is in the socket.
            while not self.hangs_up and not self.refuses and got > 0:
                if select.select([request.connection], [], [], 0.1)[0]:
                    break
            if self.hangs_up:
                return None
            if self.refuses:
                raise Refused
            piece = request.rfile.read1(min(left, 65536))
            with self.lock:
                self.received += len(piece)
                self.cut += not piece
            if not piece:
                return None
            if self.keeps:
                body += piece
            left, got = left - len(piece), got + len(piece)
            if self.rate is not None:
                time.sleep(len(piece) / self.rate)
        with self.lock:
            self.whole += 1
        return bytes(body)

    def answer(self, path):
        url = self.url.encode()
        if path.startswith("/v1/images/"):
            return b'{"created":1,"data":[{"b64_json":"' + base64.b64encode(PNG) + b'"}]}'
        return b'{"created":"2026-01-02T00:00:00+00:00","data":[{"url":"' + url + b'/a.png","is_image_safe":true}]}'

    def release(self):
        self.gate.set()

    def hang_up(self):
        self.hangs_up = True
        self.release()

    def refuse(self):
        """It answers before the body has come, and waits for the client to close."""
        self.refuses = True
        self.release()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
