"""Two tenants in one registry, neither of which sees the other's rows, and each in a registry of its own.

Which rows a tenant sees follows from how they are made here, not from the service's own rules.
"""

import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from db.model import enums
from db.model.tables import (
    ACTORS,
    CONNECTIONS,
    CONTEXTS,
    INSTALLATIONS,
    Actor,
    Connection,
    Context,
    Installation,
)
from server.auth import api_keys
from server.auth.api_keys import PresentedKey
from tests.support.corpus import non_canonical
from tests.support.engines.engine import exact
from tests.support.registries.databases import made_once, new_registry
from tests.support.registries.random_registries import INSTANTS, ORDER
from tests.support.services.api import Api
from tests.support.services.asgi_client import AsgiClient

AT = INSTANTS[0]
# Answers to the same operation must not differ by what was asked before.
SETTINGS: dict[str, Any] = {
    "auth": "protected",
    "introspection": True,
    "points_per_minute": 0,
    "requests_per_minute": 0,
}
WORDS = ("ada", "Ada", "bob", "a%b_c", "é", "🦊 fox")
SERVICES = ("github", "slack", "neon")


@dataclass(frozen=True)
class Tenant:
    """One owner's part of a registry: the rows that it sees, and related rows that it does not see."""

    mark: str
    actor: str
    seen: list[Any]
    unseen: list[Any]

    @property
    def rows(self) -> list[Any]:
        """All of it."""
        return [*self.seen, *self.unseen]


class _Maker:
    """Makes rows whose ids and texts hold the tenant's mark, beside words that all tenants use."""

    def __init__(self, mark: str, base: int, seed: int, hidden: int) -> None:
        self.mark = mark
        self.base = base
        self.random = random.Random(seed)
        self.hidden = random.Random(hidden)

    def id(self, kind: str, number: int) -> str:
        return f"CHITTY-{kind}-{self.base + number:06}-{self.mark}"

    def text(self) -> str:
        return f"{self.random.choice(WORDS)} {self.mark.lower()}"

    def perhaps(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values) if self.random.random() < 0.6 else None

    def member(self, members: Any) -> str:
        return str(self.random.choice(list(members)).value)

    def times(self) -> dict[str, str]:
        return {
            "created_at": self.random.choice(INSTANTS),
            "updated_at": self.random.choice(INSTANTS),
        }

    def actor(self, number: int, *, private: random.Random, **known: Any) -> Actor:
        face = ACTORS.new(
            chitty_id=self.id("ACTOR", number),
            actor_type=self.member(enums.ActorType),
            display_name=self.text(),
            avatar_url=f"https://{self.mark.lower()}.example.org/{number}.png",
            capabilities="[]",
            session_count=0,
            status=self.member(enums.ActorStatus),
            **self.times(),
        )
        return replace(face, **self.private(number, private) | known)

    def private(self, number: int, chance: random.Random) -> dict[str, Any]:
        """What others may not know of an actor, as one that nothing else depends on would have it."""
        name = f"{chance.choice(['ada', 'bob', 'eve'])}@{self.mark.lower()}.example.org"
        return {
            "email": chance.choice([None, name, name]),
            "capabilities": chance.choice(["[]", '["ada"]', '["ada", "audit:read"]']),
            "chitty_dna_id": chance.choice([None, f"CHITTY-DNA-{chance.randrange(99):06}-AAAA"]),
            "chitty_auth_principal_id": f"{self.mark}-{number}-{chance.randrange(99)}",
            "last_seen_at": chance.choice([None, *INSTANTS]),
            "session_count": exact(chance.choice([0, 1, 7, 2**53 + 1, chance.randrange(99)])),
        }

    def installation(self, number: int, suspender: str | None) -> Installation:
        return INSTALLATIONS.new(
            installation_id=self.base + number,
            chitty_id=self.id("INSTALL", number),
            account_id=self.base + self.random.choice([1, 2, 3]),
            account_login=f"{self.random.choice(['ada', 'bob'])}-{self.mark.lower()}",
            account_type=self.member(enums.AccountType),
            repository_selection=self.member(enums.RepositorySelection),
            permissions='{"contents": "read"}',
            events='["push", "ada"]',
            selected_repositories=f'["{self.mark.lower()}/work"]',
            suspended_at=self.perhaps(INSTANTS),
            suspended_by_chitty_id=suspender,
            installed_at=self.random.choice(INSTANTS),
            updated_at=self.random.choice(INSTANTS),
            uninstalled_at=self.perhaps(INSTANTS[:2]) if number % 3 == 0 else None,
        )

    def context(self, number: int, owner: str) -> Context:
        status = self.member(enums.ContextStatus)
        return CONTEXTS.new(
            chitty_id=self.id("CONTEXT", number),
            name=f"{self.text()} {number}",
            owner_chitty_id=owner,
            data='["ada", "bob"]',
            systems=f'["{self.mark.lower()}"]',
            tools="[]",
            status=status,
            deleted_at=AT if status == "deleted" else None,
            **self.times(),
        )

    def connection(self, number: int, source: Context | Actor, through: int | None) -> Connection:
        status = self.member(enums.ConnectionStatus)
        return CONNECTIONS.new(
            connection_id=f"{self.base + number:08x}-0000-4000-8000-{number:012}",
            source_chitty_id=source.chitty_id,
            source_type=type(source).__name__.lower(),
            target_service=f"{self.random.choice(SERVICES)}-{self.mark.lower()}",
            target_endpoint=f"https://api.example.org/{self.mark.lower()}/{number}",
            connection_type=self.member(enums.ConnectionType),
            credentials_kv_key=self.perhaps([f"keys/{self.mark.lower()}/{number}"]),
            status=status,
            last_health_check=self.perhaps(INSTANTS),
            last_error=self.perhaps([f"{self.text()} is away"]),
            error_count=self.random.choice([0, 0, 1, 5]),
            request_count=exact(self.random.choice([0, 1, 2**53 + 1])),
            last_used_at=self.perhaps(INSTANTS),
            config=f'{{"mark": "{self.mark.lower()}"}}',
            installation_id=through,
            disconnected_at=AT if status == "disconnected" else None,
            **self.times(),
        )


def tenant(
    mark: str, base: int, *, capabilities: str = "[]", seed: int = 1, hidden: int = 1
) -> Tenant:
    """The tenant with this mark, whose numbers begin after `base`.

    Another `hidden` changes nothing but what its stranger must not know of those whom it sees.
    """
    make = _Maker(mark, base, seed, hidden)
    own = {"capabilities": capabilities, "status": "active"}
    stranger = make.actor(1, private=random.Random(seed), **own)
    friends = [make.actor(number, private=make.hidden) for number in range(2, 6)]
    named = [*friends, stranger, None]
    apps = [
        make.installation(number, by.chitty_id if by else None)
        for number, by in enumerate([*named, *named], start=1)
    ]
    works = [make.context(number, stranger.chitty_id) for number in range(1, 15)]
    sources: list[Context | Actor] = [*works, stranger]
    links = [
        make.connection(number, make.random.choice(sources), apps[number % 12].installation_id)
        for number in range(1, 40)
    ]
    links += [make.connection(number, stranger, None) for number in range(40, 45)]
    seen = [stranger, *friends, *apps, *works, *links]
    return Tenant(mark, stranger.chitty_id, seen, _beside(make, friends, apps))


def _beside(make: _Maker, friends: list[Actor], apps: list[Installation]) -> list[Any]:
    """What those whom a stranger sees have of their own, some of it through what the stranger sees too."""
    far = make.installation(20, None)
    works = [make.context(20 + number, friend.chitty_id) for number, friend in enumerate(friends)]
    sources: list[Context | Actor] = [*works, *friends]
    links = [
        make.connection(60 + number, source, through.installation_id)
        for number, (source, through) in enumerate(
            zip(sources, [*apps[:4], far, far, *apps[:2]], strict=True)
        )
    ]
    return [far, *works, *links]


ADMIN = _Maker("ROOT", 9_000, 1, 1).actor(
    1, private=random.Random(1), capabilities='["admin"]', status="active"
)


def key_of(actor: str) -> PresentedKey:
    """The API key of an actor in every registry that is stored here."""
    return PresentedKey(api_keys.digest(actor)[:12], api_keys.digest(actor)[:43])


def store(
    path: Path,
    rows: Sequence[Any],
    viewers: Sequence[str],
    *,
    loose: bool = False,
    first: Sequence[Any] = (),
) -> None:
    """Make a registry of these rows, in which these viewers have API keys.

    The tables of a `loose` one take any value anywhere. The rows `first` are stored and changed before the
    others, so that their changes have the same sequence numbers with the others and without.
    """
    _store(path, tuple(rows), tuple(viewers), loose, tuple(first))


@made_once
def _store(
    path: Path,
    rows: tuple[Any, ...],
    viewers: tuple[str, ...],
    loose: bool,
    first: tuple[Any, ...],
) -> None:
    new_registry(path)
    if loose:
        non_canonical.loosen(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        _insert(connection, first)
        if first:
            connection.executescript(CHANGED)
        _insert(connection, [row for row in rows if row not in first])
        connection.execute(
            "INSERT INTO server_keys (name, value, created_at) VALUES ('cursors', ?, ?)",
            (non_canonical.CURSOR_KEY, AT),
        )
        add_keys(connection, viewers)


def add_keys(connection: sqlite3.Connection, viewers: Sequence[str]) -> None:
    """Give each of these viewers an API key."""
    connection.executemany(
        "INSERT INTO api_keys (key_id, actor_chitty_id, secret_sha256, created_at)"
        " VALUES (?, ?, ?, ?)",
        [
            (key.key_id, viewer, api_keys.digest(key.secret), AT)
            for viewer in viewers
            for key in [key_of(viewer)]
        ],
    )


# What the rows of one tenant have been through: changes of public and of private columns, and of both, soft
# deletes and their reverse, a row that is gone, and one that each tenant's stranger owned for a while.
CHANGED = """
    UPDATE contexts SET owner_chitty_id = 'CHITTY-ACTOR-001001-ASHX' WHERE rowid IN (2, 3);
    UPDATE contexts SET owner_chitty_id = 'CHITTY-ACTOR-002001-OAKX' WHERE rowid IN (2, 3);
    UPDATE contexts SET owner_chitty_id = (SELECT owner_chitty_id FROM contexts WHERE rowid = 1)
        WHERE rowid IN (2, 3);
    UPDATE actors SET session_count = session_count + 1 WHERE rowid % 2;
    UPDATE actors SET email = 'new', display_name = 'new' WHERE rowid % 3 = 0;
    UPDATE contexts SET tools = '["new"]', updated_at = '2026-08-01T00:00:00.000Z' WHERE rowid % 2;
    UPDATE contexts SET status = 'deleted' WHERE rowid % 4 = 1 AND status = 'active';
    UPDATE contexts SET status = 'active', deleted_at = NULL WHERE rowid % 5 = 1;
    UPDATE installations SET suspended_by_chitty_id = NULL WHERE rowid % 3 = 0;
    UPDATE connections SET credentials_kv_key = 'new' WHERE rowid % 4 = 0;
    UPDATE connections SET request_count = 7, config = '{"new": true}' WHERE rowid % 3 = 0;
    UPDATE connections SET credentials_kv_key = NULL, last_error = 'new' WHERE rowid % 5 = 0;
    DELETE FROM connections WHERE rowid % 11 = 0;
"""


def _insert(connection: sqlite3.Connection, rows: Sequence[Any]) -> None:
    for table in ORDER:
        marks = ", ".join("?" for _ in table.columns)
        connection.executemany(
            f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",
            [
                [getattr(row, name) for name in table.columns]
                for row in rows
                if isinstance(row, table.row)
            ],
        )


@asynccontextmanager
async def seen_by(api: Api, actor: str) -> AsyncIterator[Api]:
    """The same service as it shows itself to this actor, who has a key."""
    headers = {"authorization": f"Bearer {key_of(actor).text()}"}
    async with AsgiClient(api.app, headers=headers) as client:
        yield Api(api.app, client)
