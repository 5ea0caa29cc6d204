"""A Chromium that tests drive through playwright-core, and servers that want a credential first."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.migrator import migrate
from server import page
from tests.copying import command
from tests.serving import served, url_of

TESTS = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def require_browser() -> tuple[str, str]:
    """The commands of node and Chromium; skips the test where something is missing."""
    node = shutil.which("node")
    if node is None or not (TESTS / "node_modules" / "playwright-core").exists():
        pytest.skip("node or playwright-core is missing: install Node and run `npm ci` in tests/")
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("chromium is missing: install it (on Debian: apt install chromium)")
    if not (page.STATIC / "index.html").exists():
        pytest.skip("the page is not built: run `python web/build.py`")
    return node, chromium


# A page is many requests, and nobody reads a test's servers' logs before they end: a full pipe stops them.
QUIET = ("--log-level", "warning")


@contextmanager
def protected(path: Path, *flags: str) -> Iterator[dict[str, str]]:
    """A protected server with the page: the address of its /graphql, and an admin's API key."""
    migrate(path)
    key = command("keys", "create", "--new-admin", "Ada", "--database", path).stdout.strip()
    with served(path, "--auth", "protected", "--graphiql", "true", *QUIET, *flags) as (_, said):
        yield {"url": url_of(said, "/graphql"), "key": key}
