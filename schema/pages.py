"""Pages as GraphQL has them, after Relay's Connection specification; and the fields that lead to them.

In GraphQL a page is called ActorConnection, ContextConnection and so on; for the domain type
Connection that makes ConnectionConnection.
"""

from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from db.model.tables import Relation, Table
from db.queries.listings import Cut, Listing, Order
from resolvers import pages
from resolvers.operation_context import OperationContext
from resolvers.pages import PageArguments
from resolvers.policy import DEFAULT_POLICY
from schema import filter_reader, filters
from schema.enums import OrderDirection
from schema.fields import fields
from schema.fields.collect_fields import selects
from schema.fields.fields import Info
from schema.fields.sources import PagedList

T = TypeVar("T")

LOOK_AHEAD_FIELD = {False: "hasNextPage", True: "hasPreviousPage"}
"""What needs a row more than the page has, by whether the page is read backwards."""


@strawberry.type(description="Where a page lies in its list")
class PageInfo:
    """Answered lazily: looking beyond the page costs something only when it is asked for."""

    page: strawberry.Private[pages.LazyPage]

    @strawberry.field(description="Whether the list goes on after this page")
    async def has_next_page(self) -> bool:
        """See Page.has_next."""
        return await self.page.has_next()

    @strawberry.field(description="Whether the list has something before this page")
    async def has_previous_page(self) -> bool:
        """See Page.has_previous."""
        return await self.page.has_previous()

    @strawberry.field(description="The cursor of the page's first edge; null on an empty page")
    async def start_cursor(self) -> str | None:
        """The first row's cursor."""
        rows = await self.page.rows()
        return self.page.cursor(rows[0]) if rows else None

    @strawberry.field(description="The cursor of the page's last edge; null on an empty page")
    async def end_cursor(self) -> str | None:
        """The last row's cursor."""
        rows = await self.page.rows()
        return self.page.cursor(rows[-1]) if rows else None


@strawberry.type(name="Edge", description="One entry of a page")
class Edge(Generic[T]):
    """A node and where it stands."""

    page: strawberry.Private[pages.LazyPage]
    node: T = strawberry.field(description="The object itself")

    @strawberry.field(description="Where it stands in the list: give it as after or before")
    def cursor(self) -> str:
        """The row's cursor."""
        row: Any = self.node
        return self.page.cursor(row.row)


@strawberry.type(name="Connection", description="A page of a list")
class RelayPage(Generic[T]):
    """What clients see of a page; its rows are read once, when they are first asked for."""

    page: strawberry.Private[pages.LazyPage]

    @strawberry.field(description="The page's entries with their cursors")
    async def edges(self) -> list[Edge[T]]:
        """Each row as an edge."""
        return [Edge(page=self.page, node=fields.to_object(row)) for row in await self.page.rows()]

    @strawberry.field(description="The page's objects")
    async def nodes(self) -> list[T]:
        """Each row as its object."""
        return [fields.to_object(row) for row in await self.page.rows()]

    @strawberry.field(description="Where the page lies in its list")
    def page_info(self) -> PageInfo:
        """The page again, seen as its surroundings."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many objects the whole list has")
    async def total_count(self) -> int:
        """See Page.total."""
        return await self.page.total()


SIZES = f"1 to {DEFAULT_POLICY.page_max} unless set otherwise"
First = Annotated[int | None, strawberry.argument(description=f"How many, from the start: {SIZES}")]
After = Annotated[str | None, strawberry.argument(description="Begin after this cursor")]
Last = Annotated[int | None, strawberry.argument(description=f"How many, from the end: {SIZES}")]
Before = Annotated[str | None, strawberry.argument(description="End before this cursor")]


def listing(table: Table[Any], description: str) -> Any:
    """The field for all of a table's rows; it is null when it fails."""
    return _field(table, None, description)


def related(relation: Relation[Any], description: str) -> Any:
    """The field for what a to-many relation leads to."""
    return _field(relation.child, relation, description)


def _field(table: Table[Any], relation: Relation[Any] | None, description: str) -> Any:
    source = PagedList(table, relation)
    kind = table.row.__name__
    filter_type, order_type = getattr(filters, f"{kind}Filter"), getattr(filters, f"{kind}Order")
    page_type: Any = RelayPage[fields.object_type(table)]  # type: ignore[misc]

    def resolve(
        self: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Any = UNSET,  # noqa: A002
        order_by: Any = UNSET,
    ) -> Any:
        listed, cut = requested_page(
            info.context,
            source,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=filter,
            order_by=order_by,
        )
        parent = None if relation is None else getattr(self.row, relation.column)
        look_ahead = _selects(info, "pageInfo", LOOK_AHEAD_FIELD[cut.backward])
        return RelayPage(
            page=pages.LazyPage(info.context, listed, cut, parent, look_ahead=look_ahead)
        )

    resolve.__annotations__ |= {
        "filter": Annotated[
            filter_type | None, strawberry.argument(description="Which ones; all of them if absent")
        ],
        "order_by": Annotated[
            list[order_type] | None,  # type: ignore[valid-type]
            strawberry.argument(description="In which order; newest first if absent"),
        ],
    }
    returns = page_type if relation else page_type | None
    return fields.field(source, resolve, returns, description)


def _set(given: T) -> T | None:
    return None if given is UNSET else given


def requested_page(
    ctx: OperationContext,
    source: PagedList,
    *,
    first: int | None = UNSET,
    after: str | None = UNSET,
    last: int | None = UNSET,
    before: str | None = UNSET,
    filter: Any = UNSET,  # noqa: A002
    order_by: Any = UNSET,
) -> tuple[Listing, Cut]:
    """What the arguments of a list's field ask for; raises BadRequest when they cannot be."""
    wanted = filter_reader.read(filter)
    order = [
        Order(part.field.value, part.direction is OrderDirection.DESC) for part in order_by or ()
    ]
    paging = PageArguments(_set(first), _set(after), _set(last), _set(before))
    listed = Listing(source.table, source.relation, wanted.condition, live=not wanted.names_end)
    return listed, pages.cut(ctx, source.table, order, paging)


def _selects(info: Info, *path: str) -> bool:
    # The same nodes are asked about once per parent: the operation remembers the answer.
    raw = info._raw_info
    remembered = info.context.selected_paths
    key = (*map(id, raw.field_nodes), *path)
    if key not in remembered:
        remembered[key] = selects(raw, *path)
    return remembered[key]
