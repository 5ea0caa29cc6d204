"""Installation facts: the latest value of each aspect of an installation (last writer wins).

Of two facts about one aspect the later one wins; at the same instant the one with the higher Rank, then the
one with the greater value. `installation_facts` holds the winners, and the row in `installations` is computed
from them, so that deliveries lead to the same row in any order and number.

An aspect is a column of `installations`, or `repository:<full name>`: whether that repository belongs to the
installation, until a later list in `selected_repositories` overrides it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from db.commands.statements import chitty_id_taken
from db.model import column_types, instants
from db.model.instants import LATER
from db.model.tables import INSTALLATIONS, Column
from db.program import Statement, Value
from db.security.revalidation import STILL_AUTHORIZED

REPOSITORY = "repository:"


class Rank(IntEnum):
    """Which of two facts of the same instant wins: the higher. The numbers are stored."""

    STATE = 0  # also that of a list of all repositories
    REPOSITORY_ADDED = 1
    REPOSITORY_REMOVED = 2
    SUSPENSION = 3
    REMOVAL = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """The JSON value of one aspect since the instant `at`; None: since its delivery was first received."""

    aspect: str
    value: Any
    at: str | None = None
    rank: Rank = Rank.STATE


# The default instant of a fact: redelivery must not make an old event newer.
FIRST_RECEIVED = """coalesce((
            SELECT min(delivery.received_at) FROM webhook_deliveries AS delivery
            WHERE delivery.body_sha256 = :body_sha256
        ), :now)"""

# Later than all facts, so that what a person changes now wins, whatever GitHub's clock says.
AFTER_ALL_FACTS = f"""(
            SELECT {instants.after("max(stored.at)")}
            FROM installation_facts AS stored
            WHERE stored.installation_id = :installation_id
        )"""

_STORE = f"""
    INSERT INTO installation_facts (installation_id, aspect, at, rank, value)
    SELECT
        :installation_id,
        fact.value ->> 'aspect',
        coalesce(fact.value ->> 'at', {{at}}),
        fact.value ->> 'rank',
        fact.value ->> 'value'
    FROM json_each(:facts) AS fact
    WHERE {STILL_AUTHORIZED} AND {{condition}}
    ON CONFLICT (installation_id, aspect) DO UPDATE
    SET at = excluded.at, rank = excluded.rank, value = excluded.value
    WHERE (excluded.at, excluded.rank, excluded.value)
        > (installation_facts.at, installation_facts.rank, installation_facts.value)
"""

# Those listed (a row of another program counts as a list older than every fact), without those removed
# since, and with those added since.
_REPOSITORIES = f"""
        SELECT json_group_array(repository.name) FROM (
            SELECT listed.value AS name
            FROM list, json_each(list.names) AS listed
            WHERE NOT EXISTS (
                SELECT 1 FROM facts
                WHERE facts.aspect = '{REPOSITORY}' || listed.value AND facts.value = 'false'
                  AND (facts.at, facts.rank) > (list.at, list.rank)
            )
            UNION
            SELECT substr(facts.aspect, {len(REPOSITORY) + 1})
            FROM facts, list
            WHERE facts.aspect >= '{REPOSITORY}' AND facts.aspect < '{REPOSITORY[:-1]};'
              AND facts.value = 'true' AND (facts.at, facts.rank) > (list.at, list.rank)
            ORDER BY name
        ) AS repository"""

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
    if column.name == "selected_repositories":
        return f"({_REPOSITORIES}\n        )"
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
        facts AS NOT MATERIALIZED (
            SELECT aspect, at, rank, value FROM installation_facts
            WHERE installation_id = :installation_id
        ),
        stored AS (
            SELECT installations.* FROM (SELECT 1) LEFT JOIN installations
            ON installations.installation_id = :installation_id
        ),
        list AS (
            SELECT at, rank, value AS names FROM facts WHERE aspect = 'selected_repositories'
            UNION ALL
            SELECT '', -1, iif(json_valid(selected_repositories), selected_repositories, '[]')
            FROM stored
            WHERE NOT EXISTS (SELECT 1 FROM facts WHERE aspect = 'selected_repositories')
        ),
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

_ADD_PENDING = f"""
    INSERT INTO waiting_installations (installation_id, since, claimed_until)
    {_COMPUTED}
    SELECT :installation_id, :now, :claimed_until FROM computed
    WHERE {_are_known(_FROM_GITHUB)} AND computed.chitty_id IS NULL
    ON CONFLICT (installation_id) DO UPDATE SET claimed_until = excluded.claimed_until
    WHERE waiting_installations.claimed_until <= :now
"""


def store(
    facts: Iterable[Fact], bind: dict[str, Value], *, at: str, condition: str = "TRUE"
) -> Statement:
    """The Statement that stores each fact that wins over the stored one, if `condition` holds."""
    # `at` is SQL for the instant of facts without one. `bind` has installation_id, now, and what
    # both need.
    facts_json = json.dumps(
        [
            {"aspect": fact.aspect, "at": fact.at, "rank": fact.rank, "value": _json(fact.value)}
            for fact in facts
        ]
    )
    return Statement(_STORE.format(at=at, condition=condition), {**bind, "facts": facts_json})


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


def add_pending(bind: dict[str, Value]) -> Statement:
    """The Statement that makes an installation pending if only its ChittyID is missing."""
    # Returns its id if the caller has the claim, until `claimed_until`, to mint a ChittyID.
    of = "waiting_installations WHERE installation_id = :installation_id"
    return Statement(_ADD_PENDING, bind, returning="installation_id", of=of)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
