"""Validation of a mutation's input that reports every problem, not only the first.

    checks = InputChecks(inputs)
    chitty_id = checks.required("chitty_id", validators.chitty_id)
    email = checks.optional("email", validators.email)
    checks.raise_problems()

Use the values only after `raise_problems`: those with a problem are None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from db.errors import ErrorCode, Problem, Refused
from resolvers.validation import validators
from resolvers.validation.validators import InvalidValue, Validator

T = TypeVar("T")

Inputs: TypeAlias = Mapping[str, Any]
"""A mutation's input: the fields that the client sent, under their names in Python."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands in an input for a value that no validator can take, and says why; found before the checks."""

    problem: str


class InputChecks:
    """Validates the fields of one input; `path` is the input's own position if it is in a list."""

    def __init__(self, inputs: Inputs, *, path: tuple[str, ...] = ()) -> None:
        self._inputs = inputs
        self._path = path
        self.problems: list[Problem] = []

    def add_problem(self, field: str, message: str, code: ErrorCode = ErrorCode.INVALID) -> None:
        self.problems.append(Problem(code, (*self._path, field), message))

    def required(self, field: str, validator: Validator[T]) -> T:
        if self._inputs.get(field) is None:
            self.add_problem(field, "must have a value, not null")
            return cast(T, None)
        return self._validate(field, validator)

    def optional(self, field: str, validator: Validator[T]) -> T | None:
        return None if self._inputs.get(field) is None else self._validate(field, validator)

    def with_default(self, field: str, validator: Validator[T], default: T) -> T:
        """The valid value of a field, the default if it is absent; a problem if it is null."""
        return self.required(field, validator) if field in self._inputs else default

    def reference(self) -> tuple[str, str | None]:
        chitty_id = self.required("chitty_id", validators.chitty_id_of_row)
        return chitty_id, self.optional("if_updated_at", validators.instant)

    def changes(
        self,
        nullable: Mapping[str, Validator[Any]],
        not_null: Mapping[str, Validator[Any]] | None = None,
    ) -> dict[str, Any]:
        """The valid values of the fields that the client sent. Null clears `nullable` ones only."""
        changes = {
            field: self.optional(field, nullable[field])
            for field in nullable
            if field in self._inputs
        }
        for field, validator in (not_null or {}).items():
            if field in self._inputs:
                changes[field] = self.required(field, validator)
        return changes

    def raise_problems(self) -> None:
        if self.problems:
            raise Refused(self.problems)

    def _validate(self, field: str, validator: Validator[T]) -> T:
        value = self._inputs[field]
        try:
            if isinstance(value, Unusable):
                raise InvalidValue(value.problem)
            return validator(value)
        except InvalidValue as invalid:
            self.add_problem(field, str(invalid))
            return cast(T, None)
