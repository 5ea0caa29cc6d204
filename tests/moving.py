"""What the tests of export and import share."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.cli import main

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
REGISTRY = (ACTOR, CONTEXT, INSTALLATION, CONNECTION)


class Moving:
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
        """Import these rows; returns the exit code, output and complaint."""
        return self.run("import", self.write("rows.jsonl", rows), *flags, on=on)

    def exported(self, *words: str, on: str = "registry.db") -> str:
        """What an export that must succeed writes."""
        code, out, err = self.run("export", *(words or ("--jsonl",)), on=on)
        assert (code, err) == (0, "")
        return out

    def lines(self, on: str = "registry.db") -> list[Any]:
        """The rows of a whole export."""
        return [json.loads(line) for line in self.exported(on=on).split("\n") if line]


def content(path: Path) -> Any:
    """Every row of every table of a database."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}
