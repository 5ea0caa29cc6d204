"""What people say of installations: kept as facts like what GitHub says, each in one batch."""

from collections.abc import Sequence

from db.commands import installation_facts
from db.commands.installation_facts import Fact, Rank
from db.commands.statements import id_taken, refused, standing, taken, why
from db.errors import ErrorCode, Refused
from db.model.tables import ACTORS, INSTALLATIONS, Installation
from db.program import Program, Statement, Value

PRESENT = """EXISTS (
        SELECT 1 FROM installations AS present
        WHERE present.installation_id = :installation_id AND present.uninstalled_at IS NULL
    )"""
SUSPENDED = """EXISTS (
        SELECT 1 FROM installations AS suspended
        WHERE suspended.installation_id = :installation_id AND suspended.suspended_at IS NOT NULL
    )"""
SUSPENDER = f"""(
        SELECT actor.status FROM {ACTORS.seen} AS actor WHERE actor.chitty_id = :suspended_by
    )"""
KNOWN = """EXISTS (
        SELECT 1 FROM installations AS known WHERE known.installation_id = :installation_id
    )"""

# An id can be given for a new installation, and repeated for one that has it.
MAY_HAVE_ID = f"""(
        {KNOWN} AND :chitty_id IS NULL
        OR EXISTS (
            SELECT 1 FROM installations AS same
            WHERE same.installation_id = :installation_id AND same.chitty_id = :chitty_id
        )
        OR NOT ({KNOWN} OR {taken("new_chitty_id")})
    )"""
# By a row, or by a removal that was told of before anything else.
REMOVED = f"""(
        {KNOWN} AND NOT {PRESENT}
        OR EXISTS (
            SELECT 1 FROM installation_facts AS removal
            WHERE removal.installation_id = :installation_id
              AND removal.aspect = 'uninstalled_at' AND removal.value <> 'null'
        )
    )"""
BACK = [Fact("uninstalled_at", None)]


def record(
    installation_id: int,
    told: Sequence[Fact],
    *,
    chitty_id: str | None,
    new_chitty_id: str,
    now: str,
) -> Program[Installation]:
    """Store an installation, or change the one with this id; a removed one is brought back.

    `chitty_id` is the one that it is said to have; `new_chitty_id`, the same or one that was minted,
    is for a new one. Raises Refused where it has another than the former, or is new and something
    else has the latter.
    """
    bind: dict[str, Value] = {
        "installation_id": installation_id,
        "chitty_id": chitty_id,
        "new_chitty_id": new_chitty_id,
        "installed_at": now,
        "now": now,
        "if_updated_at": None,
    }
    back = f"{MAY_HAVE_ID} AND {REMOVED}"
    *_, found = yield [
        installation_facts.merge(BACK, bind, at=installation_facts.LAST_WORD, condition=back),
        installation_facts.merge(
            told, bind, at=installation_facts.LAST_WORD, condition=MAY_HAVE_ID
        ),
        installation_facts.project(bind, condition=MAY_HAVE_ID),
        Statement(why(INSTALLATIONS), bind),
    ]
    if not found:
        raise Refused([id_taken(new_chitty_id)])
    row, _ = standing(INSTALLATIONS, installation_id, found)
    if chitty_id not in (None, row.chitty_id):
        other = f"installation {installation_id} has the ChittyID {row.chitty_id}, which stays"
        raise refused(ErrorCode.CONFLICT, "chitty_id", other)
    return row


def suspend(installation_id: int, *, suspended_by: str | None, now: str) -> Program[Installation]:
    """Suspend an installation; one that is suspended stays as it is.

    Raises Refused where it is unknown or removed, or the suspending actor is unknown or deleted.
    """
    told = [
        Fact("suspended_at", now, rank=Rank.SUSPENSION),
        Fact("suspended_by_chitty_id", suspended_by, rank=Rank.SUSPENSION),
    ]
    allowed = f"coalesce(:suspended_by IS NULL OR {SUSPENDER} <> 'deleted', FALSE)"
    condition = f"{PRESENT} AND NOT {SUSPENDED} AND {allowed}"
    bind = _bind(installation_id, now) | {"suspended_by": suspended_by}
    *_, found = yield _change(told, bind, condition, SUSPENDER)
    row, (status,) = standing(INSTALLATIONS, installation_id, found)
    if suspended_by is not None and status is None:
        missing = f"there is no actor {suspended_by}"
        raise refused(ErrorCode.NOT_FOUND, "suspended_by", missing)
    if suspended_by is not None and status == "deleted":
        deleted = f"{suspended_by} is deleted: reinstate it first"
        raise refused(ErrorCode.CONFLICT, "suspended_by", deleted)
    return _unless_removed(row)


def unsuspend(installation_id: int, *, now: str) -> Program[Installation]:
    """End an installation's suspension; one that is not suspended stays as it is.

    Raises Refused where it is unknown or removed.
    """
    told = [Fact("suspended_at", None), Fact("suspended_by_chitty_id", None)]
    bind = _bind(installation_id, now)
    *_, found = yield _change(told, bind, f"{PRESENT} AND {SUSPENDED}")
    row, _ = standing(INSTALLATIONS, installation_id, found)
    return _unless_removed(row)


def remove(installation_id: int, *, now: str) -> Program[Installation]:
    """Mark an installation as removed; one that is stays as it is, as do connections through it.

    Raises Refused where it is unknown.
    """
    told = [Fact("uninstalled_at", now, rank=Rank.REMOVAL)]
    *_, found = yield _change(told, _bind(installation_id, now), PRESENT)
    row, _ = standing(INSTALLATIONS, installation_id, found)
    return row


def _bind(installation_id: int, now: str) -> dict[str, Value]:
    return {
        "installation_id": installation_id,
        "new_chitty_id": None,
        "installed_at": None,
        "now": now,
        "if_updated_at": None,
    }


def _change(
    told: Sequence[Fact], bind: dict[str, Value], condition: str, *questions: str
) -> list[Statement]:
    return [
        installation_facts.merge(told, bind, at=installation_facts.LAST_WORD, condition=condition),
        installation_facts.project(bind, condition=condition),
        Statement(why(INSTALLATIONS, *questions), bind),
    ]


def _unless_removed(row: Installation) -> Installation:
    if row.uninstalled_at is not None:
        removed = f"installation {row.installation_id} is removed: record it again first"
        raise refused(ErrorCode.CONFLICT, "installation_id", removed)
    return row
