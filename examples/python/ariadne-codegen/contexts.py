"""Lists the contexts of a registry and creates one, with ariadne-codegen: python contexts.py URL

`ariadne-codegen` makes the package registry from schema.graphql and operations.graphql. API_KEY holds the key
for a server in protected mode.
"""

import os
import sys
from collections.abc import Iterator

from registry import ContextFields, CreateContextInput, Registry


def connect(url: str, key: str | None) -> Registry:
    return Registry(url, {"authorization": f"Bearer {key}"} if key else None)


def contexts(registry: Registry) -> Iterator[ContextFields]:
    """All contexts, newest first, read page by page."""
    page = registry.contexts()
    while page:
        yield from page.nodes
        more = page.page_info
        page = registry.contexts(after=more.end_cursor) if more.has_next_page else None


def main(url: str) -> None:
    with connect(url, os.environ.get("API_KEY")) as registry:
        found = list(contexts(registry))
        for context in found:
            print(f"{context.created_at:%Y-%m-%d}  {context.name}")
        wanted = CreateContextInput(name="notes-of-ariadne-codegen", owner=found[0].owner.chitty_id)
        for _ in range(2):  # a name is unique in a registry
            created = registry.create_context(wanted)
            if created.context:
                print("created", created.context.name)
            for error in created.errors:
                print(f"{error.code.value} at {'.'.join(error.path)}: {error.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
