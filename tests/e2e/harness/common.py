"""What all tests want now and then: ports, patience, requests."""
import base64
import copy
import http.client
import json
import os
import random
import re
import signal
import socket
import time

from harness.process import end

TERMINAL = ("SUCCESS", "FAILURE", "CANCEL")
# One red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def websocket_headers(headers):
    """Of a websockets.connect: python-websockets 14 has another name for them."""
    from websockets.version import version

    return {"additional_headers" if int(version.split(".")[0]) >= 14 else "extra_headers": headers}


def free_port():
    """One that stays free until it is used: no outgoing connection gets a port below the kernel's own."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    while True:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", random.randrange(10000, first) if first > 20000 else 0))
            except OSError:
                continue
            return s.getsockname()[1]


def freeze(pid):
    """SIGSTOP, and each thread has stopped when we return: before that one may still act on what comes."""
    os.kill(pid, signal.SIGSTOP)

    def has_stopped():
        states = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii", errors="replace") as file:
                states.append(file.read().rpartition(")")[2].split()[0])
        return all(state == "T" for state in states)

    eventually(has_stopped, 10, "the stop of each thread", 0.001)


def eventually(condition, timeout=10, what="it", every=0.02):
    """The condition's value, once it is true."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(every)


def words_seen(words, first):
    """Each once, without the first, which may be over before anybody looks."""
    seen = [word for i, word in enumerate(words) if i == 0 or words[i - 1] != word]
    return seen[1:] if seen[:1] == [first] else seen


def merged(base, extra):
    """`extra` over `base`, objects key by key."""
    base = copy.deepcopy(base)
    for key, value in (extra or {}).items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            base[key] = merged(base[key], value)
        else:
            base[key] = copy.deepcopy(value)
    return base


def exchange(port, method, path, body=None, headers=None, timeout=60):
    """(status, headers with names in lower case, JSON or bytes)"""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    names = {name.lower(): value for name, value in response.getheaders()}
    if data and "json" in names.get("content-type", ""):
        data = json.loads(data)
    return response.status, names, data


def download(url, headers=None):
    """(status, headers with names in lower case, bytes)"""
    port, path = re.match(r"http://[^/:]+:(\d+)(/.*)$", url).groups()
    return exchange(int(port), "GET", path, None, headers)


def form(fields, *files, kind="image/png"):
    """(body, headers), as curl -F sends it; each file is (name, bytes)."""
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [
        f'name="{name}"; filename="{i} a.png"\r\nContent-Type: {kind}\r\n\r\n'.encode() + data
        for i, (name, data) in enumerate(files)
    ]
    body = b"".join(b"--XX\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return body + b"--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def bearer(name):
    return {"Authorization": f"Bearer sk-{name}"}


def task_in(answer):
    """The task's id, wherever a family's answer has it; None where there is none."""
    found = re.search(r"\btask_[0-9A-HJKMNP-TV-Z]{26}\b", json.dumps(answer))
    return found and found.group()
