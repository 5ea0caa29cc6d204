"""The rows of the benchmark's registry: computed, and so the same every time, at any scale.

The newest contexts have a dozen connections each, so that pages of ten are full and have a next page;
a hundredth of the actors are busy and own a fifth of the contexts.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from db.model import instants
from db.model.enums import AccountType, ActorType, ConnectionStatus, ConnectionType, SourceType
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

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
SERVICES = (
    *("anthropic", "cloudflare", "datadog", "discord", "figma", "github", "gitlab", "google"),
    *("grafana", "hubspot", "jira", "linear", "mailgun", "mongodb", "neon", "notion", "openai"),
    *("postgres", "redis", "sentry", "slack", "stripe", "twilio", "vercel", "zendesk"),
)
GITHUB = "github"
CONNECTIONS_OF_NEWEST = 12
CONNECTIONS_OF_OTHERS = (3, 4, 2, 3, 2, 4)


@dataclass(frozen=True)
class Size:
    """How many rows of each table there are."""

    actors: int
    contexts: int
    connections: int
    installations: int

    @classmethod
    def at(cls, scale: float) -> "Size":
        """The size at a scale; 1 is what the figures of docs/benchmarks.md are measured at."""
        return cls(*(int(scale * rows) for rows in (10_000, 50_000, 200_000, 5_000)))

    @property
    def busy(self) -> int:
        """How many actors own many contexts: the first ones."""
        return self.actors // 100

    @property
    def newest(self) -> int:
        """How many contexts have a dozen connections: the last ones."""
        return self.contexts // 25


def uuid(kind: str, place: int) -> str:
    """The UUID of the row in this place, always the same and in no order."""
    text = hashlib.blake2b(f"{kind}:{place}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def actor_id(place: int) -> str:
    """The ChittyID of the actor in this place."""
    return f"CHITTY-ACTOR-{uuid('actor', place)}"


def context_id(place: int) -> str:
    """The ChittyID of the context in this place."""
    return f"CHITTY-CONTEXT-{uuid('context', place)}"


def is_active(place: int) -> bool:
    """Whether the context in this place is active, so that it may open connections."""
    return place % 17 != 11


def actors(size: Size) -> Iterator[Actor]:
    """Every actor, in the order of creation."""
    kinds = list(ActorType)
    for place in range(size.actors):
        yield ACTORS.new(
            chitty_id=actor_id(place),
            actor_type=kinds[place % len(kinds)].value,
            display_name=f"Actor {place}",
            email=f"actor{place}@example.com",
            avatar_url=f"https://avatars.example.com/{place}.png",
            capabilities='["read","write"]',
            chitty_auth_principal_id=f"principal-{place}",
            last_seen_at=instant(900_000 + place),
            session_count=place * 53 % 420,
            status="active",
            created_at=instant(place),
            updated_at=instant(900_000 + place),
        )


def contexts(size: Size) -> Iterator[Context]:
    """Every context, in the order of creation."""
    for place in range(size.contexts):
        owner = place // 5 % size.busy if place % 5 == 0 else place * 7919 % size.actors
        yield CONTEXTS.new(
            chitty_id=context_id(place),
            name=f"context-{place}",
            owner_chitty_id=actor_id(owner),
            data='["events","invoices"]',
            systems='["billing"]',
            tools='["search","mail"]',
            status="active" if is_active(place) else "inactive",
            created_at=instant(1_000_000 + place),
            updated_at=instant(2_000_000 + place),
        )


def installations(size: Size) -> Iterator[Installation]:
    """Every installation, in the order in which it was installed."""
    for place in range(size.installations):
        yield INSTALLATIONS.new(
            installation_id=41_000_000 + place,
            chitty_id=f"CHITTY-INSTALL-{uuid('installation', place)}",
            account_id=18_000_000 + place,
            account_login=f"account-{place}",
            account_type=AccountType.ORGANIZATION.value,
            repository_selection="all",
            permissions='{"contents":"read","issues":"write"}',
            events='["push"]',
            selected_repositories="[]",
            installed_at=instant(1_000_000 + place),
            updated_at=instant(1_000_000 + place),
        )


def connections(size: Size) -> Iterator[Connection]:
    """Every connection: first those of contexts, then those of actors, up to their number."""
    links = islice(chain(_of_contexts(size), _of_actors(size)), size.connections)
    for place, (source, kind, at, slot) in enumerate(links):
        yield _connection(size, place, source, kind, at, slot)


Link = tuple[str, SourceType, int, int]


def _of_contexts(size: Size) -> Iterator[Link]:
    first_of_newest = size.contexts - size.newest
    for place in range(size.contexts):
        many = CONNECTIONS_OF_OTHERS[place % len(CONNECTIONS_OF_OTHERS)]
        for slot in range(CONNECTIONS_OF_NEWEST if place >= first_of_newest else many):
            yield context_id(place), SourceType.CONTEXT, place, slot


def _of_actors(size: Size) -> Iterator[Link]:
    for slot in range(len(SERVICES)):
        for place in range(size.actors):
            yield actor_id(place), SourceType.ACTOR, place, slot


def _connection(
    size: Size, place: int, source: str, kind: SourceType, at: int, slot: int
) -> Connection:
    # Steps of seven round 25 services never repeat one, so no source has two to the same.
    service = SERVICES[(at + slot * 7) % len(SERVICES)]
    is_over = place % 20 == 13
    has_failed = place % 20 == 3
    created = instant(3_000_000 + at * 60 + slot)
    changed = instant(9_000_000 + at * 60 + slot)
    kinds = list(ConnectionType)
    status = ConnectionStatus.ACTIVE
    if is_over or has_failed:
        status = ConnectionStatus.DISCONNECTED if is_over else ConnectionStatus.FAILED
    return CONNECTIONS.new(
        connection_id=uuid("connection", place),
        source_chitty_id=source,
        source_type=kind.value,
        target_service=service,
        target_endpoint=None if place % 5 == 4 else f"https://{service}.example.com/v1/{at}",
        connection_type=kinds[place % len(kinds)].value,
        credentials_kv_key=f"kv:connections/{place}",
        status=status.value,
        last_health_check=changed,
        last_error="503 Service Unavailable" if has_failed else None,
        error_count=6 if has_failed else 0,
        request_count=place * 7919 % 50_000,
        last_used_at=changed if place % 3 else None,
        config='{"retries":3,"timeout_ms":5000}',
        installation_id=41_000_000 + at % size.installations if service == GITHUB else None,
        created_at=created,
        updated_at=changed,
        disconnected_at=changed if is_over else None,
    )


def instant(seconds: int) -> str:
    """The instant so many seconds after the first row was made."""
    return instants.canonical(BEGINNING + timedelta(seconds=seconds))
