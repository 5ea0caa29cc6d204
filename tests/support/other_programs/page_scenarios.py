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
    """What each of these scenarios found wrong, or None; these protected servers run meanwhile."""
    chromium = require_browser()
    with ExitStack() as stack:
        _, said = stack.enter_context(served(folder / "registry.db", "--demo", *QUIET))
        servers = {"open": {"url": url_of(said, "/graphql")}}
        for name in names:
            flags = PROTECTED[name]
            url, key = stack.enter_context(protected(folder / f"{name}.db", *flags))
            servers[name] = {"url": url, "key": key}
        arguments = [chromium, str(folder / "profile"), json.dumps(servers), json.dumps(scenarios)]
        found: dict[str, str | None] = json.loads(
            node.run_script("playwright-core", f"{page}/main.mjs", *arguments)
        )
        return found
