"""Counts what /metrics reports, in plain numbers that are formatted when /metrics is read.

The counters and histograms of prometheus-client would take a tenth of a small request (benchmark W1).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from resolvers.validation import secrets
from server.telemetry.operation_log import OperationLog

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the latency histogram's buckets."""

# No operation can have these names.
NONE, ANONYMOUS, OTHER = "(none)", "(anonymous)", "(other)"
CLIENT_GONE = 499  # the status in logs and metrics of a response to a client that has disconnected
MAX_NAME_CHARACTERS = 100


@dataclass(slots=True)
class OperationMetrics:
    """The requests of one operation that had one outcome."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0
    statements: int = 0
    rows: int = 0


class Metrics:
    """What one process has served since it started; all paths but `graphql` and `paths` count as one."""

    def __init__(self, graphql: str, paths: Iterable[str], max_names: int) -> None:
        self.operations: dict[tuple[str, str], OperationMetrics] = {}
        self.http: Counter[tuple[str, int]] = Counter()
        self.websockets = 0  # open now
        self.subscriptions = 0  # open now
        self.subscription_events = 0  # sent
        self.subscriptions_ended: Counter[str] = Counter()  # by reason
        self._graphql = graphql
        self._paths = frozenset((graphql, *paths))
        self._labels = {name: name for name in (NONE, ANONYMOUS)}
        self._names_left = max_names

    def record_request(self, path: str, log: OperationLog, status: int, seconds: float) -> None:
        self.http[path if path in self._paths else OTHER, status] += 1
        outcome = _outcome(log, status) if path == self._graphql else None
        if outcome is not None:
            self.record_operation(log, outcome, seconds)

    def record_refusal(self, path: str, status: int) -> None:
        """Count a request that was answered before it became an operation."""
        self.http[path if path in self._paths else OTHER, status] += 1

    def record_operation(self, log: OperationLog, outcome: str, seconds: float) -> None:
        """Count one by its outcome: ok, errors (in some fields), refused, failed or gone (the client)."""
        name = operation_label(log)
        key = self._labels.get(name) or self._new_label(name), outcome
        metrics = self.operations.get(key)
        if metrics is None:
            metrics = self.operations[key] = OperationMetrics()
        metrics.buckets[bisect_left(SECONDS, seconds)] += 1
        metrics.seconds += seconds
        if log.usage is not None:
            metrics.statements += log.usage.statements
            metrics.rows += log.usage.rows

    def _new_label(self, name: str) -> str:
        # Clients choose the names, so only the first ones are told apart.
        if not self._names_left or len(name) > MAX_NAME_CHARACTERS:
            return OTHER
        self._names_left -= 1
        self._labels[name] = label = secrets.redact(name)
        return label


def operation_label(log: OperationLog) -> str:
    """The name of a request's operation: ANONYMOUS without a name, NONE without an operation."""
    return NONE if log.operation is None else log.operation or ANONYMOUS


def _outcome(log: OperationLog, status: int) -> str | None:
    """How a request to the GraphQL path ended; None if it had no operation, such as for GraphiQL."""
    if status == 503 and log.outcome == "refused":  # for want of a turn
        return "refused"
    if status >= 500 or not status:  # also after an operation, if its response could not be sent
        return "failed"
    if log.outcome is not None:
        return log.outcome
    if status == CLIENT_GONE:
        return "gone"
    if status >= 400:
        return "refused"
    return None if log.document is None else "ok"
