"""`--pictures`: draw the pictures of the README and the docs anew, from a server with the sample data."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.other_programs import node
from tests.support.other_programs.chromium import require_browser
from tests.support.paths import ROOT
from tests.support.services.server_process import QUIET, served, url_of

FOLDER = ROOT / "docs" / "images"
# By name, as tests/npm/pictures.mjs draws them: width and height in pixels.
SIZES = {"graph": (1600, 1000), "graphiql": (1280, 720)}
MOST_BYTES = 120_000  # of each: the README shows the first of them to everybody


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --pictures."""
    parser.addoption("--pictures", action="store_true", help="put new pictures into docs/images")


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    bytes: int


def draw(folder: Path) -> None:
    """Draw all pictures into a folder; skips the test where a browser or the page is missing."""
    chromium = require_browser()
    with served(folder / "registry.db", "--demo", *QUIET) as (_, said):
        node.run_script("playwright-core", "pictures.mjs", chromium, url_of(said, ""), str(folder))


def keep(folder: Path) -> None:
    """Put the pictures of a folder in the place of those of the docs."""
    for name in SIZES:
        shutil.copy(folder / f"{name}.webp", FOLDER)


def read(path: Path) -> Picture:
    """The size of a picture in WebP, lossy or extended; raises ValueError for another file."""
    content = path.read_bytes()
    head, form = content[:4] + content[8:12], content[12:16]
    if head != b"RIFFWEBP" or form not in (b"VP8 ", b"VP8X"):
        raise ValueError(f"{path} is no WebP")
    if form == b"VP8 ":
        width, height = (int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    return Picture(width, height, len(content))
