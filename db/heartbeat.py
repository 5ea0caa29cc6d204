"""The heartbeat that a primary writes, so that its replicas know how old their copies are."""

from datetime import UTC, datetime, timedelta

from db.model import instants
from db.program import Program, Statement

# Whoever of several workers is first writes. A clock that was set back must not end the heartbeats.
BEAT = """
    INSERT INTO heartbeat (place, at) VALUES (1, :now)
    ON CONFLICT (place) DO UPDATE SET at = excluded.at
    WHERE heartbeat.at <= :before OR heartbeat.at > excluded.at
"""
NEWEST = "SELECT at FROM heartbeat WHERE place = 1"


def beat(seconds: float) -> Program[None]:
    """Write that the server is there now, unless that was written less than so many seconds ago."""
    now = datetime.now(UTC)
    before = instants.canonical(now - timedelta(seconds=seconds))
    yield [Statement(BEAT, {"now": instants.canonical(now), "before": before})]


def newest() -> Program[datetime | None]:
    """When the newest heartbeat was written, by the clock of whoever wrote it."""
    (rows,) = yield [Statement(NEWEST)]
    return datetime.fromisoformat(str(rows[0][0])) if rows else None
