"""Compares what was moved with its source, row by row, and takes the checksum of each table."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.errors import BootRefused
from db.moving import row_texts
from db.moving.copying import Advance, Row, budget, read_page
from db.moving.ends import End
from db.moving.moved_tables import MovedTable
from db.moving.source_checks import describe


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of all rows of a table, in the order of their keys: the SHA-256 of their canonical texts."""

    rows: int
    sha256: str


def combined(checksums: Mapping[str, Checksum]) -> str:
    """The SHA-256 of all tables' checksums, in their order."""
    lines = (f"{name} {each.rows} {each.sha256}\n" for name, each in checksums.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


async def verify(source: End, target: End, table: MovedTable, advance: Advance) -> Checksum:
    """Raises BootRefused, naming the first row, if the two differ."""
    digest, count, after, most_bytes = hashlib.sha256(), 0, None, budget(target)
    while True:
        here = await read_page(source, table, after, most_bytes)
        there = await read_page(target, table, after, most_bytes)
        # How many rows fit into a page depends on what they hold, so one of the two may have more.
        same = min(len(here), len(there))
        texts = [_same(source, target, table, *rows) for rows in zip(here, there, strict=False)]
        if not same:
            if here or there:
                raise _differs(source, target, table, (here or there)[0])
            return Checksum(count, digest.hexdigest())
        for text in texts:
            digest.update(text.encode() + b"\n")
        count += same
        after = here[same - 1].key
        advance(same)


def _same(source: End, target: End, table: MovedTable, one: Row, other: Row) -> str:
    text = row_texts.canonical(one.text)
    if one.text != other.text and text != row_texts.canonical(other.text):
        columns = _other_numbers(table, text, row_texts.canonical(other.text))
        if columns:
            raise _other_digits(source, target, table, one, columns)
        raise _differs(source, target, table, one)
    return text


def _other_numbers(table: MovedTable, one: str, other: str) -> list[str]:
    """The columns in which two canonical rows hold other REALs; none if they differ in anything else."""
    columns = []
    for name, here, there in zip(table.columns, json.loads(one), json.loads(other), strict=True):
        if here != there:
            if not row_texts.is_real(here) or not row_texts.is_real(there):
                return []
            columns.append(name)
    return columns


def _other_digits(
    source: End, target: End, table: MovedTable, row: Row, columns: Sequence[str]
) -> BootRefused:
    return BootRefused(
        f"{describe(table, row.key)} has another number in {' and '.join(columns)} in {source.name} than"
        f" in {target.name}: it was changed since the move began, or one of the two engines reads or writes"
        " it with wrong digits, as some do near 1e300: stop what writes to it, change a number that is so"
        f" large or so small, and move again with --restart, which empties {target.name} first"
    )


def _differs(source: End, target: End, table: MovedTable, row: Row) -> BootRefused:
    return BootRefused(
        f"{describe(table, row.key)} is not the same in {source.name} and {target.name}: one of them was"
        " changed since the move began: stop what writes to it, and move again with --restart, which"
        f" empties {target.name} first"
    )
