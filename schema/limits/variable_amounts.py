"""Figures that are known, or that an operation's variables decide: sums and products of both.

Whatever is known is worked out when the figure is made, so that only what depends on variables is
worked out for each request.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

Given: TypeAlias = Mapping[str, Any]
"""An operation's variables as they were sent, before they are coerced."""

Amount: TypeAlias = int | Callable[[Given], int]


def worth(amount: Amount, given: Given) -> int:
    """The figure for these variables."""
    return amount if isinstance(amount, int) else amount(given)


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of them all."""
    known, open_ = _parted(amounts)
    sum_ = sum(known)
    if not open_:
        return sum_
    if len(open_) == 1 and not sum_:
        return open_[0]
    return lambda given: sum_ + sum([amount(given) for amount in open_])


def largest(amounts: Iterable[Amount]) -> Amount:
    """The largest of them, at least 0."""
    known, open_ = _parted(amounts)
    most = max(known, default=0)
    if not open_:
        return most
    return lambda given: max(most, *[amount(given) for amount in open_])


def times(factor: Amount, amount: Amount) -> Amount:
    """The product of both."""
    if isinstance(factor, int):
        if isinstance(amount, int):
            return factor * amount
        return times(amount, factor)
    if isinstance(amount, int):
        return 0 if amount == 0 else lambda given: factor(given) * amount
    return lambda given: factor(given) * amount(given)


def provided(holds: Callable[[Given], bool], amount: Amount) -> Amount:
    """The amount where the condition holds, else 0."""
    return 0 if amount == 0 else lambda given: worth(amount, given) if holds(given) else 0


def _parted(amounts: Iterable[Amount]) -> tuple[list[int], list[Callable[[Given], int]]]:
    known: list[int] = []
    open_: list[Callable[[Given], int]] = []
    for amount in amounts:
        if isinstance(amount, int):
            known.append(amount)
        else:
            open_.append(amount)
    return known, open_
