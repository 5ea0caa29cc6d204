"""What an actor's capabilities forbid others to do to it: said once, for statements and refusals.

The fragments are about the row of `actors` that a statement changes, and read the binds of `Powers`.
"""

import json
from dataclasses import dataclass

from db.commands.preconditions import Obstacle
from db.errors import ErrorCode, Problem
from db.program import Value

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Powers:
    """What whoever changes actors may give and take away: `held`, or everything for None.

    `keep_admin` says that the last active admin must remain one.
    """

    held: frozenset[str] | None = None
    keep_admin: bool = False

    @property
    def bind(self) -> dict[str, Value]:
        """The binds that the fragments read."""
        held = None if self.held is None else json.dumps(sorted(self.held))
        return {"held": held, "keep_admin": int(self.keep_admin)}


def _items(text: str) -> str:
    # Another program may have stored anything: what is no list of texts gives nothing, as at the gate.
    # A surrogate is half of a character, which only an escape can spell.
    is_plain = f"""CASE WHEN typeof({text}) = 'text' AND json_valid({text})
        THEN json_type({text}) = 'array' AND instr(lower({text}), '\\ud') = 0
        AND NOT EXISTS (SELECT 1 FROM json_each({text}) AS item WHERE item.type <> 'text') END"""
    return f"SELECT value FROM json_each(CASE WHEN {is_plain} THEN {text} ELSE '[]' END)"


_STORED = _items("actors.capabilities")
_GIVEN = _items(":capabilities")
_HELD = "SELECT value FROM json_each(:held)"

EXCEEDED = Obstacle(
    f"""CASE WHEN :held IS NOT NULL THEN (
        SELECT actors.chitty_id FROM ({_STORED} EXCEPT {_HELD}) LIMIT 1
    ) END""",
    lambda actor: Problem(
        ErrorCode.FORBIDDEN,
        ("chitty_id",),
        f"actor {actor} holds capabilities that you do not: this is for who holds them, or an admin",
    ),
)
GRANTED = Obstacle(
    f"""CASE WHEN :held IS NOT NULL THEN (
        SELECT value FROM (
            SELECT * FROM ({_GIVEN} EXCEPT {_STORED})
            UNION ALL SELECT * FROM ({_STORED} EXCEPT {_GIVEN})
        ) EXCEPT {_HELD} LIMIT 1
    ) END""",
    lambda capability: Problem(
        ErrorCode.FORBIDDEN,
        ("capabilities",),
        f"{capability!r} can be given and taken away only by who holds it, or an admin",
    ),
)
LAST_ADMIN = Obstacle(
    f"""CASE WHEN :keep_admin AND actors.status = 'active' AND '{ADMIN}' IN ({_STORED})
        AND NOT EXISTS (
            SELECT 1 FROM actors AS other
            WHERE other.status = 'active' AND other.chitty_id <> actors.chitty_id
              AND '{ADMIN}' IN ({_items("other.capabilities")})
        )
    THEN actors.chitty_id END""",
    lambda actor: Problem(
        ErrorCode.CONFLICT,
        ("chitty_id",),
        f"{actor} is the last active admin: make another actor one first",
    ),
)
STRIPPED_OF_ADMIN = LAST_ADMIN.when(f"'{ADMIN}' NOT IN ({_GIVEN})")
