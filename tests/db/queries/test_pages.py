"""Pages as Relay clients know them: forwards, backwards, and while the registry changes under them."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.registries.databases import elsewhere
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = """
    query ($first: Int, $after: String, $last: Int, $before: String, $filter: ContextFilter) {
      contexts(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount
        edges { cursor node { name } }
        nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""
ADD_ACTOR = """
    INSERT INTO actors (chitty_id, actor_type, created_at, updated_at)
    VALUES (:id, 'human', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
ADD_CONTEXT = """
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
    VALUES ('CHITTY-CONTEXT-' || :name, :name, 'CHITTY-ADA', :at, :at)
"""
NAMES = "gfedcba"  # newest first, as the default order has them


def at(name: str) -> str:
    return f"2026-01-01T00:{ord(name[0]) - ord('a'):02}:00.000Z"


async def add(api: Api, name: str, minute: int | None = None) -> None:
    created = at(name) if minute is None else f"2026-01-01T00:{minute:02}:00.000Z"
    await api.put(ADD_CONTEXT, name=name, at=created)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages") / "registry.db"


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def service(path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with running(path, compiled=request.param) as api:
        yield api


@pytest.fixture
def api(service: Api, path: Path) -> Api:
    """The service, over contexts of these names and no others."""
    with elsewhere(path) as connection:
        connection.execute("DELETE FROM contexts")
        connection.execute("DELETE FROM actors")
        connection.execute(ADD_ACTOR, {"id": "CHITTY-ADA"})
        connection.executemany(ADD_CONTEXT, [{"name": name, "at": at(name)} for name in NAMES])
    return service


async def page(api: Api, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.ask(PAGE, **arguments))["contexts"]
    return found


def names(found: dict[str, Any]) -> str:
    return "".join(node["name"] for node in found["nodes"])


async def cursors(api: Api) -> dict[str, str]:
    return {edge["node"]["name"]: edge["cursor"] for edge in (await page(api, first=100))["edges"]}


async def refused(api: Api, **arguments: Any) -> str:
    """The code of the error that these arguments are answered with."""
    answer = await api.post(PAGE, **arguments)
    assert answer["data"] == {"contexts": None}
    (error,) = answer["errors"]
    assert error["path"] == ["contexts"]
    code: str = error["extensions"]["code"]
    return code


async def test_edges_nodes_and_cursors_of_a_page_agree(api):
    found = await page(api, first=3)

    assert names(found) == "gfe"
    assert [edge["node"] for edge in found["edges"]] == found["nodes"]
    assert found["pageInfo"]["startCursor"] == found["edges"][0]["cursor"]
    assert found["pageInfo"]["endCursor"] == found["edges"][-1]["cursor"]
    assert len({edge["cursor"] for edge in found["edges"]}) == 3
    assert found["totalCount"] == 7


def sliced(arguments: dict[str, Any]) -> tuple[str, bool, bool]:
    """What Relay's algorithm makes of the list: the page, and whether more lies after and before."""
    start = NAMES.index(arguments["after"]) + 1 if "after" in arguments else 0
    end = NAMES.index(arguments["before"]) if "before" in arguments else len(NAMES)
    between = NAMES[start:end]
    if "last" in arguments:
        start = max(start, end - arguments["last"]) if between else start
    else:
        end = min(end, start + arguments.get("first", 20)) if between else end
    return NAMES[start:end], end < len(NAMES), start > 0


ARGUMENTS: list[dict[str, Any]] = [
    {**size, **after, **before}
    for size in [{}, *({name: n} for name in ("first", "last") for n in (1, 2, 3, 6, 7, 8))]
    for after in [{}, *({"after": name} for name in "gfea")]
    for before in [{}, *({"before": name} for name in "gdba")]
]


async def test_every_combination_of_page_arguments_cuts_the_list_as_relay_says(api):
    places = await cursors(api)

    for arguments in ARGUMENTS:
        given = {name: places.get(value, value) for name, value in arguments.items()}
        found = await page(api, **given)
        wanted, has_next, has_previous = sliced(arguments)

        info = found["pageInfo"]
        assert names(found) == wanted, arguments
        assert (info["hasNextPage"], info["hasPreviousPage"]) == (has_next, has_previous), arguments
        assert info["startCursor"] == (places[wanted[0]] if wanted else None)
        assert info["endCursor"] == (places[wanted[-1]] if wanted else None)
        assert found["totalCount"] == 7


async def test_an_empty_list_is_a_page_without_cursors(api):
    for size in ({"first": 5}, {"last": 5}, {}):
        found = await page(api, filter={"name": {"eq": "nobody's"}}, **size)

        assert found == {
            "totalCount": 0,
            "edges": [],
            "nodes": [],
            "pageInfo": {
                "hasNextPage": False,
                "hasPreviousPage": False,
                "startCursor": None,
                "endCursor": None,
            },
        }


async def test_page_info_is_about_the_filtered_list(api):
    within = {"name": {"in": ["f", "d"]}}
    places = await cursors(api)

    after_f = await page(api, after=places["f"], filter=within)
    after_g = await page(api, after=places["g"], filter=within)
    before_e = await page(api, before=places["e"], last=1, filter=within)

    assert (names(after_f), names(after_g), names(before_e)) == ("d", "fd", "f")
    assert after_f["pageInfo"]["hasPreviousPage"] is True
    assert after_g["pageInfo"]["hasPreviousPage"] is False
    assert before_e["pageInfo"]["hasNextPage"] is True
    assert before_e["pageInfo"]["hasPreviousPage"] is False


async def test_one_field_of_page_info_alone_or_under_an_alias_is_the_same(api):
    answer = await api.ask("""
        {
          a: contexts(first: 6) { pageInfo { more: hasNextPage } }
          b: contexts(last: 6) { pageInfo { more: hasPreviousPage } }
          c: contexts(first: 7) { info: pageInfo { ...Flags } }
          d: contexts(first: 2) { ... on ContextConnection { pageInfo { ...Flags } } }
          e: contexts(first: 2) { pageInfo { hasNextPage @skip(if: false) } nodes { name } }
        }
        fragment Flags on PageInfo { hasNextPage hasPreviousPage }
    """)

    assert answer["a"]["pageInfo"] == {"more": True}
    assert answer["b"]["pageInfo"] == {"more": True}
    assert answer["c"]["info"] == {"hasNextPage": False, "hasPreviousPage": False}
    assert answer["d"]["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}
    assert answer["e"] == {
        "pageInfo": {"hasNextPage": True},
        "nodes": [{"name": "g"}, {"name": "f"}],
    }


async def test_a_page_has_twenty_rows_by_default(api):
    for number in range(30):
        await add(api, f"x{number:02}", minute=30)

    assert len((await page(api))["nodes"]) == 20
    assert len((await page(api, first=None, last=None))["nodes"]) == 20
    assert len((await page(api, before=(await cursors(api))["x05"]))["nodes"]) == 20


@pytest.mark.parametrize(
    "sizes",
    [
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"first": 2147483647},
        {"last": 0},
        {"last": -5},
        {"last": 101},
        {"first": 1, "last": 1},
    ],
)
async def test_a_page_has_one_to_a_hundred_from_one_end(api, sizes: dict[str, int]):
    assert await refused(api, **sizes) == "BAD_PAGE"


async def test_a_hundred_is_allowed(api):
    assert names(await page(api, first=100)) == NAMES
    assert names(await page(api, last=100)) == NAMES


async def test_the_largest_page_is_a_setting(tmp_path):
    async with running(tmp_path / "registry.db", page_max=3, page_default=2) as api:
        await api.put(ADD_ACTOR, id="CHITTY-ADA")
        for name in NAMES:
            await add(api, name)

        assert names(await page(api)) == "gf"
        assert names(await page(api, first=3)) == "gfe"
        assert await refused(api, first=4) == "BAD_PAGE"


async def walk(api: Api, size: int, *, backward: bool, between: Sequence[Any]) -> list[str]:
    """Every name met page by page, while between two pages something happens."""
    amount, place = ("last", "before") if backward else ("first", "after")
    met: list[str] = []
    cursor = None
    happenings = iter(between)
    while True:
        found = await page(api, **{amount: size, place: cursor})
        batch = [node["name"] for node in found["nodes"]]
        met += reversed(batch) if backward else batch
        info = found["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return met
        cursor = info["startCursor" if backward else "endCursor"]
        for sql, bind in next(happenings, []):
            await api.put(sql, **bind)


def removal(name: str) -> tuple[str, dict[str, str]]:
    return "DELETE FROM contexts WHERE name = :name", {"name": name}


def addition(name: str, at: str) -> tuple[str, dict[str, str]]:
    return ADD_CONTEXT, {"name": name, "at": f"2026-01-01T00:{at}:00.000Z"}


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
async def test_paging_meets_rows_added_or_removed_at_most_once_and_all_others_once(
    api, backward: bool
):
    order = NAMES[::-1] if backward else NAMES
    at_cursor, to_come = order[1], order[4]
    passed, ahead = ("00", "59") if backward else ("59", "00")

    met = await walk(
        api,
        2,
        backward=backward,
        between=[[removal(at_cursor)], [removal(to_come), addition("late", passed)]],
    )
    again = await walk(api, 2, backward=backward, between=[[addition("early", ahead)]])

    assert "".join(met) == order.replace(to_come, "")
    assert sorted(again) == sorted({*order, "late", "early"} - {at_cursor, to_come})


async def test_the_row_at_a_cursor_may_be_gone(api):
    places = await cursors(api)
    await api.put("DELETE FROM contexts WHERE name IN ('g', 'd')")

    after_d, after_g = await page(api, after=places["d"]), await page(api, after=places["g"])

    assert names(after_d) == "cba"
    assert after_d["pageInfo"]["hasPreviousPage"] is True
    assert names(after_g) == "fecba"
    assert after_g["pageInfo"]["hasPreviousPage"] is False
    assert (await page(api, last=1, before=places["g"]))["pageInfo"]["hasNextPage"] is True


async def test_a_cursor_survives_a_restart(path, api):
    cursor = (await cursors(api))["e"]

    async with running(path) as restarted:
        found = await page(restarted, after=cursor, first=2)

    assert names(found) == "dc"


async def test_a_cursor_with_any_one_character_changed_is_refused(api):
    cursor = (await cursors(api))["e"]

    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        damaged = cursor[:place] + other + cursor[place + 1 :]
        assert await refused(api, after=damaged) == "BAD_CURSOR"
        assert await refused(api, before=damaged) == "BAD_CURSOR"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        " ",
        "=",
        "A",
        "AQ",
        "AQ==",
        "é",
        "🦊",
        "\x00",
        "e30",
        "A" * 5000,
        "YXJyYXljb25uZWN0aW9uOjE=",
    ],
)
async def test_a_text_that_is_not_a_cursor_is_refused(api, cursor: str):
    assert await refused(api, after=cursor) == "BAD_CURSOR"


async def test_a_cursor_with_bytes_added_or_removed_is_refused(api):
    cursor = (await cursors(api))["e"]

    for spoilt in (cursor + "A", cursor + "=", cursor + "\n", cursor[:-1], cursor[1:], cursor * 2):
        assert await refused(api, after=spoilt) == "BAD_CURSOR"


async def test_a_cursor_of_another_registry_is_refused(api, tmp_path):
    cursor = (await cursors(api))["e"]

    async with running(tmp_path / "another.db") as other:
        assert await refused(other, after=cursor) == "BAD_CURSOR"


async def test_a_cursor_of_another_list_or_ordering_is_refused(api):
    answer = await api.ask("""{
        actors { pageInfo { endCursor } }
        named: contexts(orderBy: [{ field: NAME }]) { pageInfo { endCursor } }
        oldest: contexts(orderBy: [{ field: CREATED_AT }]) { pageInfo { endCursor } }
        both: contexts(orderBy: [{ field: CREATED_AT }, { field: NAME, direction: DESC }]) {
          pageInfo { endCursor }
        }
        newest: contexts(orderBy: [{ field: CREATED_AT, direction: DESC }], first: 2) {
          pageInfo { endCursor }
        }
    }""")

    ends = {name: found["pageInfo"]["endCursor"] for name, found in answer.items()}
    newest = ends.pop("newest")

    for cursor in ends.values():
        assert await refused(api, after=cursor) == "BAD_CURSOR"
    assert names(await page(api, after=newest)) == "edcba"  # the default order, said aloud


async def test_a_bad_cursor_of_a_relation_page_is_an_error_at_its_own_path(api):
    answer = await api.post(
        '{ actors { nodes { chittyId contexts(after: "AQ") { totalCount } } } a: contexts { totalCount } }'
    )

    (error,) = answer["errors"]
    assert error["path"] == ["actors", "nodes", 0, "contexts"]
    assert error["extensions"]["code"] == "BAD_CURSOR"
    assert answer["data"] == {"actors": None, "a": {"totalCount": 7}}


async def test_a_page_its_count_and_its_page_info_come_from_one_snapshot(api):
    asked = (
        "{ "
        + " ".join(
            f"p{number}: contexts(first: {number + 1}) {{ totalCount pageInfo {{ hasNextPage }} }}"
            for number in range(7)
        )
        + " }"
    )

    answer = await api.ask(asked)

    assert {found["totalCount"] for found in answer.values()} == {7}
    assert [found["pageInfo"]["hasNextPage"] for found in answer.values()] == [True] * 6 + [False]
