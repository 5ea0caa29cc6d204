"""Amounts that may depend on an operation's variables: their sums and products.

What is known is computed once; each request computes only the rest.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

SentVariables: TypeAlias = Mapping[str, Any]
"""An operation's variables as the client sent them, before coercion."""

Amount: TypeAlias = int | Callable[[SentVariables], int]


def evaluate(amount: Amount, sent: SentVariables) -> int:
    return amount if isinstance(amount, int) else amount(sent)


def sum_of(amounts: Iterable[Amount]) -> Amount:
    known, unknown = _split(amounts)
    sum_ = sum(known)
    if not unknown:
        return sum_
    if len(unknown) == 1 and not sum_:
        return unknown[0]
    return lambda sent: sum_ + sum([amount(sent) for amount in unknown])


def largest(amounts: Iterable[Amount]) -> Amount:
    """The largest of the amounts, at least 0."""
    known, unknown = _split(amounts)
    minimum = max(known, default=0)
    if not unknown:
        return minimum
    return lambda sent: max(minimum, *[amount(sent) for amount in unknown])


def product(factor: Amount, amount: Amount) -> Amount:
    if isinstance(factor, int):
        if isinstance(amount, int):
            return factor * amount
        return product(amount, factor)
    if isinstance(amount, int):
        return 0 if amount == 0 else lambda sent: factor(sent) * amount
    return lambda sent: factor(sent) * amount(sent)


def conditional(holds: Callable[[SentVariables], bool], amount: Amount) -> Amount:
    return 0 if amount == 0 else lambda sent: evaluate(amount, sent) if holds(sent) else 0


def _split(amounts: Iterable[Amount]) -> tuple[list[int], list[Callable[[SentVariables], int]]]:
    known: list[int] = []
    unknown: list[Callable[[SentVariables], int]] = []
    for amount in amounts:
        if isinstance(amount, int):
            known.append(amount)
        else:
            unknown.append(amount)
    return known, unknown
