"""The GraphQL schema, and its text in the schema definition language."""

from functools import cache

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from schema.fields.scalars import SCALARS
from schema.mutations import Mutation
from schema.query import Query
from schema.types import Actor, Connection, Context, Installation


class _CachedNames(NameConverter):
    """Caches names: Strawberry converts the name of each argument and input field per request."""

    def __init__(self) -> None:
        super().__init__()
        self.apply_naming_config = cache(super().apply_naming_config)  # type: ignore[method-assign]


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Actor, Context, Installation, Connection],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=_CachedNames()),
)
# The schema of graphql-core; Strawberry has no public name for it.
GRAPHQL = SCHEMA._schema
GRAPHQL.description = (
    "The ChittyConnect registry: which actors own which contexts, which services they are connected to,"
    " and through which GitHub App installations."
)


def sdl() -> str:
    return SCHEMA.as_str() + "\n"
