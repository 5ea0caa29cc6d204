"""Commands that are stopped by a signal leave nothing unfinished behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.registries.backups import registry
from tests.support.registries.transfers import content
from tests.support.services.commands import command
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS

STOPPED = 143
ACTORS = [f"CHITTY-{'A' * n}" for n in range(1, 150)]


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_terminated_import_leaves_nothing_in_the_temporary_folder(tmp_path: Path):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = content(path)

    with start_command(
        *("import", "-", "--format", "jsonl", "--database", path),
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

    with start_command(
        *("export", "--jsonl", "--output", tmp_path / "rows", "--database", path)
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
    for words in (
        ["export", "--jsonl", "--output", folder / "rows.jsonl"],
        ["backup", folder / "backup.db"],
    ):
        assert command(*words, "--database", path).returncode == 0
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
    whole = [word.format(sources=sources) for word in words]

    with start_command(
        *whole, cwd=folder, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(temporary)}
    ) as process:
        while process.poll() is None and not hidden(folder) and not any(temporary.iterdir()):
            pass
        process.terminate()
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode in {0, STOPPED}
    assert hidden(folder) == []
    assert list(temporary.iterdir()) == []


KILLED = {
    **{name: MAKING_FILES[name] for name in ("backup", "restore", "import")},
    "backups": ["backup", ".", "--once", "--database", "{sources}/registry.db"],
    "export": ["export", "--jsonl", "--output", "made", "--database", "{sources}/registry.db"],
}


@pytest.mark.parametrize("words", KILLED.values(), ids=KILLED)
def test_what_a_killed_command_leaves_is_removed_by_the_next_one(
    tmp_path: Path, sources: Path, words: list[str]
):
    temporary, folder = tmp_path / "temporary", tmp_path / "folder"
    temporary.mkdir()
    whole = [word.format(sources=sources) for word in words]

    def start() -> "subprocess.Popen[str]":
        env = os.environ | {"TMPDIR": str(temporary)}
        return start_command(*whole, stdout=subprocess.DEVNULL, cwd=folder, env=env)

    for _ in range(100):  # it may have finished its file before it is killed
        folder.mkdir()
        with start() as process:
            while process.poll() is None and not hidden(folder):
                pass
            process.kill()
        left = hidden(folder)
        if left and left == list(folder.iterdir()):
            break
        shutil.rmtree(folder)
    code = start().wait(timeout=TIMEOUT_SECONDS)

    assert left
    assert code == 0
    assert hidden(folder) == []
    assert list(temporary.iterdir()) == []


def test_a_running_import_keeps_its_folder_while_another_removes_that_of_a_killed_one(
    tmp_path: Path,
):
    path = registry(tmp_path / "registry.db", "CHITTY-ADA")
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def start() -> "subprocess.Popen[str]":
        return start_command(
            *("import", "-", "--format", "jsonl", "--database", path),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(temporary)},
        )

    running, killed = start(), start()
    # Python writes other files, to try the folder.
    while len(list(temporary.glob("chittygraph-*"))) < 2:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()

    third = start()
    third.communicate("\n", timeout=TIMEOUT_SECONDS)
    kept = list(temporary.iterdir())
    running.communicate("\n", timeout=TIMEOUT_SECONDS)

    assert (third.returncode, running.returncode, len(kept)) == (0, 0, 1)
    assert list(temporary.iterdir()) == []


USE_FOLDERS = """
import sys
from pathlib import Path
from db import temporary_folders

for _ in range(150):
    with temporary_folders.create(Path(sys.argv[1])) as folder:
        (folder / "file").touch()
        temporary_folders.sweep(folder.parent)
        (folder / "file").read_bytes()
"""


def test_processes_that_make_and_sweep_folders_at_once_never_take_each_others(tmp_path: Path):
    script = [sys.executable, "-c", USE_FOLDERS, str(tmp_path)]
    processes = [subprocess.Popen(script) for _ in range(3)]

    assert [process.wait(timeout=TIMEOUT_SECONDS) for process in processes] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


# In a process of its own: an interrupted `rmtree` closes a descriptor twice, which may be another's by then.
INTERRUPT = """
import random
import signal
import sys
from pathlib import Path

from db import temporary_folders

temporary_folders.STOPPING = [signal.SIGALRM]
place = Path(sys.argv[1])
generator = random.Random(7)
armed = False


class Interrupted(BaseException):
    pass


def arm(seconds):
    global armed
    armed = seconds > 0
    signal.setitimer(signal.ITIMER_REAL, seconds)


def interrupt(*_):
    # Never twice: a signal may be handled some time after it came, so that two may come at once.
    global armed
    if armed:
        armed = False
        raise Interrupted


signal.signal(signal.SIGALRM, interrupt)
interrupted = 0
while interrupted < 50:  # how many tries that takes depends on the machine
    try:
        arm(generator.uniform(1e-6, 400e-6))
        for _ in range(10):
            with temporary_folders.create(place) as folder:
                (folder / "file").touch()
        arm(0)
    except Interrupted:
        interrupted += 1
    except OSError as error:  # `rmtree` closes a folder twice if it is interrupted in between
        if not isinstance(error.__context__, Interrupted):
            raise
        interrupted += 1
    temporary_folders.remove_all()
    left = list(place.iterdir())
    assert left == [], left
"""


def test_a_temporary_folder_is_removed_wherever_a_signal_interrupts_its_use(tmp_path: Path):
    subprocess.run(
        [sys.executable, "-c", INTERRUPT, str(tmp_path)], check=True, timeout=TIMEOUT_SECONDS
    )
