"""A field's arguments: the page that a list is asked for, and everything else."""

from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_required_argument,
)

from tests.support.corpus import literals
from tests.support.corpus.draft import Draft
from tests.support.corpus.literals import Name
from tests.support.corpus.values import Values

# How many objects an operation may ask for in one place: pages below each other share it.
ROWS = 40
DEFAULT_SIZE = 20
PAGING = ("first", "after", "last", "before", "orderBy", "by")
BAD_SIZES = (0, -1, 101, 2**31 - 1)
BAD_CURSORS = ("", "=", "🦊", "AQ", "A" * 50)


class Arguments:
    """Writes the arguments of one document's fields."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.chance = draft.chance
        self.values = Values(draft)

    def written(self, kind: GraphQLInputType, hint: str) -> str:
        """Some value of this type."""
        return self.values.written(kind, hint)

    def of(self, name: str, field: GraphQLField, rows: int) -> tuple[str, int]:
        """The arguments in their parentheses, and how many objects each parent may get."""
        written: dict[str, str] = {}
        count = 1
        if "by" in field.args:
            count = self._groups(field, written)
        elif "first" in field.args:
            count = self._page(field, written, rows)
        elif "maxNodes" in field.args:
            count = self._walk(field, written, rows)
        elif isinstance(get_nullable_type(field.type), GraphQLList) and "ids" in field.args:
            count = 2
        for each, argument in field.args.items():
            if each in written or (each in PAGING and "first" in field.args):
                continue
            if is_required_argument(argument) or self.chance.yes(0.3):
                written[each] = self.written(argument.type, f"{name}.{each}")
        given = list(written.items())
        self.chance.shuffle(given)
        text = ", ".join(f"{each}: {value}" for each, value in given)
        return (f"({text})" if text else ""), count

    def _groups(self, field: GraphQLField, written: dict[str, str]) -> int:
        """Write the arguments of groups; their number is returned."""
        by = field.args["by"].type
        members: Any = get_named_type(by)
        keys = list(members.values)
        if self.draft.careful:
            chosen = self.chance.some(keys, 3)
            if "CREATED_DAY" in chosen and "CREATED_MONTH" in chosen:
                chosen.remove("CREATED_DAY")
            value = [Name(key) for key in chosen]
            written["by"] = self._literal_or_variable(field, "by", value)
        else:
            written["by"] = self.written(by, "groups.by")
        if self.chance.yes(0.4):
            written["orderBy"] = self.written(field.args["orderBy"].type, "groups.orderBy")
        size = self.chance.randint(1, 4)
        bad = not self.draft.careful and self.chance.yes(0.08)
        asked = self.chance.pick((*BAD_SIZES, 1_001, None)) if bad else size
        written["first"] = self._literal_or_variable(field, "first", asked)
        return size

    def _walk(self, field: GraphQLField, written: dict[str, str], rows: int) -> int:
        """Write how many objects a walk may return; their number is returned."""
        size = min(max(1, ROWS // rows), self.chance.randint(1, 12))
        bad = not self.draft.careful and self.chance.yes(0.08)
        asked = self.chance.pick((0, -1, 1_001, 2**31 - 1)) if bad else size
        written["maxNodes"] = self._literal_or_variable(field, "maxNodes", asked)
        return size

    def _found(self, field: GraphQLField, written: dict[str, str]) -> None:
        """Write what is searched for, and perhaps from where on."""
        text = self.chance.pick(list(self.draft.pool.searches))
        written["text"] = self._literal_or_variable(field, "text", text)
        cursors = self.draft.pool.searches[text]
        if not self.draft.careful and self.chance.yes(0.3):
            cursors = [*BAD_CURSORS, *self.chance.pick(list(self.draft.pool.searches.values()))]
        if cursors and self.chance.yes(0.4):
            written["after"] = self._literal_or_variable(
                field, "after", self.chance.pick([*cursors, None])
            )

    def _page(self, field: GraphQLField, written: dict[str, str], rows: int) -> int:
        """Write the arguments of a page; the number of its objects is returned."""
        page_type = get_named_type(field.type).name
        if "text" in field.args and self.draft.pool.searches and self.chance.yes(0.6):
            self._found(field, written)
        orderings = self.draft.pool.cursors.get(page_type, {})
        ordering = ""
        if self.draft.ordered and "orderBy" in field.args and self.chance.yes(0.4):
            if orderings and self.chance.yes(0.6):
                ordering = self.chance.pick(list(orderings))
                if ordering:
                    written["orderBy"] = self._literal_or_variable(
                        field, "orderBy", orderings[ordering].value
                    )
            else:
                written["orderBy"] = self.written(
                    field.args["orderBy"].type, f"{page_type}.orderBy"
                )
                ordering = "another"
        if orderings and self.chance.yes(0.25):
            for each in self.chance.pick([["after"], ["before"], ["after", "before"]]):
                if each not in field.args:
                    continue
                written[each] = self._literal_or_variable(
                    field, each, self._cursor(page_type, ordering)
                )
        return self._size(field, written, rows)

    def _cursor(self, page_type: str, ordering: str) -> Any:
        cursors = self.draft.pool.cursors[page_type]
        if ordering in cursors and (self.draft.careful or self.chance.yes(0.7)):
            return self.chance.pick([*cursors[ordering].cursors, None])
        if self.draft.careful:
            return None
        other = self.chance.pick(list(self.draft.pool.cursors.values()))
        return self.chance.pick([*BAD_CURSORS, *self.chance.pick(list(other.values())).cursors])

    def _size(self, field: GraphQLField, written: dict[str, str], rows: int) -> int:
        most = max(1, ROWS // rows)
        if most >= DEFAULT_SIZE and self.chance.yes(0.15):
            return DEFAULT_SIZE
        size = min(most, self.chance.randint(1, 7))
        name = self.chance.pick(["first", "first", "last" if "last" in field.args else "first"])
        asked = size
        if not self.draft.careful and self.chance.yes(0.08):
            asked = self.chance.pick(BAD_SIZES)
        written[name] = self._literal_or_variable(field, name, asked)
        other = "first" if name == "last" else "last"
        if other in field.args and self.chance.yes(0.05):
            both = not self.draft.careful and self.chance.yes(0.3)
            written[other] = self._literal_or_variable(field, other, size if both else None)
        return size

    def _literal_or_variable(self, field: GraphQLField, name: str, value: Any) -> str:
        if self.chance.yes(0.3):
            return self.values.carried(field.args[name].type, f"page.{name}", value)
        return literals.text(value, self.chance)
