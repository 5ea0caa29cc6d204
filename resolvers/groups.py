"""The groups of a list that a field's arguments ask for."""

from collections.abc import Callable, Sequence

from db.errors import BadRequest
from db.model.groupings import MOST_KEYS, Groupings
from db.queries.groups import Grouping, GroupOrder

DEFAULT, MOST = 100, 1_000
"""How many groups a list has if the client says nothing, and at most."""


def requested(
    groupings: Groupings, names: Sequence[str], order: GroupOrder, selects: Callable[[str], bool]
) -> Grouping:
    """The grouping by the keys of these names; `selects` tells whether a field of the groups is selected.

    Raises BadRequest for more keys than there may be, none, and two of which one excludes the other.
    """
    if not 1 <= len(names) <= MOST_KEYS:
        raise BadRequest("BAD_GROUPS", f"by must name 1 to {MOST_KEYS} keys, not {len(names)}")
    keys = {groupings.keys[name].field: groupings.keys[name] for name in names}
    if len(keys) < len(names):
        raise BadRequest(
            "BAD_GROUPS", "by must name each key once, and only one of days and months"
        )
    return Grouping(
        tuple(keys.values()),
        order,
        tuple((name, column) for name, column in groupings.sums.items() if selects(name)),
        tuple((name, column) for name, column in groupings.latest.items() if selects(name)),
    )


def size(first: int | None) -> int:
    """Raises BadRequest for a number that is out of range."""
    chosen = DEFAULT if first is None else first
    if not 1 <= chosen <= MOST:
        raise BadRequest("BAD_PAGE", f"first must be from 1 to {MOST}, not {chosen}")
    return chosen
