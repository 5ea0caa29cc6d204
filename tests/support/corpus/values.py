"""Arguments: values of every input type, as literals and as variables."""

from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

from tests.support.corpus import leaves, literals
from tests.support.corpus.draft import ABSENT, Draft, Variable
from tests.support.corpus.literals import Name

DEEPEST = 3
PAGED = ("first", "last", "maxNodes")
MISFITS: tuple[Any, ...] = (None, ABSENT, 1.5, True, "", [[]], {"a": 1}, 2**63, "\x00", "nothing")


class Values:
    """Writes the values of one document.

    A `hint` says what a value is for: the argument or input field that takes it, after its owner.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.chance = draft.chance

    def written(self, kind: GraphQLInputType, hint: str, depth: int = 0) -> str:
        """Some value of this type: a literal, perhaps with variables in it, or a variable."""
        if self.chance.yes(0.25):
            return self.variable(kind, hint, depth)
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(kind, GraphQLList) and not self.chance.yes(0.1):
            items = [self.written(kind.of_type, hint, depth) for _ in range(self._length())]
            return "[" + ", ".join(items) + "]"
        if isinstance(kind, GraphQLInputObjectType):
            parts = [
                f"{name}: {self.written(field.type, _below(kind, name, hint), depth + 1)}"
                for name, field in self._chosen(kind, depth)
            ]
            return "{" + ", ".join(parts) + "}"
        return literals.text(self.value(kind, hint, depth), self.chance)

    def variable(self, kind: GraphQLInputType, hint: str, depth: int = 0) -> str:
        """A variable of this type: one that there is, or a new one with some value or none."""
        for known in self.draft.variables.values():
            if known.hint == hint and known.fits(kind) and self.chance.yes(0.4):
                return self.draft.use(known)
        value = self.value(kind, hint, depth)
        if leaves.is_new(hint):
            return self.carried(kind, hint, value, depth)
        if not isinstance(kind, GraphQLNonNull) and self.chance.yes(0.15):
            # Null is refused in a filter, while a whole one may be null.
            may_be_null = depth == 0 or not self.draft.careful
            value = self.chance.pick([None, ABSENT]) if may_be_null else ABSENT
        if not self.draft.careful and self.chance.yes(0.05):
            value = self.chance.pick(MISFITS)
        return self.carried(kind, hint, value, depth)

    def carried(self, kind: GraphQLInputType, hint: str, value: Any, depth: int = 0) -> str:
        """A new variable with this value, declared in one of the ways that fit the type."""
        bare, default = str(kind).removesuffix("!"), ""
        needs_value = isinstance(kind, GraphQLNonNull)
        is_given = value is not None and value is not ABSENT
        type_ = bare
        if is_given and self.chance.yes(0.25):
            other = value if hint.endswith(PAGED) else self.value(kind, hint, depth)
            default = f" = {literals.text(other)}"
            value = self.chance.pick([value, ABSENT])
            type_ += self.chance.pick(["", "!"])
        elif needs_value or (is_given and self.chance.yes(0.3)):
            type_ += "!"
        name = self.draft.fresh(self.chance.pick(["v", "input", "class_", "_"]))
        return self.draft.use(Variable(name, type_, hint, default, value))

    def value(self, kind: GraphQLInputType, hint: str, depth: int = 0) -> Any:
        """Some value of this type, as it would be sent for a variable."""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(kind, GraphQLList):
            items = [self.value(kind.of_type, hint, depth) for _ in range(self._length())]
            return items[0] if items and self.chance.yes(0.1) else items
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self.value(field.type, _below(kind, name, hint), depth + 1)
                for name, field in self._chosen(kind, depth)
            }
        if isinstance(kind, GraphQLEnumType):
            return Name(self.chance.pick(list(kind.values)))
        return leaves.value(self.draft, kind.name, hint)

    def _length(self) -> int:
        return self.chance.pick([0, 1, 1, 2, 3])

    def _chosen(
        self, kind: GraphQLInputObjectType, depth: int
    ) -> list[tuple[str, GraphQLInputField]]:
        """The fields of an input to give: what it needs, and some of the rest."""
        needed = {name for name, field in kind.fields.items() if is_required_input_field(field)}
        needed |= kind.fields.keys() & leaves.ALWAYS.get(kind.name, set())
        offered = [
            name
            for name, field in kind.fields.items()
            if name not in needed and (depth < DEEPEST or _is_flat(get_named_type(field.type)))
        ]
        picked = set(needed)
        if offered and not self.chance.yes(0.25 if needed else 0.03):
            picked.update(self.chance.some(offered, 3 if depth < 2 else 2))
        return [(name, field) for name, field in kind.fields.items() if name in picked]


def _is_flat(kind: Any) -> bool:
    """Whether no input object lies within."""
    return not isinstance(kind, GraphQLInputObjectType) or not any(
        isinstance(get_named_type(field.type), GraphQLInputObjectType)
        for field in kind.fields.values()
    )


def _below(kind: GraphQLInputObjectType, name: str, hint: str) -> str:
    """An operator's value is for the field that it compares."""
    is_operator = kind.name.endswith("Filter") and _is_flat(kind)
    return hint if is_operator else f"{kind.name}.{name}"
