"""The collector of what is wrong with a mutation's input: every problem is reported, not the first.

    checks = Checks(given)
    chitty_id = checks.required("chitty_id", shapes.chitty_id)
    email = checks.optional("email", shapes.email)
    checks.done()

The values are to be used only after `done`, which raises when any of them was malformed.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from db.errors import ErrorCode, Problem, Refused
from resolvers.validation import validators
from resolvers.validation.validators import Malformed, Shape

T = TypeVar("T")


class Checks:
    """Checks the fields of one input, each against a Shape, and keeps the problems.

    `given` holds the fields that the client gave; `at` is where the input itself lies, when it
    is one of a list.
    """

    def __init__(self, given: Mapping[str, Any], *, at: tuple[str, ...] = ()) -> None:
        self._given = given
        self._at = at
        self.problems: list[Problem] = []

    def refuse(self, field: str, message: str, code: ErrorCode = ErrorCode.INVALID) -> None:
        """Note a problem with a field."""
        self.problems.append(Problem(code, (*self._at, field), message))

    def required(self, field: str, shape: Shape[T]) -> T:
        """The cleaned value of a field that must have one: null and absence are problems."""
        if self._given.get(field) is None:
            self.refuse(field, "a value is needed here, null is none")
            return cast(T, None)
        return self._clean(field, shape)

    def optional(self, field: str, shape: Shape[T]) -> T | None:
        """The cleaned value of a field that may be absent or null: None in both cases."""
        return None if self._given.get(field) is None else self._clean(field, shape)

    def with_default(self, field: str, shape: Shape[T], default: T) -> T:
        """The cleaned value of a field that may be absent, but not null."""
        return self.required(field, shape) if field in self._given else default

    def reference(self) -> tuple[str, str | None]:
        """The row to change: its `chitty_id`, and `if_updated_at` where that was given."""
        chitty_id = self.required("chitty_id", validators.chitty_id)
        return chitty_id, self.optional("if_updated_at", validators.instant)

    def changes(
        self, clearable: Mapping[str, Shape[Any]], needed: Mapping[str, Shape[Any]] | None = None
    ) -> dict[str, Any]:
        """The cleaned values of the fields that were given, for an update.

        Null clears a `clearable` field and is a problem in a `needed` one; what is absent stays so.
        """
        found = {
            field: self.optional(field, clearable[field])
            for field in clearable
            if field in self._given
        }
        for field, shape in (needed or {}).items():
            if field in self._given:
                found[field] = self.required(field, shape)
        return found

    def done(self) -> None:
        """Raises Refused with every problem, when there is any."""
        if self.problems:
            raise Refused(self.problems)

    def _clean(self, field: str, shape: Shape[T]) -> T:
        try:
            return shape(self._given[field])
        except Malformed as malformed:
            self.refuse(field, str(malformed))
            return cast(T, None)
