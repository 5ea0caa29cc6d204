"""The packages from npm: the rival servers, and the load generator that replaces wrk."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from benchmarks import progress
from benchmarks.errors import BenchmarkError

FOLDER = Path(__file__).parent / "npm"
OLDEST = 20
LOADS = "import Database from 'better-sqlite3'; new Database(':memory:').close()"


@cache
def require() -> None:
    """Install the packages that package-lock.json pins, once; raises BenchmarkError if that fails.

    better-sqlite3 is compiled where no prebuilt one can be fetched, which takes a minute.
    """
    version = _version()
    if version < OLDEST:
        raise BenchmarkError(f"node is version {version}: install {OLDEST} or newer")
    stamp = FOLDER / "node_modules" / ".fetched-from"
    lock = (FOLDER / "package-lock.json").read_text()
    if not (stamp.exists() and stamp.read_text() == lock):
        progress.say(
            "installing the rivals with npm, once; compiling better-sqlite3 takes a minute"
        )
        _run("npm", "ci", "--no-audit", "--no-fund", "--silent")
        _run("node", "--input-type=module", "--eval", LOADS)
        stamp.write_text(lock)


def _version() -> int:
    if not (shutil.which("node") and shutil.which("npm")):
        raise BenchmarkError(f"node or npm is missing: install Node {OLDEST} or newer")
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(re.findall(r"\d+", found.stdout)[0])


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(
            f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-1000:]}"
        )
