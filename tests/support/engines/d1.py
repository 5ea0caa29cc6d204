"""Databases on D1 under workerd: a file that is put where workerd will look for a database of this name."""

import hashlib
import hmac
import re
import sqlite3
import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from tests.support.engines.engine import Files, taken_away
from tests.support.engines.other_connection import OtherConnection, Parameters
from tests.support.other_programs.d1_worker import (
    MOST_DATABASES,
    TOKEN,
    D1Worker,
    running_d1_worker,
)
from tests.support.services.server_process import TIMEOUT_SECONDS

FOLDER = "miniflare-D1DatabaseObject"


def file_name(database: str) -> str:
    """The name of the file that miniflare keeps the database with this id in."""
    key = hashlib.sha256(FOLDER.encode()).digest()
    name = _digest(key, database.encode())
    return f"{(name + _digest(key, name)).hex()}.sqlite"


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")[:16]


class Databases:
    """Each database is used once. When a Worker has no more of them, another is started."""

    largest_integer = 2**53 - 1
    relations = 2

    def __init__(self) -> None:
        self._workers = ExitStack()
        self._urls: dict[Path, str] = {}
        self._files: dict[Path, Path] = {}
        self._worker: D1Worker | None = None
        self._folder = Path()
        self._used = MOST_DATABASES

    def url(self, path: Path) -> str:
        """See Engine."""
        if path not in self._urls:
            content = taken_away(path)
            if self._used == MOST_DATABASES:
                self._start()
            assert self._worker is not None
            file = self._folder / FOLDER / file_name(f"r{self._used}")
            file.write_bytes(content)
            self._used += 1
            self._urls[path], self._files[path] = self._worker.new_database(), file
        return self._urls[path]

    def holds(self, path: Path) -> bool:
        """See Engine."""
        return path in self._urls or path.exists()

    def file(self, path: Path) -> Path:
        """See Engine."""
        if path not in self._files:
            return path
        copy = path.with_name(f"{path.name}-copy")
        copy.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(self._files[path])) as database,
            closing(sqlite3.connect(copy)) as into,
        ):
            database.backup(into)
        return copy

    def connect(self, path: Path) -> Any:
        """See Engine. It goes through the Worker, since a file has one program that writes it."""
        if path not in self._urls:
            return Files().connect(path)
        return OtherConnection(partial(_run, self._urls[path]))

    def paths(self) -> frozenset[Path]:
        """See Engine."""
        return frozenset(self._urls)

    def release(self, paths: Collection[Path]) -> None:
        """See Engine."""
        for path in paths:
            del self._urls[path], self._files[path]

    def close(self) -> None:
        """See Engine."""
        self._workers.close()

    def _start(self) -> None:
        if not self._urls:
            self._workers.close()  # nobody needs a database of the last one
        self._folder = Path(self._workers.enter_context(tempfile.TemporaryDirectory(prefix="d1-")))
        (self._folder / FOLDER).mkdir()
        self._worker = self._workers.enter_context(running_d1_worker(self._folder))
        self._used = 0


def _run(url: str, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    address = url.removeprefix("d1+").replace(f"{TOKEN}@", "")
    values = list(parameters.values()) if isinstance(parameters, Mapping) else list(parameters)
    for number, name in enumerate(parameters if isinstance(parameters, Mapping) else (), start=1):
        sql = re.sub(rf":{name}\b", f"?{number}", sql)
    answer = httpx2.post(
        address,
        json={"session": "first-primary", "statements": [[sql, values]]},
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=TIMEOUT_SECONDS,
    )
    if answer.status_code == 422:
        raise sqlite3.IntegrityError(answer.json()["error"]["message"])
    assert answer.status_code == 200, answer.text
    (rows,) = answer.json()["results"]
    return [tuple(map(_decoded, row)) for row in rows]


def _decoded(value: Any) -> Any:
    return bytes.fromhex(value["blob"]) if isinstance(value, dict) else value
