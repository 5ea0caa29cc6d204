"""Commands that are told to stop: nothing of theirs stays behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.backups import registry
from tests.support.server_process import COMMAND
from tests.support.transfers import content

STOPPED = 143


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_an_import_that_is_terminated_leaves_no_rows_in_the_temporary_folder(tmp_path: Path):
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
        code = importing.wait(timeout=60)

    assert code == STOPPED
    assert list(temporary.iterdir()) == []
    assert content(path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_to_a_file_that_is_stopped_leaves_no_half_of_it(tmp_path: Path, number: int):
    path = registry(tmp_path / "registry.db", *(f"CHITTY-{'A' * n}" for n in range(1, 150)))

    with subprocess.Popen(
        [*COMMAND, "export", "--jsonl", "--output", tmp_path / "rows", "--database", path]
    ) as exporting:
        while exporting.poll() is None and not hidden(tmp_path):
            pass
        exporting.send_signal(number)
        exporting.wait(timeout=60)

    assert exporting.returncode in {0, 128 + number}  # it may have been ready by then
    assert (tmp_path / "rows").exists() == (exporting.returncode == 0)
    assert hidden(tmp_path) == []
