"""Where tests find the project's own files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM = ROOT / "tests" / "npm"
"""The Node scripts of the tests, and the packages that they import (in `node_modules`)."""
EXAMPLES = ROOT / "examples"


def is_in(folder: Path, path: Path) -> bool:
    """Whether the path lies in the folder: seven thousand of them are looked at, as text."""
    return str(path).startswith(f"{folder}{os.sep}")


def source_files(*packages: str) -> list[Path]:
    """The Python files of these packages, without hidden folders: web/build.py works in such."""
    files = []
    for package in packages:
        for folder, subfolders, names in os.walk(ROOT / package):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            files += [Path(folder, name) for name in names if name.endswith(".py")]
    return sorted(files)
