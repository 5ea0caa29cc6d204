"""The servers that are compared, each declared once: how it starts, and what it is measured with."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import bun, node, ownership, postgres, registries
from benchmarks.workloads import Workload
from server.setting_fields import PREFIX

SERVE = (sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main(['serve']))")
PAGE_MAX = "1000"
# The rivals are left to the scheduler: keeping to one CPU is something that this server offers.
SETTINGS = {"CHITTYGRAPH_PAGE_MAX": PAGE_MAX, "CHITTYGRAPH_PIN_CPUS": "true"}
PROTECTED = {"auth": "protected", "requests_per_minute": "0", "points_per_minute": "0"}

READS = ("W1", "W2", "W3", "W5")
REVALIDATION, CREATION = "W6", "W4"
OURS, CEILING = "compiled", "ceiling"
MANY_CLIENTS = 16


def _always() -> None:
    """It needs nothing that could be missing."""


@dataclass(frozen=True)
class Comparison:
    """What our server is compared with, itself, and how many times as long as there a request may take.

    It is measured with so many clients; None means as many as the target of the workload has.
    """

    base: str
    most: float
    clients: int | None = None


@dataclass(frozen=True)
class Contender:
    """A server that can be started; `need` raises BenchmarkError if something that it needs is missing.

    A whole run may lack what `is_optional`. A server that spells queries in its own way says with which
    replacements, and which fields its answers then lack. `viewer` is whose key is sent, if any, and `headers`
    what else. Changes are recorded only if it `keeps_history`: rivals have none to keep. `home` is the folder
    that it starts in, whose code it runs.
    """

    name: str
    title: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    workloads: tuple[str, ...] = (*READS, CREATION)
    need: Callable[[], None] = _always
    is_rival: bool = False
    is_optional: bool = False
    registry: registries.Maker = registries.ordinary
    viewer: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    spelling: Mapping[str, str] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    keeps_history: bool = False
    start_seconds: float = 30
    home: Path = Path(__file__).parents[1]

    def with_settings(self, **settings: str) -> "Contender":
        """The same server with other settings of ours."""
        changed = {PREFIX + name.upper(): value for name, value in settings.items()}
        return replace(self, settings={**self.settings, **changed})

    def spelled(self, workload: Workload) -> Workload:
        """The workload in this server's spelling."""
        query = workload.query
        for ours, its in self.spelling.items():
            query = query.replace(ours, its)
        return replace(workload, query=query)


COMPILED = Contender(
    OURS,
    "ChittyGraph",
    SERVE,
    SETTINGS,
    workloads=(*READS, REVALIDATION, CREATION),
    keeps_history=True,
)
OPEN = replace(
    COMPILED,
    name="open",
    title="ChittyGraph, open mode, asked for an owner's rows",
    workloads=(*READS, CREATION),
    registry=ownership.owned,
)
MERCURIUS = Contender(
    "mercurius",
    "mercurius JIT + better-sqlite3",
    ("node", str(node.FOLDER / "mercurius.mjs")),
    need=node.require,
    is_rival=True,
)
CONTENDERS = (
    COMPILED,
    replace(
        COMPILED.with_settings(compiled="false"),
        name="generic",
        title="ChittyGraph, generic execution",
        workloads=(*READS, CREATION),
    ),
    Contender(
        "stock",
        "Strawberry + DataLoader + aiosqlite",
        (sys.executable, "-m", "benchmarks.stock"),
        is_rival=True,
    ),
    MERCURIUS,
    # Its writes are durable only so. Reads are the same, so they are not measured twice.
    replace(
        MERCURIUS,
        name="mercurius-full",
        title="mercurius, synchronous=FULL",
        settings={"BENCH_SYNCHRONOUS": "FULL"},
        workloads=(CREATION,),
    ),
    Contender(
        "yoga",
        "Yoga, graphql-jit + better-sqlite3",
        ("node", str(node.FOLDER / "yoga.mjs")),
        need=node.require,
        is_rival=True,
    ),
    Contender(
        "bun",
        "Bun, graphql-jit + bun:sqlite",
        (str(bun.PROGRAM), "--no-install", str(node.FOLDER / "bun.mjs")),
        need=bun.require,
        is_rival=True,
        is_optional=True,
    ),
    Contender(
        "postgraphile",
        "PostGraphile 5 + PostgreSQL",
        (sys.executable, "-m", "benchmarks.postgraphile"),
        {"NODE_ENV": "production", "GRAPHILE_ENV": "production"},
        need=postgres.require,
        is_rival=True,
        is_optional=True,
        # Aliases keep the answers' names. Its payloads have no list of errors, as it throws them.
        spelling={
            "ChittyID!": "String!",
            "actor(chittyId": "actor: actorByChittyId(chittyId",
            "context(chittyId": "context: contextByChittyId(chittyId",
            "contexts(first: $first)": "contexts: liveContexts(first: $first)",
            "connections(first: 1000)": "connections: liveConnections(first: 1000)",
            "owner {": "owner: actorByOwnerChittyId {",
            "connection {": "connection: result {",
            "source {": "source: contextBySourceChittyId {",
            "errors { code message path }": "",
        },
        lacks=frozenset({"errors"}),
        start_seconds=180,
    ),
    replace(
        COMPILED,
        name="larger",
        title="ChittyGraph, ten times the data",
        workloads=(*READS, REVALIDATION),
        registry=registries.larger,
        comparison=Comparison(OURS, 1.2),
    ),
    OPEN,
    replace(
        OPEN.with_settings(**PROTECTED),
        name="owner",
        title="ChittyGraph, protected, the owner's key",
        viewer=ownership.OWNER,
        comparison=Comparison("open", 1.3),
    ),
    replace(
        COMPILED.with_settings(workers="2"),
        name="two-workers",
        title="ChittyGraph, two workers",
        workloads=READS,
        comparison=Comparison(OURS, 1 / 1.7, clients=MANY_CLIENTS),
    ),
    Contender(
        CEILING,
        "ready bytes",
        (sys.executable, "-m", "benchmarks.ceiling"),
        workloads=COMPILED.workloads,
    ),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}
RIVALS = tuple(contender.name for contender in CONTENDERS if contender.is_rival)
