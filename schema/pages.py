"""Pages after Relay's Connection specification, and the fields that return them.

A page's GraphQL type is ActorConnection, ContextConnection and so on; for the domain type Connection it is
ConnectionConnection.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from graphql import GraphQLResolveInfo, GraphQLSchema, is_object_type
from strawberry import UNSET

from db.errors import BadRequest
from db.model.services import SERVICES
from db.model.tables import Relation, Table
from db.queries.listings import Listing, Order, PageRange
from resolvers import pages
from resolvers.operation_context import OperationContext
from resolvers.pages import PageArguments
from resolvers.policy import DEFAULT_POLICY
from schema import filter_reader, filters, groups
from schema.enums import OrderDirection
from schema.fields import fields
from schema.fields.collect_fields import selects
from schema.fields.fields import Info
from schema.fields.sources import PagedList
from schema.limits.list_sizes import is_page

T = TypeVar("T")

LOOK_AHEAD_FIELD = {False: "hasNextPage", True: "hasPreviousPage"}
"""The `pageInfo` field that needs one row beyond the page, by whether the page is read backwards."""


@strawberry.type(description="The position of a page in its list")
class PageInfo:
    page: strawberry.Private[pages.LazyPage]

    @strawberry.field(description="Whether the list continues after this page")
    async def has_next_page(self) -> bool:
        return await self.page.has_next()

    @strawberry.field(description="Whether the list has objects before this page")
    async def has_previous_page(self) -> bool:
        return await self.page.has_previous()

    @strawberry.field(description="The cursor of the first edge; null if the page is empty")
    async def start_cursor(self) -> str | None:
        rows = await self.page.rows()
        return self.page.cursor(rows[0]) if rows else None

    @strawberry.field(description="The cursor of the last edge; null if the page is empty")
    async def end_cursor(self) -> str | None:
        rows = await self.page.rows()
        return self.page.cursor(rows[-1]) if rows else None


@strawberry.type(name="Edge", description="An object of a page, with its cursor")
class Edge(Generic[T]):
    page: strawberry.Private[pages.LazyPage]
    node: T = strawberry.field(description="The object")

    @strawberry.field(description="The position in the list, for the arguments after and before")
    def cursor(self) -> str:
        row: Any = self.node
        return self.page.cursor(row.row)


@strawberry.type(name="Connection", description="A page of a list")
class RelayPage(Generic[T]):
    page: strawberry.Private[pages.LazyPage]

    @strawberry.field(description="The objects of the page with their cursors")
    async def edges(self) -> list[Edge[T]]:
        return [Edge(page=self.page, node=fields.to_object(row)) for row in await self.page.rows()]

    @strawberry.field(description="The objects of the page")
    async def nodes(self) -> list[T]:
        return [fields.to_object(row) for row in await self.page.rows()]

    @strawberry.field(description="The position of the page in its list")
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @strawberry.field(description="The number of objects in the whole list")
    async def total_count(self) -> int:
        return await self.page.total()


@cache
def _page_type(table: Table[Any]) -> Any:
    """The type of a table's pages; those of a log have no groups."""
    type_: Any = fields.object_type(table)
    if table.is_log:
        return RelayPage[type_]

    @strawberry.type(name="Connection", description="A page of a list")
    class GroupedPage(RelayPage[T], Generic[T]):
        groups = groups.field(table)

    return GroupedPage[type_]


ALL_SERVICES = PagedList(SERVICES, None)
SIZES = f"1 to {DEFAULT_POLICY.page_max} unless the server is configured otherwise"
First = Annotated[
    int | None, strawberry.argument(description=f"The number of objects from the start: {SIZES}")
]
After = Annotated[str | None, strawberry.argument(description="Only objects after this cursor")]
Last = Annotated[
    int | None, strawberry.argument(description=f"The number of objects from the end: {SIZES}")
]
Before = Annotated[str | None, strawberry.argument(description="Only objects before this cursor")]


def listing(table: Table[Any], description: str) -> Any:
    """The field that lists all rows of a table; nullable, so that an error nulls only this field."""
    return _field(table, None, description)


def related(relation: Relation[Any], description: str) -> Any:
    """The field that lists the rows of a to-many relation."""
    return _field(relation.child, relation, description)


def _field(table: Table[Any], relation: Relation[Any] | None, description: str) -> Any:
    source = PagedList(table, relation)
    page_type = _page_type(table)

    def page(self: Any, info: Info, **arguments: Any) -> Any:
        listed, page_range = _same_for_all_parents(
            info, lambda: requested_page(info.context, source, **arguments)
        )
        parent = None if relation is None else getattr(self.row, relation.column)
        look_ahead = selects_of_page(info, "pageInfo", LOOK_AHEAD_FIELD[page_range.backward])
        lazy = pages.LazyPage(info.context, listed, page_range, parent, look_ahead=look_ahead)
        return _checked(lazy) if lazy.has_cursors_to_check else RelayPage(page=lazy)

    resolve: Callable[..., Any] = _resolver(page, table, relation)
    return fields.field(source, resolve, page_type, description, null_on_error=relation is None)


async def _checked(page: pages.LazyPage) -> RelayPage[Any]:
    await page.check_cursors()
    return RelayPage(page=page)


def _resolver(
    page: Callable[..., Any], table: Table[Any], relation: Relation[Any] | None
) -> Callable[..., Any]:
    """The resolver whose signature has the arguments that the list takes."""
    if table.is_log and relation is not None:
        return _unfiltered(page)
    type_name = table.row.__name__
    filter_type = getattr(filters, f"{type_name}Filter")
    resolve = _filtered(page) if table.is_log else _ordered(page)
    resolve.__annotations__["filter"] = Annotated[
        filter_type | None,
        strawberry.argument(description="Only objects that match this filter; null is no filter"),
    ]
    if not table.is_log:
        order_type = getattr(filters, f"{type_name}Order")
        resolve.__annotations__["order_by"] = Annotated[
            list[order_type] | None,  # type: ignore[valid-type]
            strawberry.argument(description="The ordering; by default newest first"),
        ]
    return resolve


def _unfiltered(page: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(
        self: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        return page(self, info, first=first, after=after, last=last, before=before)

    return resolve


def _filtered(page: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(
        self: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Any = UNSET,  # noqa: A002
    ) -> Any:
        return page(self, info, first=first, after=after, last=last, before=before, filter=filter)

    return resolve


def _ordered(page: Callable[..., Any]) -> Callable[..., Any]:
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
        return page(
            self,
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=filter,
            order_by=order_by,
        )

    return resolve


def page_arguments(first: Any, after: Any, last: Any, before: Any) -> PageArguments:
    """The arguments of a page, of which those that were not sent are None."""
    sent = (None if each is UNSET else each for each in (first, after, last, before))
    return PageArguments(*sent)


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
) -> tuple[Listing, PageRange]:
    """The page that a field's arguments select from its listing; raises BadRequest."""
    unread = filter_reader.NO_FILTER
    parsed = unread if filter is UNSET else filter_reader.read(filter, source.table)
    order = [] if order_by is UNSET or order_by is None else _order(order_by)
    paging = page_arguments(first, after, last, before)
    listed = Listing(
        source.table, source.relation, parsed.condition, live=not parsed.includes_deleted
    )
    return listed, pages.page_range(ctx, source.table, order, paging)


def _order(parts: Sequence[Any]) -> list[Order]:
    order: dict[str, Order] = {}
    for part in parts:
        column = part.field.value
        if column in order:
            raise BadRequest(
                "BAD_ORDER", f"orderBy names {part.field.name} twice: name each field once"
            )
        order[column] = Order(column, part.direction is OrderDirection.DESC)
    return list(order.values())


def selects_of_page(info: Info, *path: str) -> bool:
    """Whether the operation selects the field at this path below a page field."""
    # Resolvers ask this for each parent, about the same nodes: cached in the operation.
    raw = info._raw_info
    cache = info.context.known_of_nodes
    key = (*map(id, raw.field_nodes), *path)
    if key not in cache:
        cache[key] = selects(raw, *path)
    return bool(cache[key])


REQUESTED = "requested"


def _same_for_all_parents(
    info: Info, requested: Callable[[], tuple[Listing, PageRange]]
) -> tuple[Listing, PageRange]:
    """The page that is requested, which is the same for all parents, or the same BadRequest."""
    cache, key = info.context.known_of_nodes, _key(info._raw_info)
    if key not in cache:
        try:
            cache[key] = requested()
        except BadRequest as refused:
            cache[key] = refused
    if isinstance(cache[key], BadRequest):
        raise BadRequest(cache[key].code, str(cache[key]))
    page: tuple[Listing, PageRange] = cache[key]
    return page


def _key(info: GraphQLResolveInfo[Any]) -> tuple[Any, ...]:
    return (*map(id, info.field_nodes), REQUESTED)


def convert_arguments_once(schema: GraphQLSchema) -> None:
    """Let the pages of a schema convert their arguments for the first of their parents only.

    Strawberry converts a filter into objects for each parent: a hundred parents, a hundred times.
    """
    for type_ in schema.type_map.values():
        if is_object_type(type_):
            for definition in type_.fields.values():
                if is_page(definition):
                    definition.resolve = _without_known_arguments(definition.resolve)


def _without_known_arguments(resolve: Any) -> Callable[..., Any]:
    def without(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if _key(info) in info.context.known_of_nodes:
            return resolve(source, info)
        return resolve(source, info, **arguments)

    return without
