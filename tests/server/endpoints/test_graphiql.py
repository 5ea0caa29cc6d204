"""GraphiQL as a user meets it, in a real Chromium: see graphiql.mjs.

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

SCRIPT = "graphiql.mjs"
SCENARIOS = re.findall(r'^scenario\("(.+?)"', (NPM / SCRIPT).read_text(), re.MULTILINE)
ALWAYS = [
    "a query typed with completion runs and follows a relation",
    "variables are kept as they were written",
]
PROTECTED = {
    "told": ("--introspection", "true"),
    "untold": (),
    "impatient": ("--failed-credentials-per-minute", "1"),
}


def outcomes(folder: Path, scenarios: list[str], *names: str) -> dict[str, str | None]:
    """What each of these scenarios found wrong, or None; these protected servers run meanwhile."""
    chromium = require_browser()
    with ExitStack() as stack:
        _, said = stack.enter_context(served(folder / "registry.db", "--demo", *QUIET))
        servers = {"open": {"url": url_of(said, "/graphql")}}
        for name in names:
            flags = ("--graphiql", "true", *PROTECTED[name])
            url, key = stack.enter_context(protected(folder / f"{name}.db", *flags))
            servers[name] = {"url": url, "key": key}
        arguments = [chromium, str(folder / "profile"), json.dumps(servers), json.dumps(scenarios)]
        found: dict[str, str | None] = json.loads(
            node.run_script("playwright-core", SCRIPT, *arguments)
        )
        return found


def test_what_the_page_is_for_works_in_a_browser(tmp_path: Path):
    assert outcomes(tmp_path, ALWAYS, "told") == dict.fromkeys(ALWAYS)


@pytest.mark.thorough
def test_everything_else_works_in_a_browser(tmp_path: Path):
    others = [name for name in SCENARIOS if name not in ALWAYS]

    assert {*ALWAYS} <= {*SCENARIOS}
    assert outcomes(tmp_path, others, *PROTECTED) == dict.fromkeys(others)
