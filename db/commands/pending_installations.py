"""Pending installations: those that GitHub reported and that have no ChittyID yet.

Their facts are stored, and the row is made as soon as there is an id. A claim keeps two processes from
minting an id for the same installation; it expires if its holder dies.
"""

from datetime import UTC, datetime, timedelta

from db.commands import installation_facts
from db.model import instants
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Statement, Value

CLAIM = timedelta(seconds=30)

# Those that have a row by now: their id was set by a person, or by another process.
SETTLE_DELIVERIES = """
    UPDATE webhook_deliveries SET outcome = 'applied'
    WHERE outcome = 'waiting' AND installation_id IN (
        SELECT installation_id FROM waiting_installations JOIN installations USING (installation_id)
    )
"""
SETTLE = """
    DELETE FROM waiting_installations
    WHERE installation_id IN (SELECT installation_id FROM installations)
"""


def claimed_until() -> str:
    return instants.canonical(datetime.now(UTC) + CLAIM)


ANY = "SELECT EXISTS (SELECT 1 FROM waiting_installations WHERE claimed_until <= :now)"


def any_unclaimed() -> Program[bool]:
    ([(is_any,)],) = yield [Statement(ANY, {"now": instants.now()})]
    return bool(is_any)


CLAIMED = "waiting_installations WHERE claimed_until = :claimed_until"
NEXT = """
    UPDATE waiting_installations SET claimed_until = :claimed_until
    WHERE installation_id = (
        SELECT installation_id FROM waiting_installations
        WHERE claimed_until <= :now
        ORDER BY claimed_until, installation_id LIMIT 1
    )
"""


def claim(until: str) -> Program[int | None]:
    """Claim the installation that has been free for longest; None if there is none."""
    bind: dict[str, Value] = {"claimed_until": until, "now": instants.now()}
    *_, rows = yield [
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(NEXT, bind, returning="installation_id", of=CLAIMED),
    ]
    return int(str(rows[0][0])) if rows else None


RELEASE = """
    UPDATE waiting_installations SET claimed_until = :now
    WHERE installation_id = :installation_id AND claimed_until = :claimed_until
"""


def release(installation_id: int, until: str) -> Program[None]:
    bind: dict[str, Value] = {
        "installation_id": installation_id,
        "claimed_until": until,
        "now": instants.now(),
    }
    yield [Statement(RELEASE, bind)]


ROW = f"""
    SELECT {INSTALLATIONS.select_list("installations")} FROM installations
    WHERE installation_id = :installation_id
"""


def identify(installation_id: int, chitty_id: str) -> Program[Installation | None]:
    """Give an installation this ChittyID and its row, unless it has one; returns None if the id is in use."""
    bind: dict[str, Value] = {
        "installation_id": installation_id,
        "new_chitty_id": chitty_id,
        "installed_at": None,
        "now": instants.now(),
    }
    *_, rows = yield [
        installation_facts.write_row(bind),
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(ROW, bind),
    ]
    return INSTALLATIONS.of(rows[0]) if rows else None
