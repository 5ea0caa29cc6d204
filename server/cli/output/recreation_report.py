"""How `migrate --recreate` describes the tables that it makes anew."""

from collections.abc import Iterator

from db.migrating.adoption import changed_cells
from db.migrating.recreation import Recreation
from db.transfer.layout import BY_TYPE
from server import called_as


def describe(made: Recreation, *, done: bool) -> Iterator[str]:
    """What was made anew, or is to be, what refers to it, and what to do next."""
    for table in made.made:
        if table in made.kept:
            yield f"{'kept' if done else 'to keep'} the old {table} as {made.kept[table]}"
        yield f"{'made' if done else 'to make'} {table} anew, empty"
    for each in made.dangling:
        rows = "row refers" if each.count == 1 else "rows refer"
        yield f"{each.count:,} {rows} to missing {each.to} by {each.table}.{each.column}:"
        for key, value in each.rows:
            yield f"  {each.table} {changed_cells.named(key)}: {changed_cells.shown(value)}"
        if each.count > len(each.rows):
            yield f"  and {each.count - len(each.rows):,} more"
    yield from (f"still wrong: {each}" for each in made.broken)
    for table in made.made:
        if table in BY_TYPE:
            yield (
                f"next: bring back the rows of {table} from a backup, if there is one:"
                f" `{called_as.command(f'export --jsonl {table}')} --database BACKUP"
                f" --output {table}.jsonl`, then `{called_as.command(f'import {table}.jsonl')}`"
            )
    if {each.to for each in made.dangling} & {"actors", "contexts"}:
        yield f"last: `{called_as.command('check --fix')}` puts stand-ins where rows are lost for good"
