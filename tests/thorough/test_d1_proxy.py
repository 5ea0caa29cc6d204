"""The Worker of deploy/d1-proxy as wrangler packs and runs it, with its example of a configuration."""

import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.other_programs.d1_worker import TOKEN, database_url
from tests.support.other_programs.wrangler import QUIET, WRANGLER, require_wrangler
from tests.support.paths import ROOT
from tests.support.services.commands import command_process
from tests.support.services.server_process import TIMEOUT_SECONDS

pytestmark = pytest.mark.thorough


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder as somebody sets it up after the docs."""
    folder = tmp_path / "d1-proxy"
    shutil.copytree(ROOT / "deploy" / "d1-proxy", folder)
    shutil.copy(folder / "wrangler.toml.example", folder / "wrangler.toml")
    (folder / ".dev.vars").write_text(f'TOKEN="{TOKEN}"\n')
    return folder


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    home = str(folder)
    return subprocess.Popen(
        [require_wrangler(), str(WRANGLER), *words],
        cwd=folder,
        env=os.environ | QUIET | {"HOME": home, "XDG_CONFIG_HOME": home},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def test_wrangler_packs_it_with_its_database(folder: Path):
    process = start(folder, "deploy", "--dry-run")
    try:
        printed, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        kill(process)
        process.communicate()
    assert process.returncode == 0, printed
    assert re.search(r"env\.REGISTRY \(chittygraph\)\s+D1 Database", printed)


def test_a_registry_is_made_in_what_wrangler_runs(folder: Path):
    process = start(folder, "dev", "--ip", "127.0.0.1", "--port", "0")
    watchdog = threading.Timer(TIMEOUT_SECONDS, kill, [process])
    watchdog.start()
    try:
        assert process.stdout
        printed = ""
        while (ready := re.search(r"Ready on (http://[\w.:]+)", printed)) is None:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        url = database_url(ready[1])
        migrated = command_process("migrate", "--database", url)
        assert migrated.returncode == 0, migrated.stderr
        status = command_process("status", "--database", url)
        assert status.returncode == 0, status.stderr
        assert TOKEN not in migrated.stdout + migrated.stderr + status.stdout + status.stderr
    finally:
        watchdog.cancel()
        kill(process)
        process.communicate()
