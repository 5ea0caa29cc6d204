"""Lists the contexts of a registry and creates one, with sgqlc: python contexts.py URL

`sgqlc-codegen` makes registry_schema.py from the server's introspection. API_KEY holds the key for a server
in protected mode.
"""

import os
import sys
from collections.abc import Iterator

from registry_schema import Context, ContextPayload, CreateContextInput, Mutation, Query
from sgqlc.endpoint.http import HTTPEndpoint
from sgqlc.operation import Operation


def connect(url: str, key: str | None) -> HTTPEndpoint:
    return HTTPEndpoint(url, {"authorization": f"Bearer {key}"} if key else None)


def contexts(endpoint: HTTPEndpoint) -> Iterator[Context]:
    """All contexts, newest first, read page by page."""
    after = None
    while True:
        operation = Operation(Query)
        page = operation.contexts(first=50, after=after)
        page.nodes.__fields__("name", "created_at")
        page.nodes.owner.chitty_id()
        page.page_info.__fields__("has_next_page", "end_cursor")
        page = (operation + endpoint(operation)).contexts
        yield from page.nodes
        if not page.page_info.has_next_page:
            return
        after = page.page_info.end_cursor


def create(endpoint: HTTPEndpoint, name: str, owner: str) -> ContextPayload:
    operation = Operation(Mutation)
    created = operation.create_context(input=CreateContextInput(name=name, owner=owner))
    created.context.name()
    created.errors.__fields__("code", "path", "message")
    return (operation + endpoint(operation)).create_context


def main(url: str) -> None:
    endpoint = connect(url, os.environ.get("API_KEY"))
    found = list(contexts(endpoint))
    for context in found:
        print(f"{context.created_at:%Y-%m-%d}  {context.name}")
    for _ in range(2):  # a name is unique in a registry
        created = create(endpoint, "notes-of-sgqlc", found[0].owner.chitty_id)
        if created.context:
            print("created", created.context.name)
        for error in created.errors:
            print(f"{error.code} at {'.'.join(error.path)}: {error.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
