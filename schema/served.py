"""The schema that is served, and its text."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.mutations import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.types import Actor, Connection, Context, Installation

SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Actor, Context, Installation, Connection],
    config=StrawberryConfig(scalar_map=SCALARS),
)


def sdl() -> str:
    """The schema in GraphQL's schema definition language."""
    return SCHEMA.as_str() + "\n"
