"""The demo's actors, contexts and installations, computed without random numbers or the clock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from db.commands import statements
from db.model import instants
from db.model.enums import AccountType, ActorStatus, ActorType, ContextStatus, RepositorySelection
from db.model.tables import ACTORS, CONTEXTS, INSTALLATIONS, Actor, Context, Installation
from server.demo import names as data

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NAMESPACE = UUID("6d1f6a53-6c0b-5a0e-9a3e-2f4f4f1c7b10")


def actors() -> list[Actor]:
    """Every actor; some are suspended or deleted, and some own nothing."""
    return [_actor(place) for place in range(len(data.ACTORS))]


def contexts(owners: Sequence[Actor]) -> list[Context]:
    """Every context, one for each facet of each project; some are inactive or deleted."""
    return [_context(place, owners) for place in range(len(data.PROJECTS) * len(data.FACETS))]


def installations(suspenders: Sequence[Actor]) -> list[Installation]:
    """Every installation; one is suspended by an actor, one was removed."""
    return [_installation(place, suspenders) for place in range(len(data.ACCOUNTS))]


def project_of(place: int) -> str:
    """The project of the context at this place."""
    return data.PROJECTS[place // len(data.FACETS)]


def at(hours: float) -> str:
    """The instant this many hours after the start of the demo's history."""
    return instants.canonical(BEGINNING + timedelta(hours=hours))


def named(kind: str, name: str) -> UUID:
    """The UUID of this name, always the same."""
    return uuid5(NAMESPACE, f"{kind}:{name}")


def as_json(value: Mapping[str, Any] | Sequence[str]) -> str:
    """The text of a JSON column, as mutations store it."""
    return str(statements.stored(dict(value) if isinstance(value, Mapping) else list(value)))


def _actor(place: int) -> Actor:
    kind, name, capabilities = data.ACTORS[place]
    status = ActorStatus.ACTIVE
    if place in data.SUSPENDED_ACTORS:
        status = ActorStatus.SUSPENDED
    if place in data.DELETED_ACTORS:
        status = ActorStatus.DELETED
    is_human = kind is ActorType.HUMAN
    handle = name.lower().replace(" ", ".")
    seen = None if place % 9 == 8 else at(2000 + place * 37 % 900)
    return ACTORS.new(
        chitty_id=_actor_id(place),
        actor_type=kind.value,
        display_name=name,
        email=f"{handle}@example.com" if is_human else None,
        avatar_url=f"https://avatars.example.com/{handle}.png" if is_human else None,
        capabilities=as_json(capabilities),
        chitty_dna_id=f"CHITTY-DNA-{named('dna', name)}" if place % 3 == 0 else None,
        chitty_auth_principal_id=f"principal-{1001 + place}" if place % 4 else None,
        last_seen_at=seen,
        session_count=0 if seen is None else 1 + place * 53 % 420,
        status=status.value,
        created_at=at(place * 7),
        updated_at=at(2740) if status is ActorStatus.DELETED else seen or at(place * 7),
    )


def _actor_id(place: int) -> str:
    """One of the forms that ChittyIDs have: words, eight parts, a number, or a UUID."""
    kind, name, _ = data.ACTORS[place]
    if kind is ActorType.SYSTEM:
        return "CHITTY-" + name.upper().replace(" ", "-")
    if kind is ActorType.AI:
        return f"01-C-ACT-{4821 + place}-AGT-Q5-7-{place % 10}"
    if kind is ActorType.SERVICE:
        return f"CHITTY-SERVICE-{120 + place:06}-{'ABCDEFGH'[place % 8]}{place}X"
    return f"CHITTY-ACTOR-{named('actor', name)}"


def _context(place: int, actors: Sequence[Actor]) -> Context:
    project, facet = project_of(place), data.FACETS[place % len(data.FACETS)]
    owner = actors[_owner(place)]
    status = ContextStatus.ACTIVE
    if place % 17 == 11:
        status = ContextStatus.INACTIVE
    if place % 23 == 19 or owner.status == ActorStatus.DELETED.value:
        status = ContextStatus.DELETED
    name = f"{project}-{facet.name}"
    created, changed = at(300 + place * 9), at(1400 + place * 11)
    deleted = at(2700 + place % 20) if status is ContextStatus.DELETED else None
    return CONTEXTS.new(
        chitty_id=f"CHITTY-CONTEXT-{named('context', name)}",
        name=name,
        owner_chitty_id=owner.chitty_id,
        data=as_json([f"{project}-{item}" for item in facet.data]),
        systems=as_json(facet.systems),
        tools=as_json(facet.tools),
        chitty_dna_id=f"CHITTY-DNA-{named('dna', name)}" if place % 4 == 0 else None,
        chitty_chronicle_timeline_id=(
            f"CHITTY-TIMELINE-{named('timeline', name)}" if place % 5 == 0 else None
        ),
        status=status.value,
        created_at=created,
        updated_at=deleted or changed,
        deleted_at=deleted,
    )


def _owner(place: int) -> int:
    """The place of a context's owner: one person owns every fourth, others those of about one project."""
    if place % 4 == 0:
        return data.OWNER_OF_MANY
    turn = place - place // 4 - 1  # among those that are not of that person
    turns = len(data.PROJECTS) * len(data.FACETS) * 3 // 4
    return data.OWNERS[turn * len(data.OWNERS) // turns]


def _installation(place: int, actors: Sequence[Actor]) -> Installation:
    login, kind = data.ACCOUNTS[place]
    is_suspended = place == data.SUSPENDED_INSTALLATION
    is_removed = place == data.REMOVED_INSTALLATION
    covers_all = kind is not AccountType.USER and place % 3 == 0
    selection = RepositorySelection.ALL if covers_all else RepositorySelection.SELECTED
    projects = data.PROJECTS[place :: len(data.ACCOUNTS)]
    return INSTALLATIONS.new(
        installation_id=41_230_517 + place * 1_318_049,
        chitty_id=f"CHITTY-INSTALL-{named('installation', login)}",
        account_id=18_442_907 + place * 411_230_873,
        account_login=login,
        account_type=kind.value,
        account_avatar_url=f"https://avatars.example.com/{login}.png",
        repository_selection=selection.value,
        permissions=as_json(data.PERMISSIONS[place % len(data.PERMISSIONS)]),
        events=as_json(sorted(data.EVENTS[place % len(data.EVENTS)])),
        selected_repositories=as_json(
            [] if covers_all else [f"{login}/{project}" for project in projects]
        ),
        suspended_at=at(2710) if is_suspended else None,
        suspended_by_chitty_id=actors[data.OWNER_OF_MANY].chitty_id if is_suspended else None,
        installed_at=at(310 + place * 13),
        updated_at=at(2710 if is_suspended else 2650 if is_removed else 1400 + place * 29),
        uninstalled_at=at(2650) if is_removed else None,
    )
