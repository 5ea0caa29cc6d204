"""Installations that wait for a ChittyID: kept by `resolvers.github.deliveries`, and given one here.

Their facts are stored already, so nothing that GitHub told is lost or applied twice meanwhile, and
the row is made in one batch as soon as there is an id. A claim keeps two processes from having an
id minted for the same installation; one whose claimant died comes free by itself.
"""

from datetime import UTC, datetime, timedelta

from db.commands import installation_facts
from db.model import instants
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Statement, Value

CLAIM = timedelta(seconds=30)

# Some other way there is a row by now: an id was given by hand, or by another claimant.
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
    """When a claim that is made now ends: later than the minting of one id may take."""
    return instants.canonical(datetime.now(UTC) + CLAIM)


ANY = "SELECT EXISTS (SELECT 1 FROM waiting_installations WHERE claimed_until <= :now)"


def any_unclaimed() -> Program[bool]:
    """Whether there is an installation to claim."""
    ([(found,)],) = yield [Statement(ANY, {"now": instants.now()})]
    return bool(found)


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
    """Claim the installation that was left alone for longest, until this instant; None is none."""
    bind: dict[str, Value] = {"claimed_until": until, "now": instants.now()}
    *_, found = yield [
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(NEXT, bind, returning="installation_id", of=CLAIMED),
    ]
    return int(str(found[0][0])) if found else None


RELEASE = """
    UPDATE waiting_installations SET claimed_until = :now
    WHERE installation_id = :installation_id AND claimed_until = :claimed_until
"""


def release(installation_id: int, until: str) -> Program[None]:
    """Give a claim back, so that the installation comes after all others that wait."""
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
    """Make the row of an installation under this id, and its deliveries applied.

    One that has a row by now keeps its id. None when there is no row since the id is taken.
    """
    bind: dict[str, Value] = {
        "installation_id": installation_id,
        "new_chitty_id": chitty_id,
        "installed_at": None,
        "now": instants.now(),
    }
    *_, found = yield [
        installation_facts.project(bind),
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(ROW, bind),
    ]
    return INSTALLATIONS.of(found[0]) if found else None
