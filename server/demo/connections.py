"""The connections of the demo, in every possible state."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from db.model.enums import ActorStatus, ConnectionStatus, ConnectionType, SourceType
from db.model.tables import CONNECTIONS, Actor, Connection, Context, Installation
from server.demo import names as data
from server.demo.rows import as_json, at, named, project_of

# How many of its services each context in turn is connected to; the contexts go round these.
PER_CONTEXT = (3, 4, 1, 2, 5, 3, 0, 4, 2, 3)


class Link(NamedTuple):
    """A connection to make: its source, its target and the installation that it uses."""

    source: str
    source_type: SourceType
    over_since: str | None
    project: str
    label: str
    target: data.Target
    through: Installation


class Health(NamedTuple):
    status: ConnectionStatus
    error_count: int = 0
    last_error: str | None = None


def connections(
    actors: Sequence[Actor], contexts: Sequence[Context], installations: Sequence[Installation]
) -> list[Connection]:
    """Every connection; those to GitHub use the installation of the project's account."""
    links = [*_of_contexts(contexts, installations), *_of_actors(actors, installations)]
    return [_connection(place, link) for place, link in enumerate(links)]


def _of_contexts(
    contexts: Sequence[Context], installations: Sequence[Installation]
) -> Iterator[Link]:
    for place, context in enumerate(contexts):
        project = project_of(place)
        for service in _services(place, context):
            yield Link(
                context.chitty_id,
                SourceType.CONTEXT,
                context.deleted_at,
                project,
                context.name,
                data.TARGET[service],
                installations[data.PROJECTS.index(project) % len(installations)],
            )


def _services(place: int, context: Context) -> Iterator[str]:
    """What a context is connected to: GitHub first, then in turn what its project and its part of it use."""
    project, facet = divmod(place, len(data.FACETS))
    stack = data.STACKS[project * len(data.STACKS) // len(data.PROJECTS)]
    turn = project % len(data.NEEDS[facet])
    needs = [*data.NEEDS[facet][turn:], *data.NEEDS[facet][:turn]]
    first = (project + facet) % 2 * 2
    chosen = dict.fromkeys(("github", stack[first], needs[0], stack[first + 1], *needs[1:]))
    yield from islice(chosen, PER_CONTEXT[place % len(PER_CONTEXT)])
    if data.PROJECTS[project] in data.LEDGER_PROJECTS:
        yield "ledger"
    if context.name == data.PAYROLL_READER:
        yield "payroll"


def _of_actors(actors: Sequence[Actor], installations: Sequence[Installation]) -> Iterator[Link]:
    for place, actor in enumerate(actors):
        for service in data.REACHED.get(actor.display_name or "", ()):
            yield Link(
                actor.chitty_id,
                SourceType.ACTOR,
                actor.updated_at if actor.status == ActorStatus.DELETED.value else None,
                data.PROJECTS[place % len(data.PROJECTS)],
                (actor.display_name or "").lower().replace(" ", "-"),
                data.TARGET[service],
                installations[place % len(installations)],
            )


def _connection(place: int, link: Link) -> Connection:
    target = link.target
    is_github = target is data.GITHUB
    status, error_count, last_error = _health(place, link)
    created, checked = at(1400 + place * 3), at(2760 + place % 48)
    ended = link.over_since
    if status is ConnectionStatus.DISCONNECTED and not ended:
        ended = at(2700 + place % 50)
    is_used = place % 8 != 7
    endpoint = target.endpoint and target.endpoint.format(
        project=link.project, login=link.through.account_login
    )
    is_keyed = target.kind is not ConnectionType.WEBHOOK and place % 11 != 10
    return CONNECTIONS.new(
        connection_id=str(named("connection", f"{link.source}:{target.service}:{endpoint}")),
        source_chitty_id=link.source,
        source_type=link.source_type.value,
        target_service=target.service,
        target_endpoint=endpoint,
        connection_type=target.kind.value,
        credentials_kv_key=f"kv:connections/{link.label}/{target.service}" if is_keyed else None,
        status=status.value,
        last_health_check=None if ended or place % 13 == 12 else checked,
        last_error=last_error,
        error_count=error_count,
        request_count=place * 7919 % 50_000 + 1 if is_used else 0,
        last_used_at=at(2715 + place % 45) if is_used and not ended else None,
        config=as_json(_config(place, link)),
        installation_id=link.through.installation_id if is_github else None,
        created_at=created,
        updated_at=ended or checked,
        disconnected_at=ended,
    )


def _health(place: int, link: Link) -> Health:
    """The state of a connection: most work, and a few of each type do not."""
    if link.over_since or place % 20 == 13:
        return Health(ConnectionStatus.DISCONNECTED)
    if link.target is data.GITHUB and link.through.uninstalled_at:
        return Health(ConnectionStatus.FAILED, 9, "404 Not Found: the app was uninstalled")
    if link.target is data.GITHUB and link.through.suspended_at:
        return Health(ConnectionStatus.FAILED, 6, "403 Forbidden: the app is suspended")
    if error := data.OUTAGE.get(link.target.service):
        return Health(ConnectionStatus.FAILED, 24 + place % 17, error)
    error = data.ERRORS[place // 20 % len(data.ERRORS)]
    if place % 20 == 3:
        return Health(ConnectionStatus.FAILED, 5 + place % 7, error)
    if place % 20 == 5:
        return Health(ConnectionStatus.ACTIVE, 1 + place % 4, error)
    if place % 20 in (7, 11):
        return Health(ConnectionStatus.INACTIVE)
    return Health(ConnectionStatus.ACTIVE)


def _config(place: int, link: Link) -> dict[str, object]:
    if link.target.service == "slack":
        return {"channel": f"#{link.project}", "notify": ["deploys", "incidents"]}
    if link.target.kind is ConnectionType.DIRECT:
        return {"pool": {"min": 1, "max": 4 + place % 8}, "tls": True}
    if place % 3 == 0:
        return {}
    return {"retries": place % 4, "timeout_ms": 5000}
