"""Files beside a database, which another process removes or makes while this one looks."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.migrating import migrator
from db.sqlite import file_checks, files_beside
from tests.support.registries.databases import new_registry
from tests.support.running.ordinary_user import ordinary_user


@pytest.fixture
def log() -> Iterator[Path]:
    """The log beside a registry, as a process that has it open leaves it, where every user may write."""
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder).resolve() / "registry.db"
        registry.parent.chmod(0o777)
        new_registry(registry)
        log = registry.with_name("registry.db-wal")
        log.touch()
        yield log


@pytest.fixture
def looked_at(log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Let another process do something just before this one asks whether it has access to the log."""

    def before_each(happens: Callable[[], None]) -> None:
        access = os.access

        def ask(path: Path, mode: int) -> bool:
            if path == log:
                happens()
            return access(path, mode)

        monkeypatch.setattr(os, "access", ask)

    return before_each


def test_a_registry_opens_whose_log_another_process_removes_meanwhile(log: Path, looked_at):
    looked_at(lambda: log.unlink(missing_ok=True))

    file_checks.require_usable(log.with_name("registry.db"), writable=True)

    assert migrator.pending(log.with_name("registry.db")) == []


def test_a_log_that_is_replaced_meanwhile_denies_nothing(log: Path, looked_at):
    def replace() -> None:
        other = log.with_name("other")
        other.touch()
        other.chmod(0o000)
        other.replace(log)

    with ordinary_user():
        looked_at(replace)
        denied = files_beside.is_denied(log, os.R_OK)

    assert not denied


def test_a_log_of_another_user_is_denied(log: Path):
    log.chmod(0o000)

    with ordinary_user():
        denied = files_beside.is_denied(log, os.R_OK)

    assert denied


def test_a_missing_file_has_no_size_and_denies_nothing(tmp_path: Path):
    missing = tmp_path / "registry.db-wal"

    assert (files_beside.size_of(missing), files_beside.is_denied(missing, os.R_OK)) == (0, False)
