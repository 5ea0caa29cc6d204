"""Pages in a plan: the statements of one page field, and how its answer is built from their rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import inf
from typing import Any, Protocol, TypeAlias

import orjson

from db.errors import Unreadable
from db.program import Statement, Value, Values
from db.queries import cursors, json_listings
from db.queries.json_listings import JsonStatement
from db.queries.listings import Cut
from schema.compiled.arguments import Arguments
from schema.compiled.json_rows import JsonPage, JsonRows
from schema.compiled.plan import Objects, PlanRun, Rows, Task
from schema.compiled.rows import Columns, RowPlan
from schema.fields.sources import PagedList
from schema.pages import LOOK_AHEAD_FIELD, requested_page

Resolver: TypeAlias = Callable[[int, Any], Any]
"""Makes one field of a page, given the index of the parent and the rows of its page."""


@dataclass(eq=False, slots=True)
class PageRows:
    """The rows of a page field, for all its parents.

    Each of `pages` holds rows as arrays of values, which `flat` concatenates, or is a JsonPage.
    """

    cut: Cut
    pages: Sequence[Any]
    flat: Rows
    is_json: bool
    more: list[bool]
    cursor: Callable[[Any], str]
    totals: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    built: list[tuple[RowPlan, Objects]] = field(default_factory=list)

    def objects(self, plan: RowPlan) -> Objects:
        """Build all rows as objects, which the next level completes."""
        objects = plan.build(self.flat)
        self.built.append((plan, objects))
        return objects

    def has_next(self, index: int) -> bool:
        """Whether the list of the parent at this index goes on after its page."""
        return bool(not self.cut.backward and self.more[index]) or bool(
            self.beyond and self.beyond[index]
        )

    def has_previous(self, index: int) -> bool:
        """Whether the list of the parent at this index has rows before its page."""
        return bool(self.cut.backward and self.more[index]) or bool(
            self.before and self.before[index]
        )


class Part(Protocol):
    """One selected field of a page."""

    @property
    def key(self) -> str:
        """Its response key."""
        ...

    def resolver(self, page: PageRows) -> Resolver:
        """What makes it for each parent; called once per parent, in order."""
        ...


def _split(values: list[Any]) -> Resolver:
    """Split what was made of all rows by parent."""
    rest = iter(values)
    return lambda _, rows: list(islice(rest, len(rows)))


@dataclass(frozen=True, slots=True)
class TypeName:
    """`__typename`."""

    key: str
    name: str

    def resolver(self, page: PageRows) -> Resolver:
        return lambda _, rows: self.name


@dataclass(frozen=True, slots=True)
class Nodes:
    """`nodes`."""

    key: str
    plan: RowPlan

    def resolver(self, page: PageRows) -> Resolver:
        if page.is_json:
            return lambda _, rows: rows.array()
        return _split(page.objects(self.plan))


@dataclass(frozen=True, slots=True)
class Edges:
    """`edges`: by response key the plan of the node, a constant text, or None for the cursor."""

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
class Info:
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
class Total:
    """`totalCount`."""

    key: str

    def resolver(self, page: PageRows) -> Resolver:
        return lambda index, _: page.totals[index]


@dataclass(frozen=True, slots=True)
class PageStatements:
    """The statements of a page field whose arguments are known; the parents are still to be bound."""

    cut: Cut
    statements: list[JsonStatement]
    has_rows: bool
    ordered_by: list[int]
    json_rows: JsonRows | None


@dataclass(eq=False, slots=True)
class PagePlan:
    """What is selected of a page, compiled."""

    source: PagedList
    arguments: Arguments
    columns: Columns
    parts: list[Part]
    cached: PageStatements | None = None

    @property
    def infos(self) -> set[str]:
        """The fields of `pageInfo` that are selected, in any place."""
        return {name for part in self.parts if isinstance(part, Info) for _, name in part.fields}

    @property
    def has_objects(self) -> bool:
        """Whether nodes or edges are selected."""
        return any(isinstance(part, Nodes | Edges) for part in self.parts)

    @property
    def has_cursors(self) -> bool:
        """Whether any cursor is selected."""
        of_edges = [part for part in self.parts if isinstance(part, Edges)]
        return not self.infos.isdisjoint({"startCursor", "endCursor"}) or any(
            value is None for part in of_edges for _, value in part.fields
        )

    @property
    def has_total(self) -> bool:
        """Whether `totalCount` is selected."""
        return any(isinstance(part, Total) for part in self.parts)

    def statements(self, run: PlanRun) -> PageStatements:
        """The field's statements, cached unless they depend on variables."""
        if self.cached is not None:
            return self.cached
        statements = self._statements(run)
        if not self.arguments.depend_on_variables:
            self.cached = statements
        return statements

    def _statements(self, run: PlanRun) -> PageStatements:
        listing, cut = requested_page(run.ctx, self.source, **self.arguments.values(run))
        infos = self.infos
        look_ahead = LOOK_AHEAD_FIELD[cut.backward] in infos
        has_rows = look_ahead or self.has_objects or self.has_cursors
        names = list(self.columns.names)
        if self.has_cursors:
            names += [part.column for part in cut.order if part.column not in names]
        statements = []
        json_rows = self._json_rows(cut)
        if has_rows:
            wider = replace(cut, limit=cut.limit + look_ahead)
            statements.append(
                json_listings.text_page(listing, wider, names, json_rows.members)
                if json_rows
                else json_listings.page(listing, wider, names)
            )
        if self.has_total:
            statements.append(json_listings.count(listing))
        if cut.after is not None and "hasPreviousPage" in infos:
            statements.append(json_listings.reach(listing, cut.order, cut.after, ahead=False))
        if cut.before is not None and "hasNextPage" in infos:
            statements.append(json_listings.reach(listing, cut.order, cut.before, ahead=True))
        ordered_by = [names.index(part.column) for part in cut.order] if self.has_cursors else []
        return PageStatements(cut, statements, has_rows, ordered_by, json_rows)

    def _json_rows(self, cut: Cut) -> JsonRows | None:
        """How SQLite writes the page's objects as JSON, if it can and they are selected only once."""
        match [part for part in self.parts if isinstance(part, Nodes | Edges)]:
            case [Nodes(_, plan)]:
                return JsonRows.of(plan, cut.order if self.has_cursors else ())
        return None


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
        if parents is None:
            self.statements: list[Statement] = [statement.alone() for statement in statements]
        else:
            listed = orjson.dumps(parents).decode()
            self.statements = [statement.of(listed) for statement in statements]
        self.rows = 0

    def take(self, texts: list[str]) -> Iterator[Task]:
        """Put a page into each parent's object."""
        page = self._rows(texts)
        parts = [(part.key, part.resolver(page)) for part in self._plan.parts]
        for index, (parent, rows) in enumerate(zip(self._objects, page.pages, strict=True)):
            parent[self._key] = {key: value(index, rows) for key, value in parts}
        for plan, objects in page.built:
            yield from plan.tasks(objects, page.flat, self._run)

    def _rows(self, texts: list[str]) -> PageRows:
        statements, plan, count = self._page, self._plan, len(self._objects)
        json_rows = statements.json_rows
        pages = json_listings.split_pages(texts[0]) if json_rows else None
        rest = map(orjson.loads, texts if pages is None else texts[1:])
        if json_rows and pages is not None:
            page = self._json(json_rows, pages)
        else:
            page = self._arrays(next(rest) if statements.has_rows else [[]] * count)
        if plan.has_total:
            page.totals = next(rest)
        if statements.cut.after is not None and "hasPreviousPage" in plan.infos:
            page.before = next(rest)
        if statements.cut.before is not None and "hasNextPage" in plan.infos:
            page.beyond = next(rest)
        self.rows = sum(map(len, page.pages)) + sum(page.more)
        self.rows += count * (len(texts) - statements.has_rows)
        return page

    def _json(self, json_rows: JsonRows, texts: list[tuple[int, str]]) -> PageRows:
        cut = self._page.cut
        pages = [JsonPage.of(count, text, cut) for count, text in texts]
        more = [count > cut.limit for count, _ in texts]
        return PageRows(cut, pages, [], True, more, self._cursor(json_rows.values))

    def _arrays(self, pages: list[Rows]) -> PageRows:
        cut = self._page.cut
        more = [len(rows) > cut.limit for rows in pages]
        pages = [rows[: cut.limit] for rows in pages]
        if cut.backward:
            pages = [rows[::-1] for rows in pages]
        flat = list(chain.from_iterable(pages))
        return PageRows(cut, pages, flat, False, more, self._cursor(self._values))

    def _cursor(self, values: Callable[[Any], Values]) -> Callable[[Any], str]:
        name, order = self._plan.columns.table.name, self._page.cut.order
        encode = cursors.encoder(self._run.ctx.cursor_key, name, order)
        return lambda row: encode(values(row))

    def _values(self, row: Sequence[Any]) -> Values:
        values = tuple([row[place] for place in self._page.ordered_by])
        if float in map(type, values):
            raise Unreadable("a fraction does not keep all its digits in a JSON row")
        return values


@dataclass(eq=False, slots=True)
class PageStep:
    """A to-many relation, by the index of the column that says whose."""

    key: str
    plan: PagePlan
    index: int

    @property
    def most(self) -> float:
        """A page is never few rows."""
        return inf

    def tasks(self, objects: Objects, rows: Rows, run: PlanRun) -> Iterator[Task]:
        yield PageTask(self.plan, self.key, objects, [row[self.index] for row in rows], run)
