"""What GitHub and people have said about an installation, kept so that no order of arrival matters.

A fact says of one aspect of an installation what it was at an instant. Of two facts about the
same aspect the later one stands; of two of the same instant the one of the higher Rank; of two of
the same rank the greater value. `installation_facts` keeps what stands, and the row in
`installations` is made from that: whichever order deliveries come in, and however often, they end
in the same row.

The aspects are columns of `installations`, by name, and `repository:<full name>`: whether that one
repository belongs to the installation, which a later list in `selected_repositories` overrides.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from db.commands.statements import taken
from db.model import column_types, instants
from db.model.instants import LATER
from db.model.tables import INSTALLATIONS, Column
from db.program import Statement, Value
from db.security.revalidation import STILL_AUTHORIZED

REPOSITORY = "repository:"


class Rank(IntEnum):
    """The written order of what is said of one instant: the higher stands.

    Removal over suspension over the rest; and of repositories, one taken away over one added over a
    list of all of them.
    """

    STATE = 0
    REPOSITORY_ADDED = 1
    REPOSITORY_REMOVED = 2
    SUSPENSION = 3
    REMOVAL = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said of one aspect: a JSON value, and when it became true.

    Without `at` it became true when the delivery that says so was first received.
    """

    aspect: str
    value: Any
    at: str | None = None
    rank: Rank = Rank.STATE


# The default of a fact's instant: a redelivery must not make an old event younger.
FIRST_RECEIVED = """coalesce((
            SELECT min(delivery.received_at) FROM webhook_deliveries AS delivery
            WHERE delivery.body_sha256 = :body_sha256
        ), :now)"""

# Later than all that is known, so that what a person says now stands whatever GitHub's clock said.
LAST_WORD = f"""(
            SELECT {instants.after("max(held.at)")}
            FROM installation_facts AS held
            WHERE held.installation_id = :installation_id
        )"""

_MERGE = f"""
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

# The repositories: those listed (a row made by another program is such a list, older than every
# fact), except what was taken away since, and what was added since.
_REPOSITORIES = f"""
        SELECT json_group_array(repository.name) FROM (
            SELECT listed.value AS name
            FROM list, json_each(list.names) AS listed
            WHERE NOT EXISTS (
                SELECT 1 FROM said
                WHERE said.aspect = '{REPOSITORY}' || listed.value AND said.value = 'false'
                  AND (said.at, said.rank) > (list.at, list.rank)
            )
            UNION
            SELECT substr(said.aspect, {len(REPOSITORY) + 1})
            FROM said, list
            WHERE said.aspect >= '{REPOSITORY}' AND said.aspect < '{REPOSITORY[:-1]};'
              AND said.value = 'true' AND (said.at, said.rank) > (list.at, list.rank)
            ORDER BY name
        ) AS repository"""

_DEFAULTS = {
    "installation_id": ":installation_id",
    "chitty_id": f"iif({taken('new_chitty_id')}, NULL, :new_chitty_id)",
    "permissions": "'{}'",
    "events": "'[]'",
    "installed_at": ":installed_at",
}
_COLUMNS = [name for name in INSTALLATIONS.columns if name != "updated_at"]


def _stands(column: Column) -> str:
    """SQL for what stands of a column: what was said, else what the row held, else its default."""
    if column.name == "selected_repositories":
        return f"({_REPOSITORIES}\n        )"
    said = f"(SELECT value FROM said WHERE aspect = '{column.name}')"
    if column.type not in (column_types.STRING_LIST, column_types.OBJECT):
        said = f"{said} ->> '$'"
    held = f"coalesce(held.{column.name}, {_DEFAULTS.get(column.name, 'NULL')})"
    is_said = f"EXISTS (SELECT 1 FROM said WHERE aspect = '{column.name}')"
    return f"CASE WHEN {is_said} THEN {said} ELSE {held} END"


def _made() -> str:
    return ", ".join(f"{_stands(INSTALLATIONS.columns[name])} AS {name}" for name in _COLUMNS)


def _known(names: Iterable[str]) -> str:
    return " AND ".join(f"made.{name} IS NOT NULL" for name in names)


_NEEDED = [name for name in _COLUMNS if not INSTALLATIONS.columns[name].nullable]
_TOLD = [name for name in _NEEDED if name != "chitty_id"]  # GitHub does not mint

_MADE_FROM_FACTS = f"""
    WITH
        said AS NOT MATERIALIZED (
            SELECT aspect, at, rank, value FROM installation_facts
            WHERE installation_id = :installation_id
        ),
        held AS (
            SELECT installations.* FROM (SELECT 1) LEFT JOIN installations
            ON installations.installation_id = :installation_id
        ),
        list AS (
            SELECT at, rank, value AS names FROM said WHERE aspect = 'selected_repositories'
            UNION ALL
            SELECT '', -1, iif(json_valid(selected_repositories), selected_repositories, '[]')
            FROM held
            WHERE NOT EXISTS (SELECT 1 FROM said WHERE aspect = 'selected_repositories')
        ),
        made AS (
            SELECT
                {_made()}
            FROM held
        )
"""

_PROJECT = f"""
    INSERT INTO installations ({", ".join(_COLUMNS)}, updated_at)
    {_MADE_FROM_FACTS}
    SELECT made.*, :now FROM made
    WHERE {STILL_AUTHORIZED} AND {_known(_NEEDED)} AND {{condition}}
    ON CONFLICT (installation_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}, updated_at = {LATER}
    WHERE {" OR ".join(f"{name} IS NOT excluded.{name}" for name in _COLUMNS)}
"""

_WAIT = f"""
    INSERT INTO waiting_installations (installation_id, since, claimed_until)
    {_MADE_FROM_FACTS}
    SELECT :installation_id, :now, :claimed_until FROM made
    WHERE {_known(_TOLD)} AND made.chitty_id IS NULL
    ON CONFLICT (installation_id) DO UPDATE SET claimed_until = excluded.claimed_until
    WHERE waiting_installations.claimed_until <= :now
"""


def merge(
    facts: Iterable[Fact], bind: dict[str, Value], *, at: str, condition: str = "TRUE"
) -> Statement:
    """The statement that keeps each of these facts, unless a later one stands or `condition` fails.

    `at` is SQL for the instant of those without one. `bind` has installation_id, now and what the
    SQL given here needs.
    """
    told = json.dumps(
        [
            {"aspect": fact.aspect, "at": fact.at, "rank": fact.rank, "value": _json(fact.value)}
            for fact in facts
        ]
    )
    return Statement(_MERGE.format(at=at, condition=condition), {**bind, "facts": told})


def project(bind: dict[str, Value], *, condition: str = "TRUE") -> Statement:
    """The statement that makes the row from the facts, where `condition` holds.

    It writes and returns the row only when that makes a difference, and makes none as long as
    something that a row must have is unknown. `bind` has installation_id, new_chitty_id (for a row
    that has none; None, or one that something else has, makes no row), installed_at (for a row of
    which nobody said it; may be None), now and what `condition` needs.
    """
    return Statement(
        _PROJECT.replace("{condition}", condition),
        bind,
        returning=INSTALLATIONS.select_list("installations"),
        of="installations WHERE installations.installation_id = :installation_id",
    )


def wait(bind: dict[str, Value]) -> Statement:
    """The statement that has an installation wait which lacks nothing but a ChittyID.

    It returns the installation's id to whom it gives the claim to have one minted, which nobody else
    gets before `claimed_until`. `bind` has that and what `project` needs.
    """
    of = "waiting_installations WHERE installation_id = :installation_id"
    return Statement(_WAIT, bind, returning="installation_id", of=of)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
