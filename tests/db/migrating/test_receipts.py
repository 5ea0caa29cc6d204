"""Migration 0017: deliveries and facts of older versions keep their order, and rows stay as they are."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.migrating import ledger, migrator
from tests.db.commands.test_webhook_history import store
from tests.support.other_programs.github_payloads import example

BEFORE = "0017"
AT = "2021-04-29T02:32:50.000Z"
ADD_DELIVERY = """
    INSERT INTO webhook_deliveries VALUES (:hash, :event, '1', :action, :id, 'applied', :at, :at, 1)
"""
ADD_FACT = "INSERT INTO installation_facts VALUES (:id, :aspect, :at, :rank, :value)"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database as it was before the migration."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in ledger.MIGRATIONS.glob("*.sql"):
        if file.name < BEFORE:
            shutil.copy(file, folder)
    path = tmp_path / "registry.db"
    migrator.migrate(path, folder)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def add(connection: sqlite3.Connection, installation_id: int, *sent: tuple[str, str]) -> None:
    for number, (event, action) in enumerate(sent):
        bind = {"hash": f"{installation_id}-{number}", "event": event, "action": action}
        at = f"2026-01-01T00:00:{number:02}.{installation_id:03}Z"
        connection.execute(ADD_DELIVERY, bind | {"id": installation_id, "at": at})


def fact(
    connection: sqlite3.Connection, installation_id: int, aspect: str, rank: int, value: Any
) -> None:
    bind = {"id": installation_id, "aspect": aspect, "at": AT, "rank": rank}
    connection.execute(ADD_FACT, bind | {"value": json.dumps(value)})


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    assert migrator.migrate(path / "registry.db") != []


def receipts(connection: sqlite3.Connection, installation_id: int) -> dict[str, tuple[int, int]]:
    return {
        aspect: (rank, receipt)
        for aspect, rank, receipt in connection.execute(
            "SELECT aspect, rank, receipt FROM installation_facts WHERE installation_id = :id",
            {"id": installation_id},
        )
    }


def test_deliveries_are_numbered_as_they_came_and_a_body_has_one_number(
    connection: sqlite3.Connection, tmp_path: Path
):
    add(connection, 2, ("installation", "created"), ("installation", "suspend"))
    add(connection, 1, ("installation", "created"))
    connection.execute(
        "INSERT INTO webhook_deliveries SELECT body_sha256, 'push', '2', action, installation_id,"
        " 'stored', '2027-01-01', '2027-01-01', 1 FROM webhook_deliveries WHERE action = 'suspend'"
    )

    migrate(connection, tmp_path)

    assert connection.execute(
        "SELECT installation_id, action, event, receipt FROM webhook_deliveries"
        " ORDER BY receipt, event"
    ).fetchall() == [
        (1, "created", "installation", 1),
        (2, "created", "installation", 2),
        (2, "suspend", "installation", 3),
        (2, "suspend", "push", 3),
    ]


def test_each_fact_has_the_number_of_the_last_delivery_that_can_have_made_it(
    connection: sqlite3.Connection, tmp_path: Path
):
    repositories = "installation_repositories"
    add(connection, 7, ("installation", "created"), (repositories, "added"))
    sent = (
        *((repositories, "removed"), ("installation", "suspend"), ("installation", "unsuspend")),
        *((repositories, "added"), ("installation", "deleted"), ("push", "")),
    )
    for number, (event, action) in enumerate(sent, start=2):
        bind = {"hash": str(number), "event": event, "action": action, "id": 7}
        connection.execute(ADD_DELIVERY, bind | {"at": f"2026-01-02T00:00:{number:02}.000Z"})
    for aspect, rank, value in (
        *(("selected_repositories", 0, ["a/a"]), ("repository:a/b", 1, True)),
        *(("repository:a/c", 2, False), ("suspended_at", 3, AT), ("uninstalled_at", 4, AT)),
        *(("account_login", 0, "Ada"), ("events", 0, [])),
    ):
        fact(connection, 7, aspect, rank, value)
    fact(connection, 8, "account_login", 0, "Bob")
    fact(connection, 8, "selected_repositories", 0, ["b/b"])
    fact(connection, 8, "repository:b/c", 2, False)

    migrate(connection, tmp_path)

    assert receipts(connection, 7) == {
        "selected_repositories": (0, 7),
        "repository:a/b": (0, 8),
        "repository:a/c": (0, 9),
        "suspended_at": (0, 4),
        "uninstalled_at": (4, 7),
        "account_login": (0, 7),
        "events": (0, 7),
        "login:Ada": (0, 0),
    }
    assert receipts(connection, 8) == {
        "account_login": (0, 0),
        "selected_repositories": (0, 0),
        "repository:b/c": (0, 2),
        "login:Bob": (0, 0),
    }


def test_a_suspension_that_won_by_its_rank_ends_when_its_end_is_redelivered(
    connection: sqlite3.Connection, tmp_path: Path
):
    bodies = {
        action: json.dumps(example("installation", action)).encode()
        for action in ("suspend", "unsuspend")
    }
    installation = json.loads(bodies["suspend"])["installation"]
    number = installation["id"]
    add(connection, number, ("installation", "suspend"), ("installation", "unsuspend"))
    for place, body in enumerate(bodies.values()):
        connection.execute(
            "UPDATE webhook_deliveries SET body_sha256 = :new WHERE body_sha256 = :old",
            {"new": hashlib.sha256(body).hexdigest(), "old": f"{number}-{place}"},
        )
    fact(connection, number, "suspended_at", 3, AT)
    connection.execute(
        "INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,"
        " repository_selection, suspended_at, installed_at, updated_at)"
        " VALUES (:id, 'CHITTY-INSTALLATION-1', 7, 'ada', 'User', 'all', :at, :at, :at)",
        {"id": number, "at": AT},
    )
    migrate(connection, tmp_path)
    suspended = "SELECT suspended_at FROM installations"

    store(connection, "installation", bodies["suspend"], "2026-02-01T00:00:00.000Z")
    stays = connection.execute(suspended).fetchone()
    store(connection, "installation", bodies["unsuspend"], "2026-02-01T00:00:01.000Z")
    ends = connection.execute(suspended).fetchone()
    store(connection, "installation", bodies["suspend"], "2026-02-01T00:00:02.000Z")

    assert (stays, ends) == ((AT,), (None,))
    assert connection.execute(suspended).fetchone() == (None,)
