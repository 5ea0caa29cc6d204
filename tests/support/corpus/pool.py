"""What an operation can name: values that are in the registry, and cursors that it gave."""

import json
import sqlite3
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, get_named_type
from strawberry.utils.str_converters import to_camel_case

from db.model import column_types
from db.model.searched import SEARCHED
from db.model.services import Service
from db.model.tables import TABLES, Connection, Table
from schema.fields import global_ids
from tests.support.corpus import literals
from tests.support.corpus.literals import Name
from tests.support.engines.engine import present
from tests.support.services.api import Api

OF_CHANGES, OF_SERVICES = "ChangeConnection", "ServiceConnection"
# Beginnings of what is in most registries, and what the syntax of FTS5 has.
SEARCHES = ("a", "ad", "b", "git", "https api", "É", 'ada" OR *', "NEAR(a b)", "-a:{^")


@dataclass(frozen=True)
class Ordering:
    """An ordering as an argument takes it, and cursors that belong to it."""

    value: Any
    cursors: list[str]


@dataclass
class Pool:
    """Values by the name of the field that holds them, ids, and cursors by page type and ordering.

    Cursors of `searches` are by what is searched for.
    """

    values: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    ids: list[str] = field(default_factory=list)
    keys: dict[str, list[Any]] = field(default_factory=dict)
    cursors: dict[str, dict[str, Ordering]] = field(default_factory=dict)
    searches: dict[str, list[str]] = field(default_factory=dict)

    def of(self, hint: str) -> list[Any]:
        """The values that fields of this name hold."""
        return self.values.get(hint, [])


def read(path: Path) -> Pool:
    """The values that are in a registry, in the order of its rows."""
    pool = Pool()
    with closing(sqlite3.connect(present().file(path))) as connection:
        for table in TABLES:
            rows = connection.execute(
                f"SELECT {table.select_list('t')} FROM {table.name} AS t ORDER BY rowid"
            ).fetchall()
            for row in map(table.of, rows):
                _read(pool, table, row)
            pool.keys[table.name] = [row[list(table.columns).index(table.key)] for row in rows]
    return pool


def _read(pool: Pool, table: Table[Any], row: Any) -> None:
    pool.ids.append(global_ids.encode(row))
    if isinstance(row, Connection):
        service = global_ids.of_key(Service.__name__, row.target_service)
        if service not in pool.ids:
            pool.ids.append(service)
    for name, column in table.columns.items():
        value = getattr(row, name)
        if value is None or isinstance(value, bytes):
            continue
        if column.type is column_types.STRING_LIST:
            with suppress(ValueError, TypeError, RecursionError):
                pool.values[to_camel_case(name)] += filter(_is_text, json.loads(value))
        else:
            pool.values[to_camel_case(name)].append(value)
            if name in SEARCHED[table] and isinstance(value, str):
                pool.values["text"].append(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


async def harvest(api: Api, pool: Pool, schema: GraphQLSchema) -> None:
    """Ask every list for cursors, in its own order and in each of its orderings; ask changes for ids, too."""
    await _harvest_changes(api, pool)
    await _harvest_services(api, pool)
    await _harvest_searches(api, pool)
    await _harvest_linked(api, pool)
    for name, field_ in schema.query_type.fields.items():
        if "orderBy" not in field_.args:
            continue
        order_type = get_named_type(field_.args["orderBy"].type)
        columns = [Name(each) for each in get_named_type(order_type.fields["field"].type).values]
        page_type = get_named_type(field_.type).name
        # One document, which is checked once.
        asked = (
            f"query ($first: Int, $last: Int, $order: {field_.args['orderBy'].type})"
            f" {{ {name}(first: $first, last: $last, orderBy: $order) {{ edges {{ cursor }} }} }}"
        )
        pool.cursors[page_type] = {
            literals.text(ordering) if ordering else "": Ordering(
                ordering, await _cursors(api, name, asked, ordering)
            )
            for ordering in _orderings(columns)
        }


async def _harvest_changes(api: Api, pool: Pool) -> None:
    both = await api.ask(
        "{ old: changes(first: 100) { nodes { id cursor } }"
        " new: changes(last: 100) { nodes { id cursor } } }"
    )
    changes = [each for page in both.values() for each in page["nodes"]]
    pool.ids += dict.fromkeys(each["id"] for each in changes[::10])
    cursors = dict.fromkeys(each["cursor"] for each in changes)
    pool.cursors[OF_CHANGES] = {"": Ordering([], list(cursors))}


async def _harvest_services(api: Api, pool: Pool) -> None:
    found = await api.post("{ services(first: 100) { edges { cursor } } }")
    edges = (found["data"]["services"] or {"edges": []})["edges"]
    pool.cursors[OF_SERVICES] = {"": Ordering([], [each["cursor"] for each in edges])}


async def _harvest_searches(api: Api, pool: Pool) -> None:
    asked = "query ($text: String!) { search(text: $text, first: 100) { edges { cursor } } }"
    for text in SEARCHES:
        found = await api.post(asked, text=text)
        edges = (found["data"]["search"] or {"edges": []})["edges"]
        pool.searches[text] = [each["cursor"] for each in edges[::4]]


async def _harvest_linked(api: Api, pool: Pool) -> None:
    """Let most walks go between objects that are at most six steps from each other."""
    asked = "query ($of: ID!) { neighborhood(of: $of, depth: 3) { nodes { id } } }"
    linked: list[str] = []
    for center in pool.ids[:200:9]:
        found = (await api.post(asked, of=center))["data"]["neighborhood"] or {"nodes": []}
        linked = max(linked, [each["id"] for each in found["nodes"]], key=len)
    for name in ("of", "from", "to"):
        pool.values[name] += [*linked * (4 * len(pool.ids) // max(1, len(linked))), *pool.ids]


def _orderings(columns: list[Name]) -> list[Any]:
    up, down = Name("ASC"), Name("DESC")
    found: list[Any] = [[]]
    for each, following in zip(columns, [*columns[1:], columns[0]], strict=True):
        found.append([{"field": each, "direction": down}])
        found.append([{"field": each, "direction": up}, {"field": following, "direction": down}])
    return found


async def _cursors(api: Api, name: str, asked: str, ordering: Any) -> list[str]:
    """Those of the longest piece from either end that holds no value without one."""
    order = {"order": ordering} if ordering else {}
    found: list[str] = []
    for end in ("first", "last"):
        for size in (100, 20, 5):
            answer = await api.post(asked, **{end: size}, **order)
            if answer["data"][name] is not None:
                found += [edge["cursor"] for edge in answer["data"][name]["edges"]]
                break
    return list(dict.fromkeys(found))
