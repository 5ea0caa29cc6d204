"""How long a server keeps reading for a client that has disconnected."""

import json
import socket
import time
from contextlib import suppress

from benchmarks import processes, progress
from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server

# Nothing matches, so every row is looked at, and for each the rows of its source: seconds of work.
SLOW = """
{
  connections(first: 1, filter: {
    sourceContext: { owner: { contexts: { some: { connections: { some: {
      targetEndpoint: { contains: "nowhere" }
    } } } } } }
  }) { totalCount nodes { status } }
}
"""
HEAD = (
    "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
)
# The client leaves once the server has worked for so long.
WORK_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 10.0
WATCH_SECONDS = 5.0
# A read keeps the server busy without a pause; an idle server takes a clock tick now and then.
PAUSE_SECONDS = 0.2
# A clock tick is 10 ms; looking more often than that tells nothing more.
LOOK_SECONDS = 0.005


def stop_ms(server: Server) -> float:
    """The milliseconds from a client's disconnect to the last CPU time spent on its read.

    Raises BenchmarkError when the read was over, or did not keep the server busy, before the client left.
    """
    progress.now("giving up a read")
    body = json.dumps({"query": SLOW}).encode()
    idle = processes.cpu_seconds(server.pid)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(HEAD.format(len(body)).encode() + body)
        client.setblocking(False)
        spent = _until_busy(server, client, idle)
    left = last = time.monotonic()
    while time.monotonic() < min(last + PAUSE_SECONDS, left + WATCH_SECONDS):
        time.sleep(LOOK_SECONDS)
        now = processes.cpu_seconds(server.pid)
        if now > spent:
            spent, last = now, time.monotonic()
    return (last - left) * 1000


def _until_busy(server: Server, client: socket.socket, idle: float) -> float:
    """Wait until the server works at the read; returns the CPU seconds that it has spent in all."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            answer = client.recv(1000)
            raise BenchmarkError(f"the slow read ended before it could be given up: {answer!r}")
        spent = processes.cpu_seconds(server.pid)
        if spent - idle >= WORK_SECONDS:
            return spent
        time.sleep(LOOK_SECONDS)
    raise BenchmarkError("the slow read does not keep the server busy: try again")
