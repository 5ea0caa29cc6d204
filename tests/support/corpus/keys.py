"""Response keys that are taken, so that selections which meet in one object can always be merged."""

from dataclasses import dataclass, field

from graphql import GraphQLCompositeType, GraphQLObjectType


@dataclass(frozen=True)
class Taken:
    """A field that stands behind a response key."""

    parent: GraphQLCompositeType
    field: str
    arguments: str
    type: str

    def merges(self, other: "Taken") -> bool:
        """Whether both can have the same key. Objects of two types never meet, but must look alike."""
        objects = isinstance(self.parent, GraphQLObjectType) and isinstance(
            other.parent, GraphQLObjectType
        )
        apart = objects and self.parent is not other.parent
        same = (self.field, self.arguments) == (other.field, other.arguments)
        return (same or apart) and self.type == other.type


@dataclass
class Position:
    """Every field behind one response key, and the keys below them."""

    fields: list[Taken] = field(default_factory=list)
    below: "Keys" = field(default_factory=lambda: Keys())


@dataclass
class Keys:
    """The response keys of one position of an answer."""

    taken: dict[str, Position] = field(default_factory=dict)

    def fits(self, key: str, taken: Taken) -> bool:
        """Whether a field can be selected under this key, whatever it selects itself."""
        return key not in self.taken or all(map(taken.merges, self.taken[key].fields))

    def take(self, key: str, taken: Taken) -> "Keys":
        """Select a field under a key; the keys below it are returned."""
        position = self.taken.setdefault(key, Position())
        if taken not in position.fields:
            position.fields.append(taken)
        return position.below

    def absorb(self, other: "Keys") -> bool:
        """Take everything that another selection takes, or nothing where that does not fit."""
        fits = self._accepts(other)
        if fits:
            self._add(other)
        return fits

    def _accepts(self, other: "Keys") -> bool:
        return all(
            self.taken[key].below._accepts(position.below)
            and all(self.fits(key, taken) for taken in position.fields)
            for key, position in other.taken.items()
            if key in self.taken
        )

    def _add(self, other: "Keys") -> None:
        for key, position in other.taken.items():
            for taken in position.fields:
                self.take(key, taken)._add(position.below)
