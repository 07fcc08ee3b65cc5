"""A client that submits so many tasks and no more, which wrk can't; it costs the machine little."""
import json
import re
import socket

CONNECTIONS = 8


def http_request(path, body, key="sk-dev"):
    text = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


def answer_of(client):
    """The body of the one that comes next; it must be a 200."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            raise RuntimeError(f"the server closed: {data[:200]}")
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise RuntimeError(f"{head[:300]} {body[:300]}")
    length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head).group(1))
    while len(body) < length:
        body += client.recv(65536)
    return body


def send_all(port, requests):
    """One after the other, over a few connections at a time; the answers' bodies, in order."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CONNECTIONS)]
    answers = []
    try:
        for at in range(0, len(requests), CONNECTIONS):
            some = requests[at : at + CONNECTIONS]
            for client, request in zip(clients, some):
                client.sendall(request)
            answers += [answer_of(client) for client, _ in zip(clients, some)]
    finally:
        for client in clients:
            client.close()
    return answers


def submit_all(port, bodies, path="/mj/submit/imagine", key="sk-dev"):
    """Each alone."""
    return send_all(port, [http_request(path, body, key) for body in bodies])


def batch_all(port, bodies, path="/mj/submit/imagine", key="sk-dev"):
    """A hundred in a request; the answers to each."""
    groups = [bodies[at : at + 100] for at in range(0, len(bodies), 100)]
    requests = [http_request("/v1/tasks/batch", {"requests": [{"path": path, "body": body} for body in some]}, key) for some in groups]
    results = [result for answer in send_all(port, requests) for result in json.loads(answer)["results"]]
    wrong = [result for result in results if result["status"] != 200]
    if wrong:
        raise RuntimeError(f"{len(wrong)} were refused: {wrong[0]}")
    return [result["body"] for result in results]
