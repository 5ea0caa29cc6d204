"""GraphiQL as a user meets it, in a real Chromium: see tests/npm/graphiql.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.other_programs import node
from tests.support.other_programs.chromium import require_browser
from tests.support.paths import NPM
from tests.support.services.protected_service import protected
from tests.support.services.server_process import QUIET, served, url_of

pytestmark = pytest.mark.waits

SCRIPT = "graphiql/main.mjs"
FOLDER = (NPM / SCRIPT).parent
NAMED = re.compile(r'^ *scenario\("(.+?)"', re.MULTILINE)
# By file; each group has a browser of its own.
GROUPS = {
    file.stem: names
    for file in sorted(FOLDER.glob("*.mjs"))
    if (names := NAMED.findall(file.read_text()))
}
ALWAYS = [
    "a query typed with completion runs and follows a relation",
    "four tabs with their variables survive a reload that comes at once",
    "a subscription shows changes as they come, the newest first, and Stop ends it",
]
SHOWN = ("--graphiql", "true")
PROTECTED = {
    "told": (*SHOWN, "--introspection", "true"),
    "untold": SHOWN,
    "impatient": (*SHOWN, "--failed-credentials-per-minute", "1"),
    "off": (),
}


def outcomes(folder: Path, scenarios: list[str], *names: str) -> dict[str, str | None]:
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
            node.run_script("playwright-core", SCRIPT, *arguments)
        )
        return found


def test_what_the_page_is_for_works_in_a_browser(tmp_path: Path):
    assert outcomes(tmp_path, ALWAYS) == dict.fromkeys(ALWAYS)


@pytest.mark.thorough
@pytest.mark.parametrize("group", GROUPS)
def test_everything_else_works_in_a_browser(tmp_path: Path, group: str):
    others = [name for name in GROUPS[group] if name not in ALWAYS]

    assert outcomes(tmp_path, others, *PROTECTED) == dict.fromkeys(others)


def test_scenarios_have_names_of_their_own():
    names = [name for names in GROUPS.values() for name in names]

    assert len(set(names)) == len(names) > 50
    assert {*ALWAYS} <= {*names}
