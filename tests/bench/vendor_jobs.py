"""What the simulated vendors know of our tasks: when each was submitted to them, and when it ended there."""
import base64
import hashlib
import hmac
import json
import time

import harness

SECRET = {"mj-api-secret": "sim-secret"}


def midjourney(sim, count):
    """Task -> its job, of the latest so many jobs."""
    last = max(int(job["id"]) for job in sim.get("/mj/task/list"))
    found = {}
    for first in range(last - count + 1, last + 1, 100):
        ids = [str(number) for number in range(first, min(first + 100, last + 1))]
        answer = harness.exchange(sim.port, "POST", "/mj/task/list-by-condition", {"ids": ids}, SECRET)[2]
        found.update((job["state"], job) for job in answer)
    return found


def token():
    """Kling's."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    now = int(time.time())
    claims = {"iss": "sim-access", "exp": now + 1800, "nbf": now - 5}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(b"sim-secret", text, hashlib.sha256).digest())).decode()


def kling(sim, count):
    """The same."""
    headers = {"Authorization": f"Bearer {token()}"}
    found = {}
    for page in range(1, (count - 1) // 500 + 2):
        path = f"/v1/videos/text2video?pageNum={page}&pageSize=500"
        jobs = harness.exchange(sim.port, "GET", path, None, headers)[2]["data"]
        found.update((job["task_info"]["external_task_id"], job) for job in jobs)
    return found
