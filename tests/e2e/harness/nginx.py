"""A real nginx, in front of Spool or of a vendor."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.common import eventually, free_port
from harness.process import end, running

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
# TLS, and HTTP/2 over it.
FRONT = """\
log_format spoken "$server_protocol $connection $request_method $uri $status";
server {{
    listen 127.0.0.1:{port} ssl{http2};
    ssl_certificate {dir}/certificate;
    ssl_certificate_key {dir}/key;
    access_log {dir}/spoken spoken;
    keepalive_requests {requests};
    client_max_body_size 0;
    location / {{
        proxy_pass {behind};
        proxy_set_header Host $http_host;
        proxy_read_timeout 600;
    }}
}}
"""
# What Debian's own nginx.conf has around a site, as far as it matters.
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
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    include {dir}/site;
}}
"""


def make_certificate(folder):
    """Of its own, and its key: the files `certificate` and `key`. Who asks such a server is to trust the first."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
               "-keyout", os.path.join(folder, "key"), "-out", os.path.join(folder, "certificate")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)


class Nginx:
    def __init__(self, site):
        """`site`: a function of the port that makes its configuration."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dir = tempfile.mkdtemp(prefix="spool-nginx-")
        self.log = os.path.join(self.dir, "log")
        user = "user root;" if os.getuid() == 0 else ""
        for name, text in (("site", site(self.port)), ("conf", AROUND.format(dir=self.dir, user=user))):
            with open(os.path.join(self.dir, name), "w", encoding="utf-8") as file:
                file.write(text)
        with open(self.log, "wb") as log:
            command = [NGINX, "-p", self.dir, "-e", "stderr", "-c", os.path.join(self.dir, "conf")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        running.add(self)
        eventually(self.answers, what="a ready nginx")

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise RuntimeError(f"nginx ended: {log.read()}")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def close(self):
        end(self.process, signal.SIGTERM)  # the workers go with the master
        running.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Front(Nginx):
    """Speaks TLS, and HTTP/2 where it is asked to, in front of a server that speaks neither.

    Its certificate is its own: who asks it is to trust the file `certificate`.
    """

    def __init__(self, behind, has_http2=True, requests_each=1000):
        self.keys = tempfile.mkdtemp(prefix="spool-tls-")
        self.certificate = os.path.join(self.keys, "certificate")
        make_certificate(self.keys)

        def site(port):
            http2 = " http2" if has_http2 else ""
            return FRONT.format(port=port, http2=http2, dir=self.keys, requests=requests_each, behind=behind.url)

        super().__init__(site)
        self.url = f"https://localhost:{self.port}"

    def lines(self):
        """Of each request that was answered: protocol, connection, method, path, status."""
        with open(os.path.join(self.keys, "spoken"), encoding="utf-8") as file:
            return file.read().splitlines()

    def close(self):
        super().close()
        shutil.rmtree(self.keys, ignore_errors=True)
