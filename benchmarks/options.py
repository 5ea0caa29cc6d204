"""The command line of the benchmarks."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import contenders, workloads
from benchmarks.contenders import Contender
from benchmarks.registries import ordinary
from benchmarks.rounds import Plan
from benchmarks.workloads import Workload

QUICK_SCALE, QUICK_ROUNDS, QUICK_SECONDS = 0.1, 2, 0.5

CLIENTS = (1, 16)
ENGINES = ("rqlite", "d1")
ENGINE_SCALE = 0.1

DESCRIPTION = """\
Compare this server with others, over the same data, on this machine, and with itself: with ten times the
data, as an owner who sees only its own rows, and with two workers.

Linux only; it needs wrk or Node 20, and Node 20 for the rivals that run on it. Bun comes from npm.
PostGraphile needs PostgreSQL as well. What cannot run is named as absent, with the reason.
"""
EPILOG = "\n".join(
    [
        "workloads:",
        *(f"  {each.name:15} {each.title}" for each in workloads.WORKLOADS),
        "",
        "servers:",
        *(f"  {each.name:15} {each.title}" for each in contenders.CONTENDERS),
        "",
        "A run of everything takes some 25 minutes and writes benchmarks/results/latest.*, unless the",
        "machine is loaded; any other writes benchmarks/results/partial.*.",
    ]
)


@dataclass(frozen=True)
class Options:
    """What to measure."""

    workloads: Sequence[str]
    servers: Sequence[str]
    scale: float
    rounds: int
    seconds: float
    clients: Sequence[int] | None
    quick: bool
    growth: bool
    load: bool
    auth: bool
    history: bool
    graph: bool
    walk: bool
    engine: str | None = None
    against: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything is measured as for the figures of docs/benchmarks.md."""
        return (
            not self.quick
            and self.scale == 1
            and self.clients is None
            and len(self.workloads) == len(workloads.WORKLOADS)
            and len(self.servers) == len(contenders.CONTENDERS)
        )

    def plan(self, workload: Workload, names: Iterable[str]) -> Plan:
        """How a workload is measured with these servers."""
        taking_part = [
            each
            for each in map(contenders.BY_NAME.__getitem__, names)
            if workload.name in each.workloads
        ]
        clients = {each.name: set(self._clients(each, workload)) for each in taking_part}
        for each in taking_part:
            if each.comparison:
                clients[each.comparison.base] |= clients[each.name]
        return Plan(
            self.rounds, self.seconds, {name: sorted(found) for name, found in clients.items()}
        )

    def _clients(self, contender: Contender, workload: Workload) -> Sequence[int]:
        """With how many clients it is measured for its own sake; a quick run takes those of the target."""
        target = (workload.target.clients,)
        if contender.comparison:
            return self.clients or (contender.comparison.clients or target[0],)
        if contender.registry is not ordinary:
            return ()  # it is there to be compared with
        return self.clients or (target if self.quick else CLIENTS)


def read(argv: Sequence[str] | None = None) -> Options:
    """Parse the command line; exits with a message if it is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    scale, rounds, seconds = (
        (QUICK_SCALE, QUICK_ROUNDS, QUICK_SECONDS) if given.quick else (1.0, 5, 1.5)
    )
    return Options(
        workloads=_names(parser, "--only", given.only, workloads.BY_NAME),
        servers=_with_bases(_names(parser, "--servers", given.servers, contenders.BY_NAME)),
        scale=given.scale or (ENGINE_SCALE if given.engine else scale),
        rounds=given.rounds or rounds,
        seconds=given.seconds or seconds,
        clients=given.clients,
        quick=given.quick,
        growth=given.growth,
        load=given.load,
        auth=given.auth,
        history=given.history,
        graph=given.graph,
        walk=given.walk,
        engine=given.engine,
        against=given.against,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--growth", action="store_true", help="how W2 grows with pages and tables")
    kind.add_argument(
        "--load",
        action="store_true",
        help="small reads beside large ones, reads beside writes, cancelling, workers",
    )
    kind.add_argument(
        "--auth", action="store_true", help="what permissions cost an admin and an owner"
    )
    kind.add_argument(
        "--history",
        action="store_true",
        help="what it costs to record every change, to page through them, and to tell a thousand listeners",
    )
    kind.add_argument(
        "--graph",
        action="store_true",
        help="how long walks through the graph, statistics, groups and searches take",
    )
    kind.add_argument(
        "--engine",
        choices=ENGINES,
        help="what an engine over HTTP costs, beside SQLite (default scale 0.1)",
    )
    kind.add_argument(
        "--against", metavar="COMMIT", help="whether this version is slower than another one"
    )
    kind.add_argument(
        "--walk",
        action="store_true",
        help="which functions one request calls, and in how many files",
    )
    parser.add_argument(
        "--quick", action="store_true", help="less of everything: some five minutes"
    )
    parser.add_argument("--only", help="some workloads, as W1,W6")
    parser.add_argument("--servers", help="some servers, as compiled,mercurius")
    parser.add_argument("--scale", type=_positive, help="1 is 200,000 connections (default 1)")
    parser.add_argument("--rounds", type=_count, help="rounds of each (default 5)")
    parser.add_argument("--seconds", type=_positive, help="length of a run (default 1.5)")
    parser.add_argument("--clients", type=_counts, help="numbers of clients (default 1,16)")
    return parser


def _names(
    parser: argparse.ArgumentParser,
    option: str,
    given: str | None,
    known: Mapping[str, object],
) -> list[str]:
    wanted = list(known) if given is None else given.split(",")
    for name in wanted:
        if name not in known:
            parser.error(f"{option}: {name!r} is none of {', '.join(known)}")
    return [name for name in known if name in wanted]


def _with_bases(names: Sequence[str]) -> list[str]:
    """These servers, and those with which they are compared."""
    comparisons = [contenders.BY_NAME[name].comparison for name in names]
    wanted = {*names, *(comparison.base for comparison in comparisons if comparison)}
    return [name for name in contenders.BY_NAME if name in wanted]


def _positive(text: str) -> float:
    if not (value := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def _count(text: str) -> int:
    if not 1 <= (value := int(text)) <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 1000")
    return value


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(each) for each in text.split(","))
