"""The doctor looks at a replica's copy instead of a database."""

from pathlib import Path

import pytest

from tests.support.running.waiting import wait_until
from tests.support.services.commands import command
from tests.support.services.replicas import pair, processes_of, stopped

pytestmark = pytest.mark.waits
FOLLOWING = ("--replica-of", "/none", "--primary", "http://127.0.0.1:1")


def told(database: Path, *flags: str) -> str:
    said = command("doctor", "--database", database, *FOLLOWING, *flags).stdout
    return next(line for line in said.splitlines() if " database " in line)


def test_a_replica_that_never_ran_and_one_beside_a_registry(tmp_path: Path):
    assert "never run" in told(tmp_path / "replica.db")

    (tmp_path / "replica.db").touch()

    assert told(tmp_path / "replica.db").startswith("problem")


def test_the_age_of_a_copy_is_judged(tmp_path: Path):
    with pair(tmp_path) as both:
        (following,) = processes_of(both.replica.database, "restore")
        new = told(both.replica.database, "--max-lag", "3600")
        with stopped(following):
            old = wait_until(lambda: _warned(both.replica.database))

    assert new.startswith("ok")
    assert "1 s are allowed" in old


def _warned(database: Path) -> str | None:
    line = told(database, "--max-lag", "1")
    return line if line.startswith("warning") else None
