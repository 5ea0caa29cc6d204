"""GraphiQL as a user meets it, in a real Chromium: see graphiql.mjs.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

import json
import re
import subprocess

import pytest

from tests.browsing import QUIET, TESTS, protected, require_browser
from tests.serving import served, url_of

SCRIPT = TESTS / "graphiql.mjs"
SCENARIOS = re.findall(r'^scenario\("(.+?)"', SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What each scenario found wrong, or None."""
    node, chromium = require_browser()
    folder = tmp_path_factory.mktemp("graphiql")
    told, impatient = ("--introspection", "true"), ("--failed-credentials-per-minute", "1")
    with (
        served(folder / "registry.db", "--demo", *QUIET) as (_, said),
        protected(folder / "protected.db") as untold,
        protected(folder / "told.db", *told) as told_,
        protected(folder / "impatient.db", *impatient) as impatient_,
    ):
        servers = {
            "open": {"url": url_of(said, "/graphql")},
            "untold": untold,
            "told": told_,
            "impatient": impatient_,
        }
        ran = subprocess.run(
            [node, str(SCRIPT), chromium, str(folder / "profile"), json.dumps(servers)],
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
