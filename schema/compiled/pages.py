"""Pages in a plan: the statements of one page field, and the response built from their rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from math import inf
from typing import Any, Protocol, TypeAlias
from weakref import ReferenceType, ref

import orjson

from db.errors import Unreadable
from db.history import reading
from db.program import Rows as StatementRows
from db.program import Statement, Value, Values
from db.queries import cursors, json_listings
from db.queries.groups import Grouping
from db.queries.json_listings import JsonStatement
from db.queries.listings import Listing, PageRange
from resolvers.pages import check_cursors, has_cursors_to_check
from schema.compiled.arguments import Arguments
from schema.compiled.groups import GroupRows, GroupsPlan
from schema.compiled.json_rows import JsonPage, JsonRows
from schema.compiled.plan import Objects, PlanRun, Rows, Task
from schema.compiled.rows import Columns, RowPlan
from schema.fields.sources import PagedList
from schema.pages import LOOK_AHEAD_FIELD, requested_page

SHAPES_CACHED = 1_024  # the statements of each take some kilobytes

Resolver: TypeAlias = Callable[[int, Any], Any]
"""Makes one field of a page, given the index of the parent and the rows of its page."""


@dataclass(eq=False, slots=True)
class PageRows:
    """The rows of a page field, for all its parents.

    Each of `pages` is a JsonPage or holds rows as arrays of values, which `flat` concatenates.
    """

    page_range: PageRange
    pages: Sequence[Any]
    flat: Rows
    is_json: bool
    has_more: list[bool]
    cursor: Callable[[Any], str]
    totals: list[int] = field(default_factory=list)
    rows_before: list[int] = field(default_factory=list)
    rows_after: list[int] = field(default_factory=list)
    groups: dict[GroupsPlan, GroupRows] = field(default_factory=dict)
    built_objects: list[tuple[RowPlan, Objects]] = field(default_factory=list)

    def objects(self, plan: RowPlan) -> Objects:
        """Build all rows as objects, which the next level completes."""
        objects = plan.build(self.flat)
        self.built_objects.append((plan, objects))
        return objects

    def has_next(self, index: int) -> bool:
        return bool(not self.page_range.backward and self.has_more[index]) or bool(
            self.rows_after and self.rows_after[index]
        )

    def has_previous(self, index: int) -> bool:
        return bool(self.page_range.backward and self.has_more[index]) or bool(
            self.rows_before and self.rows_before[index]
        )


class Part(Protocol):
    """One selected field of a page."""

    @property
    def key(self) -> str: ...

    def resolver(self, page: PageRows) -> Resolver:
        """What makes it for each parent; called once per parent, in order."""
        ...


def _split(values: list[Any]) -> Resolver:
    """Split by parent what was made of all rows."""
    rest = iter(values)
    return lambda _, rows: list(islice(rest, len(rows)))


@dataclass(frozen=True, slots=True)
class TypeName:
    key: str
    name: str

    def resolver(self, page: PageRows) -> Resolver:
        return lambda _, rows: self.name


@dataclass(frozen=True, slots=True)
class Nodes:
    key: str
    plan: RowPlan

    def resolver(self, page: PageRows) -> Resolver:
        if page.is_json:
            return lambda _, rows: rows.array()
        return _split(page.objects(self.plan))


@dataclass(frozen=True, slots=True)
class Edges:
    """By response key the plan of the node, a constant text, or None for the cursor."""

    key: str
    fields: list[tuple[str, RowPlan | str | None]]

    def resolver(self, page: PageRows) -> Resolver:
        edges: Objects = [{} for _ in page.flat]
        for key, part in self.fields:
            for edge, value in zip(edges, self._values(part, page), strict=True):
                edge[key] = value
        return _split(edges)

    def _values(self, part: RowPlan | str | None, page: PageRows) -> Sequence[Any]:
        if isinstance(part, RowPlan):
            return page.objects(part)
        if isinstance(part, str):
            return [part] * len(page.flat)
        return [page.cursor(row) for row in page.flat]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """`pageInfo`: its fields by response key, under the schema's names."""

    key: str
    fields: list[tuple[str, str]]

    def resolver(self, page: PageRows) -> Resolver:
        readers: dict[str, Resolver] = {
            "hasNextPage": lambda index, _: page.has_next(index),
            "hasPreviousPage": lambda index, _: page.has_previous(index),
            "startCursor": lambda _, rows: page.cursor(rows[0]) if rows else None,
            "endCursor": lambda _, rows: page.cursor(rows[-1]) if rows else None,
            "__typename": lambda _, rows: "PageInfo",
        }
        fields = [(key, readers[name]) for key, name in self.fields]
        return lambda index, rows: {key: read(index, rows) for key, read in fields}


@dataclass(frozen=True, slots=True)
class TotalCount:
    key: str

    def resolver(self, page: PageRows) -> Resolver:
        return lambda index, _: page.totals[index]


@dataclass(frozen=True, slots=True)
class Groups:
    key: str
    plan: GroupsPlan

    def resolver(self, page: PageRows) -> Resolver:
        built = page.groups[self.plan].built
        return lambda index, _: built[index]


@dataclass(eq=False, slots=True)
class PageShape:
    """What page fields share whose arguments differ in values only; `encoders` of cursors are by key."""

    statements: list[JsonStatement]
    has_rows: bool
    ordered_by: list[int]
    json_rows: JsonRows | None
    encoders: dict[bytes, Callable[[Values], str]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class PageStatements:
    """The statements of a page field with its arguments, not yet with its parents."""

    page_range: PageRange
    shape: PageShape
    statements: list[JsonStatement]
    groupings: list[Grouping]


@dataclass(eq=False, slots=True, weakref_slot=True)
class PagePlan:
    source: PagedList
    arguments: Arguments
    columns: Columns
    parts: list[Part]
    cached: PageStatements | None = None
    page_info_fields: set[str] = field(init=False)
    """The fields of `pageInfo` that are selected, in any place."""
    has_objects: bool = field(init=False)
    has_cursors: bool = field(init=False)
    has_total: bool = field(init=False)
    groups: list[GroupsPlan] = field(init=False)
    depends_on_variables: bool = field(init=False)
    reference: "ReferenceType[PagePlan]" = field(init=False)

    def __post_init__(self) -> None:
        parts = self.parts
        self.page_info_fields = {
            name for part in parts if isinstance(part, PageInfo) for _, name in part.fields
        }
        edges = [each for part in parts if isinstance(part, Edges) for _, each in part.fields]
        self.has_objects = any(isinstance(part, Nodes | Edges) for part in parts)
        self.has_cursors = None in edges or not self.page_info_fields.isdisjoint(
            ("startCursor", "endCursor")
        )
        self.has_total = any(isinstance(part, TotalCount) for part in parts)
        self.groups = [part.plan for part in parts if isinstance(part, Groups)]
        arguments = (self.arguments, *[each.arguments for each in self.groups])
        self.depends_on_variables = any(each.depend_on_variables for each in arguments)
        self.reference = ref(self)

    def statements(self, run: PlanRun) -> PageStatements:
        """The field's statements, cached unless they depend on variables."""
        if self.cached is not None:
            return self.cached
        listing, page_range = requested_page(run.ctx, self.source, **self.arguments.values(run))
        operands: list[Value] = []
        limit = page_range.limit + (LOOK_AHEAD_FIELD[page_range.backward] in self.page_info_fields)
        with_look_ahead = PageRange(
            page_range.order, limit, page_range.backward, page_range.after, page_range.before
        )
        listing, shaped_range = json_listings.shape(listing, with_look_ahead, operands)
        shape = _shape(self.reference, listing, shaped_range)
        # The page is the first statement; the others look at one row.
        statements = [each.filled(operands, 1) for each in shape.statements[shape.has_rows :]]
        if shape.has_rows:
            statements.insert(0, shape.statements[0].filled(operands, limit))
        groups = [each.requested(listing, operands, run) for each in self.groups]
        statements += [statement for _, statement in groups]
        bound = PageStatements(page_range, shape, statements, [each for each, _ in groups])
        if not self.depends_on_variables:
            self.cached = bound
        return bound

    def json_rows(self, page_range: PageRange) -> JsonRows | None:
        """How SQLite writes the page's objects as JSON, if it can and they are selected only once."""
        match [part for part in self.parts if isinstance(part, Nodes | Edges)]:
            case [Nodes(_, plan)]:
                return JsonRows.of(plan, page_range.order if self.has_cursors else ())
        return None


@lru_cache(SHAPES_CACHED)
def _shape(
    reference: "ReferenceType[PagePlan]", listing: Listing, page_range: PageRange
) -> PageShape:
    plan = reference()  # weak, so that this cache keeps no document that has been evicted
    if plan is None:
        raise LookupError("the plan of the page is gone")
    names = list(plan.columns.names)
    if plan.has_cursors:
        names += [part.column for part in page_range.order if part.column not in names]
    statements = []
    json_rows = plan.json_rows(page_range)
    has_rows = (
        plan.has_objects
        or plan.has_cursors
        or LOOK_AHEAD_FIELD[page_range.backward] in plan.page_info_fields
    )
    if has_rows:
        statements.append(
            json_listings.text_page(listing, page_range, names, json_rows.members)
            if json_rows
            else json_listings.page(listing, page_range, names)
        )
    if plan.has_total:
        statements.append(json_listings.count(listing))
    if page_range.after is not None and "hasPreviousPage" in plan.page_info_fields:
        statements.append(
            json_listings.reach(listing, page_range.order, page_range.after, ahead=False)
        )
    if page_range.before is not None and "hasNextPage" in plan.page_info_fields:
        statements.append(
            json_listings.reach(listing, page_range.order, page_range.before, ahead=True)
        )
    ordered_by = [names.index(part.column) for part in page_range.order] if plan.has_cursors else []
    return PageShape(statements, has_rows, ordered_by, json_rows)


class PageTask:
    """One page field, for all its parents (None for a table's own list)."""

    def __init__(
        self,
        plan: PagePlan,
        key: str,
        objects: Objects,
        parents: list[Value] | None,
        run: PlanRun,
    ) -> None:
        self._plan, self._key, self._objects, self._run = plan, key, objects, run
        self._page = plan.statements(run)
        statements = self._page.statements
        self._has_cursors = has_cursors_to_check(plan.columns.table, self._page.page_range)
        if parents is None:
            self.statements: list[Statement] = [statement.alone() for statement in statements]
        else:
            listed = orjson.dumps(parents).decode()
            self.statements = [statement.of(listed) for statement in statements]
        if self._has_cursors:
            self.statements.append(reading.LIMITS)
        self.rows = 0

    def take(self, answers: list[StatementRows]) -> Iterator[Task]:
        texts = [str(text) for [(text,)] in answers]
        if self._has_cursors:
            *texts, limits = texts
            check_cursors(self._page.page_range, limits)
        page = self._rows(texts)
        parts = [(part.key, part.resolver(page)) for part in self._plan.parts]
        for index, (parent, rows) in enumerate(zip(self._objects, page.pages, strict=True)):
            parent[self._key] = {key: value(index, rows) for key, value in parts}
        for plan, objects in page.built_objects:
            yield from plan.tasks(objects, page.flat, self._run)
        for groups in page.groups.values():
            yield from groups.tasks(self._run)

    def _rows(self, texts: list[str]) -> PageRows:
        page_range, shape = self._page.page_range, self._page.shape
        plan, count = self._plan, len(self._objects)
        json_rows = shape.json_rows
        pages = json_listings.split_pages(texts[0]) if json_rows else None
        rest = map(orjson.loads, texts if pages is None else texts[1:])
        if json_rows and pages is not None:
            page = self._json(json_rows, pages)
        else:
            page = self._arrays(next(rest) if shape.has_rows else [[]] * count)
        if plan.has_total:
            page.totals = next(rest)
        if page_range.after is not None and "hasPreviousPage" in plan.page_info_fields:
            page.rows_before = next(rest)
        if page_range.before is not None and "hasNextPage" in plan.page_info_fields:
            page.rows_after = next(rest)
        for groups, grouping in zip(plan.groups, self._page.groupings, strict=True):
            page.groups[groups] = GroupRows(groups, [grouping.read(each) for each in next(rest)])
        self.rows = sum(map(len, page.pages)) + sum(page.has_more)
        self.rows += count * (len(texts) - shape.has_rows - len(plan.groups))
        self.rows += sum(len(each) for rows in page.groups.values() for each in rows.groups)
        return page

    def _json(self, json_rows: JsonRows, texts: list[tuple[int, str]]) -> PageRows:
        page_range = self._page.page_range
        pages = [JsonPage.of(count, text, page_range) for count, text in texts]
        has_more = [count > page_range.limit for count, _ in texts]
        return PageRows(page_range, pages, [], True, has_more, self._cursor(json_rows.values))

    def _arrays(self, pages: list[Rows]) -> PageRows:
        page_range = self._page.page_range
        has_more = [len(rows) > page_range.limit for rows in pages]
        pages = [rows[: page_range.limit] for rows in pages]
        if page_range.backward:
            pages = [rows[::-1] for rows in pages]
        flat = list(chain.from_iterable(pages))
        return PageRows(page_range, pages, flat, False, has_more, self._cursor(self._values))

    def _cursor(self, values: Callable[[Any], Values]) -> Callable[[Any], str]:
        key, encoders = self._run.ctx.cursor_key, self._page.shape.encoders
        encode = encoders.get(key)
        if encode is None:
            table, order = self._plan.columns.table, self._page.page_range.order
            encode = encoders[key] = cursors.encoder(key, table, order)
        return lambda row: encode(values(row))

    def _values(self, row: Sequence[Any]) -> Values:
        values = tuple([row[place] for place in self._page.shape.ordered_by])
        if float in map(type, values):
            raise Unreadable("a fraction does not keep all its digits in a JSON row")
        return values


@dataclass(eq=False, slots=True)
class PageStep:
    """A to-many relation; `index` is the column with the parent."""

    key: str
    plan: PagePlan
    index: int

    @property
    def max_rows(self) -> float:
        """A page is never few rows."""
        return inf

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        yield PageTask(self.plan, self.key, objects, [row[self.index] for row in rows], run)
