"""The values that a migration or repair changes, as JSON Lines."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from db.migrating.adoption import changed_cells
from db.migrating.adoption.changed_cells import Change, Tell
from db.program import Value
from db.sqlite import new_files


@contextmanager
def written_to(path: Path | None) -> Iterator[Tell]:
    """What writes a change to the file, which appears whole or not at all; raises OSError."""
    if path is None:
        yield changed_cells.ignore
        return
    with new_files.aside(path) as new:
        with new.open("w", encoding="utf-8") as file:
            yield lambda change: _write(file, change)
        new_files.publish(new, path)


def _write(file: TextIO, change: Change) -> None:
    values = {name: _in_json(value) for name, value in asdict(change).items()}
    file.write(json.dumps(values, ensure_ascii=False) + "\n")


def _in_json(value: Value) -> object:
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
