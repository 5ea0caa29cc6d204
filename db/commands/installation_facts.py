"""Installation facts: the latest value of each aspect of an installation (last writer wins).

Of two facts about one aspect the one with the later instant wins; at the same instant the one with the higher
Rank, then the one whose body was first received later (the higher `receipt`). `installation_facts` holds the
winners, and the row in `installations` is computed from them: deliveries of different instants lead to the
same row in any order and number.

An aspect is a column of `installations`, or one of those in `installation_repositories`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from db.commands import installation_repositories
from db.commands.installation_repositories import LIST, LOGIN
from db.commands.statements import chitty_id_taken
from db.model import column_types, instants
from db.model.instants import LATER
from db.model.tables import INSTALLATIONS, Column
from db.program import Statement, Value
from db.security.revalidation import STILL_AUTHORIZED


class Rank(IntEnum):
    """Which of two facts of the same instant wins: the higher. The numbers are stored."""

    REPORT = 0
    DELETION = 4  # of the installation, which ends its life: GitHub never reuses its id


@dataclass(frozen=True, slots=True)
class Fact:
    """The JSON value of one aspect since the instant `at`; None: since its delivery was first received."""

    aspect: str
    value: Any
    at: str | None = None
    rank: Rank = Rank.REPORT


# The number of a body that is received for the first time: one more than any so far, imported ones included.
NEXT_RECEIPT = """(
            SELECT 1 + max(
                coalesce((SELECT max(receipt) FROM webhook_deliveries), 0),
                coalesce((SELECT max(receipt) FROM installation_facts), 0)
            )
        )"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where facts come from: SQL for their receipt, and for the instant of those without one."""

    receipt: str
    at: str


def _first(column: str) -> str:
    return f"""(
            SELECT min(delivery.{column}) FROM webhook_deliveries AS delivery
            WHERE delivery.body_sha256 = :body_sha256 OR delivery.payload_sha256 = :payload_sha256
        )"""


# A redelivery must not make an old event newer. Its delivery is stored before its facts.
DELIVERY = Origin(receipt=_first("receipt"), at=_first("received_at"))
# Later than all facts, so that what a person changes now wins, whatever GitHub's clock says.
PERSON = Origin(
    receipt=NEXT_RECEIPT,
    at=f"""(
            SELECT {instants.after("max(stored.at)")}
            FROM installation_facts AS stored
            WHERE stored.installation_id = :installation_id
        )""",
)

_STORE = f"""
    INSERT INTO installation_facts (installation_id, aspect, at, rank, value, receipt)
    SELECT
        :installation_id,
        fact.value ->> 'aspect',
        coalesce(fact.value ->> 'at', {{origin.at}}),
        fact.value ->> 'rank',
        fact.value ->> 'value',
        {{origin.receipt}}
    FROM json_each(:facts) AS fact
    WHERE {STILL_AUTHORIZED} AND {{condition}}
    ON CONFLICT (installation_id, aspect) DO UPDATE
    SET at = excluded.at, rank = excluded.rank, value = excluded.value, receipt = excluded.receipt
    WHERE (excluded.at, excluded.rank, excluded.receipt)
        > (installation_facts.at, installation_facts.rank, installation_facts.receipt)
"""

_DEFAULTS = {
    "installation_id": ":installation_id",
    "chitty_id": f"iif({chitty_id_taken('new_chitty_id')}, NULL, :new_chitty_id)",
    "permissions": "'{}'",
    "events": "'[]'",
    "installed_at": ":installed_at",
}
_COLUMNS = [name for name in INSTALLATIONS.columns if name != "updated_at"]


def _value_of(column: Column) -> str:
    """SQL for a column's value: that of its fact, else of the stored row, else its default."""
    if column.name == LIST:
        return f"({installation_repositories.FULL_NAMES}\n        )"
    fact = f"(SELECT value FROM facts WHERE aspect = '{column.name}')"
    if column.type not in (column_types.STRING_LIST, column_types.OBJECT):
        fact = f"{fact} ->> '$'"
    stored = f"coalesce(stored.{column.name}, {_DEFAULTS.get(column.name, 'NULL')})"
    has_fact = f"EXISTS (SELECT 1 FROM facts WHERE aspect = '{column.name}')"
    return f"CASE WHEN {has_fact} THEN {fact} ELSE {stored} END"


def _computed_columns() -> str:
    return ", ".join(f"{_value_of(INSTALLATIONS.columns[name])} AS {name}" for name in _COLUMNS)


def _are_known(names: Iterable[str]) -> str:
    return " AND ".join(f"computed.{name} IS NOT NULL" for name in names)


_REQUIRED = [name for name in _COLUMNS if not INSTALLATIONS.columns[name].nullable]
_FROM_GITHUB = [name for name in _REQUIRED if name != "chitty_id"]

_COMPUTED = f"""
    WITH
        {installation_repositories.FACTS},
        {installation_repositories.DECIDED},
        computed AS (
            SELECT
                {_computed_columns()}
            FROM stored
        )
"""

_WRITE_ROW = f"""
    INSERT INTO installations ({", ".join(_COLUMNS)}, updated_at)
    {_COMPUTED}
    SELECT computed.*, :now FROM computed
    WHERE {STILL_AUTHORIZED} AND {_are_known(_REQUIRED)} AND {{condition}}
    ON CONFLICT (installation_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}, updated_at = {LATER}
    WHERE {" OR ".join(f"{name} IS NOT excluded.{name}" for name in _COLUMNS)}
"""

IS_WHOLE = f"""EXISTS (
        {_COMPUTED}
        SELECT 1 FROM computed WHERE {_are_known(_FROM_GITHUB)} AND computed.chitty_id IS NULL
    )"""
"""SQL: everything is known of the installation but its ChittyID. Its binds are those of `write_row`."""


def store(
    facts: Iterable[Fact], bind: dict[str, Value], origin: Origin, *, condition: str = "TRUE"
) -> Statement:
    """The Statement that stores each fact that wins over the stored one, if `condition` holds."""
    # `bind` has installation_id, now, and what `origin` and `condition` need.
    facts_json = json.dumps(
        [
            {"aspect": fact.aspect, "at": fact.at, "rank": fact.rank, "value": _json(fact.value)}
            for fact in _with_logins(facts)
        ]
    )
    sql = _STORE.format(origin=origin, condition=condition)
    return Statement(sql, {**bind, "facts": facts_json})


def _with_logins(facts: Iterable[Fact]) -> Iterable[Fact]:
    """The facts, and for each login of the account that the account has had it."""
    for fact in facts:
        yield fact
        if fact.aspect == "account_login":
            yield Fact(f"{LOGIN}{fact.value}", True, fact.at, fact.rank)


def write_row(bind: dict[str, Value], *, condition: str = "TRUE") -> Statement:
    """The Statement that writes and returns the row computed from the facts, if that changes it.

    `bind` has installation_id; new_chitty_id (if None or in use, no row is made); installed_at, for a row
    without that fact, or None; now; and the binds of `condition`.
    """
    # No row is written before all required columns are known.
    return Statement(
        _WRITE_ROW.replace("{condition}", condition),
        bind,
        returning=INSTALLATIONS.select_list("installations"),
        of="installations WHERE installations.installation_id = :installation_id",
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
