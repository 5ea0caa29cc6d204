"""Where a registry may hold what names a person: each table, and what an erasure does to its texts.

Every column of every table is searched. A table that is not declared here is another program's.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from db.migrating import recreation
from db.migrating.adoption import lineages
from db.model import column_types
from db.model.tables import ACTORS, TABLES, Table
from db.sqlite.catalog import Object


class Treatment(Enum):
    """What is done with a text that names the person, beside what `own_data` knows to be the person's own."""

    LISTED = "listed"  # never replaced
    ON_REQUEST = "on request"  # replaced if the operator says so: it is the registry's content
    ALWAYS = "always"  # replaced: a copy of what was once stored or sent, which nothing works with


TREATMENTS: Mapping[str, Treatment] = {
    "actors": Treatment.LISTED,  # other actors are other persons, whatever they are called
    "contexts": Treatment.ON_REQUEST,
    "installations": Treatment.ON_REQUEST,
    "connections": Treatment.ON_REQUEST,
    "installation_facts": Treatment.ON_REQUEST,
    "changes": Treatment.ON_REQUEST,
    "replaced_values": Treatment.ALWAYS,
    "idempotent_answers": Treatment.LISTED,  # those that name the person are forgotten as a whole
    # Of changes they keep numbers only; receivers and errors may have said what they were sent.
    "outgoing_webhooks": Treatment.ALWAYS,
    "outgoing_deliveries": Treatment.ALWAYS,
    "api_keys": Treatment.LISTED,  # labels: those of the actor's own keys are erased
    "repairs": Treatment.LISTED,  # which columns were repaired, in our words
    "webhook_deliveries": Treatment.LISTED,  # hashes of what GitHub sent, not what it sent
    "waiting_installations": Treatment.LISTED,
    "server_keys": Treatment.LISTED,
    "checkpoint": Treatment.LISTED,  # a digest of changes, from which nobody learns what they said
    "chittygraph_migrations": Treatment.LISTED,
    "d1_migrations": Treatment.LISTED,
    "applied_writes": Treatment.LISTED,  # random identifiers of batches
    "heartbeat": Treatment.LISTED,  # when a server was there
    # Empty but for the moment in which a transaction writes.
    "writing": Treatment.LISTED,
    "replaced_rows": Treatment.LISTED,
    "instants_to_read": Treatment.LISTED,
    "erasures": Treatment.LISTED,
}
"""All tables that migrations make; a test compares them."""

SET_ASIDE = re.compile(
    rf"\w+(?:{lineages.BEFORE_ADOPTION}|{recreation.BEFORE_RECREATION}(?:_\d+)?)", re.IGNORECASE
)

# Types of columns whose values are words of people; those of other types have a meaning to programs.
_WORDS = (column_types.TEXT, column_types.STRING_LIST, column_types.OBJECT)
# What other programs know by these very words.
_KNOWN_ELSEWHERE = {
    "connections": {"credentials_kv_key"},
    "installations": {"permissions", "events"},
}


def treatment_of(table: str) -> Treatment:
    """That of a table by its name in lower case: what adoption or recreation set aside is a copy."""
    if SET_ASIDE.fullmatch(table):
        return Treatment.ALWAYS
    return TREATMENTS.get(table, Treatment.LISTED)


def is_of_actors(stored: Object) -> bool:
    """Whether a table has the columns of actors by which a person is known, whatever its name."""
    return "chitty_id" in stored.columns and not {"email", "display_name"}.isdisjoint(
        stored.columns
    )


def _replaceable(table: Table[Any]) -> list[str]:
    words = [name for name, column in table.columns.items() if column.type in _WORDS]
    elsewhere = {table.key, *_KNOWN_ELSEWHERE.get(table.name, ())}
    return [name for name in words if name not in elsewhere]


REPLACEABLE: Mapping[str, list[str]] = {
    **{table.name: _replaceable(table) for table in TABLES if table is not ACTORS},
    "installation_facts": ["value"],
    "replaced_values": ["value_before", "value_after"],
    "outgoing_webhooks": ["last_error"],
    "outgoing_deliveries": ["error", "excerpt"],
}
"""Of our tables that are treated, the columns in which a text may be replaced; `changes` has rows in JSON."""
