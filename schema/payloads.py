"""What mutations answer: the entity, or what the caller can mend."""

from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from db.errors import Problem
from schema.enums import ErrorCode
from schema.types import Actor, Connection, Context, Installation

_ENTITY = "Null when there are errors"
_ERRORS = "What the caller can mend; empty when it was done"


@strawberry.type(description="A reason why nothing was written, which the caller can mend")
class UserError:
    """One Problem as clients see it."""

    code: ErrorCode = strawberry.field(description="What kind of refusal it is")
    message: str = strawberry.field(
        description="What is wrong and what to do about it; it never repeats a secret"
    )
    path: list[str] = strawberry.field(description="The input field, as the client spelled it")

    @classmethod
    def of(cls, problem: Problem, argument: str) -> "UserError":
        """A problem found in the argument of this name."""
        path = [argument, *map(to_camel_case, problem.path)]
        return cls(code=problem.code, message=problem.message, path=path)


def _errors() -> Any:
    return strawberry.field(description=_ERRORS, default_factory=list)


@strawberry.type(description="An actor, or why not")
class ActorPayload:
    """Of the mutations of actors."""

    actor: Actor | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = _errors()


@strawberry.type(description="A context, or why not")
class ContextPayload:
    """Of the mutations of contexts."""

    context: Context | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = _errors()


@strawberry.type(description="An installation, or why not")
class InstallationPayload:
    """Of the mutations of installations."""

    installation: Installation | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = _errors()


@strawberry.type(description="A connection, or why not")
class ConnectionPayload:
    """Of the mutations of connections."""

    connection: Connection | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = _errors()


@strawberry.type(description="Connections in the order of the input, or why not")
class ConnectionsPayload:
    """Of the mutations of several connections."""

    connections: list[Connection] | None = strawberry.field(description=_ENTITY, default=None)
    errors: list[UserError] = _errors()
