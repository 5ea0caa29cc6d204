"""nginx before a server, as deploy/nginx configures it."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.other_programs.certificate import make_certificate
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy" / "nginx"
COMMAND = ("nginx", "/usr/sbin/nginx")
ADDRESS = "127.0.0.1"
# All that a configuration of Debian has around ours, and folders that need no rights.
MAIN = """
daemon off;
{user}
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {configured}
}}
"""


class Nginx(NamedTuple):
    """A running nginx."""

    port: int
    trust: ssl.SSLContext
    """Trusts its certificate."""


def site(port: int, address: str) -> str:
    """deploy/nginx/site.conf on this port, with a certificate of this folder, before HOST:PORT."""
    text = (DEPLOY / "site.conf").read_text()
    for written, here in (
        (r"listen 443 ssl;", f"listen {ADDRESS}:{port} ssl;"),
        (r"/etc/ssl/registry\.example\.com\.(pem|key)", r"registry.\1"),
    ):
        text, count = re.subn(written, here, text)
        assert count, written
    return _upstream(address) + text


def prefix(port: int, address: str, more: str = "") -> str:
    """A host that has deploy/nginx/prefix.conf among other locations, before the server at HOST:PORT."""
    return f"{_upstream(address)} server {{ listen {ADDRESS}:{port}; include prefix.conf; {more} }}"


def balancer(port: int, upstreams: Sequence[str]) -> str:
    """deploy/cluster/nginx.conf on this port, before these servers at HOST:PORT."""
    text = (ROOT / "deploy" / "cluster" / "nginx.conf").read_text()
    servers = iter(upstreams)
    text, count = re.subn(r"server [\d.]+:8000", lambda _: f"server {next(servers)}", text)
    assert count == len(upstreams)
    assert text.count("listen 8080;") == 1
    return text.replace("listen 8080;", f"listen {ADDRESS}:{port};")


def _upstream(address: str) -> str:
    """deploy/nginx/upstream.conf before one server at HOST:PORT."""
    text = (DEPLOY / "upstream.conf").read_text()
    assert text.count("127.0.0.1:8000") == 1
    return text.replace("127.0.0.1:8000", address)


@contextmanager
def started(folder: Path, configured: str, listener: socket.socket) -> Iterator[Nginx]:
    """nginx in this folder, with this in its `http`.

    It listens on this socket, so that no other program can take its port.
    """
    command = next(filter(None, map(shutil.which, COMMAND)), None)
    if command is None:
        pytest.skip("nginx is missing: install it (on Debian: apt install nginx-light)")
    folder.mkdir()
    for name in ("proxy.conf", "prefix.conf"):
        shutil.copy(
            DEPLOY / name, folder / (name if name == "prefix.conf" else f"chittygraph-{name}")
        )
    (folder / "nginx.conf").write_text(MAIN.format(configured=configured, user=_user()))
    trust = make_certificate(folder, ADDRESS)
    process = subprocess.Popen(
        [command, "-p", folder, "-c", folder / "nginx.conf"],
        pass_fds=[listener.fileno()],
        env={**os.environ, "NGINX": f"{listener.fileno()};"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nginx(listener.getsockname()[1], trust)
    finally:
        process.terminate()
        _, said = process.communicate()
        assert process.returncode == 0, said


def _user() -> str:
    """Who may read the folder: as root, nginx would serve as nobody."""
    return "user root;" if os.geteuid() == 0 else ""
