"""Errors of mutations as clients see them: a code, and the path of the input field."""

from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.support.expectations.printed_schema import PRINTED
from tests.support.services.api import running
from tests.support.services.log_capture import captured_logs

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUTATIONS = PRINTED.mutation_type.fields
ADA, EVE, SLEEPER = "CHITTY-ACTOR-ADA", "CHITTY-ACTOR-EVE", "CHITTY-ACTOR-SLEEPER"
WORK, NOBODY = "CHITTY-CONTEXT-WORK", "CHITTY-ACTOR-NOBODY"
FIRST, SECOND = (f"{digit * 8}-1111-4111-8111-{digit * 12}" for digit in "12")
LONG_AGO = "2001-01-01T00:00:00.000Z"
SETUP = """
    mutation($ada: ChittyID!, $eve: ChittyID!, $sleeper: ChittyID!, $work: ChittyID!, $first: ID!) {
      ada: registerActor(input: { actorType: HUMAN, chittyId: $ada }) { errors { code } }
      eve: registerActor(input: { actorType: HUMAN, chittyId: $eve }) { errors { code } }
      sleeper: registerActor(input: { actorType: AI, chittyId: $sleeper }) { errors { code } }
      asleep: suspendActor(input: { chittyId: $sleeper }) { errors { code } }
      work: createContext(input: { name: "work", owner: $ada, chittyId: $work }) { errors { code } }
      first: openConnection(input: { connectionId: $first, source: $work, targetService: "github" }) {
        errors { code }
      }
    }
"""

INSTALLATION = {
    "installationId": "1",
    "accountId": "1",
    "accountLogin": "ada",
    "accountType": "USER",
    "repositorySelection": "ALL",
}


def granted(*permissions):
    return INSTALLATION | {
        "permissions": [dict(zip(("name", "access"), each, strict=True)) for each in permissions]
    }


def opened(**more):
    return {"source": WORK, "targetService": "slack"} | more


def named(**more):
    return {"name": "play", "owner": ADA} | more


# Put together here, so that no scanner takes them for real ones.
SECRETS = {
    "GitHub": "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "GitHub, fine-grained": "github" + "_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "AWS key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS secret": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "Slack": "xox" + "b-123456789012-abcdefABCDEF",
    "JWT": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMTIzNDU2",
    "PEM": "-----BEGIN PRIVATE KEY-----" + "MIIEvQIBADANBgkqhkiG9w0B" + "-----END PRIVATE KEY-----",
    "Stripe": "sk" + "_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "Google": "AIza" + "SyD-1234567890abcdefghijklmnopqrstu",
    "OpenAI": "sk" + "-abcdefghijklmnopqrstuvwx1234567890",
    "GitLab": "glpat" + "-a1b2c3d4e5f6g7h8i9j0",
    "SendGrid": "SG" + ".abcdefghijklmnopqrstuv.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
}


@asynccontextmanager
async def service(folder):
    async with running(folder / "registry.db") as api:
        ids = {"ada": ADA, "eve": EVE, "sleeper": SLEEPER, "work": WORK, "first": FIRST}
        done = await api.ask(SETUP, **ids)
        assert all(payload == {"errors": []} for payload in done.values())
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    """A service for tests that change nothing."""
    async with service(tmp_path_factory.mktemp("errors")) as api:
        yield api


@pytest_asyncio.fixture(loop_scope="module")
async def own(tmp_path):
    """A service for one test."""
    async with service(tmp_path) as api:
        yield api


async def everything(api):
    tables = ("actors", "contexts", "connections", "installations")
    return [await api.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables]


async def refused(api, mutation, inputs):
    """The errors of a mutation, which must not have written anything."""
    [(argument, declared)] = MUTATIONS[mutation].args.items()
    field = f"{mutation}({argument}: $inputs) {{ errors {{ code path message }} }}"
    before = await everything(api)
    answer = await api.ask(f"mutation($inputs: {declared.type}) {{ {field} }}", inputs=inputs)
    assert await everything(api) == before
    return answer[mutation]["errors"]


@pytest.mark.parametrize(
    ("mutation", "inputs", "code", "path"),
    [
        ("createContext", named(owner=NOBODY), "NOT_FOUND", "owner"),
        ("createContext", named(name="work"), "ALREADY_EXISTS", "name"),
        ("createContext", named(owner=SLEEPER), "CONFLICT", "owner"),
        ("createContext", named(chittyId=EVE), "ALREADY_EXISTS", "chittyId"),
        ("createContext", named(owner="ada"), "NOT_FOUND", "owner"),
        ("createContext", named(owner="a\0"), "INVALID", "owner"),
        ("createContext", named(data=["a", "a"]), "INVALID", "data"),
        ("registerActor", {"actorType": "AI", "chittyId": WORK}, "ALREADY_EXISTS", "chittyId"),
        ("registerActor", {"actorType": "AI", "email": "ada"}, "INVALID", "email"),
        ("registerActor", {"actorType": "AI", "avatarUrl": "ada"}, "INVALID", "avatarUrl"),
        ("suspendActor", {"chittyId": ADA, "ifUpdatedAt": LONG_AGO}, "CONFLICT", "ifUpdatedAt"),
        ("suspendActor", {"chittyId": NOBODY}, "NOT_FOUND", "chittyId"),
        ("deleteActor", {"chittyId": ADA}, "IN_USE", "chittyId"),
        (
            "deleteActor",
            {"chittyId": ADA, "transferContextsTo": NOBODY},
            "NOT_FOUND",
            "transferContextsTo",
        ),
        ("transferContext", {"chittyId": WORK, "newOwner": SLEEPER}, "CONFLICT", "newOwner"),
        ("deleteContext", {"chittyId": WORK, "ifUpdatedAt": LONG_AGO}, "CONFLICT", "ifUpdatedAt"),
        ("openConnection", opened(source="CHITTY-CONTEXT-NOWHERE"), "NOT_FOUND", "source"),
        ("openConnection", opened(source=SLEEPER), "CONFLICT", "source"),
        ("openConnection", opened(targetService="github"), "ALREADY_EXISTS", "targetService"),
        ("openConnection", opened(connectionId=FIRST), "ALREADY_EXISTS", "connectionId"),
        ("openConnection", opened(connectionId="one"), "INVALID", "connectionId"),
        (
            "openConnection",
            opened(targetEndpoint="https://ada:pw@x.org"),
            "INVALID",
            "targetEndpoint",
        ),
        ("openConnection", opened(config={"a": "x" * 17_000}), "INVALID", "config"),
        ("openConnection", opened(installationId="9"), "NOT_FOUND", "installationId"),
        ("disconnect", {"connectionId": SECOND}, "NOT_FOUND", "connectionId"),
        (
            "recordInstallation",
            granted(("contents", "all")),
            "INVALID",
            "permissions.0.access",
        ),
        (
            "recordInstallation",
            granted(("contents", "read"), ("Pull", "read")),
            "INVALID",
            "permissions.1.name",
        ),
    ],
)
async def test_an_error_has_a_code_and_the_path_of_its_field(api, mutation, inputs, code, path):
    errors = await refused(api, mutation, inputs)

    assert [(error["code"], error["path"]) for error in errors] == [
        (code, ["input", *path.split(".")])
    ]
    assert errors[0]["message"]


async def test_one_invalid_use_of_many_is_reported_at_its_position_and_none_is_counted(api):
    uses = [{"connectionId": FIRST}] * 3 + [{"connectionId": SECOND}]

    errors = await refused(api, "recordConnectionUse", uses)

    assert [(error["code"], error["path"]) for error in errors] == [
        ("NOT_FOUND", ["inputs", "3", "connectionId"])
    ]


async def test_all_problems_of_an_input_are_reported_at_once(api):
    inputs = {
        "actorType": "AI",
        "chittyId": "x",
        "email": "x",
        "avatarUrl": "x",
        "capabilities": [""],
    }

    errors = await refused(api, "registerActor", inputs)

    assert {error["path"][1] for error in errors} == {
        "chittyId",
        "email",
        "avatarUrl",
        "capabilities",
    }


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
async def test_a_secret_is_rejected_and_neither_returned_nor_logged(api, secret):
    with captured_logs() as log:
        errors = await refused(api, "openConnection", opened(credentialsKvKey=secret))
        others = [
            await refused(
                api, "openConnection", opened(targetEndpoint=f"https://x:{secret}@y.org")
            ),
            await refused(api, "openConnection", opened(connectionId=secret, source=secret)),
            await refused(api, "createContext", named(owner=secret, chittyId=secret)),
            # Ids of rows have any form, and what they name does not exist.
            await refused(api, "createContext", named(owner=secret)),
            await refused(api, "openConnection", opened(source=secret)),
            await refused(api, "suspendActor", {"chittyId": secret}),
            await refused(api, "deleteActor", {"chittyId": EVE, "transferContextsTo": secret}),
            await refused(api, "transferContext", {"chittyId": WORK, "newOwner": secret}),
            await refused(api, "disconnect", {"connectionId": secret}),
            await refused(api, "recordConnectionUse", [{"connectionId": secret}]),
            await refused(api, "registerActor", {"actorType": "AI", "email": secret}),
            await refused(api, "registerActor", {"actorType": "AI", "avatarUrl": secret}),
            await refused(api, "recordInstallation", granted((secret, secret))),
        ]

    assert [(error["code"], error["path"]) for error in errors] == [
        ("INVALID", ["input", "credentialsKvKey"])
    ]
    assert all(others)
    for shown in (str(errors), str(others), log.text):
        assert secret not in shown
        assert secret[8:] not in shown


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
async def test_a_misplaced_secret_is_neither_returned_nor_logged(api, secret):
    documents = [
        {"query": f'{{ contextByName(name: "{secret}") {{ nothing }} }}'},
        {
            "query": "query($v: ActorStatus) { actors(filter: { status: { eq: $v } }) { totalCount } }"
        }
        | {"variables": {"v": secret}},
        {"query": "{ __typename }", "operationName": secret},
    ]

    with captured_logs() as log:
        for document in documents:
            answer = await api.client.post("/graphql", json=document)
            assert answer.json()["errors"]
            assert secret not in answer.text
        await api.client.get("/nowhere/" + secret.replace("/", "%2F"))

    assert secret not in log.text
    assert secret[8:] not in log.text


async def test_mutations_run_in_order_and_each_sees_the_ones_before_it(own):
    answer = await own.ask(
        """
        mutation($ada: ChittyID!, $work: ChittyID!, $first: ID!) {
          a: updateContext(input: { chittyId: $work, name: "first" }) {
            context { name owner { displayName } connections { totalCount nodes { status } } }
          }
          b: updateActor(input: { chittyId: $ada, displayName: "Ada" }) {
            actor { displayName contexts { nodes { name } } }
          }
          c: createContext(input: { name: "first", owner: $ada }) { errors { code path } }
          d: disconnect(input: { connectionId: $first }) {
            connection { status source { ... on Context { name owner { displayName } } } }
          }
          e: updateContext(input: { chittyId: $work, name: "second" }) {
            context { name owner { displayName } connections { totalCount } }
          }
          f: createContext(input: { name: "first", owner: $ada }) {
            context { owner { contexts { totalCount } } }
          }
        }
        """,
        ada=ADA,
        work=WORK,
        first=FIRST,
    )

    assert list(answer) == ["a", "b", "c", "d", "e", "f"]
    assert answer["a"]["context"] == {
        "name": "first",
        "owner": {"displayName": None},
        "connections": {"totalCount": 1, "nodes": [{"status": "ACTIVE"}]},
    }
    assert answer["b"]["actor"] == {
        "displayName": "Ada",
        "contexts": {"nodes": [{"name": "first"}]},
    }
    assert answer["c"]["errors"] == [{"code": "ALREADY_EXISTS", "path": ["input", "name"]}]
    assert answer["d"]["connection"] == {
        "status": "DISCONNECTED",
        "source": {"name": "first", "owner": {"displayName": "Ada"}},
    }
    assert answer["e"]["context"] == {
        "name": "second",
        "owner": {"displayName": "Ada"},
        "connections": {"totalCount": 0},
    }
    assert answer["f"]["context"] == {"owner": {"contexts": {"totalCount": 2}}}


async def test_a_failed_mutation_does_not_prevent_the_others(own):
    answer = await own.ask(
        """
        mutation($eve: ChittyID!, $nobody: ChittyID!) {
          before: createContext(input: { name: "before", owner: $eve }) { errors { code } }
          refused: createContext(input: { name: "between", owner: $nobody }) { errors { code } }
          after: createContext(input: { name: "after", owner: $eve }) { errors { code } }
        }
        """,
        eve=EVE,
        nobody=NOBODY,
    )

    names = [name for (name,) in await own.rows("SELECT name FROM contexts ORDER BY name")]
    assert [payload["errors"] for payload in answer.values()] == [[], [{"code": "NOT_FOUND"}], []]
    assert names == ["after", "before", "work"]


def many_uses(count):
    return [
        {"connectionId": f"{number:08d}-1111-4111-8111-111111111111"} for number in range(count)
    ]


@pytest.mark.parametrize(
    ("mutation", "inputs", "problems"),
    [
        ("recordInstallation", granted(*[("A", "x")] * 10), 20),
        ("recordInstallation", granted(*[("A", "x")] * 10, ("contents", "x")), 21),
        ("recordInstallation", granted(*[("A", "x")] * 400), 800),
        ("recordInstallation", granted(*[("contents", "read")] * 400), 399),
        ("recordConnectionUse", [{"connectionId": "\0", "requests": 0}] * 100, 200),
        ("recordConnectionUse", many_uses(100), 100),
    ],
)
async def test_of_many_problems_the_first_are_listed_and_the_last_says_how_many_more_there_are(
    api, mutation, inputs, problems
):
    errors = await refused(api, mutation, inputs)

    assert len(errors) == 20
    if problems > 20:
        [*listed, last] = errors
        assert all(len(error["path"]) > 1 for error in listed)
        assert last == {
            "code": "INVALID",
            "path": ["inputs" if mutation == "recordConnectionUse" else "input"],
            "message": f"there are {problems - 19} more problems: correct these first",
        }
    else:
        assert all("more problems" not in error["message"] for error in errors)
