"""The graph page as a user meets it, in a real Chromium: see tests/npm/graph.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

from pathlib import Path

import pytest

from tests.support.other_programs.page_scenarios import groups, outcomes

pytestmark = pytest.mark.waits

PAGE = "graph"
GROUPS = groups(PAGE)
ALWAYS = [
    "a picture begins at a service and grows where it is expanded, and what is there stays still",
    "failing connections and what hangs on them stand out, in colour, shape and words",
    "a copied link restores objects, places, filters, selection and section",
]


def test_what_the_page_is_for_works_in_a_browser(tmp_path: Path):
    assert outcomes(PAGE, tmp_path, ALWAYS, "untold") == dict.fromkeys(ALWAYS)


@pytest.mark.thorough
@pytest.mark.parametrize("group", GROUPS)
def test_everything_else_works_in_a_browser(tmp_path: Path, group: str):
    others = [name for name in GROUPS[group] if name not in ALWAYS]

    assert outcomes(PAGE, tmp_path, others, "untold", "empty") == dict.fromkeys(others)


def test_scenarios_have_names_of_their_own():
    names = [name for names in GROUPS.values() for name in names]

    assert len(set(names)) == len(names) > 20
    assert {*ALWAYS} <= {*names}
