"""Who writes, and why: what the triggers that record changes cannot know.

It stands in the only row of the table `writing`, as long as the transaction that fills it. Without it, a
change is another program's.
"""

from dataclasses import dataclass

from db.model import instants
from db.program import Value

FILL = """
    INSERT OR REPLACE INTO writing (place, actor, cause, request_id, at)
    VALUES (1, :actor, :cause, :request_id, :at)
"""
EMPTY = "DELETE FROM writing"


@dataclass(frozen=True, slots=True)
class Attribution:
    """The mutation, webhook event or command that writes, who asked for it, if any actor, and its request."""

    cause: str
    actor: str | None = None
    request_id: str | None = None

    def bind(self) -> dict[str, Value]:
        """The binds of FILL: the changes get the present time."""
        return {
            "actor": self.actor,
            "cause": self.cause,
            "request_id": self.request_id,
            "at": instants.now(),
        }
