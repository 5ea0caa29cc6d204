"""Mutations with an Idempotency-Key: the same request again has the same answer, and writes nothing."""

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.commands import kept_answers
from db.errors import Unavailable
from db.model import column_types
from db.model.chitty_id import local
from db.model.instants import canonical
from db.model.tables import TABLES
from resolvers.idempotency import NOT_REPEATED
from server.cli import status
from tests.resolvers.test_permissions import POLICY
from tests.support.registries import separate_owners
from tests.support.registries.permissions import (
    LINK,
    ME,
    MINE,
    ROOT,
    THEIRS,
    THEM,
    codes_of,
    registry,
)
from tests.support.registries.separate_owners import seen_by
from tests.support.requests.idempotent_requests import (
    CREATE,
    REGISTER,
    everything,
    request_of,
    send,
)
from tests.support.services.api import Api, running
from tests.support.services.asgi_client import Answer
from tests.support.services.prometheus import Scraped

# In POLICY, an admin may do all of them. What ends its own rights comes elsewhere.
DONE = [(mutation, given) for mutation, given, _ in POLICY if given.get("chittyId") != ME]
USE = (
    f'mutation {{ recordConnectionUse(inputs: [{{ connectionId: "{LINK}" }}])'
    " { errors { code } } }"
)
USES = "SELECT request_count FROM connections WHERE connection_id = :link"
OTHER_LINK = {"source": MINE, "targetService": "a", "connectionId": LINK.replace("1", "9")}
REUSED = "IDEMPOTENCY_KEY_REUSED"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A service in open mode over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


@asynccontextmanager
async def both_paths(folder: Path) -> AsyncIterator[tuple[Api, Api]]:
    """The same actor at two services over the registry of ROOT and ME: one compiles, the other does not."""
    async with registry(folder, "admin") as (me, _):
        path = folder / "registry.db"
        async with (
            running(path, compiled=False, **separate_owners.SETTINGS) as other,
            seen_by(other, ME) as generic,
        ):
            yield me, generic


def codes(body: bytes) -> list[str]:
    """The codes of the errors of the only mutation, or of the request."""
    answer = json.loads(body)
    if "errors" in answer:
        return [error["extensions"]["code"] for error in answer["errors"]]
    (payload,) = answer["data"].values()
    return [error["code"] for error in payload["errors"]]


async def test_both_execution_paths_repeat_each_others_answers_and_write_nothing(tmp_path: Path):
    async with both_paths(tmp_path) as paths:
        for number, (mutation, given) in enumerate(DONE):
            request, key = request_of(mutation, given), f'"{number}"'
            first, other = paths if number % 2 else reversed(paths)
            done = await send(first, request, key)
            before = await everything(first)

            again, elsewhere = await send(first, request, key), await send(other, request, key)

            assert (mutation, codes(done.body)) == (mutation, [])
            assert (again, elsewhere) == (done, done)
            assert await everything(first) == before


@pytest.mark.parametrize("compiled", [True, False])
async def test_what_others_changed_since_then_is_not_in_the_answer(tmp_path: Path, compiled: bool):
    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        made = await api.ask(REGISTER, name="Ada")
        owner = made["registerActor"]["actor"]["chittyId"]
        request = {"query": CREATE, "variables": {"name": "a", "owner": owner}}
        done = await send(api, request, "one")
        await api.put("UPDATE contexts SET name = 'b', updated_at = '2030-01-01T00:00:00.000Z'")

        assert await send(api, request, "one") == done


async def test_a_use_of_a_connection_is_counted_once_per_key(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        for key in ("one", "one", "two", "one", "two"):
            await send(me, {"query": USE}, key)

        assert await me.rows(USES, link=LINK) == [(2,)]


async def test_connections_are_repeated_in_the_order_of_the_inputs(tmp_path: Path):
    uses = [{"connectionId": LINK, "requests": 2}, {"connectionId": LINK, "requests": 3}]
    query = """mutation ($inputs: [RecordConnectionUseInput!]!) {
        recordConnectionUse(inputs: $inputs) { connections { connectionId requestCount } }
    }"""
    async with registry(tmp_path, "admin") as (me, _):
        assert await codes_of(me, "openConnection", OTHER_LINK) == []
        other = OTHER_LINK["connectionId"]
        request = {
            "query": query,
            "variables": {"inputs": [uses[0], {"connectionId": other}, uses[1]]},
        }
        done = await send(me, request, "one")
        again = await send(me, request, "one")

    counted = json.loads(done.body)["data"]["recordConnectionUse"]["connections"]
    assert [each["connectionId"] for each in counted] == [LINK, other, LINK]
    assert again == done


@pytest.mark.parametrize("change", ["variables", "document", "operation"])
@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_another_request_with_the_same_key_is_refused(api: Api, change: str, accept: str):
    query = f"{REGISTER} mutation Other {{ __typename }}"
    first: dict[str, Any] = {
        "query": query,
        "operationName": "Register",
        "variables": {"name": "Ada"},
    }
    changes: dict[str, dict[str, Any]] = {
        "variables": {"variables": {"name": "Eve"}},
        "document": {"query": f"{query} #"},
        "operation": {"operationName": "Other"},
    }
    other = first | changes[change]
    await send(api, first, "one")
    before = await everything(api)

    refused = await api.client.answer(other, {"idempotency-key": "one", "accept": accept})

    assert (refused.status, codes(refused.body)) == (422, [REUSED])
    assert await everything(api) == before


async def test_variables_are_compared_as_json_whatever_the_order_of_their_names(api: Api):
    query = """mutation ($a: String, $b: [String!]) {
        registerActor(input: { actorType: AI, displayName: $a, capabilities: $b }) { actor { id } }
    }"""
    one = {"query": query, "variables": {"a": "Ada", "b": ["x", "y"]}}
    other = {"query": query, "variables": {"b": ["x", "y"], "a": "Ada"}}

    assert await send(api, one, "key") == await send(api, other, "key")
    assert (
        await send(api, one | {"variables": {"a": "Ada", "b": ["y", "x"]}}, "key")
    ).status == 422


async def test_a_document_is_the_same_by_its_text_its_hash_or_its_id(tmp_path: Path):
    digest = hashlib.sha256(REGISTER.encode()).hexdigest()
    (tmp_path / "documents.json").write_text(json.dumps({f"sha256:{digest}": REGISTER}))
    variables = {"name": "Ada"}
    by_hash = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    documents = str(tmp_path / "documents.json")
    async with running(tmp_path / "registry.db", documents=documents) as api:
        answers = [
            await send(api, {"query": REGISTER, "variables": variables}, "one"),
            await send(api, {"documentId": f"sha256:{digest}", "variables": variables}, "one"),
            await send(api, {"extensions": by_hash, "variables": variables}, "one"),
        ]

        assert answers[0] == answers[1] == answers[2]
        assert await api.rows("SELECT count(*) FROM actors") == [(1,)]


async def test_a_key_in_the_extensions_is_the_same_as_one_in_the_header(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}

    done = await send(api, request, '"one"')
    again = await api.client.answer(request | {"extensions": {"idempotencyKey": "one"}})
    both = await send(api, request | {"extensions": {"idempotencyKey": "one"}}, "one")
    differing = await send(api, request | {"extensions": {"idempotencyKey": "one"}}, "two")

    assert again == both == done
    assert (differing.status, codes(differing.body)) == (400, ["BAD_REQUEST"])


async def test_an_event_stream_repeats_the_answer(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")

    stream = {"idempotency-key": "one", "accept": "text/event-stream"}
    again = await api.client.answer(request, stream)

    assert again.body.split(b"\n")[1] == b"data: " + done.body


async def test_each_viewer_has_its_own_keys(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        mine = await send(me, {"query": REGISTER, "variables": {"name": "Ada"}}, "one")
        theirs = await send(root, {"query": REGISTER, "variables": {"name": "Eve"}}, "one")
        again = await send(me, {"query": REGISTER, "variables": {"name": "Ada"}}, "one")

        assert (mine.status, theirs.status, again) == (200, 200, mine)


async def test_in_open_mode_the_operator_has_them_whatever_its_address(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")
    api.client._address = ("10.0.0.7", 50_000)

    assert await send(api, request, "one") == done


async def test_the_key_covers_each_field_by_its_place_in_the_response(api: Api):
    query = """mutation {
        a: registerActor(input: { actorType: AI, displayName: "a" }) { actor { chittyId } }
        b: registerActor(input: { actorType: AI, displayName: "b" }) { actor { chittyId } }
    }"""
    done = await send(api, {"query": query}, "one")
    # As if the request had been killed between the two.
    await api.put("DELETE FROM actors WHERE display_name = 'b'")
    await api.put(
        "DELETE FROM idempotent_answers WHERE kept_at = (SELECT max(kept_at) FROM idempotent_answers)"
        " AND rowid = (SELECT max(rowid) FROM idempotent_answers)"
    )

    resumed = await send(api, {"query": query}, "one")

    before, after = (json.loads(answer.body)["data"] for answer in (done, resumed))
    assert after["a"] == before["a"]
    assert after["b"] != before["b"]
    assert await send(api, {"query": query}, "one") == resumed


async def test_twenty_clients_with_one_key_write_once(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        request = {"query": REGISTER, "variables": {"name": "Ada"}}

        answers = await asyncio.gather(*(send(me, request, "one") for _ in range(20)))
        used = await asyncio.gather(*(send(me, {"query": USE}, "two") for _ in range(20)))

        assert len({answer.body for answer in answers}) == len({each.body for each in used}) == 1
        assert await me.rows("SELECT count(*) FROM actors WHERE display_name = 'Ada'") == [(1,)]
        assert await me.rows(USES, link=LINK) == [(1,)]


async def test_of_twenty_different_requests_with_one_key_one_is_carried_out(api: Api):
    requests = [{"query": REGISTER, "variables": {"name": str(name)}} for name in range(20)]

    answers = await asyncio.gather(*(send(api, request, "one") for request in requests))

    assert sorted(answer.status for answer in answers) == [200, *[422] * 19]
    assert await api.rows("SELECT count(*) FROM actors") == [(1,)]


OLD = "2020-01-01T00:00:00.000Z"
NONE = "CHITTY-CONTEXT-NONE"
# A mutation that is refused, and what makes it possible.
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "NOT_FOUND": (
        "updateContext",
        {"chittyId": NONE, "name": "x"},
        f"UPDATE contexts SET chitty_id = '{NONE}' WHERE chitty_id = '{THEIRS}'",
    ),
    "ALREADY_EXISTS": (
        "createContext",
        {"name": MINE, "owner": ME},
        f"UPDATE contexts SET name = 'other' WHERE name = '{MINE}'",
    ),
    "CONFLICT": (
        "updateContext",
        {"chittyId": MINE, "name": "x", "ifUpdatedAt": OLD},
        f"UPDATE contexts SET updated_at = '{OLD}' WHERE chitty_id = '{MINE}'",
    ),
    "IN_USE": (
        "deleteActor",
        {"chittyId": THEM},
        f"UPDATE contexts SET owner_chitty_id = '{ME}' WHERE owner_chitty_id = '{THEM}'",
    ),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_is_repeated_even_if_its_reason_has_gone(tmp_path: Path, code: str):
    mutation, given, change = REFUSED[code]
    async with registry(tmp_path, "admin") as (me, _):
        request = request_of(mutation, given)
        refused = await send(me, request, "one")
        await me.put(change)
        before = await everything(me)

        again = await send(me, request, "one")
        after = await everything(me)
        anew = await send(me, request, "two")

    assert (codes(refused.body), codes(anew.body)) == ([code], [])
    assert (again, after) == (refused, before)


async def test_a_mutation_that_found_nothing_to_change_changes_nothing_later(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, _):
        request = request_of("updateContext", {"chittyId": MINE, "name": MINE})
        done = await send(me, request, "one")
        await me.put("UPDATE contexts SET name = 'other' WHERE chitty_id = :mine", mine=MINE)

        assert await send(me, request, "one") == done
        assert await me.rows("SELECT name FROM contexts WHERE chitty_id = :mine", mine=MINE) == [
            ("other",)
        ]


@pytest.mark.parametrize(
    "mutation", ["a mutation", "a row"], ids=["refused before", "refused by the statement"]
)
async def test_a_lack_of_rights_is_decided_anew(tmp_path: Path, mutation: str):
    request = {
        "a mutation": request_of("recordInstallation", {"installationId": "3"} | _parts()),
        "a row": request_of("updateContext", {"chittyId": THEIRS, "name": "x"}),
    }[mutation]
    async with registry(tmp_path, "registry:read") as (me, root):
        forbidden = await send(me, request, "one")
        grant = """UPDATE actors SET capabilities = '["registry:write"]' WHERE chitty_id = :me"""
        await root.put(grant, me=ME)
        done = await send(me, request, "one")

    assert (codes(forbidden.body), codes(done.body)) == (["FORBIDDEN"], [])


def _parts() -> dict[str, Any]:
    ((_, given),) = [each for each in DONE if each[1].get("installationId") == "3"]
    return given


async def test_an_answer_that_failed_for_the_moment_is_not_kept(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    mint = api.service.operations.mint

    async def failing(entity: str) -> str:
        raise Unavailable("not now")

    api.service.operations.mint = failing
    failed = await send(api, request, "one")
    api.service.operations.mint = mint
    done = await send(api, request, "one")
    api.service.operations.mint = failing

    assert (codes(failed.body), codes(done.body)) == (["UNAVAILABLE"], [])
    assert await send(api, request, "one") == done, "no ChittyID is needed to repeat an answer"


async def test_an_id_that_is_taken_is_minted_again_and_the_answer_is_that_of_the_second(api: Api):
    taken = local("ACTOR")
    minted = iter([taken, taken, local("ACTOR"), local("ACTOR")])

    async def mint(entity: str) -> str:
        return next(minted)

    api.service.operations.mint = mint
    await api.ask(REGISTER, name="Eve")
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")

    assert codes(done.body) == []
    assert await send(api, request, "one") == done
    assert await api.rows("SELECT count(*) FROM actors") == [(2,)]


LOSSES = {
    "a capability": """UPDATE actors SET capabilities = '["registry:read"]' WHERE chitty_id = :me""",
    "sight of the row": "UPDATE contexts SET owner_chitty_id = :root",
    "the row": "DELETE FROM contexts WHERE name = 'a'",
}


@pytest.mark.parametrize(
    ("held", "loss"),
    [("registry:write", "a capability"), ("", "sight of the row"), ("", "the row")],
)
async def test_whoever_has_lost_rights_gets_no_kept_answer(tmp_path: Path, held: str, loss: str):
    async with registry(tmp_path, *held.split()) as (me, _):
        request = request_of("createContext", {"name": "a", "owner": ME})
        await send(me, request, "one")
        binds = {"me": ME, "root": ROOT}
        sql = LOSSES[loss]
        await me.put(sql, **{name: each for name, each in binds.items() if f":{name}" in sql})
        before = await everything(me)

        again = await send(me, request, "one")

        (payload,) = json.loads(again.body)["data"].values()
        assert payload == {
            "context": None,
            "errors": [{"code": "FORBIDDEN", "path": ["input"], "message": NOT_REPEATED}],
        }
        assert await everything(me) == before


async def test_a_suspended_actor_gets_no_kept_answer_until_it_is_reinstated(tmp_path: Path):
    async with registry(tmp_path, "admin") as (me, root):
        request = request_of("suspendActor", {"chittyId": ME})
        done = await send(me, request, "one")
        refused = await send(me, request, "one")
        assert await codes_of(root, "reinstateActor", {"chittyId": ME}) == []

        again = await send(me, request, "one")

        assert (done.status, refused.status, again) == (200, 401, done)
        assert await root.rows("SELECT status FROM actors WHERE chitty_id = :me", me=ME) == [
            ("active",)
        ]


async def test_what_has_become_private_is_hidden_in_a_repeated_answer(tmp_path: Path):
    async with registry(tmp_path, "registry:write") as (me, _):
        given = {"source": MINE, "targetService": "a", "credentialsKvKey": "keys/ada"}
        request = request_of("openConnection", given)
        done = await send(me, request, "one")
        await me.put("UPDATE contexts SET owner_chitty_id = :them", them=THEM)

        again = await send(me, request, "one")

    shown, hidden = (
        json.loads(answer.body)["data"]["openConnection"]["connection"] for answer in (done, again)
    )
    assert shown["credentialsKvKey"] == "keys/ada"
    assert hidden == shown | {"credentialsKvKey": None}


async def test_a_kept_answer_is_forgotten_after_a_day(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    done = await send(api, request, "one")
    await _age(api, hours=23.9)
    again = await send(api, request, "one")
    await _age(api, hours=24)
    anew = await send(api, request, "one")
    await _age(api, hours=24)
    other = await send(api, request | {"variables": {"name": "Eve"}}, "one")

    assert again == done
    assert anew.body != done.body
    assert other.status == 200


async def _age(api: Api, *, hours: float) -> None:
    """Let all answers have been kept so long ago."""
    at = canonical(datetime.now(UTC) - timedelta(hours=hours))
    await api.put("UPDATE idempotent_answers SET kept_at = :at", at=at)


COPY = """
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :copies)
    INSERT INTO idempotent_answers (
        viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at, capabilities, answer, bytes
    )
    SELECT viewer, n, field_sha256, request_sha256, n, kept_at, capabilities, answer, :bytes
    FROM idempotent_answers, number
"""


@pytest.mark.parametrize(("copies", "bytes_"), [(999, 1), (16, 1_000_000)])
async def test_a_viewer_has_so_many_answers_at_most(tmp_path: Path, copies: int, bytes_: int):
    async with registry(tmp_path, "admin") as (me, root):
        request = {"query": REGISTER, "variables": {"name": "Ada"}}
        done = await send(me, request, "first")
        await me.put(COPY, copies=copies, bytes=bytes_)
        before = await everything(me)

        full = await send(me, request, "another")
        repeated = await send(me, request, "first")
        without = await me.client.answer(request)
        others = await send(root, request, "another")
        after = await everything(me)
        await _age(me, hours=24)
        later = await send(me, request, "another")

        assert codes(full.body) == ["LIMIT"]
        assert repeated == done
        assert [codes(each.body) for each in (without, others, later)] == [[], [], []]
        assert len(after[0]) == len(before[0]) + 2


async def test_each_write_with_a_key_removes_some_that_are_too_old(api: Api):
    request = {"query": REGISTER, "variables": {"name": "Ada"}}
    await send(api, request, "one")
    await api.put(COPY, copies=999, bytes=1)
    await _age(api, hours=24)

    counts: list[Any] = []
    for key in range(3):
        await send(api, request, f"new-{key}")
        counts += (await api.rows("SELECT count(*) FROM idempotent_answers"))[0]

    step = kept_answers.REMOVED_AT_ONCE
    assert counts == [1000 - step + 1, 1000 - 2 * step + 2, 1000 - 3 * step + 3]


async def test_neither_keys_nor_variables_are_in_the_table(api: Api):
    query = """mutation SecretName($email: String) {
        secretAlias: updateActor(input: { chittyId: "CHITTY-ACTOR-NONE", email: $email }) {
            errors { code }
        }
    }"""
    await send(api, {"query": query, "variables": {"email": "secret@example.org"}}, "secret-key")

    (row,) = await api.rows("SELECT * FROM idempotent_answers")
    assert "secret" not in repr(row).lower()


async def test_metrics_and_status_tell_how_many_answers_are_kept(api: Api, tmp_path: Path):
    async def scraped() -> float:
        return Scraped((await api.client.get("/metrics")).text).total(
            "chittygraph_idempotent_answers"
        )

    before = await scraped()
    await send(api, {"query": REGISTER}, "one")
    await send(api, {"query": REGISTER}, "two")

    assert (before, await scraped()) == (0, 2)
    assert status.state(tmp_path / "registry.db")["rows"]["idempotent_answers"] == 2


async def test_a_query_ignores_the_key(api: Api):
    for key in ("one", "one", '"'):
        assert (await send(api, {"query": "{ __typename }"}, key)).status == 200
    assert await api.rows("SELECT * FROM idempotent_answers") == []


async def test_repeated_deliveries_in_any_order_count_once(tmp_path: Path):
    chance = random.Random(17)
    async with registry(tmp_path, "admin") as (me, _):
        requests = {f"key-{number}": (chance.choice([None, 1, 5]), number) for number in range(40)}
        deliveries = [key for key in requests for _ in range(chance.randrange(1, 5))]
        chance.shuffle(deliveries)
        answers: dict[str, set[bytes]] = {key: set() for key in requests}

        async def deliver(key: str) -> None:
            count, _ = requests[key]
            name = {"connectionId": LINK} | ({} if count is None else {"requests": count})
            answer = await send(me, request_of("recordConnectionUse", name), key)
            answers[key].add(answer.body)

        while deliveries:
            together = [
                deliveries.pop() for _ in range(min(len(deliveries), chance.randrange(1, 9)))
            ]
            await asyncio.gather(*map(deliver, together))

        assert await me.rows(USES, link=LINK) == [
            (sum(count or 1 for count, _ in requests.values()),)
        ]
        assert {len(bodies) for bodies in answers.values()} == {1}
        recorded = await me.rows("SELECT count(*) FROM changes WHERE cause = 'recordConnectionUse'")
        assert recorded == [(len(requests),)]


NEW = "CHITTY-CONTEXT-NEW"
# What undoes, refuses or overtakes one another, so that the order and the number of deliveries matter.
STEPS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("updateContext", {"chittyId": context, "name": name})
        for context in (MINE, NEW)
        for name in "ab"
    ),
    *(("updateContext", {"chittyId": MINE, "active": active}) for active in (True, False)),
    *(("deleteContext", {"chittyId": context}) for context in (MINE, NEW)),
    *(("restoreContext", {"chittyId": context}) for context in (MINE, NEW)),
    *(("transferContext", {"chittyId": MINE, "newOwner": owner}) for owner in (ME, THEM)),
    *(("createContext", {"chittyId": NEW, "name": name, "owner": ME}) for name in "ab"),
    *((mutation, {"chittyId": THEM}) for mutation in ("suspendActor", "reinstateActor")),
    *((mutation, {"connectionId": LINK}) for mutation in ("disconnect", "reconnect")),
    *(
        ("reportConnectionHealth", {"connectionId": LINK, "healthy": each})
        for each in (True, False)
    ),
    ("recordConnectionUse", {"connectionId": LINK}),
    ("openConnection", OTHER_LINK),
    *(
        (mutation, {"installationId": "1"})
        for mutation in ("suspendInstallation", "unsuspendInstallation", "removeInstallation")
    ),
    ("recordInstallation", {**_parts(), "installationId": "1"}),
    ("recordActorSeen", {"chittyId": ME, "newSession": True}),
]


async def state_of(api: Api) -> list[Any]:
    """All rows, and how each came about, without times."""
    names = [
        ", ".join(
            name
            for name, column in table.columns.items()
            if column.type is not column_types.INSTANT
        )
        for table in TABLES
    ]
    found = [
        await api.rows(f"SELECT {shown} FROM {table.name} ORDER BY {table.key}")
        for table, shown in zip(TABLES, names, strict=True)
    ]
    history = "SELECT cause, kind, key, operation FROM changes ORDER BY sequence"
    return [*found, await api.rows(history)]


@pytest.mark.parametrize("seed", range(3))
async def test_late_and_repeated_deliveries_leave_what_single_ones_leave(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    requests = [request_of(*chance.choice(STEPS)) for _ in range(80)]
    (tmp_path / "once").mkdir()
    (tmp_path / "often").mkdir()
    async with (
        registry(tmp_path / "once", "admin") as (once, _),
        registry(tmp_path / "often", "admin") as (often, _),
    ):
        answers: list[Answer] = []
        for number, request in enumerate(requests):
            single = await send(once, request, f"{number}")
            answers.append(await send(often, request, f"{number}"))
            assert codes(answers[-1].body) == codes(single.body)
            for late in chance.choices(range(number + 1), k=chance.randrange(3)):
                assert await send(often, requests[late], f"{late}") == answers[late]

        assert await state_of(often) == await state_of(once)
    refused = [answer for answer in answers if codes(answer.body)]
    assert 10 < len(refused) < 60
