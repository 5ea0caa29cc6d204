"""Validation looks the methods of its rules up once for each class, and not anew for each document.

A fifth of the time of all tests goes into the first look at their documents, and half of that into this.
"""

import functools
from collections.abc import Callable
from typing import Any

from graphql.language import visitor
from graphql.language.visitor import BREAK, SKIP, EnterLeaveVisitor, ParallelVisitor, Visitor

Method = Callable[..., Any]


def enter_and_leave(self: Visitor, kind: str) -> EnterLeaveVisitor:
    """The same as the library's method of this name, which it takes the place of."""
    found = self.enter_leave_map.get(kind)
    if found is None:
        rule: Any = type(self)
        enter, leave = _names(rule, kind)
        found = EnterLeaveVisitor(_method(self, enter), _method(self, leave))
        self.enter_leave_map[kind] = found
    return found


def enter_and_leave_all(self: ParallelVisitor, kind: str) -> EnterLeaveVisitor:
    """The same as the library's, which asks every rule at every node, also those without a method for it."""
    found = self.enter_leave_map.get(kind)
    if found is None:
        rules = list(self.visitors)
        classes: tuple[Any, ...] = tuple(map(type, rules))
        named = _concerned(classes, kind)
        bound = [
            (n, _method(rules[n], enter), _method(rules[n], leave)) for n, enter, leave in named
        ]
        found = EnterLeaveVisitor(None, None)
        if bound:
            found = EnterLeaveVisitor(_entering(self, bound), _leaving(self, bound))
        self.enter_leave_map[kind] = found
    return found


def _entering(self: ParallelVisitor, bound: list[tuple[int, Any, Any]]) -> Method:
    enters = [(n, enter) for n, enter, _ in bound if enter]

    def enter_each(node: Any, *args: Any) -> Any:
        for n, enter in enters:
            if self.skipping[n]:
                continue
            result = enter(node, *args)
            if result is None:
                continue
            if result is SKIP or result is False:
                self.skipping[n] = node
            elif result is BREAK or result is True:
                self.skipping[n] = BREAK
            else:
                return result
        return None

    return enter_each


def _leaving(self: ParallelVisitor, bound: list[tuple[int, Any, Any]]) -> Method:
    leaves = [(n, leave) for n, _, leave in bound]  # one that only enters may have skipped the node

    def leave_each(node: Any, *args: Any) -> Any:
        for n, leave in leaves:
            if self.skipping[n]:
                if self.skipping[n] is node:
                    self.skipping[n] = None
                continue
            result = leave(node, *args) if leave else None
            if result is None:
                continue
            if result is BREAK or result is True:
                self.skipping[n] = BREAK
            elif result is not SKIP and result is not False:
                return result
        return None

    return leave_each


def _method(rule: Visitor, name: str | None) -> Any:
    return getattr(rule, name) if name else None


@functools.cache
def _concerned(rules: tuple[Any, ...], kind: str) -> list[tuple[int, Any, Any]]:
    """The rules that have a method for this kind of node: their places and the names of the methods."""
    named = [(n, *_names(rule, kind)) for n, rule in enumerate(rules)]
    return [each for each in named if any(each[1:])]


@functools.cache
def _names(rule: Any, kind: str) -> tuple[str | None, str | None]:
    names = [
        next((each for each in (f"{when}_{kind}", when) if hasattr(rule, each)), None)
        for when in ("enter", "leave")
    ]
    return names[0], names[1]


visitor.Visitor.get_enter_leave_for_kind = enter_and_leave  # type: ignore[method-assign]
visitor.ParallelVisitor.get_enter_leave_for_kind = enter_and_leave_all  # type: ignore[method-assign]
