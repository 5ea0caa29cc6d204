"""The picture of what the registry stores, as SVG: tables, columns, and the relations that walks follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from db.model.column_types import ColumnType
from db.model.graph import GRAPH_RELATIONS, GRAPH_TABLES, GraphRelation
from db.model.services import SERVICES
from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, INSTALLATIONS, Table

# Where the tables stand, from left to right; all else follows from their declarations.
PLACES: tuple[tuple[Table[Any], ...], ...] = (
    (ACTORS, CONTEXTS),
    (CONNECTIONS,),
    (SERVICES, INSTALLATIONS),
)
# Lengths, in units of the picture.
WIDTH, ROW, HEAD, BELOW = 286, 19, 30, 8  # of a card
GAP, SPACE, MARGIN, LANE = 84, 60, 16, 30

STYLE = """\
<style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .page { fill: #ffffff }
    .card { fill: #f6f8fa; stroke: #d1d9e0 }
    .head { fill: #00796b }
    .name { fill: #ffffff; font-weight: 600 }
    .type { fill: #59636e; font-size: 12px; text-anchor: end }
    .key { font-weight: 600 }
    .line { fill: none; stroke: #00796b; stroke-width: 1.5; stroke-linejoin: round }
    .tip { fill: #00796b }
    .relation { fill: #00796b; font-size: 12px; font-weight: 600; text-anchor: middle }
    .relation { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round }
    @media (prefers-color-scheme: dark) {
        text { fill: #f0f6fc }
        .page { fill: #0d1117 }
        .card { fill: #151b23; stroke: #3d444d }
        .type { fill: #9198a1 }
        .line { stroke: #4db6ac }
        .tip, .relation { fill: #4db6ac }
        .relation { stroke: #0d1117 }
    }
</style>"""
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0L8 4L0 8z"/></marker>'
)


@dataclass(frozen=True, slots=True)
class Card:
    """Where a table is drawn: the number of its place from the left, and its upper left corner."""

    table: Table[Any]
    place: int
    x: float
    y: float

    @property
    def height(self) -> float:
        return HEAD + ROW * len(self.table.columns) + BELOW

    def middle_of(self, column: str) -> float:
        """The height at which the row of a column is in the picture."""
        return self.y + HEAD + ROW * (list(self.table.columns).index(column) + 0.5) + BELOW / 2


def svg() -> str:
    """The picture; raises ValueError if a table of the graph has no place in it."""
    cards = _cards()
    if missing := [table.name for table in GRAPH_TABLES if table not in cards]:
        raise ValueError(f"docs/model_diagram.py has no place for {', '.join(missing)}")
    width = max(card.x for card in cards.values()) + WIDTH + MARGIN + LANE
    height = max(card.y + card.height for card in cards.values()) + MARGIN
    names = ", ".join(table.name for table in cards)
    label = f"Tables and relations of the registry: {names}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}">',
        STYLE,
        f"<defs>{TIP}</defs>",
        f'<rect class="page" width="{width:g}" height="{height:g}" rx="8"/>',
    ]
    for card in cards.values():
        lines += _card(card)
    for relation in GRAPH_RELATIONS:
        lines += _relation(relation, cards)
    return "\n".join([*lines, "</svg>", ""])


def _cards() -> dict[Table[Any], Card]:
    """The card of each table; those of one place stand one above the other, around the same middle."""
    cards = {}
    stacks = [[Card(table, n, 0, 0) for table in tables] for n, tables in enumerate(PLACES)]
    heights = [sum(card.height for card in stack) + SPACE * (len(stack) - 1) for stack in stacks]
    for place, (stack, height) in enumerate(zip(stacks, heights, strict=True)):
        y = MARGIN + LANE + (max(heights) - height) / 2
        for card in stack:
            cards[card.table] = Card(card.table, place, MARGIN + place * (WIDTH + GAP), y)
            y += card.height + SPACE
    return cards


def _card(card: Card) -> Iterator[str]:
    x, y = card.x, card.y
    yield f'<rect class="card" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{card.height:g}" rx="6"/>'
    yield (
        f'<path class="head" d="M{x:g} {y + HEAD - 4:g}V{y + 6:g}q0 -6 6 -6H{x + WIDTH - 6:g}'
        f'q6 0 6 6V{y + HEAD - 4:g}z"/>'
    )
    yield f'<text class="name" x="{x + 12:g}" y="{y + 18:g}">{escape(card.table.name)}</text>'
    for column in card.table.columns.values():
        base = card.middle_of(column.name) + 4.5
        kind = ' class="key"' if column.name == card.table.key else ""
        optional = "?" if column.nullable else ""
        yield f'<text{kind} x="{x + 12:g}" y="{base:g}">{escape(column.name)}</text>'
        yield (
            f'<text class="type" x="{x + WIDTH - 12:g}" y="{base:g}">'
            f"{escape(_type(column.type))}{optional}</text>"
        )


def _type(column_type: ColumnType) -> str:
    return column_type.name.removeprefix("enum ")


def _relation(relation: GraphRelation, cards: dict[Table[Any], Card]) -> Iterator[str]:
    """A line from the end that the relation starts from; it ends at the columns that make it."""
    ends = [(relation.other, relation.other.key), (relation.holder, relation.to_one.column)]
    if relation.is_held_at_start:
        ends.reverse()
    (start, left), (end, right) = ((cards[table], column) for table, column in ends)
    x1, y1, x2, y2 = start.x + WIDTH, start.middle_of(left), end.x, end.middle_of(right)
    if start.place == end.place:
        x = start.x + WIDTH / 2
        path = f"M{x:g} {start.y + start.height:g}V{end.y:g}"
        at = (x + 34, (start.y + start.height + end.y) / 2 + 4)
    elif end.place == start.place + 1:
        path = f"M{x1:g} {y1:g}C{x1 + GAP / 2:g} {y1:g} {x2 - GAP / 2:g} {y2:g} {x2:g} {y2:g}"
        at = ((x1 + x2) / 2, (y1 + y2) / 2 + 4)
    else:  # over the cards between them, and down on the right
        x, over, down = start.x + WIDTH / 2, MARGIN, end.x + WIDTH + LANE
        path = f"M{x:g} {start.y:g}V{over:g}H{down:g}V{y2:g}H{end.x + WIDTH:g}"
        at = ((x + down) / 2, over + 4)
    yield f'<path class="line" d="{path}" marker-end="url(#tip)"/>'
    yield f'<text class="relation" x="{at[0]:g}" y="{at[1]:g}">{escape(relation.name.name)}</text>'
