"""Clients of several servers over one cluster: what they did, and what they were told."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.faults.operation_histories import Outcome, Read, Write
from tests.support.services.server_process import TIMEOUT_SECONDS

REGISTER = """
    mutation ($name: String!, $id: ChittyID) {
        done: registerActor(input: { actorType: HUMAN, displayName: $name, chittyId: $id }) {
            errors { code message }
        }
    }
"""
UPDATE = """
    mutation ($name: String!, $id: ChittyID!) {
        done: updateActor(input: { chittyId: $id, displayName: $name }) { errors { code message } }
    }
"""
NAME = "query ($id: ChittyID!) { actor(chittyId: $id) { displayName } }"
SET = "set"
REGISTERS = ("CHITTY-ACTOR-FIRST", "CHITTY-ACTOR-SECOND", "CHITTY-ACTOR-THIRD")
UNKNOWN = "may have been applied"
# A server takes clients of one network for one viewer, whose reads see its writes, at `none` too.
ELSEWHERE = "127.88.0.1"
PAUSE = 0.02  # after a refusal, seconds


class Refused(Exception):
    """The server has not done it: the answer says UNAVAILABLE."""


@dataclass
class History:
    """What all clients did; all moments are of one clock."""

    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    reads_at_none: dict[str, list[float]] = field(
        default_factory=dict
    )  # when each ended, by server
    names: "itertools.count[int]" = field(default_factory=itertools.count)
    is_over: bool = False
    refusals: list[tuple[float, float]] = field(default_factory=list)  # begin and end of writes
    longest_answer: float = 0.0

    def done(self, since: float = 0.0) -> list[Write]:
        """The acknowledged writes that began after a moment."""
        return [
            write for write in self.writes if write.began >= since and write.outcome is Outcome.DONE
        ]

    def longest_refusal(self, since: float) -> float:
        """How long the slowest write took that was sent after a moment and refused."""
        return max((ended - began for began, ended in self.refusals if began >= since), default=0.0)

    def longest_gap_at_none(self) -> float:
        """The longest time in which a server answered no read at `none`."""
        pairs = [itertools.pairwise(ends) for ends in self.reads_at_none.values()]
        return max(after - before for before, after in itertools.chain(*pairs))


class Client:
    """One client, which uses one server."""

    def __init__(self, history: History, url: str, address: str = "127.0.0.1") -> None:
        self.history = history
        self._url = url
        transport = httpx2.AsyncHTTPTransport(local_address=address, trust_env=False)
        self._http = httpx2.AsyncClient(transport=transport, timeout=TIMEOUT_SECONDS)
        self.acknowledged_at = 0.0
        self.refused_at = 0.0

    async def close(self) -> None:
        await self._http.aclose()

    async def write(self) -> None:
        """Add something new, or give a register a new value, until the history is over."""
        for turn in itertools.count():
            if self.history.is_over:
                return
            name = f"value-{next(self.history.names)}"
            match turn % 4:
                case 0:
                    await self._write(SET, name, REGISTER, id=None)
                case 1:  # whoever sends a key sends it again until it is answered
                    await self._write(SET, name, REGISTER, key=name, id=None)
                case _:
                    register = REGISTERS[turn % len(REGISTERS)]
                    await self._write(register, name, UPDATE, id=register)

    async def read(self) -> None:
        """Read the newest value of each register, until the history is over."""
        for register in itertools.cycle(REGISTERS):
            if self.history.is_over:
                return
            began = time.monotonic()
            try:
                value = await self._name(register, "strong")
            except Refused:
                await asyncio.sleep(PAUSE)
            else:
                self.history.reads.append(Read(register, value, began, time.monotonic()))

    async def read_at_none(self) -> None:
        """Read what the nearest node has, which must be answered whatever happens."""
        ends = self.history.reads_at_none[self._url] = [time.monotonic()]
        while not self.history.is_over:
            await self._name(REGISTERS[0], "none")
            ends.append(time.monotonic())
            await asyncio.sleep(PAUSE)

    async def make_registers(self) -> None:
        for register in REGISTERS:
            await self._write(register, f"first-{register}", REGISTER, id=register)

    async def refused_after(self) -> float:
        """Send a write that must be refused; the seconds that took."""
        began = time.monotonic()
        await self._write(SET, f"value-{next(self.history.names)}", REGISTER, id=None)
        assert self.history.writes[-1].outcome is not Outcome.DONE
        return time.monotonic() - began

    async def _name(self, register: str, level: str) -> str:
        headers = {"x-chittygraph-consistency": level}
        answer = await self._post(NAME, {"id": register}, headers)
        name: str = answer["data"]["actor"]["displayName"]
        return name

    async def _write(
        self, register: str, name: str, query: str, *, key: str | None = None, **given: Any
    ) -> None:
        began, outcome = time.monotonic(), Outcome.DONE
        headers = {} if key is None else {"idempotency-key": key}
        while True:
            sent = time.monotonic()
            try:
                await self._post(query, {"name": name, **given}, headers)
            except Refused as refused:
                is_unknown = UNKNOWN in str(refused)
                self.history.refusals.append((sent, time.monotonic()))
                self.refused_at = sent
                await asyncio.sleep(PAUSE)
                if key is not None:
                    continue
                outcome = Outcome.UNKNOWN if is_unknown else Outcome.REFUSED
            else:
                self.acknowledged_at = began
            break
        self.history.writes.append(Write(register, name, began, time.monotonic(), outcome))

    async def _post(self, query: str, variables: dict[str, Any], headers: dict[str, str]) -> Any:
        began = time.monotonic()
        body = {"query": query, "variables": variables}
        answer = (await self._http.post(self._url, json=body, headers=headers)).json()
        ended = time.monotonic()
        self.history.longest_answer = max(ended - began, self.history.longest_answer)
        if "errors" in answer:
            (error,) = answer["errors"]
            code = error["extensions"]["code"]
        elif errors := answer["data"].get("done", {}).get("errors"):
            (error,) = errors
            code = error["code"]
        else:
            return answer
        assert code == "UNAVAILABLE", error
        raise Refused(error["message"])


@dataclass
class Crowd:
    """Clients at work."""

    history: History
    writers: list[Client]
    tasks: list["asyncio.Task[None]"]

    async def until_acknowledged(self, count: int) -> None:
        """Wait until so many more writes were acknowledged."""
        wanted = len(self.history.done()) + count
        await self._until(lambda: len(self.history.done()) >= wanted)

    async def until_all_write(self, since: float) -> float:
        """Wait until each client's write that began after a moment was acknowledged; seconds since then."""
        await self._until(lambda: all(each.acknowledged_at >= since for each in self.writers))
        return time.monotonic() - since

    async def until_all_refused(self, since: float) -> None:
        """Wait until each client's write that began after a moment was refused."""
        await self._until(lambda: all(each.refused_at >= since for each in self.writers))

    async def stop(self) -> History:
        """Let each client end what it has begun; all that they did."""
        self.history.is_over = True
        await asyncio.gather(*self.tasks)
        return self.history

    async def _until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not holds():
            assert time.monotonic() < deadline
            for task in self.tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def crowd(urls: Sequence[str], writers: int) -> AsyncIterator[Crowd]:
    """So many clients that write, and for each server one that reads and one that reads at `none`."""
    history = History()
    clients = [Client(history, urls[number % len(urls)]) for number in range(writers + len(urls))]
    clients += [Client(history, url, ELSEWHERE) for url in urls]
    tasks: list[asyncio.Task[None]] = []
    try:
        await clients[0].make_registers()
        writing, reading = clients[:writers], clients[writers : -len(urls)]
        tasks += [asyncio.ensure_future(each.write()) for each in writing]
        tasks += [asyncio.ensure_future(each.read()) for each in reading]
        tasks += [asyncio.ensure_future(each.read_at_none()) for each in clients[-len(urls) :]]
        yield Crowd(history, writing, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.close()
