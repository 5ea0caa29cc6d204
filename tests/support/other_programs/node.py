"""Programs of npm, run by Node against a real server."""

import shutil
import subprocess

import pytest

from tests.support.paths import NPM

SECONDS = 900


def require(package: str) -> str:
    """The command of node; skips the test where it or the package is missing."""
    node = shutil.which("node")
    if node is None or not (NPM / "node_modules" / package).exists():
        pytest.skip(f"node or {package} is missing: install Node and run `npm ci` in tests/npm/")
    return node


def run_script(package: str, script: str, *arguments: str) -> str:
    """What a script of this folder, which imports the package, prints; it must succeed."""
    ran = subprocess.run(
        [require(package), str(NPM / script), *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
