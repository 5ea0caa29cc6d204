"""Two strangers whose rows change by turns: neither learns of the other's changes by its own.

Each gets the answers that it gets from a registry without the other. Only ids and cursors differ, as they are
encrypted sequence numbers: they are compared by the places of their changes among the stranger's own.
"""

import json
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from db import attribution
from db.model.tables import TABLES
from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose
from db.security import change_security, row_security
from schema.fields import global_ids
from tests.support.corpus import non_canonical
from tests.support.corpus.marking import BY_CHANCE
from tests.support.registries import separate_owners
from tests.support.registries.random_registries import ORDER
from tests.support.registries.separate_owners import ADMIN, Tenant, seen_by, tenant
from tests.support.services.api import Api, running

pytestmark = BY_CHANCE
ENOUGH_TO_TELL = 60  # see test_another_rule_would_be_noticed
QUERIES = [  # of each of both
    pytest.param(range(ENOUGH_TO_TELL), id="from-0"),
    *(
        pytest.param(range(start, start + 160), id=f"from-{start}", marks=pytest.mark.thorough)
        for start in range(ENOUGH_TO_TELL, 1_500, 160)
    ),
]
KEY = bytes.fromhex(non_canonical.CURSOR_KEY)
MARKS = ("ASHX", "OAKX")
OTHER_ACTOR = {"ASHX": "CHITTY-ACTOR-002001-OAKX", "OAKX": "CHITTY-ACTOR-001001-ASHX"}
SEALED = re.compile(r'"([A-Za-z0-9_-]{32})"')
ID = re.compile(r'"(Q2hhbmdl[A-Za-z0-9_-]+)"')
CHANGE = "id cursor at operation cause kind entityId before after requestId actor { id }"
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
NODES = f"""nodes {{ {CHANGE} entity {{ __typename id
    ... on Context {{ history(last: 2) {{ totalCount nodes {{ {CHANGE} }} }} }}
    ... on Installation {{ history(first: 1) {{ edges {{ cursor node {{ {CHANGE} }} }} }} }} }} }} {PAGE}"""
ROOTS = ("actors", "contexts", "connections", "installations")
# What each of a tenant's rows goes through, by turns with the other tenant's.
STEPS = (
    ("actors", "session_count = session_count + 1"),
    ("actors", "email = 'new', display_name = 'new'"),
    ("contexts", "owner_chitty_id = :other"),
    ("contexts", "owner_chitty_id = :me"),
    ("contexts", "status = 'deleted', tools = '[\"new\"]'"),
    ("contexts", "status = 'active'"),
    ("installations", "suspended_by_chitty_id = :other"),
    ("installations", "suspended_by_chitty_id = :friend"),
    ("connections", "credentials_kv_key = 'new'"),
    ("connections", "credentials_kv_key = NULL, config = '{\"new\": true}'"),
    ("connections", "status = 'disconnected', last_error = 'new'"),
)


def writes(one: Tenant) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements that make a tenant's rows, change them, and delete some."""
    friend = one.seen[1].chitty_id
    for table in ORDER:
        marks = ", ".join(f":{name}" for name in table.columns)
        for row in one.seen:
            if isinstance(row, table.row):
                yield (
                    f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",
                    vars(row),
                )
    tables = {table.name: table for table in TABLES}
    for name, change in STEPS:
        table = tables[name]
        for place, row in enumerate(each for each in one.seen if isinstance(each, table.row)):
            if place % 3 == 0:
                key = {"key": getattr(row, table.key), "me": one.actor, "friend": friend}
                yield (
                    f"UPDATE {name} SET {change} WHERE {table.key} = :key",
                    {**key, "other": OTHER_ACTOR[one.mark]},
                )
    for row in one.seen[-3:]:
        yield "DELETE FROM connections WHERE connection_id = :key", {"key": row.connection_id}


def store(path: Path, viewer: Tenant, *others: Tenant) -> list[int]:
    """Make a registry; the sequence numbers of the changes of the viewer's rows are returned."""
    separate_owners.store(path, [ADMIN] if others else [], [])
    mine: list[int] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for number, turns in enumerate(zip_longest(*map(writes, (viewer, *others)))):
            for one, turn in zip((viewer, *others), turns, strict=True):
                if turn is not None:
                    _write(connection, one, number, *turn)
                if one is viewer and turn is not None:
                    (last,) = connection.execute("SELECT max(sequence) FROM changes").fetchone()
                    mine += [last] if last not in mine else []
        separate_owners.add_keys(connection, [viewer.actor])
        connection.execute("COMMIT")
    return mine


def _write(
    connection: sqlite3.Connection, one: Tenant, number: int, sql: str, bind: dict[str, Any]
) -> None:
    actor = one.actor if number % 2 else ADMIN.chitty_id
    at = f"2026-09-01T00:{number // 60:02}:{number % 60:02}.000Z"
    by = {"actor": actor, "cause": f"cause {number % 5}", "request_id": f"r{number}", "at": at}
    connection.execute(attribution.FILL, by)
    connection.execute(sql, bind)
    connection.execute(attribution.EMPTY)


@dataclass
class View:
    """A service that one stranger asks, and the sequence numbers of its own changes there."""

    api: Api
    own: list[int]

    async def answer(self, document: str, variables: dict[str, Any]) -> str:
        """The answer's text, in which changes are named by their places among the stranger's own."""
        sent = {
            name: self._cursor(value) if name in ("after", "before") else value
            for name, value in variables.items()
        }
        answer = json.dumps(await self.api.post(document, **sent))
        named = SEALED.sub(lambda found: self._place(found, Purpose.CURSOR, found[1]), answer)
        return ID.sub(lambda found: self._place_of_id(found), named)

    def _cursor(self, place: int) -> str:
        return sealed_sequences.seal(KEY, self.own[place], Purpose.CURSOR)

    def _place(self, found: re.Match[str], purpose: Purpose, text: str) -> str:
        sequence = sealed_sequences.unseal(KEY, text, purpose)
        return found[0] if sequence is None else f'"{purpose.name} {self.own.index(sequence)}"'

    def _place_of_id(self, found: re.Match[str]) -> str:
        place = global_ids.decode(found[1])
        return found[0] if place is None else self._place(found, Purpose.ID, str(place[1]))


@dataclass
class Views:
    """The registry of both, on both execution paths, and one of the stranger's own."""

    viewer: Tenant
    other: Tenant
    shared: list[View]
    alone: View

    async def first_leak(self, numbers: range) -> str | None:
        for number in numbers:
            asked = question(number, self)
            expected = await self.alone.answer(*asked)
            for each in self.shared:
                if (found := await each.answer(*asked)) != expected:
                    return f"{number}: {asked}\n{expected}\n{found}"
        return None


@asynccontextmanager
async def views(folder: Path, number: int) -> AsyncIterator[Views]:
    both = [tenant(mark, 1_000 * place, seed=place) for place, mark in enumerate(MARKS, start=1)]
    viewer, other = both[number], both[1 - number]
    in_shared = store(folder / "shared.db", viewer, other)
    in_alone = store(folder / "alone.db", viewer)
    async with AsyncExitStack() as stack:
        found = []
        for name, own, compiled in (
            ("shared", in_shared, True),
            ("shared", in_shared, False),
            ("alone", in_alone, True),
        ):
            settings = separate_owners.SETTINGS | {"compiled": compiled}
            api = await stack.enter_async_context(running(folder / f"{name}.db", **settings))
            seen = await stack.enter_async_context(seen_by(api, viewer.actor))
            found.append(View(seen, own))
        yield Views(viewer, other, found[:2], found[2])


def question(number: int, of: Views) -> tuple[str, dict[str, Any]]:
    """A random query of changes, with the places of changes for its cursors."""
    chance = random.Random(number)
    variables: dict[str, Any] = {chance.choice(["first", "last"]): chance.randint(1, 30)}
    for side in ("after", "before"):
        if chance.random() < 0.3:
            variables[side] = chance.randrange(len(of.alone.own))
    types = {"first": "Int", "last": "Int", "after": "String", "before": "String"}
    taken = ", ".join(f"{name}: ${name}" for name in variables)
    declared = ", ".join(f"${name}: {types[name]}" for name in variables)
    if chance.random() < 0.3:
        root = chance.choice(ROOTS)
        body = f"{root}(first: 5) {{ nodes {{ id history({taken}) {{ {NODES} }} }} }}"
        return f"query ({declared}) {{ {body} }}", variables
    variables["filter"] = filter_(chance, of)
    body = f"changes({taken}, filter: $filter) {{ {NODES} }}"
    return f"query ({declared}, $filter: ChangeFilter) {{ {body} }}", variables


def filter_(chance: random.Random, of: Views) -> dict[str, Any]:
    some: dict[str, Any] = {}
    if chance.random() < 0.3:
        kinds = ["ACTOR", "CONTEXT", "INSTALLATION", "CONNECTION", "SERVICE"]
        some["kinds"] = chance.sample(kinds, chance.randint(1, 3))
    if chance.random() < 0.3:
        operations = ["CREATED", "UPDATED", "DELETED", "RESTORED"]
        some["operations"] = chance.sample(operations, chance.randint(1, 2))
    if chance.random() < 0.2:
        row = chance.choice(chance.choice([of.viewer, of.other]).rows)
        some["entityId"] = global_ids.encode(row)
    if chance.random() < 0.2:
        some["actor"] = chance.choice([of.viewer.actor, of.other.actor, ADMIN.chitty_id])
    if chance.random() < 0.2:
        some["at"] = {"gte": f"2026-09-01T00:00:{chance.randint(0, 59):02}.000Z"}
    return some


@pytest.mark.parametrize("numbers", QUERIES)
@pytest.mark.parametrize("number", [0, 1])
async def test_a_stranger_gets_the_changes_of_a_registry_of_its_own(
    number: int, numbers: range, tmp_path: Path
):
    async with views(tmp_path, number) as shown:
        assert shown.shared[0].own != shown.alone.own
        assert await shown.first_leak(numbers) is None


RULES: dict[str, Any] = {
    "_WALKED": "SELECT DISTINCT kind, key FROM changes",
    "_shows_private": lambda extent, table: "FALSE",
    "_leads_to_seen": lambda extent, stored, name, children: "TRUE",
}


@pytest.mark.parametrize(("rule", "other"), RULES.items(), ids=RULES)
async def test_another_rule_would_be_noticed(
    rule: str, other: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with views(tmp_path, 0) as shown:
        questions = [question(number, shown) for number in range(ENOUGH_TO_TELL)]
        kept = [await shown.alone.answer(*asked) for asked in questions]
        row_security._translated.cache_clear()
        monkeypatch.setattr(change_security, rule, other)
        try:
            noticed = False
            for asked, expected in zip(questions, kept, strict=True):
                noticed = noticed or await differs(shown.shared[0], asked, expected)
        finally:
            row_security._translated.cache_clear()

    assert noticed


async def differs(view: View, asked: tuple[str, dict[str, Any]], expected: str) -> bool:
    try:
        return await view.answer(*asked) != expected
    except ValueError:  # a change that is none of the stranger's own
        return True
