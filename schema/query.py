"""What clients may ask."""

import asyncio
from typing import Annotated, Any

import strawberry

from db.errors import BadRequest
from db.model import tables
from schema.fields import fields, global_ids
from schema.fields.fields import Info, Node, field, lookup, object_type
from schema.fields.sources import ByGlobalId, CurrentViewer, ViewerActor
from schema.pages import listing

CHITTY_ID = "In any of its forms, also behind did:chitty:"


async def _own_actor(self: Any, info: Info) -> Any:
    if self.actor_id is None:
        return None
    return fields.to_object(await info.context.loaders.row(tables.ACTORS).load(self.actor_id))


@strawberry.type(description="Who asks. In open mode: no actor, and the capability admin")
class Viewer:
    """The operation's viewer."""

    actor_id: strawberry.Private[str | None]
    actor = field(
        ViewerActor(),
        _own_actor,
        object_type(tables.ACTORS) | None,
        "The actor behind the credential",
    )
    capabilities: list[str] = strawberry.field(description="What the viewer may do")


def _viewer(self: Any, info: Info) -> Any:
    viewer = info.context.viewer
    return Viewer(capabilities=list(viewer.capabilities), actor_id=viewer.actor)


async def _node(
    self: Any,
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="An id as an object has it")],  # noqa: A002
) -> Any:
    place = global_ids.decode(id)
    if place is None:
        return None
    table, key = place
    return fields.to_object(await info.context.loaders.row(table).load(key))


async def _nodes(
    self: Any,
    info: Info,
    ids: Annotated[
        list[strawberry.ID],
        strawberry.argument(description="Ids as objects have them: as many as a page may hold"),
    ],
) -> Any:
    most = info.context.policy.page_max
    if len(ids) > most:
        raise BadRequest("BAD_PAGE", f"nodes takes up to {most} ids, not {len(ids)}")
    return await asyncio.gather(*(_node(self, info, id_) for id_ in ids))


@strawberry.type(description="What can be asked of the registry")
class Query:
    """Lookups answer null for what does not exist; lists come in pages."""

    node = field(
        ByGlobalId(many=False),
        _node,
        Node | None,
        "The object with this id, or null: unknown and forbidden look the same. Soft-deleted objects "
        "are found, and say so",
    )
    nodes = field(
        ByGlobalId(many=True),
        _nodes,
        list[Node | None],
        "The objects with these ids, in their order; null where none is",
    )
    viewer = field(CurrentViewer(), _viewer, Viewer | None, "Who asks")
    actor = lookup(tables.ACTORS, "The actor with this ChittyID", CHITTY_ID)
    context = lookup(tables.CONTEXTS, "The context with this ChittyID", CHITTY_ID)
    context_by_name = lookup(
        tables.CONTEXTS, "The context with this name", "Its whole name, case included", by="name"
    )
    installation = lookup(
        tables.INSTALLATIONS,
        "The installation with this id of GitHub's",
        "The id that GitHub gave it",
    )
    connection = lookup(
        tables.CONNECTIONS,
        "The connection with this UUID",
        "Its connectionId",
        given_as=strawberry.ID,
        clean=str.lower,
    )
    actors = listing(tables.ACTORS, "Actors, a page at a time")
    contexts = listing(tables.CONTEXTS, "Contexts, a page at a time")
    installations = listing(tables.INSTALLATIONS, "Installations, a page at a time")
    connections = listing(tables.CONNECTIONS, "Connections, a page at a time")
