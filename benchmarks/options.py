"""The command line of the benchmarks."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import servers, workloads
from benchmarks.rounds import Plan
from benchmarks.workloads import Workload

QUICK_SCALE, QUICK_ROUNDS, QUICK_SECONDS = 0.1, 2, 0.5

CLIENTS = (1, 16)


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
    walk: bool

    @property
    def is_whole(self) -> bool:
        """Whether everything is measured as for the figures of docs/benchmarks.md."""
        return (
            not self.quick
            and self.scale == 1
            and self.clients is None
            and len(self.workloads) == len(workloads.WORKLOADS)
            and len(self.servers) == len(servers.CONTENDERS)
        )

    def plan(self, workload: Workload) -> Plan:
        """How a workload is measured; a quick run uses only the number of clients of its target."""
        usual = (workload.target.clients,) if self.quick else CLIENTS
        return Plan(self.rounds, self.seconds, self.clients or usual)


def read(argv: Sequence[str] | None = None) -> Options:
    """Parse the command line; exits with a message if it is wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    scale, rounds, seconds = (
        (QUICK_SCALE, QUICK_ROUNDS, QUICK_SECONDS) if given.quick else (1.0, 5, 3.0)
    )
    return Options(
        workloads=_names(parser, "--only", given.only, workloads.BY_NAME),
        servers=_names(parser, "--servers", given.servers, servers.BY_NAME),
        scale=given.scale or scale,
        rounds=given.rounds or rounds,
        seconds=given.seconds or seconds,
        clients=given.clients,
        quick=given.quick,
        growth=given.growth,
        load=given.load,
        auth=given.auth,
        walk=given.walk,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description="Compare this server with others, over the same data, on this machine."
        " Linux only; it needs wrk or Node 20, and Node 20 for the rivals that run on it.",
        epilog="A run of everything takes a quarter of an hour and writes benchmarks/results/latest.*;"
        " any other writes benchmarks/results/partial.*.",
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
        "--walk",
        action="store_true",
        help="which functions one request calls, and in how many files",
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: a minute or two")
    parser.add_argument("--only", help=f"some of {','.join(workloads.BY_NAME)}")
    parser.add_argument("--servers", help=f"some of {','.join(servers.BY_NAME)}")
    parser.add_argument("--scale", type=_positive, help="1 is 200,000 connections (default 1)")
    parser.add_argument("--rounds", type=_count, help="rounds of each (default 5)")
    parser.add_argument("--seconds", type=_positive, help="length of a run (default 3)")
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
