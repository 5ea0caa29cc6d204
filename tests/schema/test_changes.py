"""Changes: what was done to objects, read as one log and as the history of each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose
from schema.fields import global_ids
from tests.support.services.api import Api, running

ADA, BOB = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
WORK = "CHITTY-CONTEXT-000001-AAAA"
LINK = "00000000-0000-4000-8000-000000000001"
AT = "2026-01-01T00:00:00.000Z"
REGISTER = """mutation ($id: ChittyID!) {
    registerActor(input: { chittyId: $id, actorType: HUMAN, displayName: "ada" }) { errors { message } }
}"""
CREATE = """mutation ($owner: ChittyID!) {
    createContext(input: { chittyId: "CHITTY-CONTEXT-000001-AAAA", name: "work", owner: $owner }) {
        errors { message }
    }
}"""
CHANGES = """query (
    $first: Int, $after: String, $last: Int, $before: String, $filter: ChangeFilter
) {
    changes(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        nodes { id cursor operation kind cause before after entityId requestId actor { chittyId } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
    }
}"""


@pytest_asyncio.fixture(params=[False, True], ids=["generic", "compiled"])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path / "registry.db", compiled=request.param) as served:
        yield served
        assert not [
            why for why in served.service.operations.executor.generic if why.startswith("failure")
        ]


async def done(api: Api, mutation: str, **variables: Any) -> None:
    """Perform a mutation, which must succeed."""
    ((payload,),) = [(await api.ask(mutation, **variables)).values()]
    assert payload["errors"] == []


async def changes(api: Api, **arguments: Any) -> Any:
    return (await api.ask(CHANGES, **arguments))["changes"]


async def some_history(api: Api) -> None:
    """An actor and its context, each made and then changed."""
    await done(api, REGISTER, id=ADA)
    await done(api, CREATE, owner=ADA)
    for mutation in (
        f'updateActor(input: {{ chittyId: "{ADA}", displayName: "Ada" }})',
        f'updateContext(input: {{ chittyId: "{WORK}", data: ["a"] }})',
        f'deleteContext(input: {{ chittyId: "{WORK}" }})',
        f'restoreContext(input: {{ chittyId: "{WORK}" }})',
    ):
        await done(api, f"mutation {{ {mutation} {{ errors {{ message }} }} }}")


async def test_changes_come_in_the_order_in_which_they_were_made(api: Api):
    await some_history(api)

    found = await changes(api)

    assert [(each["kind"], each["operation"], each["cause"]) for each in found["nodes"]] == [
        ("ACTOR", "CREATED", "registerActor"),
        ("CONTEXT", "CREATED", "createContext"),
        ("ACTOR", "UPDATED", "updateActor"),
        ("CONTEXT", "UPDATED", "updateContext"),
        ("CONTEXT", "DELETED", "deleteContext"),
        ("CONTEXT", "RESTORED", "restoreContext"),
    ]
    assert found["totalCount"] == 6


async def test_a_new_object_has_all_its_fields_after_and_nothing_before(api: Api):
    await some_history(api)

    _, created, *_ = (await changes(api))["nodes"]

    assert created["before"] is None
    assert created["entityId"] == global_ids.of_key("Context", WORK)
    assert {**created["after"], "createdAt": AT, "updatedAt": AT} == {
        "chittyId": WORK,
        "name": "work",
        "owner": global_ids.of_key("Actor", ADA),
        "data": [],
        "systems": [],
        "tools": [],
        "chittyDnaId": None,
        "chittyChronicleTimelineId": None,
        "status": "ACTIVE",
        "createdAt": AT,
        "updatedAt": AT,
        "deletedAt": None,
    }


async def test_a_changed_object_has_the_fields_that_changed_before_and_after(api: Api):
    await some_history(api)

    _, _, actor, context, deleted, _ = (await changes(api))["nodes"]

    assert (actor["before"]["displayName"], actor["after"]["displayName"]) == ("ada", "Ada")
    assert (context["before"]["data"], context["after"]["data"]) == ([], ["a"])
    assert actor["before"].keys() == actor["after"].keys() == {"displayName", "updatedAt"}
    assert deleted["after"].keys() == {"status", "deletedAt", "updatedAt"}
    assert (deleted["before"]["status"], deleted["after"]["status"]) == ("ACTIVE", "DELETED")


async def test_an_object_that_is_gone_has_nothing_after_and_no_entity(api: Api):
    await some_history(api)
    await api.put(f"DELETE FROM contexts WHERE chitty_id = '{WORK}'")

    found = await api.ask(
        "{ changes(last: 1) { nodes { cause operation before after entity { id } entityId } } }"
    )

    (gone,) = found["changes"]["nodes"]
    assert (gone["cause"], gone["operation"]) == ("external", "DELETED")
    assert gone["before"]["name"] == "work"
    assert (gone["after"], gone["entity"]) == (None, None)
    assert gone["entityId"] == global_ids.of_key("Context", WORK)


async def test_each_object_has_the_history_of_its_own_changes(api: Api):
    await some_history(api)

    found = await api.ask(
        """{ context(chittyId: "CHITTY-CONTEXT-000001-AAAA") {
            history(last: 2) { nodes { operation entity { id } } totalCount pageInfo { hasPreviousPage } }
            owner { history { nodes { operation } totalCount } }
        } }"""
    )

    history = found["context"]["history"]
    assert [each["operation"] for each in history["nodes"]] == ["DELETED", "RESTORED"]
    assert (history["totalCount"], history["pageInfo"]["hasPreviousPage"]) == (4, True)
    assert {each["entity"]["id"] for each in history["nodes"]} == {
        global_ids.of_key("Context", WORK)
    }
    assert found["context"]["owner"]["history"] == {
        "nodes": [{"operation": "CREATED"}, {"operation": "UPDATED"}],
        "totalCount": 2,
    }


async def test_installations_and_connections_have_histories_too(api: Api):
    await done(api, REGISTER, id=ADA)
    await done(
        api,
        """mutation { recordInstallation(input: { installationId: "7", accountId: "8",
            accountLogin: "ada", accountType: USER, repositorySelection: ALL,
            permissions: [{ name: "contents", access: "read" }] }) { errors { message } } }""",
    )
    await done(
        api,
        f"""mutation {{ openConnection(input: {{ connectionId: "{LINK}", source: "{ADA}",
            targetService: "github", credentialsKvKey: "keys/ada", config: {{ a: [1] }},
            installationId: "7" }}) {{ errors {{ message }} }} }}""",
    )

    found = await api.ask(
        """{ installation(installationId: "7") { history { nodes { kind after entityId } } }
            connections { nodes { history { nodes { kind after } } } } }"""
    )

    (app,) = found["installation"]["history"]["nodes"]
    assert app["after"]["permissions"] == [{"name": "contents", "access": "read"}]
    assert (app["after"]["installationId"], app["after"]["suspendedBy"]) == ("7", None)
    assert app["entityId"] == global_ids.of_key("Installation", 7)
    ((opened,),) = [each["history"]["nodes"] for each in found["connections"]["nodes"]]
    assert opened["after"]["source"] == global_ids.of_key("Actor", ADA)
    assert opened["after"]["installation"] == global_ids.of_key("Installation", 7)
    assert opened["after"]["credentialsKvKey"] == "keys/ada"
    assert opened["after"]["hasCredentials"] is True
    assert opened["after"]["config"] == {"a": [1]}


async def test_a_mutations_payload_shows_the_change_that_it_made(api: Api):
    await done(api, REGISTER, id=ADA)

    answer = await api.ask(
        f"""mutation {{ updateActor(input: {{ chittyId: "{ADA}", displayName: "Ada" }}) {{
            actor {{ history(last: 1) {{ nodes {{ cause after }} }} }} errors {{ message }} }} }}"""
    )

    (change,) = answer["updateActor"]["actor"]["history"]["nodes"]
    assert (change["cause"], change["after"]["displayName"]) == ("updateActor", "Ada")


PAGES = [
    ({"first": 2}, [0, 1], True, False),
    ({"last": 2}, [4, 5], False, True),
    ({"first": 2, "after": 1}, [2, 3], True, True),
    ({"last": 2, "before": 4}, [2, 3], True, True),
    ({"first": 9, "after": 4}, [5], False, True),
    ({"after": 5}, [], False, True),
    ({"first": 9, "after": 0, "before": 3}, [1, 2], True, True),
]


@pytest.mark.parametrize(("arguments", "places", "next_", "previous"), PAGES)
async def test_changes_are_paged_by_cursors_from_both_ends(
    api: Api, arguments: dict[str, int], places: list[int], next_: bool, previous: bool
):
    await some_history(api)
    everything = (await changes(api))["nodes"]
    cursors = [each["cursor"] for each in everything]
    sent = {
        name: cursors[value] if name in ("after", "before") else value
        for name, value in arguments.items()
    }

    page = await changes(api, **sent)

    assert page["nodes"] == [everything[place] for place in places]
    assert page["pageInfo"] == {
        "hasNextPage": next_,
        "hasPreviousPage": previous,
        "startCursor": cursors[places[0]] if places else None,
        "endCursor": cursors[places[-1]] if places else None,
    }


FILTERS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "one kind": ({"kinds": ["ACTOR"]}, [0, 2]),
    "several kinds": ({"kinds": ["ACTOR", "CONTEXT"]}, [0, 1, 2, 3, 4, 5]),
    "a kind that has no changes": ({"kinds": ["SERVICE"]}, []),
    "no kind": ({"kinds": []}, []),
    "operations": ({"operations": ["DELETED", "RESTORED"]}, [4, 5]),
    "both": ({"kinds": ["ACTOR"], "operations": ["UPDATED"]}, [2]),
    "an object": ({"entityId": global_ids.of_key("Context", WORK)}, [1, 3, 4, 5]),
    "an object that is none": ({"entityId": "nothing"}, []),
    "an object that is not there": ({"entityId": global_ids.of_key("Installation", 7)}, []),
    "an actor, who made none": ({"actor": ADA}, []),
    "a time": ({"at": {"lt": "2020-01-01T00:00:00.000Z"}}, []),
    "another time": ({"at": {"gt": "2020-01-01T00:00:00.000Z"}}, [0, 1, 2, 3, 4, 5]),
    "nothing": ({}, [0, 1, 2, 3, 4, 5]),
}


@pytest.mark.parametrize(("filter_", "places"), FILTERS.values(), ids=FILTERS)
async def test_changes_are_filtered_by_what_they_are_of(
    api: Api, filter_: dict[str, Any], places: list[int]
):
    await some_history(api)
    everything = (await changes(api))["nodes"]

    found = await changes(api, filter=filter_)

    assert found["nodes"] == [everything[place] for place in places]
    assert found["totalCount"] == len(places)


async def test_a_null_in_a_filter_is_refused(api: Api):
    answer = await api.post("{ changes(filter: { entityId: null }) { totalCount } }")

    assert answer["errors"][0]["extensions"]["code"] == "BAD_FILTER"


async def test_a_change_has_an_id_that_finds_it_again(api: Api):
    await some_history(api)
    everything = (await changes(api))["nodes"]
    ids = [each["id"] for each in everything]

    found = await api.ask(
        """query ($ids: [ID!]!, $id: ID!) {
            nodes(ids: $ids) { __typename id ... on Change { operation } }
            node(id: $id) { ... on Change { cause } }
        }""",
        ids=ids,
        id=ids[2],
    )

    assert found["nodes"] == [
        {"__typename": "Change", "id": each["id"], "operation": each["operation"]}
        for each in everything
    ]
    assert found["node"] == {"cause": "updateActor"}


async def test_an_id_of_no_change_finds_nothing(api: Api):
    await some_history(api)
    key = api.service.operations.cursor_key
    ids = [
        global_ids.of_key("Change", 1),
        global_ids.of_change(key, 99),
        global_ids.of_change(b"another registry", 1),
        global_ids.of_key("Change", sealed_sequences.seal(key, 1, Purpose.CURSOR)),
    ]

    found = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert found["nodes"] == [None] * 4


CURSORS = {
    "damaged": lambda key: sealed_sequences.seal(key, 1, Purpose.CURSOR).swapcase(),
    "cut": lambda key: sealed_sequences.seal(key, 1, Purpose.CURSOR)[:-1],
    "empty": lambda key: "",
    "no text of base64": lambda key: "🦊",
    "of another registry": lambda key: sealed_sequences.seal(b"other", 1, Purpose.CURSOR),
    "of another purpose": lambda key: sealed_sequences.seal(key, 1, Purpose.WEBHOOK),
}


@pytest.mark.parametrize("cursor_of", CURSORS.values(), ids=CURSORS)
@pytest.mark.parametrize("side", ["after", "before"])
async def test_a_cursor_that_was_not_given_here_is_refused(api: Api, side: str, cursor_of: Any):
    await some_history(api)
    cursor = cursor_of(api.service.operations.cursor_key)

    answer = await api.post(CHANGES, **{side: cursor})

    assert answer["data"] == {"changes": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
    assert "take one from the cursor of a change" in answer["errors"][0]["message"]


@pytest.mark.parametrize("side", ["after", "before"])
async def test_a_cursor_after_the_newest_change_is_refused(api: Api, side: str):
    await some_history(api)
    key = api.service.operations.cursor_key

    newest, future = [
        await api.post(CHANGES, **{side: sealed_sequences.seal(key, number, Purpose.CURSOR)})
        for number in (6, 7)
    ]
    nested = await api.post(
        f"{{ actors {{ nodes {{ history({side}: $cursor) {{ totalCount }} }} }} }}".replace(
            "$cursor", f'"{sealed_sequences.seal(key, 7, Purpose.CURSOR)}"'
        )
    )

    assert "errors" not in newest
    for refused in (future, nested):
        assert refused["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
        assert "a change that this registry does not have" in refused["errors"][0]["message"]
    assert (future["data"], nested["data"]) == ({"changes": None}, {"actors": None})


async def test_a_cursor_of_another_list_is_refused(api: Api):
    await some_history(api)
    of_actors = (await api.ask("{ actors { pageInfo { endCursor } } }"))["actors"]["pageInfo"]
    of_changes = (await changes(api))["pageInfo"]

    answers = [
        await api.post(CHANGES, after=of_actors["endCursor"]),
        await api.post(
            "query ($after: String) { actors(after: $after) { totalCount } }",
            after=of_changes["endCursor"],
        ),
    ]

    assert [each["errors"][0]["extensions"]["code"] for each in answers] == ["BAD_CURSOR"] * 2


UNREADABLE = {
    "an instant": (
        "updated_at",
        "'yesterday'",
        {"unreadable": "the stored value is not an instant"},
    ),
    "a blob": ("display_name", "x'00ff'", {"unreadable": "the stored value is a BLOB"}),
    "JSON": ("capabilities", "'['", None),
}


@pytest.mark.parametrize(("column", "value", "shown"), UNREADABLE.values(), ids=UNREADABLE)
async def test_a_value_that_cannot_be_read_says_so_and_hides_no_other(
    api: Api, column: str, value: str, shown: Any
):
    await done(api, REGISTER, id=ADA)
    await api.put("PRAGMA ignore_check_constraints = ON")
    await api.put(f"UPDATE actors SET {column} = {value}, avatar_url = 'https://a.example.org'")

    (change,) = (await changes(api, last=1))["nodes"]

    name = {"updated_at": "updatedAt", "display_name": "displayName"}.get(column, column)
    assert change["after"]["avatarUrl"] == "https://a.example.org"
    assert change["after"][name].keys() == {"unreadable"}
    assert shown is None or change["after"][name] == shown


async def test_a_text_that_is_not_utf_8_is_shown_as_far_as_it_is(api: Api):
    await done(api, REGISTER, id=ADA)
    await api.put("UPDATE actors SET display_name = CAST(x'41ff' AS TEXT)")
    await api.put("UPDATE actors SET display_name = 'Ada'")

    *_, broken, mended = (await changes(api))["nodes"]

    assert broken["after"] == mended["before"] == {"displayName": "A\ufffd"}
    assert mended["after"] == {"displayName": "Ada"}


async def test_a_change_that_another_program_forged_makes_no_error(api: Api):
    await done(api, REGISTER, id=ADA)
    for number, text in enumerate(["'no JSON'", "'[1]'", "x'ff'", "'\"\\ud800\"'"], start=2):
        await api.put(
            f"""INSERT INTO changes (sequence, at, cause, kind, key, operation, is_private, before, after)
            VALUES ({number}, '{AT}', 'external', 'actors', '{ADA}', 'updated', FALSE, {text}, {text})"""
        )

    found = (await changes(api))["nodes"]

    assert [each["before"].keys() for each in found[1:]] == [{"unreadable"}] * 4
    assert [each["after"].keys() for each in found[1:]] == [{"unreadable"}] * 4


async def test_a_change_that_cannot_be_read_is_not_named_by_its_number(api: Api):
    await done(api, REGISTER, id=ADA)
    await api.put(
        f"""INSERT INTO changes (sequence, at, cause, kind, key, operation, is_private)
        VALUES (2, 'once', 'external', 'actors', '{ADA}', 'updated', FALSE)"""
    )

    answer = await api.post("{ changes { nodes { at } } }")

    assert answer["errors"][0]["message"] == "changes: at: the stored value is not an instant"
