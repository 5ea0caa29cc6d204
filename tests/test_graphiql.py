"""GraphiQL as a user meets it, in a real Chromium: see graphiql.mjs.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

import json
import re
import subprocess

import pytest

from tests.browsing import TESTS, gated, require_browser
from tests.serving import served, url_of

SCRIPT = TESTS / "graphiql.mjs"
SCENARIOS = re.findall(r'^scenario\("(.+?)"', SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each scenario found wrong, or None."""
    node, chromium = require_browser()
    folder = tmp_path_factory.mktemp("graphiql")
    with (
        served(folder / "registry.db", "--demo") as (_, said),
        gated(folder / "gated.db", "open-sesame") as gate,
    ):
        ran = subprocess.run(
            [node, str(SCRIPT), chromium, url_of(said, "/graphql"), gate, "open-sesame"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_a_browser(outcomes, scenario: str):
    assert outcomes[scenario] is None


def test_every_scenario_is_asked_for(outcomes):
    assert outcomes.keys() == set(SCENARIOS)
