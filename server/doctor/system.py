"""Checks of what runs: the Python, the limit of open files, and the server's own answer."""

import http.client
import resource

from server import ip_addresses, python_build
from server.doctor import processes
from server.doctor.findings import (
    Check,
    Deployment,
    Findings,
    ok,
    problem,
    skipped,
    warning,
)
from server.setting_fields import variable

# Connections of one client, and what a worker opens besides.
OWN_FILES = 128
TIMEOUT_SECONDS = 5.0


def python(_: Deployment) -> Findings:
    if python_build.is_optimized():
        yield ok(python_build.description())
    else:
        yield warning(
            f"{python_build.description()}, with which requests take up to a fifth more CPU time",
            "install one that has it, as that of Debian (python3 and python3-venv) or of the image"
            " python:3.13, remove .venv, and start again: `./run` prefers it",
        )


def open_files(deployment: Deployment) -> Findings:
    needed = OWN_FILES + (deployment.settings.peer_sockets or 256)
    limits = {
        processes.name(pid): limit
        for pid in deployment.processes
        if (limit := processes.open_file_limit(pid)) is not None
    }
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for who, limit in (limits or {"a process started from here": soft}).items():
        found = f"{who} may open {limit:,} files"
        if limit != resource.RLIM_INFINITY and limit < needed:
            yield warning(
                f"{found}, fewer than one client's connections ({needed:,})",
                "raise it: `ulimit -n 65536`, or LimitNOFILE=65536 in the systemd unit",
            )
        else:
            yield ok("no limit" if limit == resource.RLIM_INFINITY else found)


def answer(deployment: Deployment) -> Findings:
    """Only this machine is asked."""
    settings = deployment.settings
    address = ip_addresses.parse(settings.host)
    is_any = address is not None and address.is_unspecified
    is_local = settings.host == "localhost" or (address is not None and address.is_loopback)
    host = ("::1" if ":" in settings.host else "127.0.0.1") if is_any else settings.host
    if not (is_any or is_local) or settings.port == 0:
        yield skipped(f"{settings.host} port {settings.port} is not asked, only this machine is")
        return
    where = f"{host} port {settings.port}"
    try:
        status = _status(host, settings.port)
    except (OSError, http.client.HTTPException):
        yield skipped(f"no server answers at {where}")
        return
    if status == 200:
        yield ok(f"the server at {where} is ready")
    elif status == 503:
        yield problem(
            f"the server at {where} is not ready",
            "see what the other checks find, and the server's log",
        )
    else:
        yield warning(
            f"what answers at {where} says {status} to /readyz",
            f"see whether it is this server, or set {variable('port')}",
        )


def _status(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


CHECKS = (
    Check("python", python),
    Check("open files", open_files),
    Check("server", answer),
)
