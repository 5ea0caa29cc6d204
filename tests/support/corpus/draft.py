"""A document while it is being made: its variables, its fragments, and how much it may still hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLInputType

from tests.support.corpus.chance import Chance
from tests.support.corpus.keys import Keys
from tests.support.corpus.pool import Pool

ABSENT: Any = object()


@dataclass
class Used:
    """The variables and fragments that one definition names."""

    variables: dict[str, None] = field(default_factory=dict)
    fragments: dict[str, None] = field(default_factory=dict)

    def add(self, other: "Used") -> None:
        """Name what another part of the definition names."""
        self.variables |= other.variables
        self.fragments |= other.fragments


@dataclass(frozen=True)
class Variable:
    """A variable as an operation declares it, and the value that is sent (or ABSENT)."""

    name: str
    type: str
    hint: str
    default: str
    value: Any

    def fits(self, kind: GraphQLInputType) -> bool:
        """Whether it can stand where a value of this type is taken."""
        wanted = str(kind)
        return self.type == wanted or self.type == f"{wanted}!"

    @property
    def declared(self) -> str:
        """Its definition."""
        return f"${self.name}: {self.type}{self.default}"


@dataclass(frozen=True)
class Fragment:
    """A named fragment: where it can be spread, and what that selects."""

    name: str
    type: str
    body: str
    keys: Keys
    used: Used
    rows: int
    depth: int
    fields: int


@dataclass
class Draft:
    """Everything that is decided while a document is made.

    `careful` leaves out what a request is refused or a field is failed for; `ordered` allows lists in
    an ordering of their own.
    """

    number: int
    chance: Chance
    pool: Pool
    careful: bool
    ordered: bool = True
    fields_left: int = 60
    variables: dict[str, Variable] = field(default_factory=dict)
    fragments: dict[str, Fragment] = field(default_factory=dict)
    used: Used = field(default_factory=Used)
    made: int = 0

    def fresh(self, prefix: str) -> str:
        """A name that nothing in the document has."""
        self.made += 1
        return f"{prefix}{self.made}"

    def use(self, variable: Variable) -> str:
        """Name a variable here."""
        self.variables[variable.name] = variable
        self.used.variables[variable.name] = None
        return f"${variable.name}"

    @contextmanager
    def definition(self) -> Iterator[Used]:
        """Record what is named while one definition is made."""
        before, self.used = self.used, Used()
        try:
            yield self.used
        finally:
            self.used = before

    def reached(self, used: Used) -> tuple[list[str], list[str]]:
        """The variables and the fragments that a definition leads to, in order."""
        variables, fragments = dict(used.variables), dict(used.fragments)
        for name in used.fragments:
            inner = self.reached(self.fragments[name].used)
            variables |= dict.fromkeys(inner[0])
            fragments |= dict.fromkeys(inner[1])
        return list(variables), list(fragments)
