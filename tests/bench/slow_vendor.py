"""A vendor of images that answers each call after SECONDS with so many bytes of base64, all in one process of its own.

    slow_vendor.py PORT SECONDS BYTES

GET /times tells when the last byte of each prompt's answer had left, by the monotonic clock.
"""
import asyncio
import base64
import json
import os
import re
import sys
import time

PORT, SECONDS, BYTES = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x06\0\0\0"
DATA = base64.b64encode(PNG + os.urandom(BYTES * 3 // 4 - len(PNG)))
BODY = b'{"created":1,"data":[{"b64_json":"' + DATA + b'"}],"output_format":"png"}'
times = {}


async def read(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = re.search(r"content-length: (\d+)", head, re.I)
    return head, await reader.readexactly(int(length.group(1))) if length else b""


async def serve(reader, writer):
    try:
        while True:
            head, body = await read(reader)
            answer = BODY
            if head.startswith("POST"):
                await asyncio.sleep(SECONDS)
            else:
                answer = json.dumps(times).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer))
            writer.write(answer)
            writer.transport.set_write_buffer_limits(0)
            await writer.drain()
            if body:
                times[json.loads(body)["prompt"]] = time.monotonic()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=1000)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
