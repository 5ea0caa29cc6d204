"""What the tests of export and import share."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from db.model import searched
from server.cli import main
from tests.support.registries.databases import made_once, new_registry, registry_at
from tests.support.services.commands import command

ACTOR = {"type": "actors", "chitty_id": "CHITTY-ACTOR-000001-AAAA", "actor_type": "human"}
CONTEXT = {
    "type": "contexts",
    "chitty_id": "CHITTY-CONTEXT-000001-AAAA",
    "name": "harbour",
    "owner_chitty_id": ACTOR["chitty_id"],
}
INSTALLATION = {
    "type": "installations",
    "installation_id": 7,
    "chitty_id": "CHITTY-INSTALL-000007-AAAA",
    "account_id": 70,
    "account_login": "octocat",
    "account_type": "User",
    "repository_selection": "all",
}
CONNECTION = {
    "type": "connections",
    "connection_id": "00000000-0000-4000-8000-000000000001",
    "source_chitty_id": CONTEXT["chitty_id"],
    "source_type": "context",
    "target_service": "github",
    "installation_id": 7,
}
OTHER = "CHITTY-ACTOR-000002-AAAA"
LINE = json.dumps(ACTOR)
REGISTRY = (ACTOR, CONTEXT, INSTALLATION, CONNECTION)


class Transfers:
    """The command line over the files of one folder; every database in it is a real one."""

    def __init__(
        self,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        for name in os.environ:
            if name.startswith("CHITTYGRAPH_"):
                monkeypatch.delenv(name)

    @property
    def path(self) -> Path:
        """The database that is meant where no other is named."""
        return self.folder / "registry.db"

    def run(self, *words: str, on: str = "registry.db") -> tuple[Any, str, str]:
        """Run a command on a database; returns its exit code, output and complaint."""
        code: Any
        try:
            code = main([*words, "--database", str(self.folder / on)])
        except SystemExit as ended:
            code = ended.code
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def write(self, name: str, content: Any) -> str:
        """Make a file of bytes, of text, or of JSON lines; returns its path."""
        if not isinstance(content, str | bytes):
            content = "".join(f"{json.dumps(each)}\n" for each in content)
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def take(self, *rows: Any, flags: tuple[str, ...] = (), on: str = "registry.db") -> Any:
        """Import these rows; returns the exit code, output and complaint.

        The registry is made first if there is none: an import would take most of its time over that.
        """
        registry_at(self.folder / on)
        return self.begin(*rows, flags=flags, on=on)

    def given(self, *rows: Any, on: str = "registry.db") -> None:
        """Make a registry with these rows, which an import took once."""
        imported(self.folder / on, json.dumps(rows))

    def begin(self, *rows: Any, flags: tuple[str, ...] = (), on: str = "registry.db") -> Any:
        """The same, but the import makes the registry."""
        return self.run("import", self.write("rows.jsonl", rows), *flags, on=on)

    def exported(self, *words: str, on: str = "registry.db") -> str:
        """What an export that must succeed writes."""
        code, out, err = self.run("export", *(words or ("--jsonl",)), on=on)
        assert (code, err) == (0, "")
        return out

    def lines(self, on: str = "registry.db") -> list[Any]:
        """The rows of a whole export."""
        return [json.loads(line) for line in self.exported(on=on).split("\n") if line]


@made_once
def imported(path: Path, rows: str) -> None:
    """Make a registry that has these rows, a JSON list, as an import takes them."""
    new_registry(path)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(f"{json.dumps(each)}\n" for each in json.loads(rows))
        file.flush()
        assert command("import", file.name, "--database", path).returncode == 0


@pytest.fixture
def transfers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Transfers:
    """The command line over a folder of the test's own."""
    return Transfers(tmp_path, capsys, monkeypatch)


@contextmanager
def untouched(path: Path) -> Iterator[None]:
    """What happens within leaves every row, and the file itself, as they were."""
    with closing(sqlite3.connect(path)) as watching:
        before = _content_by(watching)
        (version,) = watching.execute("PRAGMA data_version").fetchone()
        yield
        assert watching.execute("PRAGMA data_version").fetchone() == (version,)
        assert _content_by(watching) == before


def rejected(transfers: Transfers, *rows: Any, flags: tuple[str, ...] = ()) -> str:
    """The complaint about rows that must be rejected and leave the database as it was."""
    with untouched(transfers.path):
        code, out, err = transfers.take(*rows, flags=flags)
    assert (code, out) == (1, "")
    return str(err)


def content(path: Path) -> Any:
    """Every row of every table of a database but the indexes of searches, which hold rowids."""
    with closing(sqlite3.connect(path)) as connection:
        return _content_by(connection)


def _content_by(connection: sqlite3.Connection) -> Any:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    wanted = [name for (name,) in names if name not in searched.ALL_TABLES]
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in wanted}
