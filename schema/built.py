"""The schema that is served, and its text."""

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from schema.fields.scalars import SCALARS
from schema.mutations import Mutation
from schema.query import Query
from schema.types import Actor, Connection, Context, Installation


class _CachedNames(NameConverter):
    """Strawberry asks for the name of each argument and input field with each request."""

    def __init__(self) -> None:
        super().__init__()
        self.apply_naming_config = cache(super().apply_naming_config)  # type: ignore[method-assign]


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Actor, Context, Installation, Connection],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=_CachedNames()),
)
# graphql-core's schema underneath: Strawberry offers no public name for it.
GRAPHQL = SCHEMA._schema
GRAPHQL.description = (
    "The ChittyConnect registry: which actors own which contexts, what those are connected to, and"
    " through which GitHub App installations."
)


def sdl() -> str:
    """The schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
