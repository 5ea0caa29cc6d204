"""How long a server keeps reading for a client that has disconnected."""

import json
import socket
import time

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
HEAD = "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
WORK_SECONDS = 0.4
WATCH_SECONDS = 5.0
# A read keeps the server busy without a pause; an idle server takes a clock tick now and then.
PAUSE_SECONDS = 0.2
# The least part of that time that must have been spent at work, on a machine that others use too.
LEAST_BUSY = 4
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
        time.sleep(WORK_SECONDS)
        client.setblocking(False)
        try:
            answer = client.recv(1000)
        except BlockingIOError:
            answer = b""
        if answer:
            raise BenchmarkError(f"the slow read ended before it could be given up: {answer!r}")
        spent = processes.cpu_seconds(server.pid)
    left = last = time.monotonic()
    if spent - idle < WORK_SECONDS / LEAST_BUSY:
        raise BenchmarkError(
            f"the slow read took only {spent - idle:.2f} s of processor time: try again"
        )
    while time.monotonic() < min(last + PAUSE_SECONDS, left + WATCH_SECONDS):
        time.sleep(LOOK_SECONDS)
        now = processes.cpu_seconds(server.pid)
        if now > spent:
            spent, last = now, time.monotonic()
    return (last - left) * 1000
