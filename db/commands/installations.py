"""Programs that change installations. Changes by people are stored as facts, like those from GitHub."""

from collections.abc import Sequence

from db.commands import installation_facts, installation_repositories
from db.commands.installation_facts import PERSON, Fact, Rank
from db.commands.statements import (
    chitty_id_taken,
    id_taken_problem,
    refusal,
    why_not_written,
    written_or_explained,
)
from db.errors import ErrorCode, Refused
from db.model.tables import ACTORS, INSTALLATIONS, Installation
from db.program import Program, Statement, Value, Values
from db.security.row_security import by_key

PRESENT = """EXISTS (
        SELECT 1 FROM installations AS present
        WHERE present.installation_id = :installation_id AND present.uninstalled_at IS NULL
    )"""
SUSPENDED = """EXISTS (
        SELECT 1 FROM installations AS suspended
        WHERE suspended.installation_id = :installation_id AND suspended.suspended_at IS NOT NULL
    )"""
SUSPENDER = f"""(
        SELECT actor.status FROM {by_key(ACTORS, "actor", ":suspended_by")}
    )"""
KNOWN = """EXISTS (
        SELECT 1 FROM installations AS known WHERE known.installation_id = :installation_id
    )"""

# A ChittyID can be set for a new installation, and repeated for one that has it.
MAY_HAVE_ID = f"""(
        {KNOWN} AND :chitty_id IS NULL
        OR EXISTS (
            SELECT 1 FROM installations AS same
            WHERE same.installation_id = :installation_id AND same.chitty_id = :chitty_id
        )
        OR NOT ({KNOWN} OR {chitty_id_taken("new_chitty_id")})
    )"""
# According to its row, or to a removal that was reported before anything else.
REMOVED = f"""(
        {KNOWN} AND NOT {PRESENT}
        OR EXISTS (
            SELECT 1 FROM installation_facts AS removal
            WHERE removal.installation_id = :installation_id
              AND removal.aspect = 'uninstalled_at' AND removal.value <> 'null'
        )
    )"""
NOT_REMOVED = [Fact("uninstalled_at", None)]


def record(
    installation_id: int,
    facts: Sequence[Fact],
    *,
    chitty_id: str | None,
    new_chitty_id: str,
    now: str,
) -> Program[Installation]:
    """Store an installation with `new_chitty_id`, or change or restore the one with this id.

    Raises Refused if it has another ChittyID than the `chitty_id` sent, or if the new one is in use.
    """
    bind: dict[str, Value] = {
        "installation_id": installation_id,
        "chitty_id": chitty_id,
        "new_chitty_id": new_chitty_id,
        "installed_at": now,
        "now": now,
        "if_updated_at": None,
    }
    is_removed = f"{MAY_HAVE_ID} AND {REMOVED}"
    lists = any(fact.aspect == installation_repositories.LIST for fact in facts)
    *_, written, explained = yield [
        installation_facts.store(NOT_REMOVED, bind, PERSON, condition=is_removed),
        installation_facts.store(facts, bind, PERSON, condition=MAY_HAVE_ID),
        *([installation_repositories.identify(bind, condition=MAY_HAVE_ID)] if lists else []),
        installation_facts.write_row(bind, condition=MAY_HAVE_ID),
        Statement(why_not_written(INSTALLATIONS), bind, explains=True),
    ]
    if not written and not explained:
        raise Refused([id_taken_problem(new_chitty_id)])
    row, _ = written_or_explained(INSTALLATIONS, installation_id, written, explained)
    if chitty_id not in (None, row.chitty_id):
        other = f"installation {installation_id} has the ChittyID {row.chitty_id}, which stays"
        raise refusal(ErrorCode.CONFLICT, "chitty_id", other)
    return row


def suspend(installation_id: int, *, suspended_by: str | None, now: str) -> Program[Installation]:
    """Raises Refused if the installation is unknown or removed, or the actor unknown or deleted."""
    facts = [
        Fact("suspended_at", now),
        Fact("suspended_by_chitty_id", suspended_by),
    ]
    allowed = f"coalesce(:suspended_by IS NULL OR {SUSPENDER} <> 'deleted', FALSE)"
    condition = f"{PRESENT} AND NOT {SUSPENDED} AND {allowed}"
    bind = _bind(installation_id, now) | {"suspended_by": suspended_by}
    row, answers = yield from _change(facts, bind, condition, SUSPENDER)
    if suspended_by is not None and answers is not None:
        _check_suspender(suspended_by, *answers)
    return _unless_removed(row)


def _check_suspender(actor: str, status: Value) -> None:
    if status is None:
        missing = f"there is no actor {actor}"
        raise refusal(ErrorCode.NOT_FOUND, "suspended_by", missing)
    if status == "deleted":
        deleted = f"{actor} is deleted: reinstate it first"
        raise refusal(ErrorCode.CONFLICT, "suspended_by", deleted)


def unsuspend(installation_id: int, *, now: str) -> Program[Installation]:
    """Raises Refused if the installation is unknown or removed."""
    facts = [Fact("suspended_at", None), Fact("suspended_by_chitty_id", None)]
    bind = _bind(installation_id, now)
    row, _ = yield from _change(facts, bind, f"{PRESENT} AND {SUSPENDED}")
    return _unless_removed(row)


def remove(installation_id: int, *, now: str) -> Program[Installation]:
    """Mark an installation as removed; raises Refused if it is unknown."""
    facts = [Fact("uninstalled_at", now, rank=Rank.DELETION)]
    row, _ = yield from _change(facts, _bind(installation_id, now), PRESENT)
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
    facts: Sequence[Fact], bind: dict[str, Value], condition: str, *questions: str
) -> Program[tuple[Installation, Values | None]]:
    """The changed row and None, or the row as it was and the answers; raises Refused like `check_row`."""
    _, written, explained = yield [
        installation_facts.store(facts, bind, PERSON, condition=condition),
        installation_facts.write_row(bind, condition=condition),
        Statement(why_not_written(INSTALLATIONS, *questions), bind, explains=True),
    ]
    return written_or_explained(INSTALLATIONS, bind["installation_id"], written, explained)


def _unless_removed(row: Installation) -> Installation:
    if row.uninstalled_at is not None:
        removed = f"installation {row.installation_id} is removed: record it again first"
        raise refusal(ErrorCode.CONFLICT, "installation_id", removed)
    return row
