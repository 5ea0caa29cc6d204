"""Scenarios of a page in Chromium: see tests/npm/pages."""

import json
import re
from contextlib import ExitStack
from pathlib import Path

from tests.support.other_programs import node
from tests.support.other_programs.chromium import require_browser
from tests.support.paths import NPM
from tests.support.services.protected_service import protected
from tests.support.services.server_process import QUIET, served, url_of

_NAMED = re.compile(r'^ *scenario\("(.+?)"', re.MULTILINE)
_SHOWN = ("--graphiql", "true")
OPEN = {"open": ("--demo",), "empty": ()}
PROTECTED = {
    "told": (*_SHOWN, "--introspection", "true"),
    "untold": _SHOWN,
    "impatient": (*_SHOWN, "--failed-credentials-per-minute", "1"),
    "off": (),
}


def groups(page: str) -> dict[str, list[str]]:
    """The names of a page's scenarios, by file of its folder in tests/npm."""
    files = sorted((NPM / page).glob("*.mjs"))
    return {file.stem: names for file in files if (names := _NAMED.findall(file.read_text()))}


def outcomes(page: str, folder: Path, scenarios: list[str], *names: str) -> dict[str, str | None]:
    """What each of these scenarios found wrong, or None; these servers run meanwhile.

    One that is called `open` has the sample data, one that is called `empty` nothing; others are PROTECTED.
    """
    chromium = require_browser()
    with ExitStack() as stack:
        servers: dict[str, dict[str, str]] = {}
        for name in ("open", *names):
            database = folder / f"{name}.db"
            if name in PROTECTED:
                url, key = stack.enter_context(protected(database, *PROTECTED[name]))
                servers[name] = {"url": url, "key": key}
            else:
                _, said = stack.enter_context(served(database, *OPEN[name], *QUIET))
                servers[name] = {"url": url_of(said, "/graphql")}
        arguments = [chromium, str(folder / "profile"), json.dumps(servers), json.dumps(scenarios)]
        found: dict[str, str | None] = json.loads(
            node.run_script("playwright-core", f"{page}/main.mjs", *arguments)
        )
        return found
