"""Selections: fields, aliases, fragments and directives over any type of the schema."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    TypeMetaFieldDef,
    get_named_type,
    is_composite_type,
)
from graphql.type import is_abstract_type, is_union_type
from graphql.utilities import do_types_overlap

from tests.support.corpus import reach
from tests.support.corpus.arguments import Arguments
from tests.support.corpus.draft import Draft, Fragment
from tests.support.corpus.keys import Keys, Taken

ALIASES = (
    "a",
    "b",
    "data",
    "errors",
    "node",
    "None",
    "class",
    "lambda",
    "__init__",
    "_0",
    "cursor",
    "row",
)
# How often a field is one of the graph's.
OF_GRAPH = 0.06


@dataclass(frozen=True)
class Place:
    """Where a selection stands: how deep it may still go, and how many objects it is asked of."""

    keys: Keys
    depth: int
    rows: int


@dataclass(frozen=True)
class Chosen:
    """A field as it was selected, to be selected once more."""

    text: str
    kind: Any
    inner: Place


class Selections:
    """Writes the selections of one document."""

    def __init__(self, draft: Draft, schema: GraphQLSchema) -> None:
        self.draft = draft
        self.chance = draft.chance
        self.schema = schema
        self.arguments = Arguments(draft)
        self.composites = [kind for kind in schema.type_map.values() if is_composite_type(kind)]

    def of(self, kind: Any, place: Place) -> str:
        """A selection set of a type, with its braces."""
        parts: list[str] = []
        chosen: list[Chosen] = []
        for _ in range(self.chance.pick([1, 2, 2, 3, 4])):
            draw = self.chance.random()
            if draw < 0.08 and place.depth > 0:
                parts += self._inline(kind, place)
            elif draw < 0.16 and place.depth > 0:
                parts += self._spread(kind, place)
            elif draw < 0.20:
                parts += self._again(chosen)
            elif draw < 0.25 or is_union_type(kind) or self.draft.fields_left <= 0:
                parts += self._typename(kind, place)
            else:
                parts += self._field(kind, place, chosen)
        if is_union_type(kind) and place.depth > 0 and self.chance.yes(0.8):
            parts += self._inline(kind, place)
        return "{ " + " ".join(parts or self._typename(kind, place, plainly=True)) + " }"

    def mutations(self, kind: Any, place: Place, most: int) -> str:
        """A selection set of one to `most` mutations."""
        count = self.chance.randint(1, most)
        return (
            "{ "
            + " ".join(part for _ in range(count) for part in self._field(kind, place, []))
            + " }"
        )

    def _typename(self, kind: Any, place: Place, *, plainly: bool = False) -> list[str]:
        taken = Taken(kind, "__typename", "", "String!")
        key = "__typename" if plainly else self._key("__typename", taken, place, 0.3)
        place.keys.take(key, taken)
        return [_aliased(key, "__typename") + ("" if plainly else self._directives())]

    def _field(self, kind: Any, place: Place, chosen: list[Chosen]) -> list[str]:
        name, field = self._pick(kind, place)
        self.draft.fields_left -= 1
        arguments, count = self.arguments.of(name, field, place.rows)
        inner_kind = get_named_type(field.type)
        taken = Taken(kind, name, arguments, str(field.type))
        key = self._key(name, taken, place, 0.6 if arguments else 0.15)
        keys = place.keys.take(key, taken)
        depth = place.depth - 1 if not name.startswith("__") else 1  # the limit of introspection
        inner = Place(keys, depth, place.rows * count)
        text = _aliased(key, name) + arguments
        made = Chosen(text, inner_kind, inner)
        chosen.append(made)
        return [self._selected(made)]

    def _selected(self, chosen: Chosen) -> str:
        is_leaf = not is_composite_type(chosen.kind)
        below = "" if is_leaf else f" {self.of(chosen.kind, chosen.inner)}"
        return chosen.text + self._directives() + below

    def _again(self, chosen: list[Chosen]) -> list[str]:
        return [self._selected(self.chance.pick(chosen))] if chosen else []

    def _pick(self, kind: Any, place: Place) -> tuple[str, GraphQLField]:
        # What only generic execution answers has nothing to be compared with.
        fields = {name: field for name, field in kind.fields.items() if not reach.is_left_out(name)}
        of_graph = {name: each for name, each in fields.items() if name in reach.OF_GRAPH}
        if of_graph and self.chance.yes(OF_GRAPH):
            name = self.chance.pick(list(of_graph))
            return name, of_graph[name]
        fields = {name: each for name, each in fields.items() if name not in of_graph}
        if "groups" in fields and self.chance.yes(0.6):  # objects tell more than their numbers
            del fields["groups"]
        if kind is self.schema.query_type and self.chance.yes(0.01):
            return "__type", TypeMetaFieldDef
        leaves = [name for name, field in fields.items() if not _is_composite(field)]
        deeper = [name for name, field in fields.items() if _is_composite(field)]
        go_deeper = deeper and (not leaves or (place.depth > 0 and self.chance.yes(0.55)))
        name = self.chance.pick(deeper if go_deeper else leaves)
        return name, fields[name]

    def _key(self, name: str, taken: Taken, place: Place, aliased: float) -> str:
        key = self.chance.pick(ALIASES) if self.chance.yes(aliased) else name
        return key if place.keys.fits(key, taken) else self.draft.fresh("x")

    def _inline(self, kind: Any, place: Place) -> list[str]:
        on = self._overlapping(kind)
        with self.draft.definition() as used:
            inner = Place(Keys(), place.depth - 1, place.rows)
            body = self.of(on, inner)
        if not place.keys.absorb(inner.keys):
            return []
        self.draft.used.add(used)
        condition = "" if on is kind and self.chance.yes(0.5) else f" on {on.name}"
        return [f"...{condition}{self._directives()} {body}"]

    def _spread(self, kind: Any, place: Place) -> list[str]:
        fragment = self._known(kind, place) or self._new(kind, place)
        if not place.keys.absorb(fragment.keys):
            return []
        self.draft.fields_left -= fragment.fields
        self.draft.used.fragments[fragment.name] = None
        return [f"...{fragment.name}{self._directives()}"]

    def _known(self, kind: Any, place: Place) -> Fragment | None:
        fitting = [
            each
            for each in self.draft.fragments.values()
            if each.rows >= place.rows
            and each.depth <= place.depth
            and each.fields <= self.draft.fields_left
            and do_types_overlap(self.schema, self.schema.type_map[each.type], kind)  # type: ignore[arg-type]
        ]
        return self.chance.pick(fitting) if fitting and self.chance.yes(0.6) else None

    def _new(self, kind: Any, place: Place) -> Fragment:
        on = self._overlapping(kind)
        before = self.draft.fields_left
        inner = Place(Keys(), place.depth - 1, place.rows)
        with self.draft.definition() as used:
            body = self.of(on, inner)
        name = self.draft.fresh(self.chance.pick(["F", "fragment", "query", "Connection"]))
        fields = before - self.draft.fields_left
        made = Fragment(name, on.name, body, inner.keys, used, place.rows, place.depth, fields)
        self.draft.fragments[name] = made
        return made

    def _overlapping(self, kind: Any) -> Any:
        if kind is self.schema.query_type or kind is self.schema.mutation_type:
            return kind
        others = [
            each
            for each in self.composites
            if (is_abstract_type(each) or is_abstract_type(kind))
            and do_types_overlap(self.schema, each, kind)
        ]
        return self.chance.pick([kind, *others]) if others else kind

    def _directives(self) -> str:
        if not self.chance.yes(0.1):
            return ""
        names = self.chance.pick([["skip"], ["include"], ["include", "skip"]])
        boolean = GraphQLNonNull(GraphQLBoolean)
        return "".join(f" @{name}(if: {self.arguments.written(boolean, 'if')})" for name in names)


def _is_composite(field: GraphQLField) -> bool:
    return is_composite_type(get_named_type(field.type))


def _aliased(key: str, name: str) -> str:
    return name if key == name else f"{key}: {name}"
