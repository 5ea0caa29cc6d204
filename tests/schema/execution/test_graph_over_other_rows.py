"""The graph's fields over rows of other programs: adopted ones, and any value anywhere, on both paths."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.migrating import migrator
from db.model import words
from db.model.groupings import GROUPINGS
from db.model.tables import TABLES, Table
from schema.fields import global_ids
from tests.support.corpus import non_canonical, pool
from tests.support.corpus.marking import BY_CHANCE
from tests.support.registries import legacy_registries, original_registry, relatives
from tests.support.registries.databases import new_registry
from tests.support.services.api import Api, running

pytestmark = [
    *BY_CHANCE,
    pytest.mark.files_only("its tables are those of other programs, which made a file"),
]
STATS = "total byStatus { status count } requests errors"
WHOLE = f"""
    {{
      registryStats {{ actors contexts installations connections {{ {STATS} }} }}
      actors {{ totalCount }} contexts {{ totalCount }}
      installations {{ totalCount }} connections {{ totalCount }}
    }}
"""
SERVICES = f"""
    {{ services(first: 100) {{ totalCount nodes {{ id name stats {{ {STATS} }}
       connections {{ totalCount }} contexts {{ totalCount }} }} }} }}
"""
AROUND = """
    query ($of: ID!) { neighborhood(of: $of, depth: 10, maxNodes: 100) {
      center { id } nodes { id __typename } edges { from to relation } truncated } }
"""
PATH = "query ($from: ID!, $to: ID!) { shortestPath(from: $from, to: $to) { from to relation } }"
FOUND = """
    query ($text: String!) { search(text: $text, first: 100) {
      totalCount edges { node { id } field highlight } } }
"""
# What is told of a value that no field can show, and of what a client may not ask for.
CODES = {"UNREADABLE", "BAD_SEARCH"}


def _original(path: Path) -> None:
    path.write_bytes(original_registry.adopted(path.with_name("adopted.db")).read_bytes())


def _adopted(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        make(path)
        migrator.bring_up_to_date(path)

    return made


def _relative(kind: str) -> Callable[[Path], None]:
    return _adopted(lambda path: relatives.made(path, relatives.EVERYTHING[kind]))


ADOPTED: dict[str, Callable[[Path], None]] = {
    "tables by hand": _adopted(legacy_registries.by_hand),
    "tables without constraints": _adopted(
        lambda path: legacy_registries.by_hand(path, loosely=True)
    ),
    "a restored dump": _adopted(legacy_registries.restored),
    "the original registry": _original,
    **{kind: _relative(kind) for kind in sorted(relatives.EVERYTHING)},
}
QUICK = {"tables without constraints", "the original registry", sorted(relatives.EVERYTHING)[0]}


class Both:
    """One file under compiled and under generic execution."""

    def __init__(self, compiled: Api, generic: Api) -> None:
        self.compiled, self.generic = compiled, generic

    async def answer(self, query: str, **variables: Any) -> tuple[dict[str, Any], set[str]]:
        """The data and the codes of errors, which are the same on both paths."""
        found = await self.compiled.post(query, **variables)
        expected = await self.generic.post(query, **variables)
        assert found["data"] == expected["data"], (query, variables)
        codes = [
            {error["extensions"]["code"] for error in each.get("errors", [])}
            for each in (found, expected)
        ]
        assert codes[0] == codes[1]
        assert codes[0] <= CODES, (query, variables, found)
        return found["data"], codes[0]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.thorough] * (kind not in QUICK)) for kind in ADOPTED],
)
async def test_adopted_rows_are_walked_found_counted_and_grouped(kind: str, tmp_path: Path):
    file = tmp_path / "registry.db"
    ADOPTED[kind](file)

    async with running(file) as compiled, running(file, compiled=False) as generic:
        both = Both(compiled, generic)
        await _counts_agree(both)
        await _walks_answer(both, file)
        for table in TABLES:
            for key, text in await _texts(compiled, table):
                await _is_found(both, global_ids.of_key(table.row.__name__, key), text)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
async def test_any_value_anywhere_takes_no_page_away(seed: int, tmp_path: Path):
    file = tmp_path / "registry.db"
    non_canonical.fill(file, seed)

    async with running(file) as compiled, running(file, compiled=False) as generic:
        both = Both(compiled, generic)
        await _counts_agree(both)
        await _walks_answer(both, file)
        for text in ("a", "ada", "e", "x", "\0", "🦊"):
            data, codes = await both.answer(FOUND, text=text)
            assert data["search"] is not None, codes


async def test_a_service_is_a_text_or_a_number_and_every_connection_counts(tmp_path: Path):
    file = new_registry(tmp_path / "registry.db")
    non_canonical.loosen(file)
    links = [
        *((None, "active", 1), (b"hub", "active", 1), ("hub", " FAILED", "many")),
        *((7, "unknown", None), ("", "inactive", 2**62), ("hub", "active", 2**63 - 1)),
    ]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(
            "INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, status,"
            " request_count, created_at, updated_at) VALUES (?, 'nobody', 'actor', ?, ?, ?, 'now', 'now')",
            [(f"c{number}", *link) for number, link in enumerate(links)],
        )

    async with running(file) as compiled, running(file, compiled=False) as generic:
        both = Both(compiled, generic)
        services = (await both.answer(SERVICES))[0]["services"]["nodes"]
        stats = (await both.answer(WHOLE))[0]["registryStats"]["connections"]

    assert [each["name"] for each in services] == ["7", "", "hub"]
    assert [each["stats"]["total"] for each in services] == [1, 1, 2]
    assert (stats["total"], stats["requests"]) == (6, str(2**63 - 1))
    assert stats["byStatus"] == [
        {"status": "ACTIVE", "count": 3},
        {"status": "INACTIVE", "count": 1},
        {"status": "FAILED", "count": 1},
    ]


async def _counts_agree(both: Both) -> None:
    """Statistics and groups count what the lists have, values that nothing can show included."""
    data, codes = await both.answer(WHOLE)
    stats = data["registryStats"]
    assert codes == set()
    for table in TABLES:
        total = data[table.name]["totalCount"]
        counted = stats[table.name]
        assert (counted["total"] if isinstance(counted, dict) else counted) == total
        for name in GROUPINGS[table].keys:
            field = f"groups(by: {name.upper()}, first: 1000) {{ count }}"
            groups = (await both.answer(f"{{ {table.name} {{ {field} }} }}"))[0][table.name][
                "groups"
            ]
            assert sum(group["count"] for group in groups) == total, name
    assert (
        sum(each["count"] for each in stats["connections"]["byStatus"])
        <= stats["connections"]["total"]
    )
    services = (await both.answer(SERVICES))[0]["services"]
    assert services["totalCount"] == len(services["nodes"])
    for each in services["nodes"]:
        assert each["stats"]["total"] == each["connections"]["totalCount"] > 0, each["name"]


async def _walks_answer(both: Both, file: Path) -> None:
    ids = pool.read(file).ids
    ids = ids[:: 1 + len(ids) // 100]
    for number, id_ in enumerate(ids):
        around = (await both.answer(AROUND, of=id_))[0]["neighborhood"]
        if around is None:
            continue
        assert around["center"] == {"id": id_}
        places = {node["id"] for node in around["nodes"]}
        assert all({edge["from"], edge["to"]} <= places for edge in around["edges"])
        for other in ids[number : number + 3]:
            path = (await both.answer(PATH, **{"from": id_, "to": other}))[0]["shortestPath"]
            assert path is not None or other not in places or around["truncated"] or len(places) > 7


async def _texts(api: Api, table: Table[Any]) -> list[tuple[Any, str]]:
    """The keys of rows that are not soft-deleted, each with a name."""
    name = {"actors": "display_name", "installations": "account_login", "contexts": "name"}.get(
        table.name, "target_service"
    )
    live = table.live.format(row="row")
    return [
        (key, str(text))
        for key, text in await api.rows(
            f"SELECT row.{table.key}, row.{name} FROM {table.name} AS row WHERE {live} LIMIT 40"
        )
        if isinstance(text, str) and words.split(text.partition("\0")[0])
    ]


async def _is_found(both: Both, id_: str, text: str) -> None:
    """A row is found by what it is called, unless a hundred others are called the same."""
    wanted = " ".join(words.split(text.partition("\0")[0])[:8])[:200]
    found = (await both.answer(FOUND, text=wanted))[0]["search"]
    assert id_ in {edge["node"]["id"] for edge in found["edges"]} or found["totalCount"] >= 50, text
    for edge in found["edges"]:
        assert re.search("\ue000.+?\ue001", edge["highlight"], re.DOTALL)
