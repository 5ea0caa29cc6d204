"""Search as GraphQL types; only generic execution has it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from db.model.tables import Table
from db.queries.searches import KINDS, MOST_OF_A_RANK, MOST_OWN
from resolvers.search import LONGEST, MOST_WORDS, Found, FoundPage
from schema.enums import NodeKind
from schema.fields import fields
from schema.fields.fields import Info, Node
from schema.fields.sources import METADATA, OnlyGeneric
from schema.pages import After, First, PageInfo, page_arguments

DESCRIPTION = (
    "A page of the objects that the viewer sees, and that are not soft-deleted, by the words of their texts:"
    " names, logins, display names, services, endpoints, and e-mails for those who may see them. Each word of"
    " the text must begin a word of one field; case and accents do not matter. Best first: the whole field,"
    " its beginning, then others; among these services, then the newest. Of each kind and rank the"
    f" {MOST_OF_A_RANK} that were stored last are considered; of a viewer who does not see all objects of a"
    f" kind, the newest {MOST_OWN:,} that it sees"
)
_TABLES: Mapping[NodeKind, Table[Any]] = {NodeKind(table.name): table for table in KINDS}


def _field(description: str) -> Any:
    return strawberry.field(description=description, metadata={METADATA: OnlyGeneric()})


@strawberry.type(description="An object that a search has found, with its cursor")
class SearchEdge:
    page: strawberry.Private[FoundPage]
    found: strawberry.Private[Found]

    @_field("The position in the list, for the argument after")
    def cursor(self) -> str:
        return self.page.cursor(self.found)

    @_field("The object")
    async def node(self, info: Info) -> Node:
        node: Node = await _node(info, self.found)
        return node

    @_field("The field that was found, as the object's type spells it")
    def field(self) -> str:
        return to_camel_case(self.found.column)

    @_field("The text of the field, what was found between U+E000 and U+E001")
    def highlight(self) -> str:
        return self.page.highlight(self.found)


@strawberry.type(name="SearchConnection", description="A page of what a search has found")
class SearchPage:
    page: strawberry.Private[FoundPage]

    @_field("The objects of the page with their cursors, and what was found of them")
    async def edges(self) -> list[SearchEdge]:
        return [SearchEdge(page=self.page, found=each) for each in await self.page.rows()]

    @_field("The objects of the page")
    async def nodes(self, info: Info) -> list[Node]:
        rows = await self.page.rows()
        nodes: list[Node] = await asyncio.gather(*(_node(info, each) for each in rows))
        return nodes

    @_field("The position of the page in its list")
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @_field("The number of objects that were found")
    async def total_count(self) -> int:
        return await self.page.total()


async def _node(info: Info, found: Found) -> Any:
    return fields.to_object(await info.context.loaders.row(found.table).load(found.key))


def search(
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
) -> SearchPage | None:
    wanted = list(_TABLES) if kinds is UNSET or kinds is None else kinds
    tables = [_TABLES[kind] for kind in wanted]
    arguments = page_arguments(first, after, UNSET, UNSET)
    return SearchPage(page=FoundPage(info.context, text, tables, arguments))
