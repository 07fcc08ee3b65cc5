"""Archiving to a bucket: memory with many large files at once, rate beside `curl | curl`."""
import os
import re
import statistics
import subprocess
import time

import harness
from harness import PNG, Spool, Vendor
from swift import Swift

MB = 1 << 20
STREAMS = int(os.environ.get("BENCH_STREAMS", "50"))
FILE_MB = int(os.environ.get("BENCH_FILE_MB", "200"))


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def bucket(swift):
    swift.create_bucket("media")
    keys = {"access_key": swift.access_key, "secret_key": swift.secret_key}
    return {"url": "s3://media/bench", "endpoint": swift.endpoint, "region": swift.region, **keys}


def seconds(spool, task):
    """From the vendor's end to the file's."""
    at = {event["event"]: event["at"] for event in spool.timeline(task)}
    return (at["archived"] - at["rendered"]) / 1000


def archive(spool, count):
    """So many tasks at once: their ids, the seconds they took in all, and the most memory meanwhile."""
    began, most = time.monotonic(), 0
    tasks = [spool.submit(f"job {number}") for number in range(count)]
    while True:
        most = max(most, rss_kb(spool.pid))
        left = [task for task in tasks if spool.task(task)["status"] != "succeeded"]
        if not left:
            return tasks, time.monotonic() - began, most
        failed = [task for task in left if spool.task(task)["status"] == "failed"]
        if failed or time.monotonic() - began > 900:
            raise RuntimeError(spool.timeline((failed or left)[0]))
        time.sleep(0.05)


def curl(url, spool):
    """The same by two curls, one feeding the other."""
    place = spool.request("POST", "/v1/files/uploads/presign", {"content_type": "image/png"})[2]["upload_url"]
    began = time.monotonic()
    put = f"curl -sf -T - -H 'Transfer-Encoding:' -H 'Content-Type: image/png' -H 'Content-Length: {FILE_MB * MB}' -H Expect: '{place}'"
    subprocess.run(f"curl -s {url} | {put}", shell=True, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(row, rounds):
    data = PNG + os.urandom(MB) + bytes(FILE_MB * MB - MB - len(PNG))
    with Swift(timeout=60) as swift, Vendor() as vendor:
        vendor.on("/files/", lambda asked: (200, {"ETag": '"one"'}, data))
        account = harness.account(vendor, poll_interval_ms=200, max_concurrency=0)
        config = {"storage": bucket(swift), "log_level": "warn", "accounts": [account]}
        with Spool(config) as spool:
            harness.eventually(spool.is_ready)
            archive(spool, 1)
            ours, theirs = [], []
            for _ in range(rounds + 1):
                ours.append(seconds(spool, archive(spool, 1)[0][0]))
                theirs.append(curl(f"{vendor.url}/files/x.png", spool))
            idle = rss_kb(spool.pid)
            _, took, most = archive(spool, STREAMS)
            time.sleep(2)
            after = rss_kb(spool.pid)
    rate = FILE_MB / statistics.median(ours)
    other = FILE_MB / statistics.median(theirs)
    row("archive to a bucket", f"{rate:.0f} MB/s", f"curl | curl {other:.0f} MB/s", f"{rate / other:.2f}", "0.8")
    row(
        f"memory, {STREAMS} files of {FILE_MB} MB at once",
        f"{(most - idle) / 1024:.0f} MB more than {idle / 1024:.0f} MB",
        f"{STREAMS * FILE_MB / took:.0f} MB/s in all, {(after - idle) / 1024:.0f} MB more afterwards",
        "-",
        "64 MB",
    )
