"""The payloads of mutations: the entity, or the errors that prevented the change."""

from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from db.errors import Problem
from resolvers.validation import secrets
from schema.enums import ErrorCode
from schema.types import Actor, Connection, Context, Installation

_ENTITY = "The changed object; null if there are errors"
_ERRORS = "Why nothing was changed; empty if the mutation succeeded"


@strawberry.type(description="A reason why a mutation changed nothing, which the client can act on")
class UserError:
    code: ErrorCode = strawberry.field(description="The kind of error")
    message: str = strawberry.field(
        description="What is wrong and what to do; never repeats a secret"
    )
    path: list[str] = strawberry.field(
        description="The path of the input field, with the names of GraphQL"
    )

    @classmethod
    def of(cls, problem: Problem, argument: str) -> "UserError":
        path = [argument, *map(to_camel_case, problem.path)]
        message = problem.message
        if problem.code is ErrorCode.NOT_FOUND:  # an id of no row may be a misplaced secret
            message = secrets.redact(message)
        return cls(code=problem.code, message=message, path=path)


def errors_field() -> Any:
    return strawberry.field(description=_ERRORS, default_factory=list)


@strawberry.type(description="The result of a mutation of an actor")
class ActorPayload:
    actor: Actor | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of a mutation of a context")
class ContextPayload:
    context: Context | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of a mutation of an installation")
class InstallationPayload:
    installation: Installation | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of a mutation of a connection")
class ConnectionPayload:
    connection: Connection | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = errors_field()


@strawberry.type(
    description="The result of a mutation of several connections, in the order of the input"
)
class ConnectionsPayload:
    connections: list[Connection] | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = errors_field()
