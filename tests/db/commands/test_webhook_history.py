"""Deliveries of repeated instants, with redeliveries and in any interleaving, end as the reference says."""

import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.commands import pending_installations, webhook_deliveries
from db.commands.pending_installations import Claim, ClaimTerm
from db.model import instants
from db.program import Program, run
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute
from resolvers.github import deliveries
from tests.support.corpus.sharing import ranges
from tests.support.expectations.installation_history import FORGED, interpret
from tests.support.registries.databases import new_registry

BEGUN = 1_700_000_000
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
LOGINS = ("Codertocat", "Renamedcat", "Thirdcat")
OTHERS = ("Octocoders", *LOGINS)
Received = list[tuple[str, bytes, str]]


class Life:
    """Makes events of one installation as GitHub sends them, with few instants, names and repositories."""

    def __init__(self, of: random.Random, installation_id: int, instants_used: int) -> None:
        self.of = of
        self.id = installation_id
        self.instants_used = instants_used
        self.made = 0

    def event(self) -> tuple[str, bytes]:
        self.made += 1
        event, payload = self.of.choices(
            (self._state, self._repositories, self._account, self._repository), (4, 4, 1, 3)
        )[0]()
        payload["sender"] = {"id": self.made}  # so that no two bodies are the same
        return event, json.dumps(payload).encode()

    def _at(self) -> Any:
        seconds = BEGUN + self.of.randrange(self.instants_used)
        text = datetime.fromtimestamp(seconds, UTC).isoformat()
        return self.of.choice((seconds, text))

    def _installation(self) -> dict[str, Any]:
        login = self.of.choice(LOGINS)
        return {
            "id": self.id,
            "account": {"id": 7, "login": login, "type": "User"},
            "repository_selection": self.of.choice(("all", "selected")),
            "permissions": {"issues": self.of.choice(("read", "write"))},
            "events": self.of.sample(("push", "issues", "fork"), 2),
            "created_at": BEGUN,
            "updated_at": self._at(),
        }

    def _some(self, login: str) -> list[dict[str, Any]]:
        return [
            self._named(number, login)
            for number in self.of.sample(range(1, 6), self.of.randint(0, 3))
        ]

    def _named(self, number: int, owner: str) -> dict[str, Any]:
        return {"id": number, "full_name": f"{owner}/{self.of.choice('abcde')}{number}"}

    def _state(self) -> tuple[str, dict[str, Any]]:
        actions = ("created", "suspend", "unsuspend", "new_permissions_accepted", "deleted")
        action = self.of.choices(actions, (3, 4, 4, 2, 0.4))[0]
        installation = self._installation()
        if action in ("suspend", "unsuspend") or self.of.random() < 0.5:
            installation["suspended_at"] = "2023-11-15T00:13:20Z" if action == "suspend" else None
        payload: dict[str, Any] = {"action": action, "installation": installation}
        if action in ("created", "deleted", "new_permissions_accepted"):
            payload["repositories"] = self._some(installation["account"]["login"])
        return "installation", payload

    def _repositories(self) -> tuple[str, dict[str, Any]]:
        installation = self._installation()
        some, none = self._some(installation["account"]["login"]), list[Any]()
        added, removed = (some, none) if self.of.random() < 0.5 else (none, some)
        payload = {"action": "added" if added else "removed", "installation": installation}
        return "installation_repositories", payload | {
            "repositories_added": added,
            "repositories_removed": removed,
        }

    def _account(self) -> tuple[str, dict[str, Any]]:
        old, new = self.of.sample(LOGINS, 2)
        account = {"id": 7, "login": new, "type": "User"}
        if self.of.random() < 0.8:
            account["updated_at"] = self._at()
        return "installation_target", {
            "action": "renamed",
            "account": account,
            "target_type": "User",
            "changes": {"login": {"from": old}},
            "installation": {"id": self.id},
        }

    def _repository(self) -> tuple[str, dict[str, Any]]:
        repository = self._named(self.of.randint(1, 5), self.of.choice(OTHERS))
        repository |= {"name": repository["full_name"].split("/")[1], "updated_at": self._at()}
        payload: dict[str, Any] = {"repository": repository, "installation": {"id": self.id}}
        if self.of.random() < 0.5:
            renamed = {"repository": {"name": {"from": self.of.choice("abcde")}}}
            return "repository", payload | {"action": "renamed", "changes": renamed}
        kind = self.of.choice(("user", "organization"))
        moved = {"owner": {"from": {kind: {"login": self.of.choice(OTHERS), "id": 7}}}}
        return "repository", payload | {"action": "transferred", "changes": moved}


def whole(life: Life) -> tuple[str, bytes]:
    """An event with which everything is known."""
    while True:
        event, body = life.event()
        if event == "installation" and b'"repositories"' in body and b"deleted" not in body:
            return event, body


def received(of: random.Random, sent: list[tuple[str, bytes]]) -> Received:
    """The deliveries in some order: some come twice or more, or under another event too."""
    order = sent + [again(of, *of.choice(sent)) for _ in range(of.randint(0, 6))]
    order += [(FORGED, of.choice(sent)[1]) for _ in range(of.randint(0, 2))]
    of.shuffle(order)
    clock, arrived = 0, []
    for event, body in order:
        clock += of.randint(0, 2)  # several within one millisecond too
        arrived.append((event, body, instants.canonical(RECEIVED + timedelta(milliseconds=clock))))
    return arrived


def again(of: random.Random, event: str, body: bytes) -> tuple[str, bytes]:
    """A redelivery, in the same bytes or as a file has it that was formatted."""
    return event, body if of.random() < 0.7 else json.dumps(json.loads(body), indent=2).encode()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    new_registry(tmp_path / "registry.db")
    connection = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    yield connection
    connection.close()


def store(connection: sqlite3.Connection, event: str, body: bytes, when: str) -> str:
    """Store a delivery that was received then; its outcome."""
    parsed = deliveries.parse(body, event=event, delivery_id="1")
    delivery = replace(parsed.delivery, received_at=when)
    storing = webhook_deliveries.store(delivery, parsed.outcome, parsed.facts, claim=ClaimTerm())
    outcome: str = do(connection, storing).outcome.value
    return outcome


def do(connection: sqlite3.Connection, program: Program[Any]) -> Any:
    return run(program, lambda statement: execute(connection, statement, UNRESTRICTED))


def row_of(connection: sqlite3.Connection, installation_id: int) -> dict[str, Any]:
    names = ("account_login", "repository_selection", "suspended_at", "uninstalled_at")
    texts = ("permissions", "events", "selected_repositories")
    (row,) = connection.execute(
        f"SELECT {', '.join(names + texts)} FROM installations WHERE installation_id = :id",
        {"id": installation_id},
    )
    plain = dict(zip(names, row, strict=False))
    return plain | {
        name: json.loads(text) for name, text in zip(texts, row[len(names) :], strict=True)
    }


@pytest.mark.parametrize("numbers", ranges(1_000, 50, by_default=50))
def test_random_deliveries_end_as_the_reference_tells(
    connection: sqlite3.Connection, numbers: range
):
    for number in numbers:
        of = random.Random(number)
        lives = [Life(of, installation_id, of.choice((1, 2, 3, 50))) for installation_id in (1, 2)]
        parts = [
            received(of, [whole(life), *(life.event() for _ in range(of.randint(0, 9)))])
            for life in lives
        ]
        mixed = interleaved(of, parts)
        identified = [of.randrange(len(mixed)) for _ in lives]

        connection.execute("BEGIN")
        for place, (event, body, when) in enumerate(mixed):
            store(connection, event, body, when)
            for life, after in zip(lives, identified, strict=True):
                if place == after:
                    identify(connection, life.id)
        for life in lives:
            identify(connection, life.id)
        ends = [row_of(connection, life.id) for life in lives]
        connection.execute("ROLLBACK")

        assert ends == [interpret(part) for part in parts], number


def interleaved(of: random.Random, parts: list[Received]) -> Received:
    mixed: Received = []
    left = [list(part) for part in parts]
    while any(left):
        mixed.append(of.choice([part for part in left if part]).pop(0))
    return mixed


def identify(connection: sqlite3.Connection, installation_id: int) -> None:
    claim = Claim(installation_id, "token")
    do(connection, pending_installations.identify(claim, f"CHITTY-INSTALLATION-{installation_id}"))
