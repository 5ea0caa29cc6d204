"""Search finds, ranks and pages what a reference in Python finds in the rows that a viewer sees."""

import json
import random
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from db.model import words
from db.model.searched import INDEXES, SEARCHED, index_of, refill, searched_part
from db.model.services import SERVICES
from db.model.tables import CONNECTIONS, TABLES
from db.program import Program, Statement, Value
from schema.fields import global_ids
from tests.support.services.api import Api, running

QUERY = """
    query ($text: String!, $kinds: [NodeKind!], $first: Int, $after: String) {
        search(text: $text, kinds: $kinds, first: $first, after: $after) {
            totalCount
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            nodes { id }
            edges { cursor field highlight node { id __typename } }
        }
    }
"""
PARTS = [
    *(
        "octo",
        "Octo",
        "org",
        "Órg",
        "café",
        "CAFE\u0301",
        "api",
        "Ärger",
        "日本",
        "שלום",
        "a",
        "ab",
        "x",
    ),
    *("https://api", "v1", "@", "🦊", "o'x", '"', "nul\0", "-"),
]
WANTED = [
    *(
        "octo",
        "o",
        "oct org",
        "org octo",
        "CAFE",
        "cafe\u0301",
        "api",
        "a",
        "ab a",
        "ärg",
        "日",
        "שלו",
        "v1",
    ),
    *("https api", "x", "octo-org", "zzz", "nul", "a a a"),
]


def text(source: random.Random) -> str:
    between = source.choice([" ", "-", "/", ".", "_", ""])
    return between.join(source.choices(PARTS, k=source.randint(1, 3)))


ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, display_name, email, status, created_at, updated_at)
    VALUES (:actor, 'ai', :name, :email, :status, :at, :at)
"""
ADD_CONTEXT = """
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, status, created_at, updated_at)
    VALUES (:context, :name, :actor, :status, :at, :at)
"""
ADD_INSTALLATION = """
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, installed_at, updated_at, uninstalled_at)
    VALUES (:n, :installation, :n, :login, 'User', 'all', :at, :at, :gone)
"""
ADD_CONNECTION = """
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service,
        target_endpoint, status, created_at, updated_at)
    VALUES (:connection, :actor, 'actor', :service, :endpoint, :status, :at, :at)
"""


def additions(source: random.Random) -> Iterator[Statement]:
    """What adds thirty rows of each table, with texts by chance."""
    for n in range(30):
        at = f"2026-01-{source.randint(1, 9):02}T00:00:00.000Z"
        actor = f"CHITTY-ACTOR-{n:06}-AAAA"
        status = source.choice(["active", "active", "suspended", "deleted"])
        email = source.choice([None, f"{n}@{text(source)}"])
        name = source.choice([None, text(source)])
        bind: dict[str, Value] = {"at": at, "actor": actor, "n": n}
        yield Statement(ADD_ACTOR, bind | {"name": name, "email": email, "status": status})
        status = source.choice(["active", "active", "deleted"])
        context = f"CHITTY-CONTEXT-{n:06}-AAAA"
        name = f"{text(source)} {n}"
        yield Statement(ADD_CONTEXT, bind | {"context": context, "name": name, "status": status})
        gone = source.choice([None, None, at])
        own = {"installation": f"CHITTY-INSTALL-{n:06}-AAAA", "login": text(source), "gone": gone}
        yield Statement(ADD_INSTALLATION, bind | own)
        status = source.choice(["active", "failed", "disconnected"])
        to = {"service": text(source), "endpoint": f"{n} {text(source)}"}
        yield Statement(ADD_CONNECTION, bind | to | {"connection": f"c{n}", "status": status})


def fill(path: Any, source: random.Random) -> None:
    """Add them to a file."""
    with sqlite3.connect(path) as db:
        for each in additions(source):
            db.execute(each.sql, each.bind)


async def add(api: Api, source: random.Random) -> None:
    """Add them on any engine."""

    def program() -> Program[None]:
        yield list(additions(source))

    await api.service.db.write(program())


async def expected(
    api: Api, wanted: str, tables: Any = (*TABLES, SERVICES)
) -> list[tuple[str, str]]:
    """The key and the column of each row that matches, best first."""
    folded = [words.fold(word) for word in words.split(wanted)]
    found = []
    for kind, table in enumerate(TABLES):
        columns = SEARCHED[table]
        stored = await api.rows(
            f"SELECT row.{table.key}, row.{table.newest}, {', '.join(columns)}"
            f" FROM {table.name} AS row WHERE {table.live.format(row='row')}"
        )
        for key, newest, *texts in stored if table in tables and folded else ():
            ranks = [
                (words.rank(searched_part(str(text)), folded), column)
                for text, column in zip(texts, columns, strict=True)
                if text is not None
            ]
            ranked = [(rank, columns.index(c), c) for rank, c in ranks if rank is not None]
            if ranked:
                rank, _, column = min(ranked)
                found.append(((-rank, newest, -kind, key), (str(key), column)))
    services = await api.rows(
        "SELECT DISTINCT target_service FROM connections AS row"
        f" WHERE {CONNECTIONS.live.format(row='row')}"
    )
    for (name,) in services if SERVICES in tables and folded else ():
        rank = words.rank(searched_part(str(name)), folded)
        if rank is not None:
            found.append(((-rank, "~", -len(TABLES), name), (str(name), "name")))
    return [each for _, each in sorted(found, reverse=True)]


async def reference(*sought: Any) -> list[tuple[Any, Any]]:
    """What is expected, with the name of the field that it was found in."""
    return [(key, FIELDS[column]) for key, column in await expected(*sought)]


FIELDS = {
    "display_name": "displayName",
    "email": "email",
    "name": "name",
    "account_login": "accountLogin",
    "target_service": "targetService",
    "target_endpoint": "targetEndpoint",
}


async def answered(api: Api, wanted: str, **arguments: Any) -> list[tuple[str, str]]:
    """All that a search finds, page by page."""
    found: list[tuple[str, str]] = []
    after, total = None, 0
    while True:
        data = await api.ask(QUERY, text=wanted, after=after, first=7, **arguments)
        page = data["search"]
        total = page["totalCount"]
        assert page["nodes"] == [{"id": edge["node"]["id"]} for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        for edge in page["edges"]:
            decoded = global_ids.decode(edge["node"]["id"])
            assert decoded is not None
            found.append((str(decoded[1]), edge["field"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(found) == total
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_a_search_finds_what_the_reference_finds(tmp_path, seed):
    source = random.Random(seed)
    async with running(tmp_path / "registry.db") as api:
        await add(api, source)
        for wanted in WANTED:
            assert await answered(api, wanted) == await reference(api, wanted), wanted


async def test_only_the_kinds_that_are_named_are_found(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await add(api, random.Random(9))
        kinds = ("ACTOR", "CONTEXT", "INSTALLATION", "CONNECTION", "SERVICE")
        for table, kind in zip((*TABLES, SERVICES), kinds, strict=True):
            assert await answered(api, "o", kinds=[kind]) == await reference(api, "o", (table,))
        assert await answered(api, "o", kinds=[]) == []


CHANGES = [
    "UPDATE contexts SET name = 'renamed ' || chitty_id",
    "UPDATE contexts SET status = 'deleted' WHERE rowid % 2",
    "UPDATE contexts SET status = 'active'",
    "UPDATE actors SET display_name = NULL WHERE rowid % 3 = 0",
    "UPDATE actors SET email = 'renamed' || chitty_id || '@octo.org'",
    "UPDATE installations SET installation_id = installation_id + 1000",
    "UPDATE installations SET uninstalled_at = '2026-01-01T00:00:00.000Z' WHERE installation_id % 2",
    "INSERT OR REPLACE INTO connections SELECT * FROM connections WHERE rowid % 2",
    "UPDATE OR REPLACE contexts SET chitty_id = 'CHITTY-CONTEXT-000001-AAAA' WHERE rowid = 5",
    "DELETE FROM connections WHERE rowid % 3 = 0",
    "VACUUM",
    "UPDATE connections SET target_service = 'octo renamed', target_endpoint = connection_id",
]


@pytest.mark.files_only("it sets SQLite's settings of a connection")
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
async def test_whatever_writes_the_index_follows(tmp_path, recursive):
    path = tmp_path / "registry.db"
    async with running(path) as api:
        fill(path, random.Random(1))
        for sql in CHANGES:
            with sqlite3.connect(path, isolation_level=None) as db:
                db.execute("PRAGMA foreign_keys = OFF")
                db.execute(f"PRAGMA recursive_triggers = {recursive}")
                db.execute(sql)
            for wanted in ("o", "renamed", "octo"):
                assert await answered(api, wanted) == await reference(api, wanted), (sql, wanted)


@pytest.mark.files_only("it takes the triggers away")
@pytest.mark.parametrize("change", ["status = 'deleted'", "name = 'elsewhere ' || rowid"])
async def test_what_an_index_has_of_a_row_as_it_was_is_not_found(tmp_path, change):
    path = tmp_path / "registry.db"
    async with running(path) as api:
        fill(path, random.Random(1))
        with sqlite3.connect(path, isolation_level=None) as db:
            db.execute("DROP TRIGGER contexts_search_of_changed")
            db.execute(f"UPDATE contexts SET {change} WHERE rowid % 2")
        for wanted in ("o", "octo"):
            assert await answered(api, wanted) == await reference(api, wanted)


@pytest.mark.files_only("it reads what an index consists of")
async def test_an_index_that_is_filled_anew_has_what_triggers_made(tmp_path):
    path = tmp_path / "registry.db"
    async with running(path):
        fill(path, random.Random(2))
        with sqlite3.connect(path, isolation_level=None) as db:
            before = {each: words_of(db, each) for each in INDEXES}
            for sql in refill():
                db.execute(sql)

            assert {each: words_of(db, each) for each in INDEXES} == before
            assert all(before.values())


def words_of(db: sqlite3.Connection, index: str) -> list[Any]:
    db.execute(f"CREATE VIRTUAL TABLE temp.{index}_words USING fts5vocab(main, {index}, instance)")
    found = db.execute(f"SELECT * FROM temp.{index}_words ORDER BY 1, 2, 3, 4").fetchall()
    db.execute(f"DROP TABLE temp.{index}_words")
    return found


ODD = [
    *('"', "'", '"octo"', "octo*", "NEAR(octo org)", "octo NEAR org", "octo AND org", "NOT octo"),
    *(
        "{name}: octo",
        "name:octo",
        "^octo",
        "octo -org",
        "(octo",
        "octo + org",
        "\0",
        "oc\0to",
        "*",
    ),
    *(
        "🦊",
        "e\u0301",
        "\u0301",
        "\u202eoct",
        "日本語",
        "--",
        "; DROP TABLE actors",
        "\ue000octo",
        "\ue001",
    ),
    *("%", "_", "\U0010ffff", " ", "", "\\", "octo\\", "a" * 200, "é" * 200),
]


@pytest.fixture
async def api_of_all(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await add(api, random.Random(3))
        yield api


async def test_nothing_in_a_text_is_syntax(api_of_all):
    for wanted in ODD:
        assert await answered(api_of_all, wanted) == await reference(api_of_all, wanted), wanted


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"text": "a" * 201}, "BAD_SEARCH"),
        ({"text": "a" * 100_000}, "TOO_LARGE"),
        ({"text": "a b c d e f g h i"}, "BAD_SEARCH"),
        ({"text": "a", "first": 0}, "BAD_PAGE"),
        ({"text": "a", "first": 101}, "BAD_PAGE"),
        ({"text": "a", "after": "nonsense"}, "BAD_CURSOR"),
    ],
)
async def test_bad_arguments_are_refused(api_of_all, arguments, code):
    answer = await api_of_all.post(QUERY, **arguments)

    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert answer.get("data") in (None, {"search": None})


async def test_a_cursor_of_another_text_is_refused(api_of_all):
    page = await api_of_all.ask(QUERY, text="o", first=1)
    cursor = page["search"]["edges"][0]["cursor"]

    answer = await api_of_all.post(QUERY, text="a", after=cursor)

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]


async def test_a_cursor_of_other_kinds_is_refused(api_of_all):
    page = await api_of_all.ask(QUERY, text="o", first=1, kinds=["ACTOR"])
    cursor = page["search"]["edges"][0]["cursor"]

    answer = await api_of_all.post(QUERY, text="o", after=cursor, kinds=["ACTOR", "CONTEXT"])

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]


NEWER = """
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    SELECT 'CHITTY-CONTEXT-' || :at || n, 'octo ' || :at || n, chitty_id, :at, :at FROM n, actors
    WHERE actors.rowid = 1
"""


async def test_rows_that_are_added_between_pages_move_none_of_them(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await add(api, random.Random(4))
        await api.put(NEWER, count=70, at="2026-02-01T00:00:00.000Z")
        before = await answered(api, "oct")
        page = (await api.ask(QUERY, text="oct", first=20))["search"]
        found = [edge["node"]["id"] for edge in page["edges"]]
        while page["pageInfo"]["hasNextPage"]:
            at = f"2026-03-01T00:00:00.{len(found):03}Z"
            await api.put(NEWER, count=60, at=at)

            after = page["pageInfo"]["endCursor"]
            page = (await api.ask(QUERY, text="oct", first=20, after=after))["search"]
            found += [edge["node"]["id"] for edge in page["edges"]]

        keys = [decoded[1] for each in found if (decoded := global_ids.decode(each))]
        assert list(map(str, keys)) == [key for key, _ in before]
        newest = (await api.ask(QUERY, text="oct", first=50))["search"]["edges"]
        assert {edge["node"]["id"] for edge in newest}.isdisjoint(found[-20:])


def test_each_table_has_an_index():
    assert {index_of(table) for table in SEARCHED} == INDEXES


@pytest.mark.parametrize(
    ("page", "cost"), [("first: 1", 1_001), ("first: 20", 1_020), ("kinds: []", 1_020)]
)
async def test_a_search_costs_what_it_looks_at_and_its_page(api_of_all, page, cost):
    query = f'{{ search(text: "o", {page}) {{ edges {{ node {{ id }} }} }} }}'
    sent = {"query": query, "extensions": {"cost": True}}

    answer = json.loads((await api_of_all.client.answer(sent)).body)

    assert answer["extensions"]["cost"]["requested"] == cost
