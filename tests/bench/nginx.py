"""An nginx of one worker, in a folder of its own."""
import os
import shutil
import signal
import subprocess
import tempfile

import harness

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
AROUND = """\
daemon off;
{user}
worker_processes 1;
pid {dir}/pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    keepalive_requests 10000000;
{servers}
}}
"""


class Nginx:
    def __init__(self, servers, folder=None):
        """`servers`: what is in its http section. `folder`, if it is given, has what they name, and goes with us."""
        self.dir = folder or tempfile.mkdtemp(prefix="bench-nginx-")
        user = "user root;" if os.getuid() == 0 else ""
        with open(f"{self.dir}/conf", "w", encoding="utf-8") as file:
            file.write(AROUND.format(dir=self.dir, user=user, servers=servers))
        self.process = subprocess.Popen([NGINX, "-p", self.dir, "-e", "stderr", "-c", f"{self.dir}/conf"])
        harness.running.add(self)

    def close(self):
        harness.end(self.process, signal.SIGTERM)  # the workers go with the master
        harness.running.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
