"""The GraphQL schema, and its text in the schema definition language."""

from copy import copy
from functools import cache

import strawberry
from graphql import DirectiveLocation, GraphQLDeprecatedDirective, GraphQLDirective
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from schema.fields.scalars import SCALARS
from schema.mutations import Mutation
from schema.pages import convert_arguments_once
from schema.query import Query
from schema.subscription import Subscription
from schema.types import Actor, Change, Connection, Context, Installation, Service


class _CachedNames(NameConverter):
    """Caches names: Strawberry converts the name of each argument and input field per request."""

    def __init__(self) -> None:
        super().__init__()
        self.apply_naming_config = cache(super().apply_naming_config)  # type: ignore[method-assign]


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Actor, Context, Installation, Connection, Service, Change],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=_CachedNames()),
)
# The schema of graphql-core; Strawberry has no public name for it.
GRAPHQL = SCHEMA._schema
convert_arguments_once(GRAPHQL)
# Introspection lists the types in this order, and documentation shows them so.
GRAPHQL.type_map = dict(sorted(GRAPHQL.type_map.items()))


def _deprecated() -> GraphQLDirective:
    """@deprecated of the specification's edition of September 2025.

    That of graphql-core has a location of the draft, for which clients with an older graphql-core refuse the
    whole introspection.
    """
    directive = copy(GraphQLDeprecatedDirective)
    directive.locations = tuple(
        each for each in directive.locations if each is not DirectiveLocation.DIRECTIVE_DEFINITION
    )
    return directive


GRAPHQL.directives = tuple(
    _deprecated() if each is GraphQLDeprecatedDirective else each for each in GRAPHQL.directives
)
GRAPHQL.description = (
    "The ChittyConnect registry: which actors own which contexts, which services they are connected to,"
    " and through which GitHub App installations."
)


@cache
def sdl() -> str:
    return SCHEMA.as_str() + "\n"
