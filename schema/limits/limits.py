"""How large an operation may be, and the message for a larger one.

Imports nothing heavy, so that settings can take their defaults from here.
"""

from dataclasses import dataclass

MESSAGES = {
    "tokens": "the document has {} tokens",
    "depth": "the operation nests {} levels deep",
    "aliases": "the operation has {} aliases",
    "root_fields": "the operation has {} root fields",
    "directives": "the operation has {} directives",
    "expanded_directives": "the operation has {} directives wherever its fragments are spread",
    "expanded_fragments": "the operation spreads {} fragments, inline ones included",
    "fields": "the operation selects {} fields",
    "input_objects": "the arguments of the operation hold at least {} input objects",
    "input_values": "the arguments of the operation hold at least {} values",
    "introspection": "the operation introspects {} objects",
    "cost": "the operation costs {} points",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A fragment counts wherever it is spread, but its `aliases` and `directives` once; a variable counts
    wherever it is used; `cost` is in points.

    The limits on expanded directives and fragments, inputs and introspection are no settings: they keep the
    event loop free.
    """

    tokens: int = 1_000
    depth: int = 20
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50
    fields: int = 2_000
    cost: int = 50_000
    expanded_directives: int = 2_000
    expanded_fragments: int = 2_000
    input_objects: int = 1_000
    input_values: int = 10_000
    introspection: int = 5_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Excess:
    name: str
    measured: int
    allowed: int

    def __str__(self) -> str:
        return f"{MESSAGES[self.name].format(self.measured)}; {self.allowed} are allowed"


def first_excess(limits: Limits, **measured: int) -> Excess | None:
    for name, value in measured.items():
        allowed = getattr(limits, name)
        if value > allowed:
            return Excess(name, value, allowed)
    return None
