"""Programs that store an API key together with the actor that it makes an administrator, in one batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.commands import actors, statements
from db.model import instants
from db.model.tables import ACTORS
from db.program import Program, Statement
from db.security.api_keys import ApiKey, NewKey

# changes() are those of the statement before: whoever stores the second thing has stored the first.
STORED = "changes() > 0"
UNCHANGED = (
    f"EXISTS (SELECT 1 FROM {ACTORS.name} WHERE chitty_id = :actor AND capabilities IS :held)"
)
GRANT = statements.update(ACTORS, "capabilities = :granted", STORED)


def create_with_actor(values: Mapping[str, Any], new: NewKey) -> Program[ApiKey]:
    """Store an actor with its first key; raises Refused like `actors.insert`."""
    inserting = actors.insert(values)
    batch = next(inserting)
    *inserted, created, statuses = yield [*batch, *new.statements(STORED)]
    try:
        inserting.send(inserted)
    except StopIteration:
        return new.created(created, statuses)
    raise AssertionError("a Program that writes has one batch")


def create_and_grant(new: NewKey, held: str | None, granted: Sequence[str]) -> Program[ApiKey]:
    """Store a key, and give its actor these capabilities, if it has the stored text `held` of them still.

    Raises Refused like `NewKey.created`.
    """
    bind = {
        "chitty_id": new.actor,
        "granted": statements.stored(list(granted)),
        "now": instants.now(),
    }
    created, statuses, _ = yield [*new.statements(UNCHANGED, held=held), Statement(GRANT, bind)]
    return new.created(created, statuses)
