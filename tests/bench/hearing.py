"""A client that hears of every task's changes over a WebSocket. It keeps what comes with the moment and reads it
afterwards, so that it is never late itself."""
import bisect
import json
import socket
import struct
import threading
import time

PONG_EVERY_S = 15  # a server drops whom it doesn't hear from
QUIET_S = 1
TEXT, CONTINUED, PONG = 1, 0, 10
SUBSCRIBE = {"type": "subscribe", "all": True}


def frame(kind, data):
    """A client's, under a mask of zeroes."""
    assert len(data) < 126
    return struct.pack("!BB", 0x80 | kind, 0x80 | len(data)) + bytes(4) + data


def messages(data):
    """(where it ends in the data, its text) of each."""
    at, text = 0, b""
    while at + 2 <= len(data):
        kind, length, begin = data[at] & 15, data[at + 1], at + 2
        if length >= 126:
            form, size = ("!H", 2) if length == 126 else ("!Q", 8)
            if begin + size > len(data):
                return
            (length,), begin = struct.unpack_from(form, data, begin), begin + size
        end = begin + length
        if end > len(data):
            return
        if kind in (TEXT, CONTINUED):
            text += data[begin:end]
            if data[at] & 0x80:
                yield end, text
                text = b""
        at = end


class Hearing:
    def __init__(self, port, key="sk-dev"):
        self.socket = socket.create_connection(("127.0.0.1", port))
        lines = ["GET /v1/events HTTP/1.1", "Host: a", f"Authorization: Bearer {key}", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head
        self.socket.sendall(frame(TEXT, json.dumps(SUBSCRIBE).encode()))
        self.pieces, self.ends, self.moments, self.length = [], [], [], 0
        self.socket.settimeout(1)
        self.is_over = self.is_closed = False
        self.thread = threading.Thread(target=self.hear, daemon=True)
        self.thread.start()

    def hear(self):
        ponged = time.monotonic()
        while not self.is_over:
            if time.monotonic() - ponged > PONG_EVERY_S:
                ponged = time.monotonic()
                self.socket.sendall(frame(PONG, b"."))  # of an empty one libwebsockets says nothing
            try:
                piece = self.socket.recv(1 << 20)
            except socket.timeout:
                continue
            if not piece:
                self.is_closed = True
                return
            self.length += len(piece)
            self.pieces.append(piece)
            self.ends.append(self.length)
            self.moments.append(time.time())

    def is_quiet(self):
        """Nothing has come for a while."""
        return bool(self.moments) and time.time() - self.moments[-1] > QUIET_S

    def first_seen(self, *wanted):
        """For each of these functions of a task: task -> when the first change came that it is true of, in ms of the wall clock."""
        self.close()
        if self.is_closed:
            raise RuntimeError("the server closed the WebSocket")
        found = [{} for _ in wanted]
        for end, text in messages(b"".join(self.pieces)):
            message = json.loads(text)
            if message["type"] == "gap":
                raise RuntimeError("there was a gap")
            if message["type"] != "task":
                continue
            moment = 1000 * self.moments[bisect.bisect_left(self.ends, end)]
            for moments, is_wanted in zip(found, wanted):
                if is_wanted(message["task"]):
                    moments.setdefault(message["task"]["id"], moment)
        return found

    def close(self):
        self.is_over = True
        self.thread.join(5)
        self.socket.close()
