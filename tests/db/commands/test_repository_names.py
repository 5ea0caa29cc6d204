"""Repositories are known by their ids, so that one which is renamed or transferred stays the same."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.db.commands.test_webhook_history import identify, store
from tests.support.other_programs.github_payloads import example, github_at
from tests.support.registries.databases import new_registry
from tests.support.registries.record_installation import INSTALLED, RECORD
from tests.support.services.api import Api

ID = 957387
ACCOUNT = {"id": 21031067, "login": "Codertocat", "type": "User"}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    new_registry(tmp_path / "registry.db")
    with closing(sqlite3.connect(tmp_path / "registry.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def second(number: int) -> str:
    return f"2026-01-01T00:00:{number:02}Z"


def repository(full_name: str, number: int | None = 5) -> dict[str, Any]:
    """As lists have it; without an id if its number is None."""
    return {"full_name": full_name} | ({} if number is None else {"id": number})


def installation(at: int, login: str = "Codertocat") -> dict[str, Any]:
    created: dict[str, Any] = example("installation", "created")["installation"]
    return created | {"updated_at": second(at), "account": ACCOUNT | {"login": login}}


def created(at: int, *repositories: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "installation", {
        "action": "created",
        "installation": installation(at),
        "repositories": list(repositories),
    }


def changes(
    at: int,
    *,
    added: tuple[Any, ...] = (),
    removed: tuple[Any, ...] = (),
    login: str = "Codertocat",
) -> tuple[str, dict[str, Any]]:
    return "installation_repositories", {
        "action": "added" if added else "removed",
        "installation": installation(at, login),
        "repositories_added": list(added),
        "repositories_removed": list(removed),
    }


def renamed(at: int, old: str, full_name: str, number: int = 5) -> tuple[str, dict[str, Any]]:
    """GitHub's recorded event for this repository."""
    payload = example("repository", "renamed")
    payload |= {"changes": {"repository": {"name": {"from": old}}}, "installation": {"id": ID}}
    payload["repository"] |= {"id": number, "full_name": full_name, "updated_at": second(at)}
    return "repository", payload


def transferred(at: int, owner: dict[str, Any], full_name: str) -> tuple[str, dict[str, Any]]:
    payload = example("repository", "transferred") | {"installation": {"id": ID}}
    payload["changes"] = {"owner": {"from": owner}}
    payload["repository"] |= {"id": 5, "full_name": full_name, "updated_at": second(at)}
    return "repository", payload


def account_renamed(at: int, old: str, login: str) -> tuple[str, dict[str, Any]]:
    return "installation_target", {
        "action": "renamed",
        "account": ACCOUNT | {"login": login, "updated_at": second(at)},
        "changes": {"login": {"from": old}},
        "target_type": "User",
        "installation": {"id": ID},
    }


def names_after(connection: sqlite3.Connection, *events: tuple[str, dict[str, Any]]) -> list[str]:
    for event, payload in events:
        send(connection, event, payload)
    ((listed,),) = connection.execute("SELECT selected_repositories FROM installations")
    names: list[str] = json.loads(listed)
    return names


def send(connection: sqlite3.Connection, event: str, payload: dict[str, Any]) -> str:
    """Store a delivery; its outcome."""
    outcome = store(connection, event, json.dumps(payload).encode(), "2026-02-01T00:00:00.000Z")
    if event == "installation":
        identify(connection, ID)
    return outcome


def test_a_renamed_repository_has_its_new_name_and_is_removed_under_it(
    connection: sqlite3.Connection,
):
    renaming = renamed(2, "work", "Codertocat/job")

    there = names_after(connection, created(1, repository("Codertocat/work")), renaming)
    gone = names_after(connection, changes(3, removed=(repository("Codertocat/job"),)))

    assert (there, gone) == (["Codertocat/job"], [])


def test_a_repository_is_removed_under_a_name_of_which_nobody_told(connection: sqlite3.Connection):
    removal = changes(2, removed=(repository("Codertocat/job"),))

    assert names_after(connection, created(1, repository("Codertocat/work")), removal) == []


@pytest.mark.parametrize("kind", ["user", "organization"])
def test_a_transferred_repository_has_its_new_owner(connection: sqlite3.Connection, kind: str):
    moved = transferred(2, {kind: {"login": "Codertocat", "id": 7}}, "Octocoders/work")

    there = names_after(connection, created(1, repository("Codertocat/work")), moved)
    gone = names_after(connection, changes(3, removed=(repository("Octocoders/work"),)))

    assert (there, gone) == (["Octocoders/work"], [])


def test_a_renamed_account_has_its_repositories_under_its_new_login(connection: sqlite3.Connection):
    life = (
        created(1, repository("Codertocat/work"), repository("Octocoders/shared", 6)),
        changes(2, added=(repository("Codertocat/more", 7),)),
        account_renamed(3, "Codertocat", "Renamedcat"),
    )

    names = names_after(connection, *life)

    assert names == ["Octocoders/shared", "Renamedcat/more", "Renamedcat/work"]
    login = connection.execute("SELECT account_login FROM installations").fetchone()
    assert login == ("Renamedcat",)


def test_names_that_are_newer_than_the_login_are_as_told(connection: sqlite3.Connection):
    told = renamed(3, "work", "Renamedcat/job")

    assert names_after(connection, created(1, repository("Codertocat/work")), told) == [
        "Renamedcat/job"
    ]


def test_events_of_a_repository_that_does_not_belong_change_nothing(connection: sqlite3.Connection):
    names_after(connection, created(1, repository("Codertocat/work")))

    event, payload = renamed(2, "other", "Codertocat/another", number=6)
    there = send(connection, event, payload)
    elsewhere = send(
        connection, event, {name: each for name, each in payload.items() if name != "installation"}
    )

    assert (there, elsewhere) == ("unchanged", "stored")


@pytest.mark.parametrize(
    "broken", [{"repository": None}, {"repository": {"id": "5"}}, {"changes": 7}]
)
def test_a_renaming_of_another_shape_is_mismatched(
    connection: sqlite3.Connection, broken: dict[str, Any]
):
    event, payload = renamed(2, "work", "Codertocat/job")

    assert send(connection, event, payload | broken) == "mismatched"


NAMED_ONLY = (
    renamed(2, "work", "Codertocat/job"),
    account_renamed(3, "Codertocat", "Renamedcat"),
    renamed(4, "job", "Renamedcat/task"),
    changes(5, removed=(repository("Renamedcat/task"),), login="Renamedcat"),
)


def test_a_repository_listed_by_name_only_is_found_by_the_names_it_had(
    connection: sqlite3.Connection,
):
    """As an older version or a payload without ids lists it, whatever comes when."""
    listed = created(1, repository("Codertocat/work", None), repository("Codertocat/rest", None))
    for order in permutations(NAMED_ONLY):
        connection.execute("BEGIN")
        names_after(connection, listed)

        assert names_after(connection, *order) == ["Renamedcat/rest"]

        connection.execute("ROLLBACK")


def test_a_row_of_another_program_is_followed_the_same_way(connection: sqlite3.Connection):
    names = json.dumps(["Codertocat/work", "elsewhere", "Codertocat/rest"])
    sql = "UPDATE installations SET selected_repositories = :names"
    for order in permutations(NAMED_ONLY[:3]):
        connection.execute("BEGIN")
        names_after(connection, created(1))
        connection.execute(sql, {"names": names})
        connection.execute("DELETE FROM installation_facts")

        assert names_after(connection, *order) == [
            "Renamedcat/rest",
            "Renamedcat/task",
            "elsewhere",
        ]

        connection.execute("ROLLBACK")


async def test_names_that_a_person_lists_stand_for_the_repositories_that_have_them(tmp_path: Path):
    given = {
        **INSTALLED,
        "installationId": str(ID),
        "accountLogin": "Codertocat",
        "selectedRepositories": ["Codertocat/work", "Codertocat/rest"],
    }
    event, removal = changes(2, removed=(repository("Codertocat/job"),))
    removal["installation"]["updated_at"] = "2999-01-01T00:00:00Z"

    async with github_at(tmp_path) as github:
        await github.send(*created(1, repository("Codertocat/work")))
        answer = await Api(None, github.client).ask(RECORD, input=given)
        await github.send(event, removal)
        listed = await github.row("selected_repositories")

    assert answer["done"]["errors"] == []
    assert listed == ('["Codertocat/rest"]',)


def test_a_name_that_another_repository_has_taken_over_means_the_earlier_one(
    connection: sqlite3.Connection,
):
    listed = created(1, repository("Codertocat/a", None), repository("Codertocat/b", None))
    life = (
        listed,
        renamed(2, "a", "Codertocat/c", number=5),
        renamed(3, "b", "Codertocat/a", number=6),
        renamed(4, "c", "Codertocat/b", number=5),
        changes(5, removed=(repository("Codertocat/b", 5),)),
    )

    assert names_after(connection, *life) == ["Codertocat/a"]


@pytest.mark.parametrize("listed_by", ["name", "id"])
def test_the_work_grows_with_the_number_of_repositories_and_not_faster(
    tmp_path: Path, listed_by: str
):
    few, many = (steps(tmp_path / f"{count}.db", count, listed_by) for count in (300, 1_200))

    assert many < 5 * few


def steps(file: Path, count: int, listed_by: str) -> int:
    """The steps of SQLite, in hundreds, for two deliveries: all repositories, and half of them removed."""
    named = [repository(f"Codertocat/n{number}", number) for number in range(1, count + 1)]
    listed = named if listed_by == "id" else [repository(each["full_name"], None) for each in named]
    taken: list[int] = []
    with closing(sqlite3.connect(new_registry(file), isolation_level=None)) as connection:
        connection.set_progress_handler(lambda: taken.append(1), 100)
        send(connection, *created(1, *listed))
        left = names_after(connection, changes(2, removed=tuple(named[::2])))
        connection.set_progress_handler(None, 0)
    assert len(left) == count // 2
    return len(taken)
