"""What a verification finds: one way in which the history and the rows disagree."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from db.migrating.adoption import changed_cells

NO_VALUE = object()


class FindingKind(Enum):
    """What is wrong, for programs."""

    TRIGGER = "trigger"
    GAP = "gap"
    CHECKPOINT = "checkpoint"
    UNKNOWN_TABLE = "unknown_table"
    UNREADABLE = "unreadable"
    OPERATION = "operation"
    BEFORE = "before"
    UNEXPLAINED = "unexplained"
    PRIVACY = "privacy"
    VALUE = "value"
    WITHOUT_CHANGE = "without_change"
    GONE = "gone"
    MISSING = "missing"
    ALTERED = "altered"
    NOT_STORED = "not_stored"


_SENTENCES = {
    FindingKind.TRIGGER: "trigger {text}",
    FindingKind.GAP: "changes {sequence} to {text} are missing",
    FindingKind.CHECKPOINT: "{text}",
    FindingKind.UNKNOWN_TABLE: "change {sequence}: there is no table {table}",
    FindingKind.UNREADABLE: "change {sequence} of {row}: its {column} is no JSON object",
    FindingKind.OPERATION: "change {sequence} of {row}: {text}",
    FindingKind.BEFORE: "change {sequence} of {row}: {column} was {stored} by then, not {recorded}",
    FindingKind.UNEXPLAINED: "change {sequence} of {row}: {column} became {recorded}, which was {stored},"
    " and the change does not say so",
    FindingKind.PRIVACY: "change {sequence} of {row}: is marked private, although {column} changed",
    FindingKind.VALUE: "{row}: {column} is {stored}, where the history says {recorded}",
    FindingKind.WITHOUT_CHANGE: "{row}: is stored, without a change",
    FindingKind.GONE: "{row}: is stored, where the history says that it is gone",
    FindingKind.MISSING: "{row}: is not stored, where the history says that it is there",
    FindingKind.ALTERED: "change {sequence} of {row}: {column} is {stored}, where the export says {recorded}",
    FindingKind.NOT_STORED: "change {sequence} of {row}: is not stored, where the export has it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement: of a row or a change, in a column if it has one.

    `recorded` is what the change tells, `stored` what it should agree with: the row, or the changes before.
    Of a change that an export has otherwise, `recorded` is what the export tells.
    """

    kind: FindingKind
    table: str = ""
    key: Any = None
    column: str = ""
    sequence: int | None = None
    recorded: Any = NO_VALUE
    stored: Any = NO_VALUE
    text: str = ""

    def __str__(self) -> str:
        return _SENTENCES[self.kind].format(
            row=f"{self.table} {changed_cells.named(self.key)}",
            table=self.table,
            column=self.column,
            sequence=self.sequence,
            recorded=_shown(self.recorded),
            stored=_shown(self.stored),
            text=self.text,
        )

    def as_json(self) -> dict[str, Any]:
        members = {
            "problem": self.kind.value,
            "table": self.table or None,
            "key": self.key.hex() if isinstance(self.key, bytes) else self.key,
            "column": self.column or None,
            "sequence": self.sequence,
        }
        found = {name: value for name, value in members.items() if value is not None}
        for name, value in (("recorded", self.recorded), ("stored", self.stored)):
            if value is not NO_VALUE:
                is_finite = not isinstance(value, float) or math.isfinite(value)
                found[name] = value if is_finite else str(value)
        return {**found, "message": str(self)}


def _shown(value: Any) -> str:
    """A value as SQL writes it; a BLOB is an object in the history."""
    if isinstance(value, dict):
        value = bytes.fromhex(str(value.get("blob", "")))
    return "" if value is NO_VALUE else changed_cells.shown(value)
