"""Checks that all servers give the same answers, before anything is timed.

It compares the parsed JSON, but of a cursor only whether there is one, nothing of a created row's id
and times, and no field that a server declares to lack.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server, post
from benchmarks.workloads import SERIAL, Workload

SAMPLES = 8
CURSOR = "endCursor"
OF_A_CREATION = frozenset({"connectionId", "createdAt", "updatedAt"})


def answers(servers: Sequence[Server], workloads: Sequence[Workload], folder: Path) -> None:
    """Compare the answers of servers of one registry with those of the first, and keep one per workload.

    Raises BenchmarkError, naming the first difference.
    """
    first = servers[0]
    for workload in workloads:
        bodies = {server.name: _bodies(server, workload) for server in servers}
        for number, body in enumerate(bodies[first.name]):
            wanted = post(first, workload, body)
            (folder / f"{workload.name}.json").write_bytes(wanted)
            for server in servers[1:]:
                found = post(server, workload, bodies[server.name][number])
                _require_equal(workload, first, wanted, server, found)


def _bodies(server: Server, workload: Workload) -> list[str]:
    return [body.replace(SERIAL, "compared") for body in server.bodies(workload)[:SAMPLES]]


def _require_equal(
    workload: Workload, first: Server, wanted: bytes, second: Server, found: bytes
) -> None:
    left_out = second.contender.lacks | (OF_A_CREATION if workload.writes else frozenset())
    one, other = _comparable(wanted, left_out), _comparable(found, left_out)
    if one["data"] is None or "errors" in one:
        raise BenchmarkError(f"{first.name} cannot answer {workload.name}: {wanted[:300]!r}")
    for where, left, right in _differences("answer", one, other):
        raise BenchmarkError(
            f"{workload.name} differs at {where}: {left!r} from {first.name},"
            f" {right!r} from {second.name}"
        )


def _comparable(answer: bytes, left_out: frozenset[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer)
    return {**parsed, "data": _strip(parsed.get("data"), left_out)}


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
