"""What clients may ask."""

import asyncio
from typing import Any

import strawberry

from db import tables
from db.errors import BadRequest
from schema import exposed, ids
from schema.exposed import Info, Node
from schema.pages import listing
from schema.scalars import BigInt, ChittyID
from schema.types import Actor, Connection, Context, Installation, by_key


@strawberry.type(description="Who asks. In open mode: no actor, and the capability admin")
class Viewer:
    """The operation's viewer."""

    capabilities: list[str] = strawberry.field(description="What the viewer may do")
    actor_id: strawberry.Private[str | None]

    @strawberry.field(description="The viewer's own actor")
    async def actor(self, info: Info) -> Actor | None:
        """The actor behind the credential."""
        if self.actor_id is None:
            return None
        actor: Actor | None = exposed.of(await by_key(info, tables.ACTORS, self.actor_id))
        return actor


@strawberry.type(description="What can be asked of the registry")
class Query:
    """Lookups answer null for what does not exist; lists come in pages."""

    @strawberry.field(
        description="The object with this id, or null: unknown and forbidden look the same. "
        "Soft-deleted objects are found, and say so"
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002
        """Any object by its global id."""
        found: Node | None = await _node(info, id)
        return found

    @strawberry.field(description="The objects with these ids, in their order; null where none is")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        """Many objects by their global ids."""
        most = info.context.settings.page_max
        if len(ids) > most:
            raise BadRequest("BAD_PAGE", f"nodes takes up to {most} ids, not {len(ids)}")
        found: list[Node | None] = await asyncio.gather(*(_node(info, id_) for id_ in ids))
        return found

    @strawberry.field(description="Who asks")
    def viewer(self, info: Info) -> Viewer | None:
        """The operation's viewer."""
        viewer = info.context.viewer
        return Viewer(capabilities=list(viewer.capabilities), actor_id=viewer.actor)

    @strawberry.field(description="The actor with this ChittyID")
    async def actor(self, info: Info, chitty_id: ChittyID) -> Actor | None:
        """An actor by its key."""
        found: Actor | None = exposed.of(await by_key(info, tables.ACTORS, chitty_id))
        return found

    @strawberry.field(description="The context with this ChittyID")
    async def context(self, info: Info, chitty_id: ChittyID) -> Context | None:
        """A context by its key."""
        found: Context | None = exposed.of(await by_key(info, tables.CONTEXTS, chitty_id))
        return found

    @strawberry.field(description="The context with this name")
    async def context_by_name(self, info: Info, name: str) -> Context | None:
        """A context by its name."""
        found: Context | None = exposed.of(await by_key(info, tables.CONTEXTS, name, "name"))
        return found

    @strawberry.field(description="The installation with this id of GitHub's")
    async def installation(self, info: Info, installation_id: BigInt) -> Installation | None:
        """An installation by its key."""
        row = await by_key(info, tables.INSTALLATIONS, installation_id)
        found: Installation | None = exposed.of(row)
        return found

    @strawberry.field(description="The connection with this UUID")
    async def connection(self, info: Info, connection_id: strawberry.ID) -> Connection | None:
        """A connection by its key."""
        found: Connection | None = exposed.of(
            await by_key(info, tables.CONNECTIONS, str(connection_id).lower())
        )
        return found

    actors = listing(tables.ACTORS, "Actors, a page at a time")
    contexts = listing(tables.CONTEXTS, "Contexts, a page at a time")
    installations = listing(tables.INSTALLATIONS, "Installations, a page at a time")
    connections = listing(tables.CONNECTIONS, "Connections, a page at a time")


async def _node(info: Info, id_: str) -> Any:
    place = ids.decode(id_)
    return None if place is None else exposed.of(await by_key(info, *place))
