"""Revalidation of GET responses by ETag: 304 if nothing has changed, else the new response."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx2
import pytest
import pytest_asyncio

from db.sqlite import library
from resolvers.permissions import Viewer
from server.http import etags
from tests.support.engines.engine import Files, present
from tests.support.registries.databases import elsewhere
from tests.support.services.api import running
from tests.support.services.protected_service import protected_api, wait_for_key_use
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

RESPONSE_JSON = "application/graphql-response+json"
ASK = "{ actors { totalCount } }"
NAMED = "query One { actors { totalCount } } query Two { __typename }"
PAGE = "query Page($first: Int) { actors(first: $first) { totalCount nodes { displayName } } }"
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
WRITE = (
    "INSERT INTO actors (chitty_id, actor_type, created_at, updated_at) VALUES"
    " ('CHITTY-ACTOR-ADA', 'human', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')"
)


NO_CHANGE = pytest.mark.files_only(
    "an engine over HTTP tells what it holds by the changes of the registry, and this is none"
)


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        await api.ask(REGISTER)
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unchanged(tmp_path_factory):
    """A service to which nothing more is written."""
    async with running(tmp_path_factory.mktemp("unchanged") / "registry.db") as api:
        await api.ask(REGISTER)
        yield api


async def get(api, query=ASK, headers=None, **params):
    return await api.client.get("/graphql", params={"query": query, **params}, headers=headers)


async def again(api, first, **params):
    return await get(api, headers={"if-none-match": first.headers["etag"]}, **params)


def another_process(path, sql):
    """Run a statement in another process."""
    if not isinstance(present(), Files):
        with elsewhere(path) as connection:
            connection.execute(sql)
        return
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", program, str(path), sql], check=True)


async def test_an_unchanged_response_is_not_sent_again(api):
    first = await get(api)

    second = await again(api, first)

    assert first.status_code == 200
    assert first.headers["etag"].startswith('"')
    assert (second.status_code, second.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert second.headers[name] == first.headers[name]


async def test_only_the_client_may_store_a_response_and_must_revalidate_it(api):
    answer = await get(api)

    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "accept, accept-encoding, authorization, origin"


@pytest.mark.files_only("an engine over HTTP tells what it holds by reading its newest change")
async def test_revalidation_reads_no_table(api):
    first = await get(api)
    asked: list[str] = []
    lent = [await api.service.db.borrow(), await api.service.db.borrow()]
    points = api.service.db._inline
    points._connection.set_trace_callback(asked.append)

    for _ in range(20):  # what the server looks after by itself may come between
        asked.clear()
        second = await again(api, first)
        if len(asked) == 1:
            break

    for session in lent:
        api.service.db.give_back(session)
    assert second.status_code == 304
    assert asked == ["PRAGMA data_version"]


@pytest.mark.parametrize(
    "sql",
    [
        WRITE,
        "UPDATE actors SET display_name = 'Ada'",
        "DELETE FROM actors",
        pytest.param("CREATE TABLE notes (note TEXT)", marks=NO_CHANGE),
        pytest.param("PRAGMA user_version = 5", marks=NO_CHANGE),
        pytest.param("VACUUM", marks=NO_CHANGE),
    ],
    ids=["insert", "update", "delete", "another table", "a pragma", "vacuum"],
)
async def test_a_commit_by_another_process_changes_the_etag(api, sql, tmp_path):
    first = await get(api)

    another_process(tmp_path / "registry.db", sql)
    second = await again(api, first)

    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]


async def test_a_mutation_changes_the_etag_and_a_refused_one_does_not(api):
    first = await get(api)
    refused = await api.ask(
        'mutation { registerActor(input: { actorType: HUMAN, displayName: "" }) { errors { code } } }'
    )
    unchanged = await again(api, first)
    await api.ask(REGISTER)
    changed = await again(api, first)

    assert refused["registerActor"]["errors"]
    assert [unchanged.status_code, changed.status_code] == [304, 200]
    assert changed.json() == {"data": {"actors": {"totalCount": 2}}}


@pytest.mark.files_only("an engine over HTTP has no checkpoints that a server sees")
async def test_a_checkpoint_does_not_bring_back_an_old_etag(api):
    first = await get(api)
    another_process(api.service.db.path, WRITE)
    another_process(api.service.db.path, "PRAGMA wal_checkpoint(TRUNCATE)")

    second = await again(api, first)

    assert second.json() == {"data": {"actors": {"totalCount": 2}}}


async def test_a_different_request_has_a_different_etag(api):
    asked = [
        await get(api),
        await get(api, ASK + " "),
        await get(api, headers={"accept": RESPONSE_JSON}),
        await get(api, NAMED, operationName="One"),
        await get(api, NAMED, operationName="Two"),
        await get(api, PAGE),
        await get(api, PAGE, variables='{"first": 1}'),
        await get(api, PAGE, variables='{"first": 2}'),
    ]

    assert len({answer.headers["etag"] for answer in asked}) == len(asked)


async def test_head_has_the_etag_of_get(api):
    got = await get(api)
    params = {"query": ASK}

    asked = await api.client.head("/graphql", params=params)
    held = {"if-none-match": got.headers["etag"]}
    unchanged = await api.client.head("/graphql", params=params, headers=held)

    for name in ("etag", "cache-control", "vary", "content-type", "content-length"):
        assert asked.headers[name] == got.headers[name]
    assert unchanged.status_code == 304


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{}", 304),
        ("W/{}", 304),
        ('"other", {}', 304),
        ('"other" ,W/{} , "third"', 304),
        ('"other"', 200),
        ("*", 200),
        ("", 200),
        ("\xff,,;", 200),
    ],
)
async def test_if_none_match_may_list_several_etags(unchanged, form, status):
    held = form.replace("{}", (await get(unchanged)).headers["etag"])

    answer = await get(unchanged, headers=[("if-none-match", held.encode("latin-1"))])

    assert answer.status_code == status


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("form", ["{}", '"{}', '{}"', '"a{}"', '"{}-other"'])
async def test_only_a_whole_etag_matches(unchanged, form):
    held = form.replace("{}", (await get(unchanged)).headers["etag"].strip('"'))

    answer = await get(unchanged, headers={"if-none-match": held})

    assert answer.status_code == 200


@pytest.mark.parametrize("size", [1, etags.MAX_CACHED_BYTES + 1], ids=["cached", "too large"])
def test_a_tag_differs_in_all_that_a_response_depends_on(size):
    source = b"q" * size
    ada, eve = Viewer("ADA", ("admin",)), Viewer("EVE", ("admin",))
    asked = [
        (b"state", "document", source, "json", ada),
        (b"later", "document", source, "json", ada),
        (b"state", "another", source, "json", ada),
        (b"state", "document", source + b"s", "json", ada),
        (b"tate", "document", source + b"s", "json", ada),
        (b"state", "document", source, "stream", ada),
        (b"state", "document", source, "json", eve),
        (b"state", "document", source, "json", Viewer("ADA", ())),
    ]

    tags = [etags.make_tag(*each) for each in asked]

    assert len(set(tags)) == len(asked)
    assert [etags.make_tag(*each) for each in asked] == tags


def test_what_is_kept_of_tags_is_bounded():
    viewer = Viewer(None, ("admin",))
    etags._tag_cached.cache_clear()

    etags.make_tag(b"state", "document", b"q" * (etags.MAX_CACHED_BYTES + 1), "json", viewer)
    empty = etags._tag_cached.cache_info()
    for n in range(etags.MAX_CACHED + 1):
        etags.make_tag(b"state", "document", b"%d" % n, "json", viewer)
    full = etags._tag_cached.cache_info()

    assert (empty.currsize, full.currsize) == (0, etags.MAX_CACHED)


async def test_only_complete_responses_to_get_have_an_etag(api):
    await api.put("PRAGMA ignore_check_constraints = ON")
    await api.put("UPDATE actors SET actor_type = 'unknown'")

    answers = [
        await api.client.post("/graphql", json={"query": ASK}),
        await get(api, "{ actors { nodes { actorType } } }"),
        await get(api, "{ nothing }"),
        await get(api, "{"),
        await get(api, REGISTER),
        await api.client.get("/graphql", params={"variables": "{}"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 405, 400]
    assert all("errors" in answer.json() for answer in answers[1:])
    assert not any("etag" in answer.headers for answer in answers)
    assert all(answer.headers["cache-control"] == "private, no-cache" for answer in answers[1:])


def test_a_restarted_server_has_new_etags(tmp_path):
    path = tmp_path / "registry.db"
    with served(path) as (_, output):
        first = httpx2.get(
            url_of(output, "/graphql"), params={"query": ASK}, timeout=TIMEOUT_SECONDS
        )
    with served(path) as (_, output):
        held = {"if-none-match": first.headers["etag"]}
        second = httpx2.get(
            url_of(output, "/graphql"), params={"query": ASK}, headers=held, timeout=TIMEOUT_SECONDS
        )

    assert second.status_code == 200


def test_all_workers_have_the_same_etags(tmp_path):
    if not library.IS_SAFE_FOR_SEVERAL_WRITERS:
        pytest.skip(f"SQLite {library.VERSION} lets only one worker serve")
    path = tmp_path / "registry.db"
    with served(path, "--workers", "2") as (process, output):
        url = url_of(output, "/graphql")
        try:
            httpx2.post(url, json={"query": REGISTER}, timeout=TIMEOUT_SECONDS)
            tags = {
                httpx2.get(url, params={"query": ASK}, timeout=TIMEOUT_SECONDS).headers["etag"]
                for _ in range(20)
            }
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(WRITE)
            later = {
                httpx2.get(url, params={"query": ASK}, timeout=TIMEOUT_SECONDS).headers["etag"]
                for _ in range(20)
            }
        finally:  # a parent that is killed would leave its workers behind
            process.terminate()
            process.wait(20)

    assert (len(tags), len(later)) == (1, 1)
    assert tags != later


async def test_no_two_responses_have_the_same_etag_whatever_is_written_meanwhile(tmp_path):
    path = tmp_path / "registry.db"
    async with running(path) as api:
        told: dict[str, set[bytes]] = {}

        async def read(times=60):
            for _ in range(times):
                answer = await get(api)
                if "etag" in answer.headers:
                    told.setdefault(answer.headers["etag"], set()).add(answer.content)

        async def write():
            for _ in range(60):
                await api.ask(REGISTER)

        await api.ask(REGISTER)  # after what the server writes as it starts
        await read(1)  # a busy machine may answer no other before the last write
        await asyncio.gather(read(), write(), read(), write(), read())
        await read(1)

    assert len(told) > 1
    assert {len(bodies) for bodies in told.values()} == {1}


MINE = "{ contexts { totalCount nodes { name } } }"
SEES = {"nothing of others": (), "all rows": ("registry:read",)}


@pytest.mark.parametrize("capabilities", SEES.values(), ids=SEES)
async def test_a_tag_tells_only_who_sees_all_rows_that_others_wrote(tmp_path, capabilities):
    async with protected_api(tmp_path / "registry.db") as api:
        _, key = await api.newcomer("Ada", *capabilities)
        await api.actor("Eve")
        headers = {"authorization": f"Bearer {key}"}
        first = await get(api, MINE, headers)
        await wait_for_key_use(api)
        first = await get(api, MINE, headers)
        await api.actor("Bob")

        held = headers | {"if-none-match": first.headers["etag"]}
        second = await get(api, MINE, held)
        third = await get(api, MINE, headers)

    sees_all = bool(capabilities)
    assert second.status_code == (200 if sees_all else 304)
    assert (third.headers["etag"] == first.headers["etag"]) is not sees_all


async def test_the_tag_of_a_viewer_changes_with_what_it_sees(tmp_path):
    async with protected_api(tmp_path / "registry.db") as api:
        ada, key = await api.newcomer("Ada")
        inputs = f'input: {{ name: "mine", owner: "{ada}" }}'
        create = f"mutation {{ createContext({inputs}) {{ errors {{ code }} }} }}"
        headers = {"authorization": f"Bearer {key}"}
        first = await get(api, MINE, headers)
        made = await api.client.post("/graphql", json={"query": create}, headers=headers)
        second = await get(api, MINE, headers | {"if-none-match": first.headers["etag"]})
        as_json = await get(api, MINE, headers | {"accept": RESPONSE_JSON})

    assert made.json() == {"data": {"createContext": {"errors": []}}}
    assert (second.status_code, second.json()["data"]["contexts"]["totalCount"]) == (200, 1)
    assert len({each.headers["etag"] for each in (first, second, as_json)}) == 3
