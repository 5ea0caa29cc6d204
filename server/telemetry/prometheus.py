"""A process's metrics in the formats of Prometheus, written by prometheus-client."""

import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib.metadata import version
from itertools import accumulate, chain
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from db.database import Statistics
from db.history.checkpoint import Growth
from db.queries.outgoing_webhooks import Figures
from schema.execution.executor import Executor
from server.telemetry.counters import SECONDS, Metrics

GROUPS = (1, 2, 4, 8, 16, 32, 64, 128)
"""The upper bounds of the histogram of how many writes share a transaction."""

_UNUSED = CollectorRegistry()  # collectors need one, though we call them directly
_PROCESS = ProcessCollector(registry=_UNUSED)
_COLLECTOR = GCCollector(registry=_UNUSED)


class MetricFamilies:
    """A registry of given families, for prometheus-client's encoders."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families

    def encode(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type, in the format that an Accept header prefers."""
        encode, content_type = choose_encoder(accept)
        return encode(self), content_type


class Lane(Protocol):
    """Requests that take turns, so that not all run at once."""

    admitted: int

    @property
    def refused(self) -> Mapping[str, int]: ...
    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...


def process_metrics(
    metrics: Metrics,
    lanes: Mapping[str, Lane],
    executor: Executor,
    database: Statistics,
    worker: str,
) -> Iterator[Metric]:
    """The metrics of one worker, whose number labels every sample."""
    families = chain(_families(metrics, executor, database), _turns(lanes))
    for family in families:
        family.samples = [
            sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples
        ]
        yield family


def database_metrics(database: Statistics, kept_answers: int | None) -> Iterator[Metric]:
    """The metrics that all workers share; `kept_answers` is None if it is not known now."""
    yield _gauge(
        "chittygraph_database_bytes", "Size of the database file, in bytes", database.bytes_on_disk
    )
    yield _gauge(
        "chittygraph_wal_bytes", "Size of the write-ahead log, in bytes", database.log_bytes
    )
    if kept_answers is not None:
        yield _gauge(
            "chittygraph_idempotent_answers",
            "Answers that are kept for requests with an Idempotency-Key",
            kept_answers,
        )


def history_metrics(history: Growth) -> Iterator[Metric]:
    """How the history grows; all workers share it."""
    yield _gauge("chittygraph_history_changes", "Changes that are retained", history.changes)
    yield _gauge(
        "chittygraph_history_bases", "Changes that pruning kept as bases of rows", history.bases
    )
    removed = _counter("chittygraph_history_removed", "Changes that pruning removed")
    removed.add_metric([], history.removed)
    yield removed
    oldest = GaugeMetricFamily(
        "chittygraph_history_oldest_timestamp_seconds",
        "When the oldest retained change was made, in seconds since 1970",
    )
    with suppress(ValueError):  # there is none, or another program wrote no instant
        oldest.add_metric([], datetime.fromisoformat(str(history.oldest_at)).timestamp())
    yield oldest


def webhook_metrics(figures: Figures, now: float) -> Iterator[Metric]:
    """The outgoing webhooks; all workers share them. `now` is Unix time."""
    webhooks = GaugeMetricFamily(
        "chittygraph_outgoing_webhooks", "Outgoing webhooks", labels=["status"]
    )
    active = figures.webhooks - figures.paused - figures.failing
    for status, count in (
        ("active", active),
        ("failing", figures.failing),
        ("paused", figures.paused),
    ):
        webhooks.add_metric([status], count)
    yield webhooks
    yield _gauge("chittygraph_outgoing_dead_letters", "Changes that webhooks gave up", figures.dead)
    late = 0.0
    with suppress(ValueError):  # none waits, or another program wrote no instant
        late = max(now - datetime.fromisoformat(str(figures.waiting_since)).timestamp(), 0.0)
    yield _gauge(
        "chittygraph_outgoing_lag_seconds",
        "Age of the oldest change that a failing webhook has to deliver, in seconds",
        late,
    )


def attempt_metrics(attempts: Mapping[str, int], worker: str) -> Iterator[Metric]:
    """The messages that one worker sent to outgoing webhooks."""
    family = _counter(
        "chittygraph_outgoing_attempts",
        "Messages to outgoing webhooks by what became of them",
        ["outcome", "worker"],
    )
    for outcome in ("delivered", "failed", "dead", "replayed", "replay_failed"):
        family.add_metric([outcome, worker], attempts.get(outcome, 0))
    yield family


def build_metrics() -> Iterator[Metric]:
    """What runs, which all workers share."""
    info = GaugeMetricFamily(
        "chittygraph_build_info",
        "The versions of the server and of its Python; always 1",
        labels=["version", "python"],
    )
    info.add_metric(list(_versions()), 1)
    yield info


@cache
def _versions() -> tuple[str, str]:
    return version("chittygraph"), platform.python_version()


def merge(families: Iterable[Metric]) -> list[Metric]:
    """One family per name, with the samples of all families of that name."""
    merged: dict[str, Metric] = {}
    for family in families:
        known = merged.setdefault(family.name, family)
        if known is not family:
            known.samples += family.samples
    return list(merged.values())


def _families(metrics: Metrics, executor: Executor, database: Statistics) -> Iterator[Metric]:
    yield from _operations(metrics)
    requests = _counter(
        "chittygraph_http_requests", "Requests by path and HTTP status", ["path", "status"]
    )
    for (path, status), count in metrics.http.items():
        requests.add_metric([path, str(status)], count)
    yield requests
    yield _gauge("chittygraph_websockets", "Open WebSockets", metrics.websockets)
    yield from _subscriptions(metrics)
    yield from _plans(executor)
    yield from _database(database)
    yield from _PROCESS.collect()
    yield from _COLLECTOR.collect()


def _subscriptions(metrics: Metrics) -> Iterator[Metric]:
    yield _gauge("chittygraph_subscriptions", "Open subscriptions", metrics.subscriptions)
    events = _counter("chittygraph_subscription_events", "Events sent to subscriptions")
    events.add_metric([], metrics.subscription_events)
    yield events
    ended = _counter(
        "chittygraph_subscriptions_ended", "Subscriptions that have ended, by reason", ["reason"]
    )
    for reason, count in metrics.subscriptions_ended.items():
        ended.add_metric([reason], count)
    yield ended


def _operations(metrics: Metrics) -> Iterator[Metric]:
    outcomes = _counter("chittygraph_operations", "GraphQL requests", ["operation", "outcome"])
    latencies = HistogramMetricFamily(
        "chittygraph_operation_seconds",
        "Duration of GraphQL requests, in seconds",
        labels=["operation"],
    )
    statements = _counter(
        "chittygraph_operation_statements", "SQL statements run for operations", ["operation"]
    )
    rows = _counter("chittygraph_operation_rows", "Rows read for operations", ["operation"])
    by_name = defaultdict(list)
    for (name, outcome), each in list(metrics.operations.items()):
        outcomes.add_metric([name, outcome], sum(each.buckets))
        by_name[name].append(each)
    for name, outcomes_of_name in by_name.items():
        counts = [
            sum(counts) for counts in zip(*(each.buckets for each in outcomes_of_name), strict=True)
        ]
        seconds = sum(each.seconds for each in outcomes_of_name)
        latencies.add_metric([name], _buckets(SECONDS, counts), seconds)
        statements.add_metric([name], sum(each.statements for each in outcomes_of_name))
        rows.add_metric([name], sum(each.rows for each in outcomes_of_name))
    yield from (outcomes, latencies, statements, rows)


def _turns(lanes: Mapping[str, Lane]) -> Iterator[Metric]:
    admitted = _counter("chittygraph_requests_admitted", "Requests that had their turn", ["lane"])
    refused = _counter(
        "chittygraph_requests_refused",
        "Requests refused since they would wait too long, or did",
        ["lane", "reason"],
    )
    running = GaugeMetricFamily(
        "chittygraph_requests_running", "Requests that have their turn now", labels=["lane"]
    )
    waiting = GaugeMetricFamily(
        "chittygraph_requests_waiting", "Requests that wait for their turn", labels=["lane"]
    )
    for name, lane in lanes.items():
        admitted.add_metric([name], lane.admitted)
        running.add_metric([name], lane.running)
        waiting.add_metric([name], lane.waiting)
        for reason, count in lane.refused.items():
            refused.add_metric([name, reason], count)
    yield from (admitted, refused, running, waiting)


def _plans(executor: Executor) -> Iterator[Metric]:
    hits = _counter("chittygraph_plan_hits", "Operations executed by a compiled plan")
    hits.add_metric([], executor.compiled)
    torn = _counter(
        "chittygraph_torn_reads", "Queries executed again, since their reads saw different states"
    )
    torn.add_metric([], executor.torn)
    yield torn
    yield hits
    fallbacks = _counter(
        "chittygraph_plan_fallbacks", "Operations that fell back to generic execution", ["reason"]
    )
    reasons: Counter[str] = Counter()
    for reason, count in executor.generic.items():
        reasons[reason.partition(" (")[0]] += count
    for reason, count in reasons.items():
        fallbacks.add_metric([reason], count)
    yield fallbacks


def _database(database: Statistics) -> Iterator[Metric]:
    yield _gauge("chittygraph_readers", "Database connections for reads", database.readers)
    yield _gauge(
        "chittygraph_readers_in_use",
        "Database connections for reads that are in use",
        database.readers_in_use,
    )
    yield _gauge(
        "chittygraph_reads_waiting", "Reads waiting for a connection", database.reads_waiting
    )
    yield _gauge(
        "chittygraph_writer_queue", "Writes waiting for a transaction", database.writes_waiting
    )
    yield _gauge(
        "chittygraph_wal_blocked_seconds",
        "How long something has kept the write-ahead log from being emptied, in seconds",
        database.log_blocked_seconds,
    )
    yield _by_reason(
        "chittygraph_reads_refused",
        "Reads that were refused or stopped for the sake of others",
        database.reads_refused,
    )
    yield _by_reason(
        "chittygraph_writes_refused",
        "Writes whose turn did not come in time",
        database.writes_refused,
    )
    sizes = HistogramMetricFamily(
        "chittygraph_writer_group_size", "Number of writes that shared a transaction"
    )
    counts = [0] * (len(GROUPS) + 1)
    for size, count in database.groups.items():
        counts[(size - 1).bit_length()] += count
    writes = sum(size * count for size, count in database.groups.items())
    sizes.add_metric([], _buckets(GROUPS, counts), writes)
    yield sizes


def replica_metrics(lag: float | None) -> Iterator[Metric]:
    """The age of a replica's copy; nothing if it is not known."""
    if lag is not None:
        yield _gauge(
            "chittygraph_replica_lag_seconds",
            "How old the copy of a replica may be, in seconds",
            lag,
        )


def _by_reason(name: str, description: str, counts: Mapping[str, int]) -> Metric:
    family = _counter(name, description, ["reason"])
    for reason, count in counts.items():
        family.add_metric([reason], count)
    return family


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    return list(zip([*map(str, map(float, bounds)), "+Inf"], accumulate(counts), strict=True))


def _counter(name: str, description: str, labels: Iterable[str] = ()) -> CounterMetricFamily:
    return CounterMetricFamily(name, description, labels=list(labels))


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=value)
