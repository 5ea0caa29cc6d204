"""Delivers the next change of one webhook: finds it, sends it, and records what became of it."""

import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from db.commands import outgoing_deliveries
from db.commands.outgoing_deliveries import Lease, Progress, Result
from db.database import Database
from db.model.outgoing_webhooks import DeliveryStatus, OutgoingWebhook, PauseReason
from db.program import Program
from db.queries import outgoing_webhooks
from db.queries.outgoing_webhooks import DeliveryState
from resolvers import permissions
from resolvers.permissions import OPERATOR, Viewer
from server.webhooks_out import attempts, schedule, signatures
from server.webhooks_out.attempts import Answer, Sends
from server.webhooks_out.feed import Feed, SelectedChange

LEASE_SECONDS = 15.0  # longer than an attempt takes
# How many changes that a filter leaves out are settled with one write, or after how long. Until then only
# memory knows, and a restart after they were pruned would have to take them for lost.
SKIPPED_TOGETHER = 1_000
SETTLE_SECONDS = 60.0
USER_AGENT = "ChittyGraph"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scan:
    """No change up to `reached` was for the webhook as it was at `updated_at`, with this `position`.

    That is written at `settle_at`, in Unix time.
    """

    updated_at: str
    position: int
    reached: int
    settle_at: float


def new_holder() -> str:
    """The name under which this process holds leases."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(8)}"


class Deliverer:
    """Counts `attempts` by outcome: delivered, failed, dead, replayed, replay_failed."""

    def __init__(
        self,
        db: Database,
        feed: Feed,
        sender: Sends,
        holder: str,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._db = db
        self._feed = feed
        self._sender = sender
        self._holder = holder
        self._clock = clock
        self._chance = chance
        self._is_stopping = False
        self._scans: dict[str, Scan] = {}
        self._leases: dict[str, float] = {}  # until when, in Unix time
        self._replayed_last: set[str] = set()
        self.has_leased = False
        self.attempts: Counter[str] = Counter()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._is_stopping = True

    def forget_others(self, webhook_ids: Collection[str]) -> None:
        """Keep in memory only what is about these webhooks."""
        for memory in (self._scans, self._leases):
            for gone in memory.keys() - set(webhook_ids):
                del memory[gone]
        self._replayed_last &= set(webhook_ids)

    def settled(self, webhook: OutgoingWebhook) -> int:
        """The sequence of the last change that is known to need no delivery."""
        scan = self._scans.get(webhook.webhook_id)
        if scan is None or scan.updated_at != webhook.updated_at:
            return webhook.position
        return max(webhook.position, scan.reached)

    def seconds_until_settling(self, webhook: OutgoingWebhook) -> float | None:
        """Seconds until what only memory knows is to be written; None if there is nothing."""
        scan = self._scans.get(webhook.webhook_id)
        if scan is None or self.settled(webhook) == webhook.position:
            return None
        ahead = scan.settle_at - self._clock()
        return ahead if 0 < ahead <= SETTLE_SECONDS else 0.0  # unless the clock was set back

    async def deliver_next(self, webhook_id: str) -> bool:
        """Make one attempt, if one is due; whether to go on at once. Raises Unavailable and EngineError."""
        state = await self._db.read(outgoing_webhooks.delivery_state(webhook_id))
        if self._is_stopping or state is None or state.webhook.paused_because is not None:
            return False
        webhook, viewer = state.webhook, _viewer(state)
        if viewer is None:
            return await self._pause(webhook, PauseReason.RIGHTS_LOST)
        if self.settled(webhook) < state.pruned:
            return await self._pause(webhook, PauseReason.CHANGES_PRUNED)
        is_due = schedule.seconds_until_attempt(webhook.next_attempt_at, self._clock()) <= 0
        # In turn with what is new, so that neither keeps the other waiting.
        if state.replay is not None and not (is_due and webhook_id in self._replayed_last):
            self._replayed_last.add(webhook_id)
            return await self._replay(state, viewer, state.replay)
        self._replayed_last.discard(webhook_id)
        change = await self._find(state, viewer) if is_due else None
        if change is None:
            return state.replay is not None
        return await self._deliver(state, change)

    async def _find(self, state: DeliveryState, viewer: Viewer) -> SelectedChange | None:
        """The next change for the webhook; None if there is none yet."""
        webhook = state.webhook
        reached = self.settled(webhook)
        while reached < state.newest and not self._is_stopping:
            change, reached = await self._feed.next(webhook, viewer, reached)
            if change is not None:
                return change
        await self._settle(webhook, reached)
        return None

    async def _settle(self, webhook: OutgoingWebhook, reached: int) -> None:
        """Remember that no change up to `reached` is for the webhook, and write it if it is time to."""
        scan, later = self._scans.get(webhook.webhook_id), self._clock() + SETTLE_SECONDS
        if scan is None or (scan.updated_at, scan.position) != (
            webhook.updated_at,
            webhook.position,
        ):
            scan = Scan(webhook.updated_at, webhook.position, reached, later)
        self._scans[webhook.webhook_id] = scan = replace(scan, reached=reached)
        is_time = self.seconds_until_settling(webhook) == 0
        if is_time or reached - webhook.position >= SKIPPED_TOGETHER:
            # Whoever else delivers for the webhook settles it, so that this may write nothing.
            self._scans[webhook.webhook_id] = replace(scan, settle_at=later)
            lease = self._lease_from_now(webhook.webhook_id)
            await self._db.write(
                outgoing_deliveries.skip(lease, webhook.updated_at, webhook.position, reached)
            )

    async def _deliver(self, state: DeliveryState, change: SelectedChange) -> bool:
        webhook = state.webhook
        if not await self._lease(webhook):
            return False
        answer = await self._send(state, change)
        result, progress = self._outcome(state, change, answer)
        lease = self._lease_from_now(webhook.webhook_id)
        if not await self._hold(lease, outgoing_deliveries.record(lease, result, progress)):
            return True  # another process has it by now
        self._count(webhook, result, progress)
        return progress.position > webhook.position

    async def _replay(self, state: DeliveryState, viewer: Viewer, sequence: int) -> bool:
        webhook, now = state.webhook, schedule.instant(self._clock())
        if not await self._lease(webhook):
            return False
        change = await self._feed.one(viewer, sequence)
        if change is None:
            reason = (
                "the change is no longer kept, or not to be seen with the rights of the webhook"
            )
            ended = outgoing_deliveries.end_replay(webhook.webhook_id, sequence, reason, now)
            await self._db.write(ended)
            return True
        answer = await self._send(state, change)
        status = DeliveryStatus.DELIVERED if answer.error is None else DeliveryStatus.DEAD
        lease, result = (
            self._lease_from_now(webhook.webhook_id),
            _result(state, change, status, answer),
        )
        await self._hold(lease, outgoing_deliveries.record_replay(lease, result, webhook.position))
        self.attempts["replayed" if answer.error is None else "replay_failed"] += 1
        return True

    async def _send(self, state: DeliveryState, change: SelectedChange) -> Answer:
        if change.problem is not None:
            return Answer(milliseconds=0, error=change.problem)
        signed = signatures.headers(
            state.secrets, change.message_id, int(self._clock()), change.body
        )
        headers = {"content-type": "application/json", "user-agent": USER_AGENT, **signed}
        return await self._sender.send(state.webhook.url, headers, change.body)

    def _outcome(
        self, state: DeliveryState, change: SelectedChange, answer: Answer
    ) -> tuple[Result, Progress]:
        webhook = state.webhook
        if answer.error is None:
            delivered = Progress(was=webhook.position, position=change.sequence)
            return _result(state, change, DeliveryStatus.DELIVERED, answer), delivered
        now = self._clock()
        since = schedule.instant(now)
        if webhook.failing_since is not None:
            since = min(since, webhook.failing_since)  # unless the clock was set back
        is_over = now - schedule.unix_time(since) >= schedule.GIVE_UP_SECONDS
        if is_over or change.problem is not None:
            dead = Progress(was=webhook.position, position=change.sequence)
            return _result(state, change, DeliveryStatus.DEAD, answer), dead
        failed = webhook.attempts + 1
        seconds = max(
            schedule.delay(failed, self._chance()),
            schedule.requested_delay(answer.retry_after, now),
        )
        failing = Progress(
            was=webhook.position,
            position=webhook.position,
            attempts=failed,
            failing_since=since,
            next_attempt_at=schedule.instant(now + seconds),
        )
        if answer.status == attempts.GONE:
            failing = replace(failing, paused_because=PauseReason.GONE)
        return _result(state, change, DeliveryStatus.FAILING, answer), failing

    def _count(self, webhook: OutgoingWebhook, result: Result, progress: Progress) -> None:
        status = result.status
        self.attempts["failed" if status is DeliveryStatus.FAILING else status.value] += 1
        extra = {"webhook": webhook.webhook_id, "reason": result.error}
        if status is DeliveryStatus.DEAD:
            log.warning("outgoing webhook gave a change up", extra=extra)
        elif progress.paused_because is not None:
            log.warning("outgoing webhook paused", extra=extra)
        elif progress.attempts == 1:
            log.warning("outgoing webhook fails", extra=extra)
        elif webhook.attempts and status is DeliveryStatus.DELIVERED:
            log.info("outgoing webhook delivers again", extra={"webhook": webhook.webhook_id})

    async def _pause(self, webhook: OutgoingWebhook, reason: PauseReason) -> bool:
        now = schedule.instant(self._clock())
        pause = outgoing_deliveries.pause(webhook.webhook_id, webhook.updated_at, reason, now)
        if await self._db.write(pause):
            extra = {"webhook": webhook.webhook_id, "reason": reason.value}
            log.warning("outgoing webhook paused", extra=extra)
        return False

    async def _lease(self, webhook: OutgoingWebhook) -> bool:
        """Hold the webhook's lease for long enough for an attempt; whether that was possible."""
        left = self._leases.get(webhook.webhook_id, 0.0) - self._clock()
        if attempts.SECONDS + 1 < left <= LEASE_SECONDS:
            return True
        lease = self._lease_from_now(webhook.webhook_id)
        taking = outgoing_deliveries.lease(lease, webhook.position, webhook.updated_at)
        return await self._hold(lease, taking)

    async def _hold(self, lease: Lease, writing: Program[bool]) -> bool:
        """Run what takes or prolongs a lease; whether it did."""
        if await self._db.write(writing):
            self._leases[lease.webhook_id] = schedule.unix_time(lease.until)
            self.has_leased = True
            return True
        self._leases.pop(lease.webhook_id, None)
        return False

    def _lease_from_now(self, webhook_id: str) -> Lease:
        now = self._clock()
        until, latest = now + LEASE_SECONDS, now + 2 * LEASE_SECONDS
        times = (schedule.instant(each) for each in (now, until, latest))
        return Lease(webhook_id, self._holder, *times)


def _viewer(state: DeliveryState) -> Viewer | None:
    """Who the changes are read for; None if it lost the right to."""
    if state.webhook.creator_chitty_id is None:
        return OPERATOR
    viewer = permissions.viewer_of(state.identity)
    return viewer if viewer is not None and viewer.is_admin else None


def _result(
    state: DeliveryState, change: SelectedChange, status: DeliveryStatus, answer: Answer
) -> Result:
    return Result(
        sequence=change.sequence,
        status=status,
        milliseconds=answer.milliseconds,
        erasures=state.erasures,
        response_status=answer.status,
        error=answer.error,
        excerpt=answer.excerpt,
    )
