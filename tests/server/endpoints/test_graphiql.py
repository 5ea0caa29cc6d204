"""GraphiQL as a user meets it, in a real Chromium: see graphiql.mjs.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

import json
import re

import pytest

from tests.support import node
from tests.support.chromium import require_browser
from tests.support.paths import NPM
from tests.support.protected_service import protected
from tests.support.server_process import QUIET, served, url_of

SCRIPT = "graphiql.mjs"
SCENARIOS = re.findall(r'^scenario\("(.+?)"', (NPM / SCRIPT).read_text(), re.MULTILINE)
PAGE = ("--graphiql", "true")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each scenario found wrong, or None."""
    chromium = require_browser()
    folder = tmp_path_factory.mktemp("graphiql")
    told, impatient = ("--introspection", "true"), ("--failed-credentials-per-minute", "1")
    with (
        served(folder / "registry.db", "--demo", *QUIET) as (_, said),
        protected(folder / "protected.db", *PAGE) as untold,
        protected(folder / "told.db", *PAGE, *told) as told_,
        protected(folder / "impatient.db", *PAGE, *impatient) as impatient_,
    ):
        closed = {"untold": untold, "told": told_, "impatient": impatient_}
        servers = {name: {"url": url, "key": key} for name, (url, key) in closed.items()}
        servers["open"] = {"url": url_of(said, "/graphql")}
        profile = str(folder / "profile")
        return json.loads(
            node.told("playwright-core", SCRIPT, chromium, profile, json.dumps(servers))
        )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_a_browser(outcomes, scenario: str):
    assert outcomes[scenario] is None


def test_every_scenario_is_asked_for(outcomes):
    assert outcomes.keys() == set(SCENARIOS)
