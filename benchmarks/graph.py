"""`--graph`: how long one client waits for walks, paths, statistics, groups and searches."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import progress, report, rows
from benchmarks.contenders import BY_NAME, OURS
from benchmarks.errors import BenchmarkError
from benchmarks.options import Options
from benchmarks.registries import ordinary
from benchmarks.rounds import bodies_file, long_enough, sample, warm_up
from benchmarks.rows import Size
from benchmarks.searches import SEARCH, TEXTS
from benchmarks.servers import Server, post, running
from benchmarks.summary import Verdict
from benchmarks.workloads import Target, Workload
from schema.fields import global_ids

VARIANTS, LONGEST, MOST_TRIED = 16, 6, 2_000
STEP = 7919  # a prime, so that objects of all kinds of places are asked for

AROUND = """
query Around($of: ID!) {
  neighborhood(of: $of, depth: 2, maxNodes: 200) {
    nodes {
      __typename id
      ... on Actor { displayName actorType actorStatus: status }
      ... on Context { name contextStatus: status }
      ... on Installation { accountLogin suspendedAt }
      ... on Connection { targetService connectionStatus: status lastError }
      ... on Service { name }
    }
    edges { from to relation }
    truncated
  }
}
"""
PATH = """
query Path($from: ID!, $to: ID!) { shortestPath(from: $from, to: $to) { from to relation } }
"""
# An answer with the word "errors" counts as a wrong one.
STATS = """
query Stats {
  registryStats {
    actors contexts installations
    connections { total byStatus { status count } requests failures: errors }
  }
}
"""
SERVICES = """
query Services { services(first: 100) { nodes { name stats { total byStatus { status count } } } } }
"""
GROUPS = """
query Groups($by: [ConnectionGroupBy!]!) {
  connections { groups(by: $by) { status targetService connectionType installation { id } created count } }
}
"""
SUMS = """
query Sums($by: [ConnectionGroupBy!]!) {
  connections {
    groups(by: $by) {
      status targetService connectionType installation { id } created count
      requests failures: errors lastUsedAt
    }
  }
}
"""
NESTED_GROUPS = """
query NestedGroups {
  contexts(first: 100) {
    nodes { name connections { groups(by: [STATUS, CREATED_MONTH]) { status created count } } }
  }
}
"""


@dataclass(frozen=True)
class Question:
    """What is asked, and in how many milliseconds it is to be answered."""

    title: str
    query: str
    variables: Callable[[Server], list[dict[str, Any]]]
    most_ms: float

    def workload(self, server: Server) -> Workload:
        """The requests for it over the rows of this server."""
        variables = self.variables(server)
        return Workload(self.title, self.title, self.query, lambda _: variables, Target(1, {}))


def _none(server: Server) -> list[dict[str, Any]]:
    return [{}]


def _busy_actors(server: Server) -> list[dict[str, Any]]:
    return [{"of": _actor(place)} for place in range(min(VARIANTS, server.registry.size.busy))]


def _services(server: Server) -> list[dict[str, Any]]:
    return [{"of": global_ids.of_key("Service", name)} for name in rows.SERVICES[:VARIANTS]]


def _by(*names: str) -> Callable[[Server], list[dict[str, Any]]]:
    return lambda _: [{"by": list(names)}]


def _long_paths(make: Callable[[int], str], count: Callable[[Server], int]) -> Any:
    def variables(server: Server) -> list[dict[str, Any]]:
        """Ends that so many relations are between, found by asking."""
        asked = Workload("path", "path", PATH, lambda _: [], Target(1, {}))
        many, found = count(server), []
        for number in range(MOST_TRIED):
            sent = {"from": make(number * STEP % many), "to": make((number + 1) * STEP * 3 % many)}
            body = json.dumps({"query": PATH, "variables": sent})
            path = json.loads(post(server, asked, body))["data"]["shortestPath"]
            if path is not None and len(path) == LONGEST:
                found.append(sent)
            if len(found) == VARIANTS:
                return found
        if not found:
            raise BenchmarkError(f"there is no path of {LONGEST} relations among those tried")
        return found

    return variables


def _actor(place: int) -> str:
    return global_ids.of_key("Actor", rows.actor_id(place))


def _context(place: int) -> str:
    return global_ids.of_key("Context", rows.context_id(place))


def _texts(text: Callable[[Size, int], str]) -> Callable[[Server], list[dict[str, Any]]]:
    return lambda server: [{"text": text(server.registry.size, n)} for n in range(VARIANTS)]


def _connection(place: int) -> str:
    return global_ids.of_key("Connection", rows.uuid("connection", place))


QUESTIONS = (
    Question("around busy actors, depth 2, 200 nodes", AROUND, _busy_actors, 15),
    Question("around services, depth 2, 200 nodes", AROUND, _services, 15),
    Question(
        "paths of 6 between actors",
        PATH,
        _long_paths(_actor, lambda server: server.registry.size.actors),
        50,
    ),
    Question(
        "paths of 6 between contexts",
        PATH,
        _long_paths(_context, lambda server: server.registry.size.contexts),
        50,
    ),
    Question(
        "paths of 6 between connections",
        PATH,
        _long_paths(_connection, lambda server: server.registry.size.connections),
        50,
    ),
    Question("registryStats", STATS, _none, 20),
    Question("all services with their statistics", SERVICES, _none, 40),
    Question("connections by status", GROUPS, _by("STATUS"), 20),
    Question("connections by service and status", GROUPS, _by("TARGET_SERVICE", "STATUS"), 20),
    Question("connections by installation", GROUPS, _by("INSTALLATION"), 20),
    Question("connections by day", GROUPS, _by("CREATED_DAY"), 20),
    Question("connections by status, with sums", SUMS, _by("STATUS"), 20),
    Question(
        "connections by service, status and type, with sums",
        SUMS,
        _by("TARGET_SERVICE", "STATUS", "CONNECTION_TYPE"),
        30,
    ),
    Question("connections by month, with sums", SUMS, _by("CREATED_MONTH"), 20),
    Question("connections of 100 contexts, each by status and month", NESTED_GROUPS, _none, 20),
    *(Question(f"search: {kind}", SEARCH, _texts(text), 10) for kind, text in TEXTS.items()),
)


def run(options: Options, folder: Path) -> int:
    """Print each result beside its target; returns 1 if any is missed."""
    verdicts: list[Verdict] = []
    with running(BY_NAME[OURS], ordinary(options.scale, folder), folder) as server:
        for question in QUESTIONS:
            verdicts += _measured(question, server, options, folder)
    progress.done()
    for verdict in verdicts:
        print(report.verdict(verdict))
    return 0 if all(verdict.is_met for verdict in verdicts) else 1


def _measured(
    question: Question, server: Server, options: Options, folder: Path
) -> Iterator[Verdict]:
    workload = question.workload(server)
    bodies = bodies_file(server, workload, folder)
    latency = warm_up(server, workload, bodies)
    found = []
    for number in range(1, options.rounds + 1):
        progress.now(f"{question.title}, round {number} of {options.rounds}")
        seconds = long_enough(options.seconds, 1, latency)
        found.append(sample(server, workload, bodies, 1, seconds, number))
    p50, p99 = median(each.p50_ms for each in found), median(each.p99_ms for each in found)
    cpu = median(each.cpu_ms for each in found)
    yield Verdict(
        f"{question.title}: {p50:.1f} ms (p99 {p99:.1f} ms, CPU {cpu:.1f} ms), {question.most_ms:g} allowed",
        p50 <= question.most_ms,
    )
