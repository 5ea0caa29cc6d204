"""Commands that are stopped by a signal leave nothing unfinished behind."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import temporary_folders
from tests.support.registries.backups import registry
from tests.support.registries.transfers import content
from tests.support.services.server_process import COMMAND, TIMEOUT_SECONDS

STOPPED = 143
ACTORS = [f"CHITTY-{'A' * n}" for n in range(1, 150)]


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_terminated_import_leaves_nothing_in_the_temporary_folder(tmp_path: Path):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = content(path)

    with subprocess.Popen(
        [*COMMAND, "import", "-", "--format", "jsonl", "--database", path],
        stdin=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary)},
    ) as importing:
        while not any(temporary.iterdir()):
            assert importing.poll() is None
            time.sleep(0.01)
        importing.send_signal(signal.SIGTERM)
        code = importing.wait(timeout=TIMEOUT_SECONDS)

    assert code == STOPPED
    assert list(temporary.iterdir()) == []
    assert content(path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_no_partial_file(tmp_path: Path, number: int):
    path = registry(tmp_path / "registry.db", *ACTORS)

    with subprocess.Popen(
        [*COMMAND, "export", "--jsonl", "--output", tmp_path / "rows", "--database", path]
    ) as exporting:
        while exporting.poll() is None and not hidden(tmp_path):
            pass
        exporting.send_signal(number)
        exporting.wait(timeout=TIMEOUT_SECONDS)

    assert exporting.returncode in {0, 128 + number}  # it may have been ready by then
    assert (tmp_path / "rows").exists() == (exporting.returncode == 0)
    assert hidden(tmp_path) == []


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry, a backup of it and its rows as JSON Lines."""
    folder = tmp_path_factory.mktemp("sources")
    path = registry(folder / "registry.db", *ACTORS)
    for words in (["export", "--jsonl", "--output", "rows.jsonl"], ["backup", "backup.db"]):
        subprocess.run([*COMMAND, *words, "--database", path], cwd=folder, check=True)
    return folder


MAKING_FILES = {
    "backup": ["backup", "made", "--database", "{sources}/registry.db"],
    "restore": ["restore", "{sources}/backup.db", "--database", "made"],
    "import": ["import", "{sources}/rows.jsonl", "--database", "made"],
    "migrate": ["migrate", "--database", "made"],
}


@pytest.mark.parametrize("words", MAKING_FILES.values(), ids=MAKING_FILES)
def test_a_command_that_is_stopped_as_soon_as_it_makes_a_file_leaves_no_temporary_one(
    tmp_path: Path, sources: Path, words: list[str]
):
    temporary, folder = tmp_path / "temporary", tmp_path / "folder"
    temporary.mkdir()
    folder.mkdir()
    whole = [*COMMAND, *(word.format(sources=sources) for word in words)]

    with subprocess.Popen(
        whole, cwd=folder, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(temporary)}
    ) as process:
        while process.poll() is None and not hidden(folder) and not any(temporary.iterdir()):
            pass
        process.terminate()
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode in {0, STOPPED}
    assert hidden(folder) == []
    assert list(temporary.iterdir()) == []


class Interrupted(BaseException):
    pass


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], object]]:
    """Raises Interrupted in the main thread after so many seconds, as a handler of signals does.

    After 0 seconds it never does: a signal may be handled some time after it came.
    """
    monkeypatch.setattr(temporary_folders, "STOPPING", [signal.SIGALRM])
    armed = False

    def arm(seconds: float) -> None:
        nonlocal armed
        armed = seconds > 0
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def interrupt(*_: object) -> None:
        if armed:
            raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    yield arm
    arm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_temporary_folder_is_removed_wherever_a_signal_interrupts_its_use(
    tmp_path: Path, interrupting: Callable[[float], object]
):
    generator = random.Random(7)

    for _ in range(300):
        try:
            interrupting(generator.uniform(1e-6, 400e-6))
            for _ in range(10):
                with temporary_folders.create(tmp_path) as folder:
                    (folder / "file").touch()
            interrupting(0)
        except Interrupted:
            pass
        except OSError as error:  # `rmtree` closes a folder twice if it is interrupted in between
            if not isinstance(error.__context__, Interrupted):
                raise
        temporary_folders.remove_all()
        assert list(tmp_path.iterdir()) == []
