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
    install(FOLDER, "the rivals; compiling better-sqlite3 takes a minute")
    run("node", "--input-type=module", "--eval", LOADS)


def install(folder: Path, what: str, *, oldest: int = OLDEST) -> None:
    """Install what a folder's package-lock.json pins, once; raises BenchmarkError if that fails."""
    version = _version(oldest)
    if version < oldest:
        raise BenchmarkError(f"node is version {version}: install {oldest} or newer")
    stamp = folder / "node_modules" / ".fetched-from"
    lock = (folder / "package-lock.json").read_text()
    if not (stamp.exists() and stamp.read_text() == lock):
        progress.say(f"installing with npm, once: {what}")
        run("npm", "ci", "--no-audit", "--no-fund", "--silent", folder=folder)
        stamp.write_text(lock)


def run(*command: str, folder: Path = FOLDER) -> str:
    """What a command prints; raises BenchmarkError if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BenchmarkError(f"{command[0]} does not start: {error.strerror}") from None
    if done.returncode:
        raise BenchmarkError(
            f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-1000:]}"
        )
    return done.stdout


def _version(oldest: int) -> int:
    if not (shutil.which("node") and shutil.which("npm")):
        raise BenchmarkError(f"node or npm is missing: install Node {oldest} or newer")
    return int(re.findall(r"\d+", run("node", "--version"))[0])
