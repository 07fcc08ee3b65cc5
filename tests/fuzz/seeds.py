#!/usr/bin/env python3
"""Writes <out>/<target>/seeds from the fixtures and the tests, and a dictionary of their words."""
import glob
import json
import os
import re
import sys

OUT = sys.argv[1]
CALLS = ["submit", "poll", "poll_many", "lookup", "token", "callback", "next", "question"]
ACTIONS = ["IMAGINE", "DESCRIBE", "SEED", "text2video", "generations", "MUSIC", "LYRICS", "CONCAT", ""]


def names(kind):
    """In the order of the list, which is that of provider_at and family_at."""
    text = open("providers/registry.c").read()
    table = re.search(r"#define %s\(X\)(.*?)\n\n" % kind, text, re.S).group(1)
    for name, list_name in re.findall(r"\bX\((\w+)\)|\b(\w+)\(X\)", table):
        yield from [name] if name else names(list_name)


def routes():
    """(family, path) of every route, in the order of the tables."""
    for family in names("FAMILIES"):
        text = open(f"providers/families/{family}.c").read()
        table = re.search(r"static const struct route routes\[\] = \{(.*?)\n\};", text, re.S)
        for path in re.findall(r'\{"[A-Z]+",\s*"([^"]+)"', table.group(1)):
            yield family, path


def body_of(given):
    body = given.get("body", "")
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def answers():
    for number, provider in enumerate(names("PROVIDERS")):
        for path in sorted(glob.glob(f"tests/fixtures/{provider}/*.json")):
            fixture = json.load(open(path))
            given = fixture["given"]
            action = given.get("task", {}).get("action", "")
            head = bytes([number, CALLS.index(fixture["call"])])
            head += (given.get("status", 200) - 100).to_bytes(2, "big")
            head += bytes([ACTIONS.index(action if action in ACTIONS else ""), given.get("step", 0)])
            name = provider + "-" + os.path.basename(path)[:-5]
            yield name, head + body_of(given).encode()
            if "dialect" in given:
                for dialect in range(1, 4):
                    yield f"{name}-{dialect}", head[:5] + bytes([head[5] + 16 * dialect]) + body_of(given).encode()
            if given.get("status") == 429:
                yield name + "-wait", head[:5] + bytes([128]) + b"7\n" + body_of(given).encode()


def examples(family):
    """The bodies that the family's table has for its readers."""
    text = open(f"providers/families/{family}.c").read()
    text = re.sub(r"\bFAMILY_[A-Z_]+\b", '"iVBORw0KGgo="', text)
    for found in re.findall(r"""(?:\.example =|#define EXAMPLE\w*)\s*((?:\s*\\?\s*"[^"]*")+)""", text):
        yield json.loads("".join(re.findall(r'"([^"]*)"', found)).replace("'", '"'))


def requests():
    """The examples, and what a family's own file has beside them."""
    for number, (family, _) in enumerate(routes()):
        path = f"tests/fuzz/requests/{family}.json"
        own = json.load(open(path)) if os.path.exists(path) else []
        for k, body in enumerate([*examples(family), *own]):
            yield f"{number}-{k}", bytes([number]) + json.dumps(body).encode()


def inline():
    document = {"response": {"videos": [{"bytesBase64Encoded": "AAECAwQ=", "mimeType": "video/mp4"},
                                        {"video": {"encodedVideo": "AAEC\nAwQ="}}], "b": "a\"b", "c": "é😀"}}
    for k, text in enumerate([json.dumps(document), json.dumps(document, indent=1, ensure_ascii=False),
                              json.dumps(document).replace("=", "\\u003d")]):
        for wanted in range(4):
            yield f"{k}-{wanted}", bytes([4 * 7 + wanted, k]) + text.encode()


def lenient():
    yield "fine", json.dumps({"a": [1, -2.5, True, None, "é😀\n"], "b": {"c": {}}}).encode()
    for k, text in enumerate([rb'"la \ud83d"', rb'"\ude00\ud83d"', b'"\xff\xc3(\xed\xa0\x80"', rb'"\u0000"', b'"a\tb\nc\x01"',
                              rb'"\x \u12"', b"NaN", b"-Infinity", b"9223372036854775808", b"1e999"]):
        yield str(k), b'\xef\xbb\xbf{"data":[{"task_id":"a","x":' + text + b',"k' + text.strip(b'"') + b'":1}]}'


def json_fast():
    yield "fine", json.dumps({"a": [1, -2.5, 1e30, True, None, "é😀\n"], "b": {"é": {}}}).encode()
    for k, text in enumerate([rb'"\ud83d\udc31"', rb'"\ud83d"', rb'"\u0000"', b"-0", b"01", b"1.", b"1e999", b"9223372036854775808"]):
        yield str(k), b'{"a":[' + text + b'],"\\u0062":2}'


def multipart():
    part = b'--abc\r\nContent-Disposition: form-data; name="a"; filename="b %22.png"\r\nContent-Type: image/png\r\n\r\n1'
    for k, body in enumerate([part + b"\r\n--abc--\r\n", part + b"\r\n" + part + b"\r\n--abc--", b"--abc--\r\n"]):
        yield str(k), b"multipart/form-data; boundary=abc\n" + body
        yield f"quoted-{k}", b'multipart/form-data;charset=x; boundary="abc"\n' + body


def config():
    for path in ["tests/unit/config/test_config.c"]:
        for k, text in enumerate(re.findall(r'"(\{(?:\\.|[^"\\])*\})"', open(path).read())):
            yield str(k), text.encode().decode("unicode_escape").encode()
    account = {"name": "a-1", "provider": next(names("PROVIDERS")), "dialect": "relay", "base_url": "https://h", "api_key": "env:A_KEY",
               "models": {"a": "b"}, "max_concurrency": 12, "requests_per_minute": 0, "weight": 1, "poll_interval_ms": 0,
               "task_timeout_ms": 1800000, "on_unknown_submit": "fail", "access_key": "a", "secret_key": "b", "region": "r"}
    yield "all", json.dumps({
        "listen": "127.0.0.1:8080", "public_url": "http://127.0.0.1:8080", "data_dir": "var", "redis_url": "redis://:p@h:1/2",
        "storage": {"url": "s3://b/p", "endpoint": "http://h", "region": "us-east-1", "access_key": "", "secret_key": "",
                    "public_base": "", "on_failure": "fail"}, "roles": ["api", "worker", "webhook"], "log_level": "info",
        "retention_hours": 168, "max_body_bytes": 33554432, "max_connections": 4096, "queue_limit": 1000000,
        "queue_limit_per_key": 0, "lease_ms": 30000, "drain_timeout_ms": 10000, "vendor_callbacks": "auto",
        "tokens": [{"name": "dev", "key": "sk-dev"}],
        "webhook": {"secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "timeout_ms": 5000, "retry_delays_ms": [10000],
                    "allow_private_networks": False}, "accounts": [account]}).encode()


def s3():
    host = b"https://examplebucket.s3.amazonaws.com"
    yield "get", host + b"/test.txt\nRange: bytes=0-9\n"
    yield "list", host + b"/?max-keys=2&prefix=J\nx-amz-date: 20130524T000000Z\n"
    yield "error", host + b"/?uploads\n<Error><Code>NoSuchBucket</Code><Message>a &amp; b</Message></Error>"
    yield "upload", b"http://[::1]:9000/b/a%20b\n<R><UploadId>x&lt;y</UploadId></R>"
    volc = b"https://visual.volcengineapi.com/?Version=2022-08-31&Action=CVSync2AsyncSubmitTask"
    yield "volc", volc + b"\nContent-Type: application/json\nX-Date: 20261120T100000Z\nAccept: */*\n"


def redis_url():
    for k, url in enumerate(["redis://h", "redis://user:p%40ss@redis.example:6380/2", "redis://:p@[::1]:1", "redis://u:@h/",
                             "unix:///var/redis.sock", "rediss://h:1", "redis://u:%00@h", "redis://h:70000/x"]):
        yield str(k), url.encode()


def answer_head():
    after = [b"7", b"0", b"-1", b"99999999999", b"Fri, 02 Jan 2026 00:00:00 GMT", b"Friday, 02-Jan-26 00:00:00 GMT",
             b"Fri Jan  2 00:00:00 2026", b"\t7 \t", b"\x01"]
    for k, value in enumerate(after):
        yield f"after-{k}", b"HTTP/1.1 503 Busy\r\nRetry-After: " + value + b"\r\nX:1\r\n\r\n"
    yield "continue", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/2 410 \r\nretry-after:1\r\n\r\n"
    yield "redirect", b"HTTP/1.1 302 Found\nLocation: /b\nlocation: http://h/\n\nX: trailer\n"
    yield "odd", b"HTTP/ 20000\r\nA\0B: \0\r\n: x\r\nnone\r\nC:\r\n"


def head():
    fields = ["", "Connection: close, x\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Content-Length: 12 \r\n",
              "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\nX-Request-Id: a\r\n", "Host: two\r\n", " folded\r\n"]
    for k, field in enumerate(fields):
        for target in ("/", "/a%20b/%2e%2e?c=d", "http://h:80/x", "*"):
            for version in "01":
                yield f"{k}-{ord(target[-1])}-{version}", f"GET {target} HTTP/1.{version}\r\nHost: h\r\n{field}\r\n".encode()
    yield "post", b"\r\nPOST / HTTP/1.1\r\nHost: [::1]:1\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n"


def form():
    for name, data in multipart():
        yield name, data
    def field(name, value, more=""):
        return f'--abc\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
    head = "multipart/form-data; boundary=abc\n"
    for k, fields in enumerate([field("prompt", "a cat") + field("input_reference", "PNG", '; filename="a.png"'),
                                field("a[b]", "1") + field("a[c][d]", "2"), field("a", "1") + field("a[b]", "2"),
                                field("a[b][c][d]", "1"), field("[a]", "1"), field("a", "\u00e9") + field("a", "2")]):
        yield f"named-{k}", (head + fields + "--abc--\r\n").encode()


def upgrade():
    def head(**changed):
        lines = {"Host": "h:1", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **{k.replace("_", "-"): v for k, v in changed.items()}}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        return f"GET /v1/events?since=1-0 HTTP/1.1\r\n{text}\r\n".encode()
    for k, data in enumerate([head(), head() + b"\x81\x80abcd", head(Origin="https://spool.example/"), head(Origin="http://h:1"),
                              head(Origin="https://evil.example"), head(Sec_WebSocket_Version="8"), head(Upgrade=None),
                              head(Content_Length="2") + b"{}", head(Transfer_Encoding="chunked"),
                              head(Last_Event_ID="1767225600000-1", X_Request_Id="a b"),
                              b"GET /v1/tasks/a%2fb/events HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 1-1\r\n\r\n",
                              head().replace(b"GET /", b"GET http://h/")]):
        for step in (0, 6, 63):
            yield f"{k}-{step}", bytes([step]) + data


def websocket():
    task = "task_01KDVS8M00ABCDEFGHJKMNPQRS"
    def piece(kind, text):
        return bytes([kind]) + len(text).to_bytes(2, "little") + text
    asked = [{"type": "subscribe", "tasks": [task, task]}, {"type": "subscribe", "all": True, "batch": True},
             {"type": "subscribe", "tasks": [task], "since": "1767225600000-0", "batch": True},
             {"type": "subscribe", "tasks": [task], "since": "x"}, {"type": "subscribe", "tasks": ["a"]},
             {"type": "subscribe"}, {"type": "x"}, {"type": "subscribe", "tasks": {}, "all": 1}, {}]
    texts = [json.dumps(body).encode() for body in asked]
    for k, text in enumerate(texts):
        yield str(k), piece(1, text)
        yield f"cut-{k}", piece(5, text[:9]) + piece(0, text[9:20]) + piece(1, text[20:])
    yield "many", b"".join(piece(kind, text) for text in texts for kind in (1, 9))
    yield "binary", piece(1, texts[0]) + piece(3, texts[1])


for target in (answers, requests, inline, json_fast, lenient, multipart, config, s3, redis_url, answer_head, head, form, upgrade, websocket):
    folder = f"{OUT}/{target.__name__}/seeds"
    os.makedirs(folder, exist_ok=True)
    words = set()
    for name, data in target():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
        words.update(re.findall(rb'"[\w@ /-]{1,40}"|</?\w{1,40}>|^[\w-]{3,30}:', data, re.M))
    with open(f"{OUT}/{target.__name__}/words", "wb") as file:
        for word in sorted(words):
            file.write(b'"%b"\n' % word.replace(b'"', b'\\"'))
