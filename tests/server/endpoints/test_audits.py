"""The checks of graphql-cop, a scanner of GraphQL servers, against a protected server: none finds anything.

https://github.com/dolevf/graphql-cop. Each is sent as the scanner sends it, with a credential and without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.support.services.api import running
from tests.support.services.protected_service import protected

NAMED = {"operationName": "cop"}
IDES = ("graphiql.min.css", "GraphQL Playground", "GraphiQL", "graphql-playground")


@dataclass(frozen=True)
class Answer:
    """`body` is the parsed JSON, or None if it is none."""

    response: httpx2.Response
    body: Any

    @property
    def data(self) -> dict[str, Any]:
        return (self.body.get("data") or {}) if isinstance(self.body, dict) else {}

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.body.get("errors", []) if isinstance(self.body, dict) else []


Sent = dict[str, Any]
Finds = Callable[[Answer], bool]


def query(text: str) -> Sent:
    return {"method": "POST", "json": {"query": text, **NAMED}}


def names_extension(name: str) -> Finds:
    return lambda answer: any(name in error.get("extensions", {}) for error in answer.errors)


INTROSPECTIONS = {
    "introspection": "{ __schema { types { name fields { name } } } }",
    "introspection of circles": "{ __schema { types { fields { type { fields { type { fields { type"
    " { fields { type { name } } } } } } } } } }",
}
CHECKS: dict[str, tuple[Sent, Finds]] = {
    "field suggestions": (
        query("query cop { __schema { directive } }"),
        lambda answer: any("Did you mean" in error["message"] for error in answer.errors),
    ),
    **{
        name: (
            query("query cop " + text),
            lambda answer: bool((answer.data.get("__schema") or {}).get("types")),
        )
        for name, text in INTROSPECTIONS.items()
    },
    "GraphiQL": (
        {"method": "GET", "headers": {"accept": "text/html"}},
        lambda answer: any(word in answer.response.text for word in IDES),
    ),
    "alias overloading": (
        query("query cop { " + "".join(f"alias{n}:__typename \n" for n in range(101)) + " }"),
        lambda answer: "alias100" in answer.data,
    ),
    "field duplication": (
        query("query cop { " + "__typename \n" * 500 + "} "),
        lambda answer: "__typename" in answer.data,
    ),
    "batches": (
        {"method": "POST", "json": [{"query": "query cop { __typename }"}] * 10},
        lambda answer: isinstance(answer.body, list) and len(answer.body) >= 10,
    ),
    "directive overloading": (
        query("query cop { __typename " + "@aa" * 10 + " }"),
        lambda answer: len(answer.errors) == 10,
    ),
    "tracing": (query("query cop { __typename }"), names_extension("tracing")),
    "mutations by GET": (
        {"method": "GET", "params": {"query": "mutation cop {__typename}"}},
        lambda answer: "__typename" in answer.data,
    ),
    "forms": (
        {"method": "POST", "data": {"query": "query cop { __typename }"}},
        lambda answer: "__typename" in answer.data,
    ),
    "unhandled errors": (query("qwerty cop { abc }"), names_extension("exception")),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    registry = tmp_path_factory.mktemp("audits") / "registry.db"
    with protected(registry) as (url, key), httpx2.Client() as client:
        yield lambda sent, *, signed: asked(client, url, sent, key if signed else None)


def asked(client: httpx2.Client, url: str, sent: Sent, key: str | None) -> Answer:
    headers = sent.get("headers", {}) | ({"authorization": f"Bearer {key}"} if key else {})
    return parsed(client.request(url=url, **sent | {"headers": headers}))


def parsed(response: httpx2.Response) -> Answer:
    try:
        return Answer(response, response.json())
    except ValueError:
        return Answer(response, None)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("signed", [True, False], ids=["with a credential", "without"])
def test_no_check_of_the_scanner_finds_anything(server, check, signed):
    sent, finds = CHECKS[check]

    answer = server(sent, signed=signed)

    assert not finds(answer), answer.response.text
    assert answer.response.status_code < 500
    assert answer.body is not None or check == "GraphiQL"  # browsers are told that there is no page
    assert signed or answer.response.status_code == 401


async def test_the_checks_do_find_what_an_open_server_shows(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        found = {
            check
            for check, (sent, finds) in CHECKS.items()
            if finds(parsed(await api.client.request(url="/graphql", **sent)))
        }

    assert found == {"field suggestions", "introspection", "GraphiQL"}


def test_a_query_by_get_needs_a_credential_in_a_header_that_no_foreign_page_can_send(server):
    # The scanner takes each GET that is answered for open to CSRF. With a credential, which browsers never
    # add by themselves, queries may be sent so: that is how they are cached.
    by_get = {"method": "GET", "params": {"query": "query cop {__typename}"}}
    preflight = {
        "method": "OPTIONS",
        "headers": {
            "origin": "https://example.org",
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization",
        },
    }

    unsigned = server(by_get, signed=False)
    signed = server(by_get, signed=True)
    allowed = server(preflight, signed=False)

    assert (unsigned.response.status_code, unsigned.data) == (401, {})
    assert signed.data == {"__typename": "Query"}
    assert not [name for name in allowed.response.headers if name.startswith("access-control")]
    assert "set-cookie" not in signed.response.headers


def test_an_operation_that_is_no_attack_is_answered(server):
    answer = server(query("query cop { viewer { capabilities } }"), signed=True)

    assert answer.data["viewer"]["capabilities"]
