"""`./run faults`: runs the tests of faults for as long as they declare, and keeps what they measured."""

# Before anything imports sqlite3: two SQLite libraries in one process break each other's locks.
import db  # isort: skip # noqa: F401

import argparse
import os
import sys
import tempfile
from collections.abc import Collection, Sequence

from tests.support.faults.declaration import FOLDER, Fault, declared

# Files are on a disk, where other runs of tests prefer memory, and progress gets past pytest.
PYTEST = (sys.executable, "-m", "pytest", "-n0", "-qq", "--no-header", "--thorough", "--tb=short")
OPTIONS = ("-p", "no:cacheprovider", "--capture=sys")


def main(argv: Sequence[str] | None = None) -> None:
    """Become the pytest that runs the chosen faults; exits with a message if there is none."""
    known = {fault.name: fault for fault in declared()}
    parser = _parser(known.values())
    given = parser.parse_args(argv)
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"no fault is called {' or '.join(unknown)}, see --help")
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()
    rounds = [f"--rounds={given.rounds}"] if given.rounds else []
    chosen = f"--by-hand={','.join(given.names or known)}"
    os.execv(PYTEST[0], [*PYTEST, *OPTIONS, chosen, *rounds, str(FOLDER)])


def _parser(known: Collection[Fault]) -> argparse.ArgumentParser:
    names = "\n".join(
        f"  {each.name:<20} {each.rounds.by_hand:,} {each.rounds.called}" for each in known
    )
    parser = argparse.ArgumentParser(
        prog="./run faults",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run the tests of faults against real servers, for long, and show the worst that"
        " they measured.",
        epilog=f"faults:\n{names}\n\nA run of at least so many rounds is kept in tests/faults/results"
        " and shown in docs/what-it-survives.md.\nAll of them take hours.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault (default: all)")
    parser.add_argument("--rounds", type=_count, metavar="N", help="rounds of each fault")
    return parser


def _count(text: str) -> int:
    if not 1 <= (value := int(text)) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 10000000")
    return value


if __name__ == "__main__":
    main()
