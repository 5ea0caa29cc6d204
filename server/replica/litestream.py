"""The program litestream: where it is, which version it has, and what it is called with."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from db.errors import BootRefused
from server.setting_fields import variable

NAME = "litestream"
FLOOR = (0, 5, 17)  # what was tried: it follows a file under SQLite's own locks
INTERVAL = "200ms"  # between looks for new transactions
HOW = f"install litestream 0.5.17 or newer, or set {variable('litestream')} to its path"


def find(given: str) -> str:
    """The program that a setting names, or that is on PATH; raises BootRefused if none will do."""
    program = shutil.which(given or NAME)
    if program is None:
        raise BootRefused(f"{given or NAME} is no program here, and a replica needs it: {HOW}")
    version = _version(program)
    if version is None:
        raise BootRefused(f"{program} does not say which version of litestream it is: {HOW}")
    if version < FLOOR:
        shown = ".".join(map(str, version))
        raise BootRefused(f"{program} is litestream {shown}, which replicas cannot use: {HOW}")
    return program


def follow(program: str, url: str, copy: Path) -> Sequence[str]:
    """The command that makes a copy and keeps it up to date until it is stopped."""
    words = [program, "restore", "-f", "-follow-interval", INTERVAL]
    return [*words, "-o", str(copy), url if urlsplit(url).scheme else Path(url).absolute().as_uri()]


def without_secrets(url: str) -> str:
    """The address of a copy as it may be shown: without user, password and parameters."""
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _version(program: str) -> tuple[int, ...] | None:
    try:
        ran = subprocess.run(  # noqa: S603 - what the operator has named
            [program, "version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", ran.stdout)
    return tuple(map(int, found.groups())) if found else None
