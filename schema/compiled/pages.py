"""Pages in a plan: the statements of one page field, and how its answer is put together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import inf
from typing import Any, Protocol, TypeAlias

import orjson

from db.errors import Unreadable
from db.program import Statement, Value, Values
from db.queries import cursors, json_listings
from db.queries.json_listings import Packed
from db.queries.listings import Cut
from schema.compiled.json_rows import Spelling, Texts
from schema.compiled.plan import Arguments, Request
from schema.compiled.rows import Columns, Objects, RowPlan, Rows
from schema.compiled.steps import Task, following
from schema.fields.sources import PagedList
from schema.pages import LOOK_AHEAD_FIELD, requested_page

Value_of: TypeAlias = Callable[[int, Any], Any]
"""Makes one field of a page: of the parent at an index, whose page has these rows."""


@dataclass(eq=False, slots=True)
class Found:
    """What the statements of a page field found, for all its parents.

    A page holds its rows as arrays of values, which `flat` puts together, or spelled as Texts.
    """

    cut: Cut
    pages: Sequence[Any]
    flat: Rows
    is_spelled: bool
    more: list[bool]
    cursor: Callable[[Any], str]
    totals: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    made: list[tuple[RowPlan, Objects]] = field(default_factory=list)

    def objects(self, plan: RowPlan) -> Objects:
        """All rows as objects, which the next level completes."""
        made = plan.build(self.flat)
        self.made.append((plan, made))
        return made

    def goes_on(self, index: int) -> bool:
        """Whether the list of the parent at this index goes on after its page."""
        return bool(not self.cut.backward and self.more[index]) or bool(
            self.beyond and self.beyond[index]
        )

    def began_before(self, index: int) -> bool:
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

    def prepared(self, found: Found) -> Value_of:
        """What makes it of each parent's rows; asked for parent by parent, in order."""
        ...


def _dealt(made: list[Any]) -> Value_of:
    """Deals out what was made of all rows, as many as each parent has."""
    rest = iter(made)
    return lambda _, rows: list(islice(rest, len(rows)))


@dataclass(frozen=True, slots=True)
class TypeName:
    """`__typename`."""

    key: str
    name: str

    def prepared(self, found: Found) -> Value_of:
        """Always the same."""
        return lambda _, rows: self.name


@dataclass(frozen=True, slots=True)
class Nodes:
    """`nodes`."""

    key: str
    plan: RowPlan

    def prepared(self, found: Found) -> Value_of:
        """Each row's object."""
        if found.is_spelled:
            return lambda _, rows: rows.array()
        return _dealt(found.objects(self.plan))


@dataclass(frozen=True, slots=True)
class Edges:
    """`edges`: of each the cursor, the node or a fixed text, by response key."""

    key: str
    fields: list[tuple[str, RowPlan | str | None]]

    def prepared(self, found: Found) -> Value_of:
        """Each row's edge."""
        edges: Objects = [{} for _ in found.flat]
        for key, what in self.fields:
            for edge, value in zip(edges, self._values(what, found), strict=True):
                edge[key] = value
        return _dealt(edges)

    def _values(self, what: RowPlan | str | None, found: Found) -> Sequence[Any]:
        if isinstance(what, RowPlan):
            return found.objects(what)
        if isinstance(what, str):
            return [what] * len(found.flat)
        return [found.cursor(row) for row in found.flat]


@dataclass(frozen=True, slots=True)
class Info:
    """`pageInfo`: its fields by response key, under the schema's names."""

    key: str
    fields: list[tuple[str, str]]

    def prepared(self, found: Found) -> Value_of:
        """What is asked of each page's surroundings."""
        readers: dict[str, Value_of] = {
            "hasNextPage": lambda index, _: found.goes_on(index),
            "hasPreviousPage": lambda index, _: found.began_before(index),
            "startCursor": lambda _, rows: found.cursor(rows[0]) if rows else None,
            "endCursor": lambda _, rows: found.cursor(rows[-1]) if rows else None,
            "__typename": lambda _, rows: "PageInfo",
        }
        wanted = [(key, readers[name]) for key, name in self.fields]
        return lambda index, rows: {key: read(index, rows) for key, read in wanted}


@dataclass(frozen=True, slots=True)
class Total:
    """`totalCount`."""

    key: str

    def prepared(self, found: Found) -> Value_of:
        """The list's whole length."""
        return lambda index, _: found.totals[index]


@dataclass(frozen=True, slots=True)
class Spec:
    """A page field with its arguments known: its statements, but for the parents."""

    cut: Cut
    statements: list[Packed]
    has_rows: bool
    ordered_by: list[int]
    spelling: Spelling | None


@dataclass(eq=False, slots=True)
class PagePlan:
    """What is selected of a page, compiled."""

    source: PagedList
    arguments: Arguments
    columns: Columns
    parts: list[Part]
    kept: Spec | None = None

    @property
    def infos(self) -> set[str]:
        """What of `pageInfo` is selected, in any place."""
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
            what is None for part in of_edges for _, what in part.fields
        )

    @property
    def has_total(self) -> bool:
        """Whether `totalCount` is selected."""
        return any(isinstance(part, Total) for part in self.parts)

    def spec(self, request: Request) -> Spec:
        """The field's statements; made once where no variable has a say in them."""
        if self.kept is not None:
            return self.kept
        spec = self._spec(request)
        if not self.arguments.depend_on_variables:
            self.kept = spec
        return spec

    def _spec(self, request: Request) -> Spec:
        listing, cut = requested_page(request.ctx, self.source, **self.arguments.values(request))
        infos = self.infos
        look_ahead = LOOK_AHEAD_FIELD[cut.backward] in infos
        has_rows = look_ahead or self.has_objects or self.has_cursors
        names = list(self.columns.names)
        if self.has_cursors:
            names += [part.column for part in cut.order if part.column not in names]
        statements = []
        spelling = self._spelling(cut)
        if has_rows:
            wider = replace(cut, limit=cut.limit + look_ahead)
            statements.append(
                json_listings.spelled_page(listing, wider, names, spelling.members)
                if spelling
                else json_listings.page(listing, wider, names)
            )
        if self.has_total:
            statements.append(json_listings.count(listing))
        if cut.after is not None and "hasPreviousPage" in infos:
            statements.append(json_listings.reach(listing, cut.order, cut.after, ahead=False))
        if cut.before is not None and "hasNextPage" in infos:
            statements.append(json_listings.reach(listing, cut.order, cut.before, ahead=True))
        ordered_by = [names.index(part.column) for part in cut.order] if self.has_cursors else []
        return Spec(cut, statements, has_rows, ordered_by, spelling)

    def _spelling(self, cut: Cut) -> Spelling | None:
        """How SQLite spells the page's objects, where it can and they are asked for but once."""
        match [part for part in self.parts if isinstance(part, Nodes | Edges)]:
            case [Nodes(_, plan)]:
                return Spelling.of(plan, cut.order if self.has_cursors else ())
        return None


class PageTask:
    """One page field, for all its parents (None for a table's own list)."""

    def __init__(
        self,
        plan: PagePlan,
        key: str,
        objects: Objects,
        parents: list[Value] | None,
        request: Request,
    ) -> None:
        self._plan, self._key, self._objects, self._request = plan, key, objects, request
        self._spec = plan.spec(request)
        statements = self._spec.statements
        if parents is None:
            self.statements: list[Statement] = [statement.alone() for statement in statements]
        else:
            listed = orjson.dumps(parents).decode()
            self.statements = [statement.of(listed) for statement in statements]
        self.rows = 0

    def take(self, answers: list[str]) -> Iterator[Task]:
        """Put a page into each parent's object."""
        found = self._found(answers)
        parts = [(part.key, part.prepared(found)) for part in self._plan.parts]
        for index, (parent, rows) in enumerate(zip(self._objects, found.pages, strict=True)):
            parent[self._key] = {key: value(index, rows) for key, value in parts}
        for plan, objects in found.made:
            yield from following(plan, objects, found.flat, self._request)

    def _found(self, answers: list[str]) -> Found:
        spec, plan, count = self._spec, self._plan, len(self._objects)
        spelling = spec.spelling
        texts = json_listings.spelled_pages(answers[0]) if spelling else None
        rest = map(orjson.loads, answers if texts is None else answers[1:])
        if spelling and texts is not None:
            found = self._spelled(spelling, texts)
        else:
            found = self._arrays(next(rest) if spec.has_rows else [[]] * count)
        if plan.has_total:
            found.totals = next(rest)
        if spec.cut.after is not None and "hasPreviousPage" in plan.infos:
            found.before = next(rest)
        if spec.cut.before is not None and "hasNextPage" in plan.infos:
            found.beyond = next(rest)
        self.rows = sum(map(len, found.pages)) + sum(found.more)
        self.rows += count * (len(answers) - spec.has_rows)
        return found

    def _spelled(self, spelling: Spelling, texts: list[tuple[int, str]]) -> Found:
        cut = self._spec.cut
        pages = [Texts.of(count, text, cut) for count, text in texts]
        more = [count > cut.limit for count, _ in texts]
        return Found(cut, pages, [], True, more, self._cursor(spelling.values))

    def _arrays(self, pages: list[Rows]) -> Found:
        cut = self._spec.cut
        more = [len(rows) > cut.limit for rows in pages]
        pages = [rows[: cut.limit] for rows in pages]
        if cut.backward:
            pages = [rows[::-1] for rows in pages]
        flat = list(chain.from_iterable(pages))
        return Found(cut, pages, flat, False, more, self._cursor(self._values))

    def _cursor(self, values: Callable[[Any], Values]) -> Callable[[Any], str]:
        name, order = self._plan.columns.table.name, self._spec.cut.order
        encode = cursors.encoder(self._request.ctx.cursor_key, name, order)
        return lambda row: encode(values(row))

    def _values(self, row: Sequence[Any]) -> Values:
        values = tuple([row[place] for place in self._spec.ordered_by])
        if float in map(type, values):
            raise Unreadable("a fraction does not keep all its digits in a packed row")
        return values


@dataclass(eq=False, slots=True)
class PageStep:
    """A to-many relation, by the index of the column that says whose."""

    key: str
    plan: PagePlan
    index: int

    @property
    def most(self) -> float:
        """As many as the page holds, which is no small number."""
        return inf

    def tasks(self, objects: Objects, rows: Rows, request: Request) -> Iterator[Task]:
        """One page of each object."""
        yield PageTask(self.plan, self.key, objects, [row[self.index] for row in rows], request)
