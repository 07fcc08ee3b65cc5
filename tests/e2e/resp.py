"""A few lines of Redis' protocol: for what asks too often to start a redis-cli each time."""
import socket


class Error(Exception):
    """What Redis refuses."""


class Resp:
    """A connection to a server's socket. Texts are str, bytes that aren't UTF-8 come along escaped."""

    def __init__(self, path, timeout=5):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def send(self, words):
        parts = [str(word).encode("utf-8", "surrogateescape") for word in words]
        body = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(b"*%d\r\n%b" % (len(parts), body))

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("Redis has hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.file.read(int(rest) + 2)[:-2].decode("utf-8", "surrogateescape")
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise Error(rest.decode())
        return rest.decode()

    def call(self, *words):
        self.send(words)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
