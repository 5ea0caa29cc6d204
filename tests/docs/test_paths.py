"""Every path of the repository that a page names exists."""

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from tests.support.paths import ROOT

TRACKED = subprocess.run(
    ("git", "ls-files", "--cached", "--others", "--exclude-standard"),
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
FILES = {name for name in TRACKED if (ROOT / name).exists()}
EXISTING = FILES | {str(parent) for name in FILES for parent in PurePosixPath(name).parents}
NAMES = {PurePosixPath(name).name for name in FILES}
TOP = {name.partition("/")[0] for name in FILES}
SOURCES = {".py", ".sql", ".md", ".mjs", ".jsx", ".toml", ".yml"}
OF_USERS = {"wrangler.toml", "litestream.yml"}  # files that a reader makes
PAGES = sorted(
    name
    for name in FILES
    if name in {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"}
    or re.fullmatch(r"docs/.*\.md", name)
)
PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*/?")


def paths(text: str) -> set[str]:
    """What a page writes in backticks that looks like a path of the repository.

    `*` stands for any characters, and NNNN and NAME for what a reader chooses.
    """
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    quoted = {each for each in re.findall(r"`([^`\n]+)`", prose) if PATH.fullmatch(each)}
    return {
        each
        for each in quoted - OF_USERS
        if PurePosixPath(each).suffix in SOURCES or ("/" in each and each.partition("/")[0] in TOP)
    }


def exists(path: str) -> bool:
    pattern = re.escape(path.rstrip("/")).replace(r"\*", "[^/]*")
    pattern = re.sub("NNNN|NAME", "[^/]*", pattern)
    return any(re.fullmatch(pattern, each) for each in (EXISTING if "/" in path else NAMES))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str):
    named = paths((ROOT / page).read_text())

    assert sorted(path for path in named if not exists(path)) == []


def test_the_architecture_names_every_folder_of_code():
    folders = {
        str(PurePosixPath(name).parent)
        for name in FILES
        if name.endswith(".py")
        and name.partition("/")[0] in {"db", "resolvers", "schema", "server"}
    }
    named = set(re.findall(r"`([\w./-]+)`", (ROOT / "ARCHITECTURE.md").read_text()))

    assert sorted(folders - named) == []
