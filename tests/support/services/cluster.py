"""deploy/cluster as it stands in its manifest, with processes of this machine for its containers."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tests.support.other_programs import nginx, rqlite
from tests.support.paths import ROOT
from tests.support.services.own_address import own_ports
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

FOLDER = ROOT / "deploy" / "cluster"
PROGRAMS = rqlite.BINARY.parent
SECRET = "/run/secrets/rqlite-users"
NODE_PORTS = (4001, 4002)


class Cluster:
    """Its nodes, each a process that can be stopped, replaced and started, and what its script has made."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        rqlite.require()
        shutil.copy(FOLDER / "make-secrets.sh", folder)
        subprocess.run([folder / "make-secrets.sh"], check=True, capture_output=True)
        self.services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
        self.nodes = [name for name in self.services if name.startswith("rqlite-")]
        self.secrets = folder / "secrets"
        self._folder = folder
        self._stack = stack
        self._addresses = {
            f"{name}:{port}": f"{host}:{free}"
            for name in self.nodes
            for host, ports in (own_ports(len(NODE_PORTS)),)
            for port, free in zip(NODE_PORTS, ports, strict=True)
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def database(self) -> str:
        """The URL that the servers are given."""
        line = (self.secrets / "server.env").read_text().strip()
        return self._here(line.removeprefix("CHITTYGRAPH_DATABASE="))

    def start(self, *names: str) -> None:
        """Start nodes as rqlite's image does, and wait until each is healthy."""
        for name in names:
            with self._log(name).open("ab") as log:
                process = subprocess.Popen(
                    [PROGRAMS / "rqlited", *self._flags(name), self._data(name)],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._processes[name] = process
            self._stack.callback(_kill, process)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not all(map(self.is_healthy, names)):
            assert time.monotonic() < deadline, self._log(names[0]).read_text()
            time.sleep(0.1)

    def stop(self, name: str) -> None:
        """Stop a node as `docker compose stop` does."""
        self._processes[name].terminate()
        self._processes[name].wait(TIMEOUT_SECONDS)

    def lose(self, name: str) -> None:
        """Remove a stopped node's volume."""
        shutil.rmtree(self._data(name))

    def is_healthy(self, name: str) -> bool:
        """What the health check of its service says."""
        url = self._here(self.services[name]["healthcheck"]["test"][-1], name)
        try:
            return httpx2.get(url, trust_env=False, timeout=10).status_code == 200
        except httpx2.TransportError:
            return False

    def ask(self, name: str, path: str, user: str = "") -> httpx2.Response:
        """What a node answers to a GET, asked by USER:PASSWORD or by nobody."""
        credentials = httpx2.BasicAuth(*user.split(":")) if user else None
        url = f"http://{self._addresses[f'{name}:4001']}{path}"
        return httpx2.get(url, auth=credentials, trust_env=False, timeout=TIMEOUT_SECONDS)

    def shell(self, name: str, line: str) -> str:
        """What rqlite's shell says to one line, as the operator."""
        host, _, port = self._addresses[f"{name}:4001"].partition(":")
        operator = (self.secrets / "operator").read_text().strip()
        ran = subprocess.run(
            [PROGRAMS / "rqlite", "-H", host, "-p", port, "-u", operator],
            input=f"{line}\n.quit\n",
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        return ran.stdout + ran.stderr

    def _flags(self, name: str) -> list[str]:
        """What the image's entry point makes of the environment, and the manifest's command after it."""
        environment = self.services[name]["environment"]
        http, raft = (self._here(environment[key]) for key in ("HTTP_ADV_ADDR", "RAFT_ADV_ADDR"))
        image = ["-node-id", environment["NODE_ID"], "-http-addr", http, "-http-adv-addr", http]
        image += ["-raft-addr", raft, "-raft-adv-addr", raft]
        return [*image, *map(self._here, self.services[name]["command"])]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _data(self, name: str) -> Path:
        return self._folder / name

    def _here(self, text: str, name: str = "") -> str:
        """A text of the manifest with the addresses and the secret of this machine."""
        if name:
            text = text.replace("127.0.0.1:4001", f"{name}:4001")
        for written, here in self._addresses.items():
            text = text.replace(written, here)
        return text.replace(SECRET, str(self.secrets / "rqlite-users.json"))


@contextmanager
def started_cluster(folder: Path) -> Iterator[Cluster]:
    """All nodes of the manifest, with their data in this folder; none outlives the test."""
    with ExitStack() as stack:
        cluster = Cluster(folder, stack)
        cluster.start(*cluster.nodes)
        yield cluster


@contextmanager
def balanced(
    cluster: Cluster, folder: Path
) -> Iterator[tuple[str, Sequence[subprocess.Popen[str]]]]:
    """The address of the balancer before the servers of the manifest, and those servers."""
    with ExitStack() as stack:
        found = [
            stack.enter_context(
                served(cluster.database, *QUIET, environment=_environment(cluster.services[name]))
            )
            for name in cluster.services
            if name.startswith("server-")
        ]
        upstreams = [url_of(line, "").partition("//")[2] for _, line in found]
        listener = stack.enter_context(socket.create_server((nginx.ADDRESS, 0)))
        configured = nginx.balancer(listener.getsockname()[1], upstreams)
        proxy = stack.enter_context(nginx.started(folder / "nginx", configured, listener))
        yield f"http://{nginx.ADDRESS}:{proxy.port}", [process for process, _ in found]


def _environment(service: dict[str, Any]) -> dict[str, str]:
    """That of the service, but that the balancer is on this machine."""
    environment: dict[str, str] = service["environment"]
    return environment | {"CHITTYGRAPH_TRUSTED_PROXIES": nginx.ADDRESS}


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
