"""Requests with an Idempotency-Key, and what is left of them."""

import json
from typing import Any

from db.program import Rows
from schema.built import GRAPHQL
from tests.support.registries.permissions import LINK, MINE
from tests.support.services.api import Api
from tests.support.services.asgi_client import Answer

# Whatever an answer shows of what it wrote.
ROWS = {
    "ActorPayload": "actor { id chittyId displayName email sessionCount lastSeenAt status updatedAt }",
    "ContextPayload": "context { id name data status updatedAt owner { displayName } }",
    "InstallationPayload": "installation { id chittyId accountLogin suspendedAt updatedAt }",
    "ConnectionPayload": "connection { id status errorCount credentialsKvKey config updatedAt }",
    "ConnectionsPayload": "connections { id requestCount lastUsedAt updatedAt }",
}
CREATE = """mutation Create($name: String!, $owner: ChittyID!) {
    createContext(input: { name: $name, owner: $owner }) {
        context { chittyId name createdAt updatedAt } errors { code path message }
    }
}"""
REGISTER = """mutation Register($name: String) {
    registerActor(input: { actorType: AI, displayName: $name }) {
        actor { chittyId displayName createdAt updatedAt } errors { code path message }
    }
}"""

# What the registry of `tests.support.registries.permissions` takes from an admin.
USE = (
    f'mutation {{ recordConnectionUse(inputs: [{{ connectionId: "{LINK}" }}])'
    " { errors { code } } }"
)
USES = "SELECT request_count FROM connections WHERE connection_id = :link"
OTHER_LINK = {"source": MINE, "targetService": "a", "connectionId": LINK.replace("1", "9")}


def is_repeatable(mutation: str) -> bool:
    """Whether a mutation takes a key: those of outgoing webhooks do not."""
    return str(GRAPHQL.mutation_type.fields[mutation].type).rstrip("!") in ROWS


def request_of(mutation: str, given: dict[str, Any]) -> dict[str, Any]:
    """The request for a mutation with this input, or with a list of it."""
    field = GRAPHQL.mutation_type.fields[mutation]
    ((name, argument),) = field.args.items()
    shown = ROWS[str(field.type).rstrip("!")]
    document = (
        f"mutation ($given: {argument.type}) {{ {mutation}({name}: $given)"
        f" {{ {shown} errors {{ code path message }} }} }}"
    )
    return {"query": document, "variables": {"given": [given] if name == "inputs" else given}}


async def send(api: Api, request: dict[str, Any], key: str) -> Answer:
    """The answer to a request with this header."""
    return await api.client.answer(request, {"idempotency-key": key})


async def everything(api: Api) -> list[Rows]:
    """Every change, and what else mutations write."""
    return [
        await api.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
        for table in ("changes", "installation_facts", "idempotent_answers")
    ]


def codes(body: bytes) -> list[str]:
    """The codes of the errors of the only mutation, or of the request."""
    answer = json.loads(body)
    if "errors" in answer:
        return [error["extensions"]["code"] for error in answer["errors"]]
    (payload,) = answer["data"].values()
    return [error["code"] for error in payload["errors"]]
