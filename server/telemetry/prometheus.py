"""The figures of a process in Prometheus' terms, as prometheus-client writes them down."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from db.sqlite.database import Database, Load
from schema.execution.executor import Roads
from server.telemetry.counters import SECONDS, Metrics

GROUPS = (1, 2, 4, 8, 16, 32, 64, 128)
"""The upper bounds of the histogram of writes that share a transaction."""

_UNREGISTERED = CollectorRegistry()  # their collectors want one, and are asked directly
_PROCESS = ProcessCollector(registry=_UNREGISTERED)
_COLLECTOR = GCCollector(registry=_UNREGISTERED)


class Figures:
    """Metric families, as something that prometheus-client can write down."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families

    def written(self, accept: str) -> tuple[bytes, str]:
        """Their text and its content type, in the format that an Accept header likes best."""
        encode, content_type = choose_encoder(accept)
        return encode(self), content_type


def of_process(metrics: Metrics, roads: Roads, load: Load, worker: str) -> Iterator[Metric]:
    """What one worker knows; each sample is labelled with it, since none of them sees the others'."""
    for family in _families(metrics, roads, load):
        family.samples = [
            sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples
        ]
        yield family


def of_database(db: Database) -> Iterator[Metric]:
    """What all workers share."""
    size, log = db.bytes_on_disk()
    yield _gauge("chittygraph_database_bytes", "Size of the database's file", size)
    yield _gauge("chittygraph_wal_bytes", "Size of the database's write-ahead log", log)


def merged(families: Iterable[Metric]) -> list[Metric]:
    """Each family once, with the samples of all that have its name."""
    found: dict[str, Metric] = {}
    for family in families:
        known = found.setdefault(family.name, family)
        if known is not family:
            known.samples += family.samples
    return list(found.values())


def _families(metrics: Metrics, roads: Roads, load: Load) -> Iterator[Metric]:
    yield from _operations(metrics)
    requests = _counter(
        "chittygraph_http_requests", "Requests by path and HTTP status", ["path", "status"]
    )
    for (path, status), count in metrics.http.items():
        requests.add_metric([path, str(status)], count)
    yield requests
    yield _gauge("chittygraph_websockets", "WebSockets that are open", metrics.websockets)
    yield from _roads(roads)
    yield from _load(load)
    yield from _PROCESS.collect()
    yield from _COLLECTOR.collect()


def _operations(metrics: Metrics) -> Iterator[Metric]:
    outcomes = _counter("chittygraph_operations", "GraphQL requests", ["operation", "outcome"])
    latencies = HistogramMetricFamily(
        "chittygraph_operation_seconds", "How long GraphQL requests took", labels=["operation"]
    )
    statements = _counter(
        "chittygraph_operation_statements", "SQL statements of operations", ["operation"]
    )
    rows = _counter("chittygraph_operation_rows", "Rows read for operations", ["operation"])
    by_name = defaultdict(list)
    for (name, outcome), series in list(metrics.operations.items()):
        outcomes.add_metric([name, outcome], sum(series.buckets))
        by_name[name].append(series)
    for name, all_of_it in by_name.items():
        counts = [sum(counts) for counts in zip(*(each.buckets for each in all_of_it), strict=True)]
        seconds = sum(each.seconds for each in all_of_it)
        latencies.add_metric([name], _buckets(SECONDS, counts), seconds)
        statements.add_metric([name], sum(each.statements for each in all_of_it))
        rows.add_metric([name], sum(each.rows for each in all_of_it))
    yield from (outcomes, latencies, statements, rows)


def _roads(roads: Roads) -> Iterator[Metric]:
    hits = _counter("chittygraph_plan_hits", "Operations carried out on a plan")
    hits.add_metric([], roads.compiled)
    yield hits
    fallbacks = _counter(
        "chittygraph_plan_fallbacks", "Operations that took the generic road", ["reason"]
    )
    reasons: Counter[str] = Counter()
    for reason, count in roads.generic.items():
        reasons[reason.partition(" (")[0]] += count
    for reason, count in reasons.items():
        fallbacks.add_metric([reason], count)
    yield fallbacks


def _load(load: Load) -> Iterator[Metric]:
    yield _gauge("chittygraph_readers", "Connections for reading", load.readers)
    yield _gauge(
        "chittygraph_readers_in_use", "Connections for reading that are lent", load.readers_in_use
    )
    yield _gauge(
        "chittygraph_writer_queue", "Writes that wait for a transaction", load.writes_waiting
    )
    sizes = HistogramMetricFamily(
        "chittygraph_writer_group_size", "Writes that shared one transaction"
    )
    counts = [0] * (len(GROUPS) + 1)
    for size, count in load.groups.items():
        counts[(size - 1).bit_length()] += count
    writes = sum(size * count for size, count in load.groups.items())
    sizes.add_metric([], _buckets(GROUPS, counts), writes)
    yield sizes


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    return list(zip([*map(str, map(float, bounds)), "+Inf"], accumulate(counts), strict=True))


def _counter(name: str, about: str, labels: Iterable[str] = ()) -> CounterMetricFamily:
    return CounterMetricFamily(name, about, labels=list(labels))


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
