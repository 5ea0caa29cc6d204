"""The installations that have no ChittyID yet, for `chittygraph status` and `doctor`."""

from dataclasses import dataclass
from typing import Any

from db.program import Program, Statement

SHOWN = 10


@dataclass(frozen=True, slots=True)
class WaitingInstallation:
    """Why it has none: the authority refused it, or failed, `failures` times in a row.

    `retry_at` is None if it is asked for as soon as a server looks.
    """

    installation_id: int
    since: str
    refused: bool
    failures: int
    reason: str | None
    retry_at: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, how many of them since they were refused, and the first few, refused ones first."""

    count: int
    refused: int
    first: tuple[WaitingInstallation, ...]


# Those with a row are only to be tidied up.
_UNIDENTIFIED = """
    FROM waiting_installations AS waiting
    WHERE NOT EXISTS (
        SELECT 1 FROM installations AS known WHERE known.installation_id = waiting.installation_id
    )
"""
COUNT = f"SELECT count(*) AS waiting, coalesce(sum(refused), 0) AS refused {_UNIDENTIFIED}"
FIRST = f"""
    SELECT installation_id, since, refused, failures, reason, nullif(retry_at, '') AS retry_at
    {_UNIDENTIFIED}
    ORDER BY refused DESC, since, installation_id LIMIT :shown
"""


def find() -> Program[Waiting]:
    found: list[Any] = yield [Statement(COUNT), Statement(FIRST, {"shown": SHOWN})]
    (counts,), rows = found
    first = tuple(
        WaitingInstallation(installation_id, since, bool(is_refused), *rest)
        for installation_id, since, is_refused, *rest in rows
    )
    count, refused = counts
    return Waiting(count, refused, first)
