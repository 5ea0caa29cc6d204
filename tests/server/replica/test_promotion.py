"""A replica's copy becomes the registry of a new primary, and what it lacks at most is said."""

import re
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.migrating import ledger
from db.replica.copies import Copies
from tests.support.other_programs.litestream import replicating
from tests.support.running.waiting import wait_until
from tests.support.services.commands import command, complaint
from tests.support.services.replicas import (
    Server,
    pair,
    primary,
    replica,
)
from tests.support.services.server_process import QUIET, served, url_of

NEWEST = ledger.load(ledger.MIGRATIONS)[-1].name
OTHER_KEY = "UPDATE server_keys SET value = ? WHERE name = 'cursors'"
PAGE = "query ($after: String) { actors(first: 1, after: $after) { pageInfo { endCursor } } }"

pytestmark = pytest.mark.waits


def test_the_primary_is_killed_and_the_copy_is_promoted(tmp_path: Path):
    with pair(tmp_path) as both:
        for number in range(5):
            both.replica.register(f"A{number}")
        wait_until(lambda: both.copied("A4"))
        both.litestream.kill()
        both.litestream.wait()
        lost = both.primary.register("lost")
        both.primary.kill()
        assert lost.status_code == 200
        assert both.replica.names() == {f"A{number}" for number in range(5)}
        runs = command("promote", "--database", both.replica.database)
        both.replica.kill()
        status = wait_until(lambda: _status(both.replica.database))

    assert "still writes" in complaint(runs)
    assert "newest heartbeat" in status
    done = command("promote", "--database", both.replica.database)
    assert done.returncode == 0, done.stderr
    assert re.search(r"newest change +5, 20\d\d-", done.stdout)
    assert re.search(r"newest heartbeat +20\S+Z, [\d.]+ (s|min|h) ago", done.stdout)
    assert f"chittygraph serve --database {both.replica.database}" in done.stdout
    assert not Copies(both.replica.database).folder.exists()
    with served(both.replica.database, *QUIET) as (process, said):
        new = Server(process, url_of(said, "/graphql"), both.replica.database)
        assert new.names() == {f"A{number}" for number in range(5)}
        assert new.register("Ada").json()["data"]["registerActor"]["errors"] == []
        assert "Ada" in new.names()
    assert "has no copy of a primary beside it" in complaint(
        command("promote", "--database", tmp_path / "none.db")
    )


def _status(database: Path) -> str | None:
    done = command("status", "--database", database)
    return done.stdout if "newest heartbeat 20" in done.stdout else None


@pytest.mark.thorough
def test_a_copy_is_not_promoted_over_a_registry_or_torn(tmp_path: Path):
    with pair(tmp_path) as both:
        both.replica.register("Ada")
        wait_until(lambda: both.copied("Ada"))
        both.replica.kill()
        wait_until(lambda: "still writes" not in command("promote").stderr)
    copies = Copies(both.replica.database)
    both.replica.database.touch()
    assert "exists already" in complaint(command("promote", "--database", both.replica.database))
    both.replica.database.unlink()

    with copies.current().open("r+b") as file:  # as a follower that is killed half-way leaves it
        file.seek(0, 2)
        file.write(bytes(4096))

    assert "not whole" in complaint(command("promote", "--database", both.replica.database))
    assert copies.folder.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            f"DELETE FROM chittygraph_migrations WHERE name = '{NEWEST}'",
            f"lacks migration {NEWEST[:4]}",
        ),
        pytest.param(
            "INSERT INTO chittygraph_migrations VALUES ('9999_of_tomorrow', 'x', 'x')",
            "newer than this chittygraph",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_the_schema_of_another_version_is_refused_until_it_is_this_one(
    tmp_path: Path, change: str, says: str
):
    with pair(tmp_path) as both:
        with closing(sqlite3.connect(both.primary.database, isolation_level=None)) as connection:
            connection.execute("PRAGMA busy_timeout = 60000")
            kept = connection.execute("SELECT * FROM chittygraph_migrations").fetchall()
            connection.execute(change)

            advice = wait_until(lambda: _unfit(both.replica))
            assert says in advice
            answer = both.replica.post("{ actors { totalCount } }")
            assert answer.status_code == 503
            assert says in answer.text

            connection.execute("BEGIN")
            connection.execute("DELETE FROM chittygraph_migrations")
            connection.executemany("INSERT INTO chittygraph_migrations VALUES (?, ?, ?)", kept)
            connection.execute("COMMIT")
        wait_until(lambda: both.replica.get("/readyz").status_code == 200)
        assert both.replica.post("{ actors { totalCount } }").is_success


def _unfit(server: Server) -> str | None:
    ready = server.get("/readyz")
    advice: str = ready.json().get("advice", "")
    return advice if "cannot read its copy" in advice else None


@pytest.mark.thorough
def test_a_replica_of_a_restored_registry_has_its_new_key(tmp_path: Path):
    with pair(tmp_path) as both:
        for number in range(3):
            both.primary.register(f"A{number}")
        wait_until(lambda: both.copied("A2"))
        cursor = wait_until(lambda: _first_page(both.replica, ""))
        assert _first_page(both.replica, cursor)
        with closing(sqlite3.connect(both.primary.database, isolation_level=None)) as connection:
            connection.execute("PRAGMA busy_timeout = 60000")
            connection.execute(OTHER_KEY, (secrets.token_hex(32),))

        wait_until(lambda: not _first_page(both.replica, cursor))
        assert wait_until(lambda: _first_page(both.replica, ""))


def _first_page(server: Server, after: str) -> str:
    """The cursor at the end of a page; empty if there is no page after this one."""
    answer = server.post(PAGE, after=after or None)
    page = (answer.json().get("data") or {}).get("actors")
    return str(page["pageInfo"]["endCursor"]) if page else ""


@pytest.mark.thorough
def test_a_copy_of_another_version_is_refused_from_the_start(tmp_path: Path):
    bucket = tmp_path / "bucket"
    with primary(tmp_path / "primary.db") as first:
        with closing(sqlite3.connect(first.database, isolation_level=None)) as connection:
            connection.execute("PRAGMA busy_timeout = 60000")
            connection.execute(
                "INSERT INTO chittygraph_migrations VALUES ('9999_of_tomorrow', 'x', 'x')"
            )
        with (
            replicating(first.database, bucket),
            replica(tmp_path / "replica.db", bucket, first, waits=False) as second,
        ):
            advice = wait_until(lambda: _unfit(second))
            assert "install the version" in advice
            assert second.post("{ __typename }").status_code == 503
