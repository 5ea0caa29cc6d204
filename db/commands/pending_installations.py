"""Pending installations: those that GitHub reported and that have no ChittyID yet.

Their facts are stored, and the row is made as soon as there is an id. A claim keeps two processes from
minting an id for the same installation; it expires if its holder dies. After each failure an installation is
asked for later than before. That is stored, so that a restart does not begin anew.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from db.commands import installation_facts
from db.model import instants
from db.model.tables import INSTALLATIONS, Installation
from db.program import Program, Rows, Statement, Value

CLAIM = timedelta(seconds=30)
FIRST_WAIT = timedelta(seconds=10)
# A failure passes by itself; a refusal stays until somebody does something about it.
LONGEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT_IF_REFUSED = timedelta(hours=1)
JITTER = 0.25


@dataclass(frozen=True, slots=True)
class ClaimTerm:
    """A claim to be made: `token` is of this claim alone."""

    token: str = field(default_factory=lambda: uuid4().hex)
    until: str = field(default_factory=lambda: instants.canonical(datetime.now(UTC) + CLAIM))

    @property
    def bind(self) -> dict[str, Value]:
        return {"claim": self.token, "claimed_until": self.until}


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on an installation that failed so many times in a row, the last time for this reason."""

    installation_id: int
    token: str
    failures: int = 0
    refused: bool = False
    reason: str | None = None

    @classmethod
    def of(cls, rows: Rows) -> "Claim | None":
        if not rows:
            return None
        installation_id, token, failures, refused, reason = rows[0]
        return cls(
            int(str(installation_id)),
            str(token),
            int(str(failures)),
            bool(refused),
            None if reason is None else str(reason),
        )


CLAIMED = "installation_id, claim, failures, refused, reason"
OF_CLAIM = "waiting_installations WHERE claim = :claim"

ADD = f"""
    INSERT INTO waiting_installations (installation_id, since, claimed_until, claim)
    SELECT :installation_id, :now, :claimed_until, :claim
    WHERE {installation_facts.IS_WHOLE}
    ON CONFLICT (installation_id) DO UPDATE
    SET claimed_until = excluded.claimed_until, claim = excluded.claim
    WHERE waiting_installations.claimed_until <= :now
"""


def add(bind: dict[str, Value]) -> Statement:
    """The Statement that makes an installation pending if only its ChittyID is missing, and claims it."""
    # Whatever the last answer was: GitHub, or who has it redeliver, asks now.
    return Statement(ADD, bind, returning=CLAIMED, of=OF_CLAIM)


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

ANY = "SELECT EXISTS (SELECT 1 FROM waiting_installations)"
ANY_DUE = """
    SELECT EXISTS (
        SELECT 1 FROM waiting_installations AS waiting
        WHERE claimed_until <= :now AND (
            retry_at <= :now OR EXISTS (
                SELECT 1 FROM installations AS known
                WHERE known.installation_id = waiting.installation_id
            )
        )
    )
"""


def any_waiting() -> Program[bool]:
    ([(is_any,)],) = yield [Statement(ANY)]
    return bool(is_any)


def any_due() -> Program[bool]:
    """Whether there are any to ask for now, or to settle."""
    ([(is_any,)],) = yield [Statement(ANY_DUE, {"now": instants.now()})]
    return bool(is_any)


ASK_AGAIN = """
    UPDATE waiting_installations SET retry_at = ''
    WHERE :refused_too OR NOT refused
"""


# An id after a refusal shows that the refusals have ended, else only that the authority responds.
RESUME = """
    UPDATE waiting_installations SET retry_at = ''
    WHERE (:refused OR NOT refused)
      AND EXISTS (SELECT 1 FROM installations WHERE installation_id = :installation_id)
"""


def ask_again(*, refused_too: bool) -> Program[None]:
    """Make those due that failed, and if somebody wants it, those that were refused."""
    yield [Statement(ASK_AGAIN, {"refused_too": int(refused_too)})]


NEXT = """
    UPDATE waiting_installations SET claimed_until = :claimed_until, claim = :claim
    WHERE installation_id = (
        SELECT installation_id FROM waiting_installations
        WHERE claimed_until <= :now AND retry_at <= :now
        ORDER BY retry_at, claimed_until, installation_id LIMIT 1
    )
"""


def claim(term: ClaimTerm) -> Program[Claim | None]:
    """Claim the installation that has been due for longest; None if there is none."""
    bind: dict[str, Value] = {**term.bind, "now": instants.now()}
    *_, rows = yield [
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(NEXT, bind, returning=CLAIMED, of=OF_CLAIM),
    ]
    return Claim.of(rows)


RELEASE = """
    UPDATE waiting_installations
    SET claimed_until = :now, claim = NULL, failures = :failures, refused = :refused, reason = :reason,
        retry_at = :retry_at
    WHERE installation_id = :installation_id AND claim = :claim
"""
# One of those that were refused asks for all: a thousand would ask a thousand times as often.
POSTPONE_REFUSED = """
    UPDATE waiting_installations SET retry_at = :retry_at
    WHERE :refused AND refused AND retry_at < :retry_at
"""


def release(claim: Claim, *, refused: bool, reason: str) -> Program[None]:
    """Give up a claim for which no id was minted; the installation waits longer than the last time."""
    failures = 1 + (claim.failures if claim.refused == refused else 0)
    now = datetime.now(UTC)
    bind: dict[str, Value] = {
        "installation_id": claim.installation_id,
        "claim": claim.token,
        "failures": failures,
        "refused": int(refused),
        "reason": reason,
        "retry_at": instants.canonical(now + _wait(failures, refused=refused)),
        "now": instants.canonical(now),
    }
    yield [Statement(RELEASE, bind), Statement(POSTPONE_REFUSED, bind)]


def _wait(failures: int, *, refused: bool) -> timedelta:
    """How long to wait after so many failures: twice as long each time, a little less at random."""
    longest = LONGEST_WAIT_IF_REFUSED if refused else LONGEST_WAIT
    waits: timedelta = min(FIRST_WAIT * 2 ** min(failures - 1, 20), longest)
    return waits * random.uniform(1 - JITTER, 1)  # noqa: S311 - no secret


ROW = f"""
    SELECT {INSTALLATIONS.select_list("installations")} FROM installations
    WHERE installation_id = :installation_id
"""


def identify(claim: Claim, chitty_id: str) -> Program[Installation | None]:
    """Give an installation this ChittyID and its row, unless it has one; returns None if the id is in use."""
    bind: dict[str, Value] = {
        "installation_id": claim.installation_id,
        "new_chitty_id": chitty_id,
        "installed_at": None,
        "refused": int(claim.refused),
        "now": instants.now(),
    }
    *_, rows = yield [
        installation_facts.write_row(bind),
        Statement(SETTLE_DELIVERIES),
        Statement(SETTLE),
        Statement(RESUME, bind),
        Statement(ROW, bind),
    ]
    return INSTALLATIONS.of(rows[0]) if rows else None
