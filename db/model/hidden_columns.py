"""Columns that no command and no export shows: `chittygraph sql` refuses to read them."""

import re
from collections.abc import Mapping

# Answers have what only their viewers may see.
HIDDEN: Mapping[str, str] = {
    "server_keys": "value",
    "api_keys": "secret_sha256",
    "idempotent_answers": "answer",
    "outgoing_webhooks": "secret",
}
SIGNING = "outgoing_webhooks"
"""The table whose hidden column is in no dump: whoever knows it can forge messages."""

# What was renamed as another table took its place.
_SET_ASIDE = re.compile(rf"({'|'.join(HIDDEN)})(?:_before_\w+)?", re.IGNORECASE)


def table_of(name: str) -> str | None:
    """The table of these that a stored table is, or was before it was set aside; None for any other."""
    found = _SET_ASIDE.fullmatch(name)
    return None if found is None else found[1].lower()


def column_of(name: str) -> str | None:
    """The hidden column of a stored table, if it has one."""
    table = table_of(name)
    return None if table is None else HIDDEN[table]
