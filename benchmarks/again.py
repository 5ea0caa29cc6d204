"""Conditional GETs: the requests of a client that has every answer and revalidates it by its ETag (W6)."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.contenders import CEILING
from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server
from benchmarks.workloads import Workload


def file(server: Server, workload: Workload, folder: Path) -> Path:
    """The file from which the load generator takes the requests: a path and an ETag on each line.

    Raises BenchmarkError if the server sends a response without an ETag.
    """
    paths = [
        f"{server.path(workload)}?{urlencode(json.loads(body) | _as_text(body))}"
        for body in server.bodies(workload)
    ]
    made = folder / f"{workload.name}-{server.name}.requests"
    made.write_text("".join(f"{path}\t{_etag(server, path)}\n" for path in paths))
    return made


def _as_text(body: str) -> dict[str, str]:
    return {"variables": json.dumps(json.loads(body)["variables"])}


def _etag(server: Server, path: str) -> str:
    if server.name == CEILING:  # it sends its ready bytes every time
        return ""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        found = response.getheader("etag")
    finally:
        connection.close()
    if found is None:
        raise BenchmarkError(
            f"{server.name} answered {path[:300]} with {response.status} and no ETag"
        )
    return found
