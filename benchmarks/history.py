"""`--history`: what it costs to record every change, to read the history, and to tell many of it at once."""

from pathlib import Path

from benchmarks import fan_out, history_pages, progress, recording, report
from benchmarks.options import Options


def run(options: Options, folder: Path) -> int:
    """Print each result, with its target if it has one; returns 1 if any is missed."""
    figures, verdicts = recording.measured(options, folder)
    verdicts.extend(history_pages.measured(options, folder))
    verdicts.extend(fan_out.measured(options, folder))
    progress.done()
    print(*figures, sep="\n")
    for verdict in verdicts:
        print(report.verdict(verdict))
    return 0 if all(verdict.is_met for verdict in verdicts) else 1
