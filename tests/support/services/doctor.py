"""`chittygraph doctor`, and what it finds."""

import json
from pathlib import Path
from typing import Any

from tests.support.engines.engine import present
from tests.support.services.commands import command


class Examination:
    """One run of the command."""

    def __init__(self, database: Path, *words: object) -> None:
        # Port 0 is nobody's: other tests may serve on the usual one.
        self.done = command(
            "doctor", "--json", "--database", present().url(database), "--port", 0, *words
        )
        assert self.done.stderr == ""
        self.report: dict[str, Any] = json.loads(self.done.stdout)

    @property
    def code(self) -> int:
        """The exit code."""
        return self.done.returncode

    def levels(self, check: str) -> list[str]:
        """The levels of a check's findings."""
        return [each["level"] for each in self._of(check)]

    def found(self, check: str) -> str:
        """The worst finding of a check, as its level, what was found and what to do."""
        order = ["ok", "skipped", "warning", "problem"]
        worst = max(self._of(check), key=lambda each: order.index(each["level"]))
        return f"{worst['level']}: {worst['found']} -> {worst['advice']}"

    def problems(self) -> list[str]:
        """The names of the checks that found a problem."""
        return [each["check"] for each in self.report["findings"] if each["level"] == "problem"]

    def _of(self, check: str) -> list[dict[str, str]]:
        found = [each for each in self.report["findings"] if each["check"] == check]
        assert found, check
        return found
