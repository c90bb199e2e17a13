"""A real nginx on loopback with the sample of `scripts/deploy/nginx`, in which only ports and paths are changed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chain_service.nodes.network.create import free_ports

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "scripts" / "deploy" / "nginx"
NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
AROUND = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/chain-service.conf;
}}
"""
"""What a distribution's nginx.conf has around the files in conf.d."""


@dataclass(frozen=True)
class Front:
    """nginx in front of a service."""

    plain: int
    tls: int
    certificate: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.tls}"


def configure(folder: Path, upstream: int, certificate: Path, key: Path, second: int | None) -> tuple[int, int]:
    """The sample lies in `folder`, ready to run; its ports without and with TLS."""
    plain, tls = free_ports(2)
    changes = {
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "/etc/nginx/tls/chain-service.pem": str(certificate),
        "/etc/nginx/tls/chain-service.key": str(key),
        "/var/cache/nginx/chain-service": str(folder / "cache"),
        "/var/log/nginx/chain-service.log": str(folder / "access.log"),
        "/etc/nginx/chain-service-problems.conf": str(SAMPLE / "chain-service-problems.conf"),
    }
    if second is not None:
        changes["# server 127.0.0.1:8001;"] = f"server 127.0.0.1:{second};"
    text = (SAMPLE / "chain-service.conf").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "chain-service.conf").write_text(text, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user), encoding="utf-8")
    return plain, tls


@contextmanager
def nginx(folder: Path, upstream: int, certificate: Path, key: Path, second: int | None = None) -> Iterator[Front]:
    """It runs until the end of the block, before the service on this port of loopback, or before two."""
    assert NGINX is not None
    plain, tls = configure(folder, upstream, certificate, key, second)
    command = [NGINX, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
    process = subprocess.Popen(command)
    try:
        _wait_for(tls, process)
        yield Front(plain, tls, certificate, folder / "access.log")
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx does not listen")
