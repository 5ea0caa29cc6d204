"""Search as GraphQL types and a field."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from db.model.tables import Table
from db.program import Program
from db.queries.searches import KINDS, MOST_OF_A_RANK, MOST_OWN
from resolvers import search as resolve
from resolvers.operation_context import OperationContext
from resolvers.search import LONGEST, MOST_WORDS, Found, FoundPage, ReadPage
from schema.enums import NodeKind
from schema.fields import fields
from schema.fields.costs import CANDIDATES, FieldCost
from schema.fields.fields import Info, Node, field
from schema.fields.sources import Searched
from schema.pages import After, First, PageInfo, page_arguments, selects_of_page

DESCRIPTION = (
    "A page of the objects that the viewer sees, and that are not soft-deleted, by the words of their texts:"
    " names, logins, display names, services, endpoints, and e-mails for those who may see them. Each word of"
    " the text must begin a word of one field; case and accents do not matter. Best first: the whole field,"
    " its beginning, then others; among these services, then the newest. Of each kind and rank the"
    f" {MOST_OF_A_RANK} that were stored last are considered; of a viewer who does not see all objects of a"
    f" kind, the newest {MOST_OWN:,} that it sees"
)
_TABLES: Mapping[NodeKind, Table[Any]] = {NodeKind(table.name): table for table in KINDS}


@strawberry.type(description="An object that a search has found, with its cursor")
class SearchEdge:
    cursor: str = strawberry.field(description="The position in the list, for the argument after")
    node: Node = strawberry.field(description="The object")
    field: str = strawberry.field(
        description="The field that was found, as the object's type spells it"
    )
    highlight: str = strawberry.field(
        description="The text of the field, what was found between U+E000 and U+E001"
    )


@strawberry.type(name="SearchConnection", description="A page of what a search has found")
class SearchPage:
    edges: list[SearchEdge] = strawberry.field(
        description="The objects of the page with their cursors, and what was found of them"
    )
    nodes: list[Node] = strawberry.field(description="The objects of the page")
    page_info: PageInfo = strawberry.field(description="The position of the page in its list")
    total_count: int = strawberry.field(description="The number of objects that were found")


def field_of(found: Found) -> str:
    """The field that was found, as GraphQL spells it."""
    return to_camel_case(found.column)


def requested_search(
    ctx: OperationContext,
    text: str,
    kinds: Sequence[NodeKind] | None = UNSET,
    first: int | None = UNSET,
    after: str | None = UNSET,
) -> Program[FoundPage]:
    """The search that the arguments of `search` ask for; raises BadRequest."""
    wanted = list(_TABLES) if kinds is UNSET or kinds is None else kinds
    tables = [_TABLES[kind] for kind in wanted]
    return resolve.page(ctx, text, tables, page_arguments(first, after, UNSET, UNSET))


async def _objects(info: Info, page: FoundPage) -> list[tuple[Any, Found]]:
    """The objects of a page: None where none are selected, and without those that are gone meanwhile."""
    if not (selects_of_page(info, "nodes") or selects_of_page(info, "edges", "node")):
        return [(None, each) for each in page.found]
    loaders = info.context.loaders
    rows = await asyncio.gather(*(loaders.row(each.table).load(each.key) for each in page.found))
    pairs = zip(map(fields.to_object, rows), page.found, strict=True)
    return [(object_, each) for object_, each in pairs if object_ is not None]


async def _search(
    self: Any,
    info: Info,
    text: Annotated[
        str,
        strawberry.argument(
            description=f"At most {LONGEST} characters and {MOST_WORDS} words; without one it finds nothing"
        ),
    ],
    kinds: Annotated[
        list[NodeKind] | None, strawberry.argument(description="Only objects of these kinds")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
) -> Any:
    ctx = info.context
    page = await ctx.loaders.walk(requested_search(ctx, text, kinds, first, after))
    objects = await _objects(info, page)
    return SearchPage(
        edges=[
            SearchEdge(
                cursor=page.cursor(each),
                node=object_,
                field=field_of(each),
                highlight=page.highlight(each),
            )
            for object_, each in objects
        ],
        nodes=[object_ for object_, _ in objects],
        page_info=PageInfo(page=ReadPage(page)),
        total_count=page.total,
    )


search = field(
    Searched(), _search, SearchPage | None, DESCRIPTION, cost=FieldCost(reads=CANDIDATES)
)
