"""Which capabilities the viewer may grant and revoke, as preconditions on the row of `actors` to change."""

import json
from dataclasses import dataclass

from db.errors import ErrorCode, Problem
from db.precondition import Precondition
from db.program import Value

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the viewer may grant and revoke: `held`, or all if None."""

    held: frozenset[str] | None = None
    keep_admin: bool = False  # protects the last active admin

    @property
    def bind(self) -> dict[str, Value]:
        held = None if self.held is None else json.dumps(sorted(self.held))
        return {"held": held, "keep_admin": int(self.keep_admin)}


def capabilities_in(text: str) -> str:
    """SQL for the capabilities in a stored text, which has none unless it is a list of texts."""
    # Other programs may store anything; `resolvers.permissions.viewer_of` reads it in the same way.
    # A surrogate is half of a character, which JSON can only express as an escape.
    is_plain = f"""CASE WHEN typeof({text}) = 'text' AND json_valid({text})
        THEN json_type({text}) = 'array'
        AND instr(lower({text}), '\\ud') = 0 AND instr({text}, char(0)) = 0
        AND NOT EXISTS (SELECT 1 FROM json_each({text}) AS item WHERE item.type <> 'text') END"""
    return f"SELECT value FROM json_each(CASE WHEN {is_plain} THEN {text} ELSE '[]' END)"


_STORED = capabilities_in("actors.capabilities")
_NEW = capabilities_in(":capabilities")
_HELD = "SELECT value FROM json_each(:held)"

EXCEEDED = Precondition(
    f"""CASE WHEN :held IS NOT NULL THEN (
        SELECT actors.chitty_id FROM ({_STORED} EXCEPT {_HELD}) LIMIT 1
    ) END""",
    lambda actor: Problem(
        ErrorCode.FORBIDDEN,
        ("chitty_id",),
        f"actor {actor} holds capabilities that you do not: this is for who holds them, or an admin",
    ),
)
GRANTED = Precondition(
    f"""CASE WHEN :held IS NOT NULL THEN (
        SELECT value FROM (
            SELECT * FROM ({_NEW} EXCEPT {_STORED})
            UNION ALL SELECT * FROM ({_STORED} EXCEPT {_NEW})
        ) EXCEPT {_HELD} LIMIT 1
    ) END""",
    lambda capability: Problem(
        ErrorCode.FORBIDDEN,
        ("capabilities",),
        f"{capability!r} can be given and taken away only by who holds it, or an admin",
    ),
)
LAST_ADMIN = Precondition(
    f"""CASE WHEN :keep_admin AND actors.status = 'active' AND '{ADMIN}' IN ({_STORED})
        AND NOT EXISTS (
            SELECT 1 FROM actors AS other
            WHERE other.status = 'active' AND other.chitty_id <> actors.chitty_id
              AND '{ADMIN}' IN ({capabilities_in("other.capabilities")})
        )
    THEN actors.chitty_id END""",
    lambda actor: Problem(
        ErrorCode.CONFLICT,
        ("chitty_id",),
        f"{actor} is the last active admin: make another actor one first",
    ),
)
STRIPPED_OF_ADMIN = LAST_ADMIN.when(f"'{ADMIN}' NOT IN ({_NEW})")
