"""Scalars: values that the registry holds, that it could hold, and that it cannot."""

from collections.abc import Callable
from typing import Any

from tests.support.corpus import non_canonical
from tests.support.corpus.draft import Draft
from tests.support.registries import random_registries

INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)
INSTANTS = (*random_registries.INSTANTS, "2026-03-17T11:30:00.300+02:00", "2026-04-17t09:30:00z")
TEXTS = (*random_registries.WORDS, *non_canonical.TEXTS[:-1], "a", "d", "nobody's")
UNKNOWN_IDS = (
    "",
    "CHITTY-ACTOR-UNKNOWN",
    "did:chitty:CHITTY-ACTOR-000001-AAAA",
    "\x00",
    "ada",
    "🦊",
)
BAD_IDS = (
    "",
    "=",
    "QWN0b3I6",
    "QWN0b3I6bm9ib2R5",
    "Q29ubmVjdGlvbjp4",
    "ada",
    "é",
    "\x00",
    "A" * 99,
)
UUID = "00000000-0000-4000-8000-{:06}{:06}"
URLS = ("https://example.org/a", "https://api.example.org/🦊", "not a url", "")
# What mutations take where not every text will do; the last ones are refused.
EXAMPLES: dict[str, tuple[Any, ...]] = {
    "email": ("ada@example.org", "bob@example.org", "nobody", ""),
    "avatarUrl": URLS,
    "accountAvatarUrl": URLS,
    "targetEndpoint": URLS,
    "targetService": ("github", "slack", "neon", ""),
    "credentialsKvKey": ("keys/ada", "keys:bob", "ghp_" + "a1B2c3D4" * 5, ""),
    "accountLogin": ("ada", "bob-org", ""),
    "access": ("read", "write", "admin", ""),
    "requests": (1, 2, 100, 0, -1),
}
JSONS: tuple[Any, ...] = (
    {},
    {"a": 1, "b": [True, None, 1.5, "🦊\u2028"]},
    {"b": {"c": {"d": -0.0}}},
    {"n": 2**53 + 1},
    [1],
    "text",
    7,
)
# What stands for a new row: given always, so that nothing is minted, and always a new one.
ALWAYS = {
    "RegisterActorInput": {"chittyId"},
    "CreateContextInput": {"chittyId"},
    "RecordInstallationInput": {"chittyId"},
    "OpenConnectionInput": {"connectionId"},
}
_KINDS = {
    "RegisterActorInput": "ACTOR",
    "CreateContextInput": "CONTEXT",
    "RecordInstallationInput": "INSTALL",
}
# Of walks; the last ones are refused.
STEPS = {"depth": (1, 2, 3, 4, 10), "maxDepth": (1, 2, 3, 6, 20)}
BAD_STEPS = (0, -1, 21, 2**31 - 1)
TYPE_NAMES = ("Actor", "ConnectionSource", "ContextFilter", "ActorStatus", "JSON", "Nothing")
ACTORS = {"owner", "newOwner", "transferContextsTo", "suspendedBy"}


def value(draft: Draft, kind: str, hint: str) -> Any:
    """A value of a scalar for what the hint names."""
    owner, _, name = hint.rpartition(".")
    if is_new(hint) and draft.chance.yes(0.9):
        return _new(draft, owner)
    if owner.endswith("Input") and name in EXAMPLES and draft.chance.yes(0.9):
        return _leaning_to_first(draft, EXAMPLES[name])
    if owner == "CreateContextInput" and name == "name" and draft.chance.yes(0.7):
        return draft.fresh(f"work {draft.number} ")
    if name in STEPS:
        bad = not draft.careful and draft.chance.yes(0.2)
        return draft.chance.pick(BAD_STEPS if bad else STEPS[name])
    if owner == "__type":
        return draft.chance.pick(TYPE_NAMES)
    return _SCALARS[kind](draft, hint, _stored(draft, owner, name))


def is_new(hint: str) -> bool:
    """Whether a value of this hint stands for a row that is not there yet."""
    owner, _, name = hint.rpartition(".")
    return name in ALWAYS.get(owner, ())


def _new(draft: Draft, owner: str) -> str:
    # Ever greater ones: rows that were made in the same millisecond are ordered by them.
    number = int(draft.fresh(""))
    if owner == "OpenConnectionInput":
        return ("conn-" if draft.number >= 12 else "") + UUID.format(draft.number, number)
    kind = _KINDS[owner]
    return f"CHITTY-{kind}-{draft.number:06}-Z{number:03}"


def _leaning_to_first(draft: Draft, values: tuple[Any, ...]) -> Any:
    return values[0] if draft.chance.yes(0.5) else draft.chance.pick(values)


def _stored(draft: Draft, owner: str, name: str) -> list[Any]:
    """What the registry holds in the place that a value is for."""
    keys = draft.pool.keys
    if name in ACTORS:
        return keys["actors"]
    if name == "source":
        return [*keys["contexts"], *keys["actors"]]
    if name == "chittyId":
        for table in ("actors", "contexts"):
            if table.removesuffix("s") in owner.lower():
                return keys[table]
    return draft.pool.of(name)


def _text(draft: Draft, hint: str, stored: list[Any]) -> str:
    found = [each for each in stored if isinstance(each, str)]
    chosen = draft.chance.pick(found if found and draft.chance.yes(0.6) else TEXTS)
    parts = (chosen[:2], chosen[-2:], chosen.swapcase())
    return draft.chance.pick(parts) if draft.chance.yes(0.25) else chosen


def _chitty_id(draft: Draft, hint: str, stored: list[Any]) -> str:
    found = [each for each in stored if isinstance(each, str) and len(each) <= 180]
    if not found or draft.chance.yes(0.15):
        return draft.chance.pick(UNKNOWN_IDS)
    return draft.chance.pick(["", "", "", "did:chitty:"]) + draft.chance.pick(found)


def _id(draft: Draft, hint: str, stored: list[Any]) -> Any:
    found = [each for each in stored if isinstance(each, str)] or draft.pool.ids
    if draft.chance.yes(0.15):
        return draft.chance.pick([*BAD_IDS, 7])
    chosen = draft.chance.pick(found)
    return chosen.upper() if draft.chance.yes(0.05) else chosen


def _int(draft: Draft, hint: str, stored: list[Any]) -> int:
    found = [each for each in stored if isinstance(each, int) and each in INT32]
    return draft.chance.pick([*found, 0, 1, 5, -1, 2**31 - 1])


def _big_int(draft: Draft, hint: str, stored: list[Any]) -> Any:
    found = [each for each in stored if isinstance(each, int) and each in INT64]
    chosen = draft.chance.pick([*found, 0, 1, -1, 2**63 - 1])
    return chosen if draft.chance.yes(0.3) else str(chosen)


def _float(draft: Draft, hint: str, stored: list[Any]) -> float:
    return draft.chance.pick([0.0, 1.5, -1e300])


_SCALARS: dict[str, Callable[[Draft, str, list[Any]], Any]] = {
    "String": _text,
    "ID": _id,
    "Int": _int,
    "Float": _float,
    "Boolean": lambda draft, hint, stored: draft.chance.yes(0.5),
    "BigInt": _big_int,
    "ChittyID": _chitty_id,
    "DateTime": lambda draft, hint, stored: draft.chance.pick(INSTANTS),
    "JSON": lambda draft, hint, stored: draft.chance.pick(JSONS),
}
