"""A webhook in a registry that no service made: paused, and with a delivery that was given up."""

import sqlite3
from contextlib import closing
from pathlib import Path

from resolvers import message_ids

CURSOR_KEY = bytes(range(32))
WEBHOOK = "wh_" + "0" * 32
SECRET = "whsec_" + "c2VjcmV0" * 8
DEAD = message_ids.encode_delivery(CURSOR_KEY, WEBHOOK, 1)
AT = "2026-01-01T00:00:00.000Z"


def add_webhook(path: Path) -> None:
    """Add it to the registry in a file that has no server's key yet."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT OR REPLACE INTO server_keys (name, value, created_at) VALUES ('cursors', ?, ?)",
            (CURSOR_KEY.hex(), AT),
        )
        connection.execute(
            "INSERT INTO outgoing_webhooks (webhook_id, url, filter, secret, created_at, updated_at,"
            " paused_because, paused_at, position)"
            " VALUES (?, 'https://example.org/', '{}', ?, ?, ?, 'requested', ?, 1)",
            (WEBHOOK, SECRET, AT, AT, AT),
        )
        connection.execute(
            "INSERT INTO outgoing_deliveries (webhook_id, sequence, status, attempts, first_attempt_at,"
            " last_attempt_at, error) VALUES (?, 1, 'dead', 100, ?, ?, 'status 500')",
            (WEBHOOK, AT, AT),
        )
