"""Clients for Python, each in an environment of its own, as they need other libraries than the server."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT

EXAMPLES = ROOT / "examples" / "python"
ENVIRONMENTS = ROOT / ".venv-clients"
PIP = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "-qq")
INSTALL = ("install", "--no-compile", "--require-hashes", "--requirement")


def environment(tool: str, locks: Path = EXAMPLES) -> Path:
    """The environment that the lock of a tool describes, made if there is none; skips without network."""
    folder, lock = ENVIRONMENTS / tool, locks / tool / "requirements.txt"
    # Scripts of an environment contain its path and that of its Python.
    content = f"{folder} {sys.version} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    stamp = folder / ".made-from"
    with _locked(ENVIRONMENTS / f"{tool}.lock"):
        if not stamp.exists() or stamp.read_text() != content:
            venv.create(folder, clear=True, symlinks=True)
            _install(folder, lock)
            stamp.write_text(content)
    return folder


def _install(folder: Path, lock: Path) -> None:
    # This environment's pip: to install one in each would take longer than the tools do.
    ran = subprocess.run(
        [*PIP, "--python", folder / "bin" / "python", *INSTALL, lock],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        pytest.skip(f"pip could not install {lock}: {ran.stderr}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for other processes that make the same; the lock ends with its process, even a killed one."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
