"""What runs by hand found: a file for each fault, from which the table of the docs is made."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tests.support.faults.declaration import FOLDER, Fault
from tests.support.faults.trial import Trial

FILES = FOLDER / "results"
HEADINGS = ("Fault", "Passes when", "Tried", "Worst", "Verdict")


@dataclass(frozen=True)
class Result:
    """What the last run of a fault found."""

    date: str
    cores: int
    rounds: int
    worst: Mapping[str, float]
    held: bool


def of_trials(trials: Iterable[tuple[Trial, bool]]) -> Result:
    """What the tests of one fault found together."""
    found = list(trials)
    worst: dict[str, float] = {}
    for trial, _ in found:
        for name, value in trial.worst.items():
            worst[name] = max(value, worst.get(name, value))
    return Result(
        datetime.now(UTC).date().isoformat(),
        os.cpu_count() or 1,
        min(trial.rounds for trial, _ in found),
        {name: round(value, 3) for name, value in worst.items()},
        all(passed for _, passed in found),
    )


def write(fault: Fault, result: Result) -> None:
    """Keep it for the docs."""
    FILES.mkdir(exist_ok=True)
    text = json.dumps(asdict(result), indent=1, sort_keys=True)
    (FILES / f"{fault.name}.json").write_text(text + "\n")


def last(fault: Fault) -> Result | None:
    """What its last whole run found."""
    path = FILES / f"{fault.name}.json"
    return Result(**json.loads(path.read_text())) if path.exists() else None


def cells(fault: Fault, result: Result | None) -> tuple[str, ...]:
    """One line of the table."""
    done = f"`{fault.name}`: {fault.done}"
    holds = "; ".join([fault.holds, *_limits(fault)])
    if result is None:
        return done, holds, "not yet", "-", "-"
    tried = f"{result.rounds:,} {fault.rounds.called} ({result.date})"
    return done, holds, tried, _worst(fault, result), _verdict(result)


def _limits(fault: Fault) -> list[str]:
    return [
        f"{name} at most {figure.shown(figure.at_most)}"
        for name, figure in fault.figures.items()
        if figure.at_most is not None
    ]


def _worst(fault: Fault, result: Result) -> str:
    figures = [f"{name} {fault.figures[name].shown(value)}" for name, value in result.worst.items()]
    return ", ".join(figures) or "-"


def _verdict(result: Result) -> str:
    return "held" if result.held else "FAILED"


def markdown(faults: Iterable[Fault]) -> Iterator[str]:
    """The table of the docs."""
    yield f"\n| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n"
    for fault in faults:
        yield f"| {' | '.join(cells(fault, last(fault)))} |\n"


def text(found: Sequence[tuple[Fault, Result]]) -> str:
    """The table of a terminal, which names each fault as `./run faults` takes it."""
    lines = [("", "tried", "worst", "limits", "verdict")]
    for fault, result in found:
        tried, limits = f"{result.rounds:,} {fault.rounds.called}", ", ".join(_limits(fault))
        lines.append((fault.name, tried, _worst(fault, result), limits or "-", _verdict(result)))
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
