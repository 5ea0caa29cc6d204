"""Filters of texts: by their ends, and with ASCII letters in either case, looked up in indexes."""

from typing import Any

import pytest

from db.model import tables
from db.model.tables import Table
from db.program import Statement
from db.queries import listings
from db.queries.conditions import Compare
from db.queries.listings import Listing, Order, PageRange
from tests.support.expectations.sql_plans import plan
from tests.support.services.api import Api, running

SOUGHT: list[tuple[Table[Any], str]] = [
    (tables.ACTORS, "display_name"),
    (tables.ACTORS, "email"),
    (tables.CONTEXTS, "name"),
    (tables.INSTALLATIONS, "account_login"),
    (tables.CONNECTIONS, "target_service"),
    (tables.CONNECTIONS, "target_endpoint"),
    (tables.CONNECTIONS, "last_error"),
]
IDS = [f"{table.name}.{column}" for table, column in SOUGHT]
NAMES = [
    "Octo-Org",
    "octo-org",
    "OCTO-ORG-2",
    "ÄRGER",
    "ärger",
    "nul\0END",
    "\U0010ffff\U0010ffff",
    "",
    "x",
]
ADD = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES (:id, 'ai', :name, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""


def page_of(table: Table[Any], column: str, operator: str, operand: str) -> Statement:
    order = (Order(table.newest, descending=True), Order(table.key, descending=True))
    listing = Listing(table, None, Compare(column, operator, operand), live=False)
    return listings.page(listing, PageRange(order, 21), [None])


@pytest.mark.parametrize(("table", "column"), SOUGHT, ids=IDS)
def test_what_equals_a_text_in_any_case_is_read_off_an_index_newest_first(migrated, table, column):
    page = page_of(table, column, "eq_any_case", "a")

    steps = plan(migrated, page)

    index = f"{table.name}_by_{column}_of_any_case"
    assert steps == [f"SEARCH t USING INDEX {index} (<expr>=?)"]


@pytest.mark.parametrize(("table", "column"), SOUGHT, ids=IDS)
@pytest.mark.parametrize(("operator", "operand"), [("in", '["a"]'), ("starts_with", "a")])
def test_several_texts_and_prefixes_in_any_case_are_found_by_the_index(
    migrated, table, column, operator, operand
):
    page = page_of(table, column, f"{operator}_any_case", operand)

    steps = plan(migrated, page)

    index = f"{table.name}_by_{column}_of_any_case"
    assert [step for step in steps if step.startswith(f"SEARCH t USING INDEX {index} (<expr>")]
    assert not [step for step in steps if step.startswith("SCAN t")]


@pytest.mark.parametrize(("table", "column"), SOUGHT, ids=IDS)
def test_a_prefix_is_found_by_the_index_of_the_texts(migrated, table, column):
    page = page_of(table, column, "starts_with", "a")

    steps = plan(migrated, page)

    assert [
        step
        for step in steps
        if step.startswith("SEARCH t ") and f"({column}>? AND {column}<?)" in step
    ]


def test_other_orderings_walk_their_own_index(migrated):
    order = (Order("updated_at", descending=True), Order("chitty_id", descending=True))
    for operator in ("eq_any_case", "starts_with_any_case", "starts_with"):
        listing = Listing(tables.CONTEXTS, None, Compare("name", operator, "a"), live=False)

        steps = plan(migrated, listings.page(listing, PageRange(order, 21), [None]))

        assert steps == ["SCAN t USING INDEX contexts_by_updated_at"], operator


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as service:
        for number, name in enumerate(NAMES):
            await service.put(ADD, id=f"CHITTY-ACTOR-00000{number}-AAAA", name=name)
        yield service


async def found(api: Api, **condition: Any) -> set[str]:
    query = (
        "query ($is: StringFilter) { actors(filter: {displayName: $is}) { nodes { displayName } } }"
    )
    data: Any = await api.ask(query, **{"is": condition})
    return {node["displayName"] for node in data["actors"]["nodes"]}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"eq": "octo-org", "ignoreCase": True}, {"Octo-Org", "octo-org"}),
        ({"eq": "octo-org", "ignoreCase": False}, {"octo-org"}),
        ({"eq": "ärger", "ignoreCase": True}, {"ärger"}),
        ({"in": ["OCTO-org", "X"], "ignoreCase": True}, {"Octo-Org", "octo-org", "x"}),
        ({"startsWith": "octo", "ignoreCase": True}, {"Octo-Org", "octo-org", "OCTO-ORG-2"}),
        ({"startsWith": "\U0010ffff"}, {"\U0010ffff\U0010ffff"}),
        ({"startsWith": ""}, set(NAMES)),
        ({"endsWith": "org"}, {"octo-org"}),
        ({"endsWith": "org", "ignoreCase": True}, {"Octo-Org", "octo-org"}),
        ({"endsWith": "\0END"}, {"nul\0END"}),
        ({"endsWith": "end", "ignoreCase": True}, {"nul\0END"}),
        ({"endsWith": ""}, set(NAMES)),
        ({"endsWith": "longer than every name"}, set()),
        ({"contains": "TO-O", "ignoreCase": True}, {"Octo-Org", "octo-org", "OCTO-ORG-2"}),
        ({"not": "octo-org", "ignoreCase": True}, set(NAMES) - {"octo-org"}),
        ({"ignoreCase": True}, set(NAMES)),
    ],
)
async def test_texts_by_their_ends_and_in_any_case(api, condition, names):
    assert await found(api, **condition) == names
