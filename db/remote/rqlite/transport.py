"""Batches to a cluster of rqlite: the leader gets those that write or want the newest state."""

import asyncio
import base64
import time
from collections.abc import Sequence
from typing import Any

from cachetools import LRUCache

from db.consistency import At, Level
from db.errors import (
    CredentialsRefused,
    EngineError,
    EngineLimit,
    OutcomeUnknown,
    Unavailable,
)
from db.program import Rows
from db.remote.applied_writes import GUARD
from db.remote.http_client import (
    Answer,
    AnswerLate,
    AnswerLost,
    AnswerTooLarge,
    HttpClient,
    NotSent,
)
from db.remote.rqlite import answers, node_status, requests, schema_check
from db.remote.rqlite.answers import NotTaken
from db.remote.rqlite.nodes import Nodes
from db.remote.transport import Bound, EngineStatus, Limits

LIMITS = Limits(
    engine="rqlite",
    has_returning=False,
    largest_integer=requests.LARGEST_INTEGER,
    statement_bytes=1_000_000,
    value_bytes=64_000_000,
    batch_bytes=16_000_000,
    batch_statements=4_000,
)
# A node that has not answered for so long is asked whether it lives, and has as long to say so. One that
# hangs takes connections, and says nothing.
PATIENCE = 1.0
FIND_SECONDS = 2.0  # a node may wait for one that hangs before it says who leads
LEAST_SECONDS = 0.001
PAUSE = 0.1  # between two looks for a leader
# A cluster with a quorum has elected a leader by then; one without would let everybody wait in vain.
ELECTION_SECONDS = 4.0
MIGRATE_SECONDS = 300.0
COMPILED_TEXTS = 1_024
DROPS, CREATES = "DROP ", "CREATE "


class NodeHangs(AnswerLost):
    """The node takes connections, and answers nobody."""


class RqliteTransport:
    """`bases` has the URLs of the nodes, the nearest first, and `secret` the password of the user."""

    def __init__(self, bases: tuple[str, ...], user: str = "", secret: str = "") -> None:
        self.limits = LIMITS
        headers = {"content-type": "application/json"}
        if user:
            pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        self._client = HttpClient(headers)
        self._nodes = Nodes(bases, self._is_ready)
        self._finding: asyncio.Task[str | None] | None = None
        self._no_leader = "no node leads"  # why none was found the last time
        # The texts that compile, over which schema.
        self._compiled: LRUCache[str, None] = LRUCache(COMPILED_TEXTS)
        self._schema: str | None = None

    async def send(
        self, batch: Sequence[Bound], *, write: bool, at: At, seconds: float
    ) -> list[Rows]:
        """See Transport.send."""
        try:
            return await self._send(batch, write, at, time.monotonic() + seconds)
        except AnswerTooLarge as error:
            if write:
                raise OutcomeUnknown(f"rqlite lost the answer to a write: {error}") from None
            raise EngineLimit(f"rqlite answers at most so much at once: {error}") from None

    async def _send(
        self, batch: Sequence[Bound], write: bool, at: At, deadline: float
    ) -> list[Rows]:
        if write:
            return await self._write(batch, deadline)
        if at.level is Level.NONE:
            found = await self._anywhere(at, requests.encode(batch), deadline)
        else:
            found = await self._read_at_leader(at, requests.encode(batch), deadline)
        return answers.rows(found, len(batch), writes=False)

    async def _write(self, batch: Sequence[Bound], deadline: float) -> list[Rows]:
        """Run a batch that writes, over the schema for which its statements were compiled."""
        is_guarded = batch[0].sql == GUARD
        while True:
            await self._compile(batch, deadline)
            checked = list(batch)
            if is_guarded:
                checked.insert(1, schema_check.bound(self._schema))
            body = requests.encode_write(checked)
            found = await self._at_leader(requests.WRITE, body, deadline, writes=True)
            if not (is_guarded and schema_check.has_failed(found)):
                break
            self._schema = None
            if time.monotonic() >= deadline:
                raise Unavailable("the schema of the database changes again and again")
        rows = answers.rows(found, len(checked), writes=True)
        return [rows[0], *rows[2:]] if is_guarded else rows

    async def migrate(self, batch: Sequence[Bound]) -> bool:
        """See Transport.migrate."""
        deadline = time.monotonic() + MIGRATE_SECONDS
        body = requests.encode(batch)
        while True:
            try:
                found = await self._at_leader(requests.EXECUTE, body, deadline, writes=True)
                break
            except OutcomeUnknown:  # sent again it conflicts, if it was applied
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(PAUSE)
        failed = answers.failure(found)
        if failed is not None and failed.number == 1 and "UNIQUE constraint" in failed.text:
            return False
        answers.rows(found, len(batch), writes=False)
        return True

    async def status(self, seconds: float) -> EngineStatus:
        """See Transport.status: of all nodes that answer."""
        asked = [self._status_of(node, seconds) for node in self._nodes.bases]
        told = [each for each in await asyncio.gather(*asked) if each is not None]
        if not told:
            raise Unavailable(f"no node of rqlite tells its status within {seconds:g} s")
        return node_status.together(told)

    async def close(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
        await self._nodes.close()
        await self._client.close()

    async def _compile(self, batch: Sequence[Bound], deadline: float) -> None:
        """Raise if a statement that is new here does not compile.

        Where one does not, a node would run the other statements of the batch, and commit them.
        """
        drops = any(each.sql.startswith(DROPS) for each in batch)
        while True:
            known = self._schema
            new = [
                each
                for each in batch
                # What the batch drops before it creates it is still there.
                if (known is None or each.sql not in self._compiled)
                and not (drops and each.sql.startswith(CREATES))
            ]
            if not new and known is not None:
                return
            schema, *found = await self._try_to_compile(new, deadline)
            told = schema_check.told(schema)
            if known is not None and told != known:
                self._schema = None  # what was compiled before may not compile now
                continue
            if known is None:
                self._compiled.clear()
            for each, result in zip(new, found, strict=True):
                # What compiles and writes is refused with these words, and runs in no case.
                if answers.NO_WRITE not in result.get("error", answers.NO_WRITE):
                    failed = answers.Failure(list(batch).index(each) + 1, str(result["error"]))
                    raise failed.error()
                self._compiled[each.sql] = None
            self._schema = told

    async def _try_to_compile(self, new: Sequence[Bound], deadline: float) -> list[dict[str, Any]]:
        """The state of the schema, and what a node says of each statement."""
        explained = [Bound(f"EXPLAIN QUERY PLAN {each.sql}", each.bind) for each in new]
        body = requests.encode([schema_check.STATE, *explained])
        found = await self._at_leader(requests.COMPILE, body, deadline, writes=False)
        if answers.lack_schema(found):  # or the leader has just started: see _read_at_leader
            strong = requests.read(At(Level.STRONG), deadline - time.monotonic())
            await self._at_leader(strong, requests.NOTHING, deadline, writes=False)
            found = await self._at_leader(requests.COMPILE, body, deadline, writes=False)
        return found

    async def _anywhere(self, at: At, body: bytes, deadline: float) -> list[dict[str, Any]]:
        """Read at the nearest node that answers, and at the leader if those that do are too old."""
        reason = "no node was asked in time"
        while (left := deadline - time.monotonic()) > 0:
            level = None
            for node in self._nodes.nearest():
                left = max(deadline - time.monotonic(), LEAST_SECONDS)
                try:
                    path = requests.read(at, left)
                    found = answers.results(await self._ask(node, path, body, left), writes=False)
                except (NotTaken, NotSent, AnswerLost) as error:
                    reason = f"{self._nodes.name_of(node)}: {error}"
                    if isinstance(error, NotTaken) and at.freshness is not None:
                        level = level or Level.WEAK
                    continue
                if not answers.lack_schema(found):
                    return found
                level = Level.STRONG
                self._nodes.has_failed(node)
            if level is not None:
                return await self._read_at_leader(At(level), body, deadline)
            await asyncio.sleep(min(PAUSE, left))
        raise Unavailable(f"no node of rqlite can be read: {reason}")

    async def _read_at_leader(self, at: At, body: bytes, deadline: float) -> list[dict[str, Any]]:
        """Read at the leader.

        A node that has just started replays the log, and answers meanwhile, even as the leader: without a
        table, if it has not come to that. A STRONG read waits for it.
        """
        began = time.monotonic()
        path = requests.read(at, deadline - began)
        found = await self._at_leader(path, body, deadline, writes=False)
        if at.level is not Level.STRONG and answers.lack_schema(found):
            path = requests.read(At(Level.STRONG), deadline - time.monotonic())
            found = await self._at_leader(path, body, deadline, writes=False, since=began)
        return found

    async def _at_leader(
        self, path: str, body: bytes, deadline: float, *, writes: bool, since: float | None = None
    ) -> list[dict[str, Any]]:
        """Ask the leader, and its successor as long as nothing can have been stored.

        `since` is when the first of several requests began that wait for one leader together.
        """
        reason, redirections = self._no_leader, 0
        last_try = (time.monotonic() if since is None else since) + ELECTION_SECONDS
        while (left := min(deadline, last_try) - time.monotonic()) > 0:
            leader = self._nodes.leader or await self._find_leader(left)
            if leader is None:
                reason = self._no_leader
                await asyncio.sleep(min(PAUSE, left))
                continue
            left = max(deadline - time.monotonic(), LEAST_SECONDS)
            try:
                return answers.results(await self._ask(leader, path, body, left), writes=writes)
            except NotTaken as error:
                reason = f"{self._nodes.name_of(leader)}: {error}"
                redirections += 1
                self._nodes.forget_leader(leader)
                if self._nodes.leader is None and redirections == 1:
                    self._nodes.leader = self._nodes.of_location(error.leader)
                else:
                    await asyncio.sleep(min(PAUSE, left))
            except NotSent as error:
                reason = f"{self._nodes.name_of(leader)}: {error}"
                await asyncio.sleep(min(PAUSE, left))  # others may name it for a while
            except AnswerLost as error:
                reason = f"{self._nodes.name_of(leader)}: {error}"
                if writes:
                    raise OutcomeUnknown(f"rqlite lost the answer to a write: {reason}") from None
        raise Unavailable(f"rqlite cannot be reached: {reason}")

    async def _find_leader(self, seconds: float) -> str | None:
        """The node that leads; None if none says so. All who want to know ask once."""
        if self._finding is None:
            self._finding = asyncio.ensure_future(self._ask_for_leader())
        finding = self._finding
        done, _ = await asyncio.wait([finding], timeout=seconds)
        if done:
            finding.result()
        return self._nodes.leader

    async def _ask_for_leader(self) -> None:
        """Ask all nodes at once: one that hangs, or waits for one that hangs, holds nobody up."""
        asking = [asyncio.ensure_future(self._leader_by(node)) for node in self._nodes.bases]
        refused: Exception | None = None
        try:
            for each in asyncio.as_completed(asking):
                try:
                    leader = await each
                except (EngineError, Unavailable) as error:  # wrong password, or no rqlite
                    refused = error
                    continue
                if leader is not None:
                    self._nodes.leader = leader
                    return
            if refused is not None:
                raise refused
        finally:
            self._finding = None
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _leader_by(self, node: str) -> str | None:
        """The leader that this node knows, which may be itself."""
        try:
            answer = await self._request(node, requests.FIND_LEADER, requests.NOTHING, FIND_SECONDS)
            answers.results(answer, writes=False)
        except NotTaken as error:
            self._no_leader = f"{self._nodes.name_of(node)}: {error}"
            named = self._nodes.of_location(error.leader)
            return None if named is None or self._nodes.is_off(named) else named
        except (NotSent, AnswerLost) as error:
            self._no_leader = f"{self._nodes.name_of(node)}: {error}"
            self._nodes.has_failed(node)
            return None
        return node

    async def _ask(self, node: str, path: str, body: bytes, seconds: float) -> Answer:
        """The node's answer; raises NodeHangs, too, soon after the node has ceased to answer others."""
        loop, watching = asyncio.get_running_loop(), list[asyncio.Task[None]]()
        try:
            async with asyncio.timeout(None) as limit:
                timer = loop.call_later(
                    PATIENCE, lambda: watching.append(loop.create_task(self._watch(node, limit)))
                )
                try:
                    answer = await self._request(node, path, body, seconds)
                finally:
                    timer.cancel()
                    for each in watching:
                        each.cancel()
        except TimeoutError:
            self._nodes.has_failed(node)
            raise NodeHangs("the node hangs") from None
        except AnswerLate:
            raise  # it lives, and needs longer
        except (NotSent, AnswerLost):
            self._nodes.has_failed(node)
            raise
        return answer

    async def _watch(self, node: str, limit: asyncio.Timeout) -> None:
        while await self._lives(node):  # noqa: ASYNC110, another process is asked
            await asyncio.sleep(PATIENCE)
        limit.reschedule(asyncio.get_running_loop().time())

    async def _lives(self, node: str) -> bool:
        try:
            await self._client.request("GET", f"{node}/readyz?noleader", b"", PATIENCE)
        except (NotSent, AnswerLost, AnswerTooLarge):
            return False
        return True

    async def _is_ready(self, node: str) -> bool:
        """Whether the node knows a leader, and has applied what each other node had when this was asked.

        That rqlite calls a node ready says only that it has the log: it may still be applying it.
        """
        others = [each for each in self._nodes.bases if each != node]
        try:
            told = await asyncio.gather(*(self._status_of(each, PATIENCE) for each in others))
            answer = await self._client.request(
                "GET", f"{node}/readyz?sync&timeout={PATIENCE:g}s", b"", 2 * PATIENCE
            )
            own = await self._status_of(node, PATIENCE) if answer.status == 200 else None
        except (CredentialsRefused, NotSent, AnswerLost, AnswerTooLarge):
            return False
        return own is not None and all(each is None or each.applied <= own.applied for each in told)

    async def _request(self, node: str, path: str, body: bytes, seconds: float) -> Answer:
        return await self._client.post(node + path, body, seconds)

    async def _status_of(self, node: str, seconds: float) -> node_status.NodeStatus | None:
        try:
            answer = await self._client.request("GET", f"{node}/status", b"", seconds)
        except (NotSent, AnswerLost, AnswerTooLarge):
            return None
        if answer.status in {401, 403}:
            raise CredentialsRefused(answers.NO_RIGHTS)
        try:
            return node_status.parsed(answer.body)
        except ValueError:
            return None
