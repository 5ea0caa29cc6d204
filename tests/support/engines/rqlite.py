"""Databases on rqlite: a node for each that is in use, which gets another content for each test."""

import sqlite3
import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from tests.support.engines.engine import Files, taken_away
from tests.support.engines.other_connection import OtherConnection, Parameters
from tests.support.other_programs.rqlite import Cluster, cluster
from tests.support.services.server_process import TIMEOUT_SECONDS


class Loaded:
    """A node that is its own leader, and so can be given another database within milliseconds."""

    def __init__(self, nodes: Cluster) -> None:
        self.url = nodes.url
        (node,) = nodes.nodes
        self._client = httpx2.Client(base_url=node.url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def load(self, content: bytes) -> None:
        """Replace the database with what is in a SQLite file."""
        answer = self._client.post("/boot", content=content)
        assert answer.status_code == 200, answer.text

    def backup(self) -> bytes:
        """The database as a SQLite file."""
        answer = self._client.get("/db/backup")
        assert answer.status_code == 200, answer.text
        return answer.content

    def run(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Carry one statement out."""
        binds = [parameters] if isinstance(parameters, Mapping) else parameters
        answer = self._client.post("/db/request?transaction", json=[[sql, *binds]])
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        if "error" in result:
            raise sqlite3.IntegrityError(result["error"])
        return [tuple(row) for row in result.get("values", [])]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Nodes:
    """As many nodes as there are databases at once; those that were released serve others."""

    largest_integer = 2**63 - 1
    relations = 2

    def __init__(self) -> None:
        self._all = ExitStack()
        self._used: dict[Path, Loaded] = {}
        self._free: list[Loaded] = []

    def url(self, path: Path) -> str:
        """See Engine."""
        if path not in self._used:
            content = taken_away(path)
            node = self._free.pop() if self._free else self._start()
            node.load(content)
            self._used[path] = node
        return self._used[path].url

    def holds(self, path: Path) -> bool:
        """See Engine."""
        return path in self._used or path.exists()

    def file(self, path: Path) -> Path:
        """See Engine."""
        if path not in self._used:
            return path
        copy = path.with_name(f"{path.name}-copy")
        copy.write_bytes(self._used[path].backup())
        return copy

    def connect(self, path: Path) -> Any:
        """See Engine."""
        if path not in self._used:
            return Files().connect(path)
        return OtherConnection(self._used[path].run)

    def paths(self) -> frozenset[Path]:
        """See Engine."""
        return frozenset(self._used)

    def release(self, paths: Collection[Path]) -> None:
        """See Engine."""
        for path in paths:
            self._free.append(self._used.pop(path))

    def close(self) -> None:
        """See Engine."""
        self._all.close()

    def _start(self) -> Loaded:
        folder = self._all.enter_context(tempfile.TemporaryDirectory(prefix="rqlite-"))
        node = Loaded(self._all.enter_context(cluster(Path(folder))))
        self._all.callback(node.close)
        return node
