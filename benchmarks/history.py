"""`--history`: what it costs to record every change, and how large a change is."""

from pathlib import Path

from benchmarks import progress, recording, report
from benchmarks.options import Options


def run(options: Options, folder: Path) -> int:
    """Print each result, with its target if it has one; returns 1 if any is missed."""
    figures, verdicts = recording.measured(options, folder)
    progress.done()
    print(*figures, sep="\n")
    for verdict in verdicts:
        print(report.verdict(verdict))
    return 0 if all(verdict.is_met for verdict in verdicts) else 1
