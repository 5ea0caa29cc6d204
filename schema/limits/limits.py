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
    "fields": "the operation selects {} fields",
    "cost": "the operation may return {} objects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A fragment counts wherever it is spread. `cost` is in points, see `schema.limits.cost`."""

    tokens: int = 1_000
    depth: int = 20
    aliases: int = 30
    root_fields: int = 20
    directives: int = 10
    fields: int = 2_000
    cost: int = 50_000


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
