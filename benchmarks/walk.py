"""`./run bench --walk`: which functions of this project one request calls once everything is cached.

A request is easy to follow if its functions are few, lie in few files, and seldom call from one file into
another. Counted are named functions, on the event loop and on the database's threads. `switches` is how
often a call is in another file than the call before it.
"""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import orjson

from benchmarks.errors import BenchmarkError
from benchmarks.workloads import CREATE, NESTED

ROOT = Path(__file__).parents[1]
PACKAGES = tuple(f"{ROOT / name}{os.sep}" for name in ("db", "resolvers", "schema", "server"))
WARM_UP = 3
REPEATS = 5
NEVER = 3600.0  # seconds
IDLE_SECONDS = 0.6  # in which every other timer comes up
CONTEXTS = "query { contexts(first: 1) { nodes { chittyId owner { chittyId } } } }"
REQUESTS = ("compiled query", "generic query", "compiled mutation")

Calls = list[tuple[str, str]]
"""The calls of one request in order: each its file and its function."""


class Recorder:
    """Records calls, on each thread that starts after it was installed, while `calls` is a list."""

    def __init__(self) -> None:
        self.calls: Calls | None = None
        self._is_idle = False
        self._timers: set[CodeType] = set()

    def install(self) -> None:
        """Observe this thread and those to come."""
        threading.setprofile(self._observe)
        sys.setprofile(self._observe)

    def remove(self) -> None:
        """Observe new threads, and this one, no more."""
        threading.setprofile(None)
        sys.setprofile(None)

    async def find_timers(self) -> None:
        """See what is called while nothing is asked, and record from then on nothing that it calls."""
        await asyncio.sleep(IDLE_SECONDS / 4)  # what the last request has left to do
        self._is_idle = True
        await asyncio.sleep(IDLE_SECONDS)
        self._is_idle = False

    def _observe(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not (self._is_idle or self.calls is not None):
            return
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGES):
            return
        if self._is_idle:
            self._timers.add(_outermost(frame))
        elif (
            self.calls is not None
            and not code.co_name.startswith("<")
            and not _is_resumed(frame)
            and _outermost(frame) not in self._timers
        ):
            file = str(Path(code.co_filename).relative_to(ROOT))
            self.calls.append((file, f"{code.co_qualname}:{code.co_firstlineno}"))


def run() -> None:
    """Print a line for each request, followed by the calls of the first."""
    walks = {name: asyncio.run(calls_of(name)) for name in REQUESTS}
    for name, calls in walks.items():
        files = {file for file, _ in calls}
        switches = sum(one[0] != other[0] for one, other in pairwise(calls))
        print(
            f"{name:18} {len(set(calls)):4} functions {len(files):4} files {switches:4} switches"
            f" {len(calls):4} calls"
        )
    print(f"\nThe {REQUESTS[0]}:")
    for file, function in walks[REQUESTS[0]]:
        print(f"    {file:40} {function}")


async def calls_of(name: str, folder: Path | None = None) -> Calls:
    """The calls of one request that was sent before: the fewest of several, without those of timers.

    The database is in the folder, or where temporary files are.
    """
    from server.app import create_app
    from server.demo import registry
    from server.settings import Settings
    from server.transport import disconnects

    recorder, walks = Recorder(), []
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        settings = Settings(
            database=str(Path(temporary, "walk.db")),
            compiled=name != "generic query",
            graphiql=False,
        )
        app = create_app(settings)
        # On a slow machine an observed request lasts for longer than what that timer waits for.
        usual, disconnects.WATCH_AFTER_SECONDS = disconnects.WATCH_AFTER_SECONDS, NEVER
        recorder.install()
        try:
            async with app.router.lifespan_context(app):
                await registry.fill(app.service.db)
                send = _client(app)
                for number in range(WARM_UP):
                    await send(await _body(name, send, number))
                await recorder.find_timers()
                for number in range(WARM_UP, WARM_UP + REPEATS):
                    body = await _body(name, send, number)
                    recorder.calls = []
                    await send(body)
                    walks.append(recorder.calls)
                    recorder.calls = None
        finally:
            recorder.remove()
            disconnects.WATCH_AFTER_SECONDS = usual
    return min(walks, key=len)


def _client(app: Any) -> Callable[[bytes], Awaitable[Any]]:
    """Sends the body of a POST to the application, as a server would, and returns the data."""

    async def post(body: bytes) -> Any:
        response: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            response.append(message.get("body", b""))

        headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 50_000),
        }
        await app(scope, receive, send)
        answer = orjson.loads(b"".join(response))
        if "errors" in answer:
            raise BenchmarkError(f"a request failed: {answer['errors']}")
        return answer["data"]

    return post


async def _body(name: str, send: Callable[[bytes], Awaitable[Any]], number: int) -> bytes:
    """The body of a request; each mutation opens another connection."""
    if name != "compiled mutation":
        return orjson.dumps({"query": NESTED, "variables": {"first": 1}})
    data = await send(orjson.dumps({"query": CONTEXTS}))
    new = {
        "source": data["contexts"]["nodes"][0]["chittyId"],
        "targetService": "n8n",
        "targetEndpoint": f"https://hooks.example.com/{number}",
        "connectionType": "WEBHOOK",
        "config": {"retries": 3, "timeout_ms": 5000},
    }
    return orjson.dumps({"query": CREATE, "variables": {"input": new}})


def _outermost(frame: FrameType) -> CodeType:
    """The function of this project that the event loop, or a thread, has called."""
    found, caller = frame.f_code, frame.f_back
    while caller is not None:
        if caller.f_code.co_filename.startswith(PACKAGES):
            found = caller.f_code
        caller = caller.f_back
    return found


def _is_resumed(frame: FrameType) -> bool:
    """Whether a generator or coroutine goes on: it does at a RESUME whose argument is not 0."""
    return bool(frame.f_code.co_code[frame.f_lasti + 1] & 3)
