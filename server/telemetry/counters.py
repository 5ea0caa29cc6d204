"""What /metrics tells, counted so that it costs a request next to nothing.

A counter of prometheus-client takes about 2 us each time, and a histogram more: a tenth of a small
request (W1 of the benchmark) for all of them. Here a request adds to plain numbers, and that library
is asked to write them down when somebody looks (`server.exposition`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from db.program import Spent
from resolvers.validation import secrets

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the latency histogram's buckets."""

# No operation can be named like these.
NONE, ANONYMOUS, OTHER = "(none)", "(anonymous)", "(other)"
CLIENT_GONE = 499  # the status of an answer that nobody waits for, seen here and in the log only
LONGEST_NAME = 100
NOTHING = Spent()


@dataclass(slots=True)
class Series:
    """The requests of one operation that had one outcome; `buckets` has one more than SECONDS.

    An outcome is ok, errors (in some of its fields), refused, failed, or gone (as its client is).
    """

    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0
    statements: int = 0
    rows: int = 0


class Metrics:
    """What one process has answered since it began.

    Operations are asked for at the path `graphql`. Their names are the clients' own words, so that only
    the first `names` are told apart. `paths` are the others that the application serves; what is none
    of them is counted as one.
    """

    def __init__(self, graphql: str, paths: Iterable[str], names: int) -> None:
        self.operations: dict[tuple[str, str], Series] = {}
        self.http: Counter[tuple[str, int]] = Counter()
        self.websockets = 0  # that are open now
        self._graphql = graphql
        self._paths = frozenset((graphql, *paths))
        self._labels = {name: name for name in (NONE, ANONYMOUS)}
        self._room = names

    def note(self, connection: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count one request by its connection scope: its answer's HTTP status and how long it took."""
        path = connection["path"]
        self.http[path if path in self._paths else OTHER, status] += 1
        outcome = _outcome(connection, status) if path == self._graphql else None
        if outcome is not None:
            self.note_operation(connection, outcome, seconds)

    def note_operation(self, noted: Mapping[str, Any], outcome: str, seconds: float) -> None:
        """Count one operation by what is noted of it, how it ended and how long it took."""
        series = self._series(operation(noted), outcome)
        series.buckets[bisect_left(SECONDS, seconds)] += 1
        series.seconds += seconds
        spent = noted.get("chittygraph.spent", NOTHING)
        series.statements += spent.statements
        series.rows += spent.rows

    def _series(self, name: str, outcome: str) -> Series:
        key = self._labels.get(name) or self._label(name), outcome
        series = self.operations.get(key)
        if series is None:
            series = self.operations[key] = Series()
        return series

    def _label(self, name: str) -> str:
        if not self._room or len(name) > LONGEST_NAME:
            return OTHER
        self._room -= 1
        self._labels[name] = label = secrets.redact(name)
        return label


def operation(connection: Mapping[str, Any]) -> str:
    """The name of a request's operation: ANONYMOUS without one, NONE where none was found."""
    name: str | None = connection.get("chittygraph.operation")
    return NONE if name is None else name or ANONYMOUS


def _outcome(connection: Mapping[str, Any], status: int) -> str | None:
    """How a GraphQL request ended; None for what asks for no operation, as the page."""
    if status >= 500 or not status:  # after an operation too, when its answer could not be sent
        return "failed"
    known: str | None = connection.get("chittygraph.outcome")
    if known is not None:
        return known
    if status == CLIENT_GONE:
        return "gone"
    if status >= 400:
        return "refused"
    return "ok" if "chittygraph.document" in connection else None
