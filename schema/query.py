"""The Query type."""

import asyncio
from typing import Annotated, Any

import strawberry

from db.errors import BadRequest
from db.model import connection_id, tables
from schema import outgoing_webhooks, searching, services, statistics, walks
from schema.fields import fields, global_ids
from schema.fields.fields import Info, Node, field, lookup, object_type
from schema.fields.sources import ByGlobalId, CurrentViewer, OnlyGeneric, ViewerActor
from schema.outgoing_webhooks import OutgoingWebhookPage
from schema.pages import listing

CHITTY_ID = "The ChittyID in any of its forms, with or without the prefix did:chitty:"


async def _own_actor(self: Any, info: Info) -> Any:
    if self.actor_id is None:
        return None
    return fields.to_object(await info.context.loaders.row(tables.ACTORS).load(self.actor_id))


@strawberry.type(
    description="The client that sends this operation. In open mode it has no actor and the capability admin"
)
class Viewer:
    actor_id: strawberry.Private[str | None]
    actor = field(
        ViewerActor(),
        _own_actor,
        object_type(tables.ACTORS) | None,
        "The actor that the credential belongs to",
    )
    capabilities: list[str] = strawberry.field(description="The capabilities of the viewer")


def _viewer(self: Any, info: Info) -> Any:
    viewer = info.context.viewer
    return Viewer(capabilities=list(viewer.capabilities), actor_id=viewer.actor)


async def _node(
    self: Any,
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of an object")],  # noqa: A002
) -> Any:
    place = global_ids.place(id, info.context.cursor_key)
    if place is None:
        return None
    table, key = place
    return fields.to_object(await info.context.loaders.row(table).load(key))


async def _nodes(
    self: Any,
    info: Info,
    ids: Annotated[
        list[strawberry.ID],
        strawberry.argument(description="The ids of objects, at most as many as a page may have"),
    ],
) -> Any:
    limit = info.context.policy.page_max
    if len(ids) > limit:
        raise BadRequest("BAD_PAGE", f"nodes takes at most {limit} ids, not {len(ids)}")
    return await asyncio.gather(*(_node(self, info, id_) for id_ in ids))


@strawberry.type(description="Queries of the registry")
class Query:
    """Lookups return null for what does not exist; lists come in pages."""

    node = field(
        ByGlobalId(many=False),
        _node,
        Node | None,
        "The object with this id; null if it does not exist or the viewer may not see it. Includes "
        "soft-deleted objects",
    )
    nodes = field(
        ByGlobalId(many=True),
        _nodes,
        list[Node | None],
        "The objects with these ids, in the same order; null for each that node would not return",
    )
    viewer = field(
        CurrentViewer(), _viewer, Viewer, "The client that sends this operation", null_on_error=True
    )
    actor = lookup(tables.ACTORS, "The actor with this ChittyID", CHITTY_ID)
    context = lookup(tables.CONTEXTS, "The context with this ChittyID", CHITTY_ID)
    context_by_name = lookup(
        tables.CONTEXTS, "The context with this name", "The whole name, case-sensitive", by="name"
    )
    installation = lookup(
        tables.INSTALLATIONS,
        "The installation with this id",
        "GitHub's id of the installation",
    )
    connection = lookup(
        tables.CONNECTIONS,
        "The connection with this connectionId",
        "The connectionId; a UUID may be in uppercase",
        argument_type=strawberry.ID,
        spellings=connection_id.spellings,
    )
    actors = listing(tables.ACTORS, "A page of all actors")
    contexts = listing(tables.CONTEXTS, "A page of all contexts")
    installations = listing(tables.INSTALLATIONS, "A page of all installations")
    connections = listing(tables.CONNECTIONS, "A page of all connections")
    changes = listing(
        tables.CHANGES,
        "A page of the changes of all objects that the viewer sees, oldest first; the newest are last: n",
    )
    neighborhood = walks.neighborhood
    shortest_path = walks.shortest_path
    services = services.listed
    registry_stats = statistics.registry_stats
    search = searching.search
    webhooks = field(
        OnlyGeneric(),
        outgoing_webhooks.webhooks,
        OutgoingWebhookPage | None,
        "A page of all outgoing webhooks, oldest first; only for admins",
    )
