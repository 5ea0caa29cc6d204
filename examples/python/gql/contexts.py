"""Lists the contexts of a registry and creates one, with gql: python contexts.py URL

The server's schema is in schema.graphql; API_KEY holds the key for a server in protected mode.
"""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from gql import Client, gql
from gql.client import SyncClientSession
from gql.transport.httpx import HTTPXTransport
from gql.utilities import update_schema_scalar
from graphql import GraphQLScalarType, build_schema

CONTEXTS = gql("""
    query Contexts($after: String) {
      contexts(first: 50, after: $after) {
        nodes { name createdAt owner { chittyId } }
        pageInfo { hasNextPage endCursor }
      }
    }
""")

CREATE_CONTEXT = gql("""
    mutation CreateContext($input: CreateContextInput!) {
      createContext(input: $input) {
        context { name }
        errors { code path message }
      }
    }
""")

INSTANT = GraphQLScalarType(
    "DateTime", serialize=datetime.isoformat, parse_value=datetime.fromisoformat
)


class Actor(TypedDict):
    chittyId: str


class Context(TypedDict):
    name: str
    createdAt: datetime
    owner: Actor


class Named(TypedDict):
    name: str


class UserError(TypedDict):
    code: str
    path: list[str]
    message: str


class Created(TypedDict):
    context: Named | None
    errors: list[UserError]


def connect(url: str, key: str | None) -> Client:
    """A client that checks operations before it sends them, and turns instants into datetimes."""
    schema = build_schema(Path("schema.graphql").read_text())
    update_schema_scalar(schema, "DateTime", INSTANT)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = HTTPXTransport(url, headers=headers)
    return Client(schema=schema, transport=transport, parse_results=True)


def contexts(session: SyncClientSession) -> Iterator[Context]:
    """All contexts, newest first, read page by page."""
    after = None
    while True:
        page = session.execute(CONTEXTS, variable_values={"after": after})["contexts"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def create(session: SyncClientSession, name: str, owner: str) -> Created:
    variables = {"input": {"name": name, "owner": owner}}
    created: Created = session.execute(CREATE_CONTEXT, variable_values=variables)["createContext"]
    return created


def main(url: str) -> None:
    with connect(url, os.environ.get("API_KEY")) as session:
        found = list(contexts(session))
        for context in found:
            print(f"{context['createdAt']:%Y-%m-%d}  {context['name']}")
        owner = found[0]["owner"]["chittyId"]
        for _ in range(2):  # a name is unique in a registry
            created = create(session, "notes-of-gql", owner)
            if created["context"]:
                print("created", created["context"]["name"])
            for error in created["errors"]:
                print(f"{error['code']} at {'.'.join(error['path'])}: {error['message']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
