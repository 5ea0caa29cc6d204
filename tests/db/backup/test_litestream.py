"""The docs' continuous backup: litestream follows a served database, and restores it."""

import contextlib
import itertools
import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from db.migrating import migrator
from tests.support.other_programs.litestream import require_litestream
from tests.support.paths import ROOT
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.waits

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
    return require_litestream()


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
def replicating(litestream: str, config: Path) -> Iterator[None]:
    """A running litestream."""
    process = subprocess.Popen(
        [litestream, "replicate", "-config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def register(server: str, name: str) -> None:
    body = json.dumps({"query": REGISTER, "variables": {"name": name}}).encode()
    request = Request(url_of(server, "/graphql"), body, {"content-type": "application/json"})
    with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        assert json.load(answer)["data"]["registerActor"]["errors"] == []


def restored(litestream: str, config: Path, name: str) -> Path | None:
    """A new file with what the replica holds now; None if it holds no whole database yet."""
    file = config.with_name(name)
    lost = config.with_name("registry.db")
    words = ["restore", "-config", str(config), "-o", str(file), str(lost)]
    ran = subprocess.run([litestream, *words], capture_output=True)
    return file if ran.returncode == 0 else None


def names_in(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute("SELECT display_name FROM actors ORDER BY 1").fetchall()
    return [name for (name,) in found]


def test_acknowledged_writes_are_soon_in_the_replica(litestream: str, config: Path):
    file = config.with_name("registry.db")
    with served(file) as (server, said), replicating(litestream, config):
        register(said, "Ada")
        register(said, "Grace")

        deadline = time.monotonic() + TIMEOUT_SECONDS
        for number in itertools.count():
            copy = restored(litestream, config, f"copy-{number}.db")
            if copy is not None and names_in(copy) == ["Ada", "Grace"]:
                break
            assert time.monotonic() < deadline
            time.sleep(0.2)
        server.kill()

    assert migrator.inspect(copy).pending == ()
    with served(copy) as (_, said):
        register(said, "Edsger")
    assert names_in(copy) == ["Ada", "Edsger", "Grace"]
