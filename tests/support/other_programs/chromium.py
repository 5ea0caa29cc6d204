"""A Chromium that tests drive through playwright-core."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from server.endpoints import pages
from tests.support.other_programs import node
from tests.support.paths import NPM

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def require_browser() -> str:
    """The command of Chromium; skips the test where something that it takes is missing."""
    node.require("playwright-core")
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("chromium is missing: install it (on Debian: apt install chromium)")
    if not (pages.STATIC / "index.html").exists():
        pytest.skip("the page is not built: run `python web/build.py`")
    return chromium


def faults_of(url: str, scenario: str, *arguments: str) -> str | None:
    """What a scenario of examples.mjs found wrong with the page at this address, or None."""
    chromium = require_browser()
    found: str | None = json.loads(
        node.run_script("playwright-core", "examples.mjs", chromium, url, scenario, *arguments)
    )
    return found


def bundled(script: str, path: Path) -> Path:
    """A script of tests/npm with all that it imports, in one file for a page."""
    node.require("esbuild")
    command = [str(NPM / "node_modules/esbuild/bin/esbuild"), script, "--bundle"]
    subprocess.run([*command, f"--outfile={path}", "--log-level=error"], cwd=NPM, check=True)
    return path
