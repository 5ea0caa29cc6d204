"""Checks that all servers give the same answers, before anything is timed.

It compares the parsed JSON, but of a cursor only whether there is one, and nothing of a created row's id
and times.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.rows import Size
from benchmarks.servers import Server, post
from benchmarks.workloads import SERIAL, Workload

SAMPLES = 8
CURSOR = "endCursor"
OF_A_CREATION = frozenset({"connectionId", "createdAt", "updatedAt"})


def answers(
    servers: Sequence[Server], workloads: Sequence[Workload], size: Size, folder: Path
) -> None:
    """Compare every server's answers with those of the first, and keep one per workload.

    Raises BenchmarkError, naming the first difference.
    """
    for workload in workloads:
        bodies = [body.replace(SERIAL, "compared") for body in workload.bodies(size)[:SAMPLES]]
        for body in bodies:
            wanted = post(servers[0], workload, body)
            (folder / f"{workload.name}.json").write_bytes(wanted)
            for server in servers[1:]:
                _require_equal(workload, servers[0], wanted, server, post(server, workload, body))


def _require_equal(
    workload: Workload, first: Server, wanted: bytes, second: Server, found: bytes
) -> None:
    one, other = _comparable(wanted, workload), _comparable(found, workload)
    if isinstance(one, dict) and (one.get("data") is None or "errors" in one):
        raise BenchmarkError(f"{first.name} cannot answer {workload.name}: {wanted[:300]!r}")
    for where, left, right in _differences("data", one, other):
        raise BenchmarkError(
            f"{workload.name} differs at {where}: {left!r} from {first.name},"
            f" {right!r} from {second.name}"
        )


def _comparable(answer: bytes, workload: Workload) -> Any:
    return _strip(json.loads(answer), OF_A_CREATION if workload.writes else frozenset())


def _strip(value: Any, left_out: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_strip(item, left_out) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _strip(each, left_out) for name, each in value.items() if name not in left_out}
    if CURSOR in kept:
        kept[CURSOR] = kept[CURSOR] is not None
    return kept


def _differences(where: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from _differences(f"{where}.{name}", one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(f"{where}[{place}]", left, right)
    elif one != other:
        yield where, one, other
