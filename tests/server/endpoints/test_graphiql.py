"""GraphiQL as a user meets it, in a real Chromium: see tests/npm/graphiql.

No scenario passes that reaches off the server's origin, violates the page's policy or puts an error on
the console.
"""

from pathlib import Path

import pytest

from tests.support.other_programs.page_scenarios import PROTECTED, groups, outcomes

pytestmark = pytest.mark.waits

PAGE = "graphiql"
# By file; each group has a browser of its own.
GROUPS = groups(PAGE)
ALWAYS = [
    "a query typed with completion runs and follows a relation",
    "four tabs with their variables survive a reload that comes at once",
    "a subscription shows changes as they come, the newest first, and Stop ends it",
]


def test_what_the_page_is_for_works_in_a_browser(tmp_path: Path):
    assert outcomes(PAGE, tmp_path, ALWAYS) == dict.fromkeys(ALWAYS)


@pytest.mark.thorough
@pytest.mark.parametrize("group", GROUPS)
def test_everything_else_works_in_a_browser(tmp_path: Path, group: str):
    others = [name for name in GROUPS[group] if name not in ALWAYS]

    assert outcomes(PAGE, tmp_path, others, *PROTECTED) == dict.fromkeys(others)


def test_scenarios_have_names_of_their_own():
    names = [name for names in GROUPS.values() for name in names]

    assert len(set(names)) == len(names) > 50
    assert {*ALWAYS} <= {*names}
