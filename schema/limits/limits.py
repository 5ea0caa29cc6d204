"""How large an operation may be: the figures, declared here once, and what is said beyond them.

Nothing heavy is imported, so that settings can take their defaults from here.
"""

from dataclasses import dataclass

SENTENCES = {
    "tokens": "the document has {} tokens",
    "depth": "the operation nests {} deep",
    "aliases": "the operation has {} aliases",
    "root_fields": "the operation has {} root fields",
    "directives": "the operation has {} directives",
    "fields": "the operation selects {} fields",
    "cost": "the operation may return {} objects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that an operation may have; what a fragment holds counts wherever it is spread.

    `cost` is in points, see `schema.cost`.
    """

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
    """A limit, by its name in Limits, and how far it was exceeded."""

    name: str
    measured: int
    allowed: int

    def __str__(self) -> str:
        """The sentence for the client."""
        return f"{SENTENCES[self.name].format(self.measured)}; {self.allowed} are allowed"


def exceeded(limits: Limits, **measured: int) -> Excess | None:
    """The first of the measured figures that is beyond its limit, or None."""
    for name, figure in measured.items():
        allowed = getattr(limits, name)
        if figure > allowed:
            return Excess(name, figure, allowed)
    return None
