"""Memory doesn't grow with the size of the media: many files to a bucket at once, a small run of the bench."""
import os
import re
import time
import unittest

from harness import PNG, Spool, Vendor, account, eventually, main
from swift import Swift

STREAMS = 16
MB = 1 << 20
DATA = PNG + os.urandom(MB) + bytes(39 * MB)
LIMIT_KB = 64 * 1024


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


class Memory(unittest.TestCase):
    def test_many_files_at_once(self):
        env = {"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0"}
        with Swift(timeout=60) as swift, Vendor() as vendor:
            swift.create_bucket("media")
            keys = {"access_key": swift.access_key, "secret_key": swift.secret_key, "region": swift.region}
            storage = {"url": "s3://media", "endpoint": swift.endpoint, **keys}
            vendor.on("/files/", lambda asked: (200, {"ETag": '"one"'}, DATA))
            config = {"storage": storage, "accounts": [account(vendor, max_concurrency=0)], "log_level": "warn"}
            with Spool(config, env=env) as spool:
                spool.end_of(spool.submit("the first"), 60)
                idle, most = rss_kb(spool.pid), 0
                tasks = [spool.submit(f"file {number}") for number in range(STREAMS)]
                left = list(tasks)
                began = time.monotonic()
                while left:
                    self.assertLess(time.monotonic() - began, 100, spool.timeline(left[0]))
                    most = max(most, rss_kb(spool.pid))
                    left = [task for task in left if spool.task(task)["status"] != "succeeded"]
                    time.sleep(0.05)
                print(f"{STREAMS} files of {len(DATA) // MB} MB: {(most - idle) // 1024} MB more than {idle // 1024} MB")
                self.assertLess(most - idle, LIMIT_KB)
                sizes = {size for size, _ in swift.objects("media").values()}
                eventually(lambda: swift.orphans("media") == [], 10, "no orphans")
            self.assertEqual(sizes, {len(DATA)})


if __name__ == "__main__":
    main()
