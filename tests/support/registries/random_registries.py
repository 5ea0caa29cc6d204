"""A registry made at random from a seed: ties, NULLs, empty lists, ended rows and odd characters."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.commands import bulk
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
    Table,
)
from db.program import rows
from tests.support.engines.engine import exact
from tests.support.services.api import Api

# Parents before children, so that every reference finds what it names.
ORDER: tuple[Table[Any], ...] = (ACTORS, INSTALLATIONS, CONTEXTS, CONNECTIONS)

INSTANTS = tuple(f"2026-0{month}-17T09:30:00.{month}00Z" for month in range(1, 8))
ODD = (
    "a%b_c",
    "Quote'\"",
    "",
    " ",
    "tab\there",
    "é",
    "e\u0301",
    "日本",
    "🦊 fox",
    "ﬀ",
    "[]",
    "\\u0041",
)
WORDS = ("ada", "Ada", "ADA", "adamant", "bob", *ODD)
LISTS = ("[]", '["ada"]', '["ada","bob"]', '["🦊 fox",""]', '["Ada","e\u0301","é"]', "[ ]")


@dataclass(frozen=True)
class Registry:
    """The rows of every table, by the table's name."""

    rows: dict[str, list[Any]]

    def of(self, table: Table[Any]) -> list[Any]:
        """The rows of one table."""
        return self.rows[table.name]


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values)

    def perhaps(self, values: Sequence[Any]) -> Any:
        return self.pick(values) if self.random.random() < 0.6 else None

    def member(self, members: Any) -> str:
        return str(self.pick(list(members)).value)

    def times(self) -> dict[str, str]:
        return {"created_at": self.pick(INSTANTS), "updated_at": self.pick(INSTANTS)}

    def actor(self, number: int) -> Actor:
        return ACTORS.new(
            chitty_id=f"CHITTY-ACTOR-{number:06}-AAAA",
            actor_type=self.member(enums.ActorType),
            display_name=self.perhaps(WORDS),
            email=self.perhaps(WORDS),
            capabilities=self.pick(LISTS),
            last_seen_at=self.perhaps(INSTANTS),
            session_count=exact(self.pick([0, 0, 1, 7, 2**53 + 1, 2**63 - 1])),
            status=self.member(enums.ActorStatus),
            **self.times(),
        )

    def installation(self, number: int, actors: Sequence[Actor]) -> Installation:
        return INSTALLATIONS.new(
            installation_id=number if number % 3 else exact(2**53 + number),
            chitty_id=f"CHITTY-INSTALL-{number:06}-AAAA",
            account_id=exact(self.pick([1, 2, 2**62])),
            account_login=self.pick(WORDS),
            account_type=self.member(enums.AccountType),
            repository_selection=self.member(enums.RepositorySelection),
            permissions="{}",
            events=self.pick(LISTS),
            selected_repositories=self.pick(LISTS),
            suspended_at=self.perhaps(INSTANTS),
            suspended_by_chitty_id=self.perhaps([actor.chitty_id for actor in actors]),
            installed_at=self.pick(INSTANTS),
            updated_at=self.pick(INSTANTS),
            uninstalled_at=self.perhaps(INSTANTS),
        )

    def context(self, number: int, actors: Sequence[Actor]) -> Context:
        return CONTEXTS.new(
            chitty_id=f"CHITTY-CONTEXT-{number:06}-AAAA",
            name=f"{self.pick(WORDS)}{number}",
            owner_chitty_id=self.pick(actors).chitty_id,
            data=self.pick(LISTS),
            systems=self.pick(LISTS),
            tools=self.pick(LISTS),
            status=self.member(enums.ContextStatus),
            deleted_at=self.perhaps(INSTANTS),
            **self.times(),
        )

    def connection(
        self,
        number: int,
        actors: Sequence[Actor],
        contexts: Sequence[Context],
        installations: Sequence[Installation],
    ) -> Connection:
        source_type = self.member(enums.SourceType)
        source = self.pick(contexts if source_type == "context" else actors)
        return CONNECTIONS.new(
            connection_id=f"{self.random.randrange(16**8):08x}-0000-4000-8000-{number:012}",
            source_chitty_id=source.chitty_id,
            source_type=source_type,
            target_service=self.pick(WORDS),
            target_endpoint=self.perhaps(WORDS),
            connection_type=self.member(enums.ConnectionType),
            status=self.member(enums.ConnectionStatus),
            last_health_check=self.perhaps(INSTANTS),
            last_error=self.perhaps(WORDS),
            error_count=self.pick([0, 0, 1, 5, 2**31 - 1]),
            request_count=exact(self.pick([0, 1, 1, 2**53 + 1, 2**63 - 1])),
            last_used_at=self.perhaps(INSTANTS),
            config=json.dumps({"number": number}),
            installation_id=self.perhaps([each.installation_id for each in installations]),
            disconnected_at=self.perhaps(INSTANTS),
            **self.times(),
        )


def made(
    seed: int,
    *,
    actors: int = 12,
    installations: int = 10,
    contexts: int = 30,
    connections: int = 90,
) -> Registry:
    """A registry of this size; the same one for the same seed."""
    maker = _Maker(seed)
    people = [maker.actor(number) for number in range(actors)]
    apps = [maker.installation(number, people) for number in range(1, installations + 1)]
    works = [maker.context(number, people) for number in range(contexts)]
    links = [maker.connection(number, people, works, apps) for number in range(connections)]
    return Registry(
        {
            ACTORS.name: people,
            INSTALLATIONS.name: apps,
            CONTEXTS.name: works,
            CONNECTIONS.name: _without_twins(links),
        }
    )


def _without_twins(links: list[Connection]) -> list[Connection]:
    """Those that leave at most one active connection per source, service and endpoint."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for link in links:
        place = (link.source_chitty_id, link.target_service, link.target_endpoint or "")
        if link.status != "active" or place not in seen:
            kept.append(link)
        if link.status == "active":
            seen.add(place)
    return kept


async def store(api: Api, registry: Registry) -> None:
    """Write every row of a registry, past every rule."""
    for table in ORDER:
        await api.service.db.write(rows(bulk.insert_rows(table, registry.of(table))))
