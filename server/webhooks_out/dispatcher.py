"""Delivers changes: starts a delivery for each webhook that has something to deliver, and waits for the next.

Each webhook has a task of its own while it delivers, so that no receiver holds up another one.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from db.commands import outgoing_deliveries
from db.database import Database
from db.errors import EngineError, Unavailable
from db.queries import outgoing_webhooks
from db.queries.outgoing_webhooks import OpenWebhook
from server.webhooks_out import schedule
from server.webhooks_out.attempts import Sends
from server.webhooks_out.delivery import LEASE_SECONDS, Deliverer, new_holder
from server.webhooks_out.feed import Feed

LOOK_SECONDS = 1.0  # between looks for webhooks that were made or resumed by others
LONGEST_SLEEP = 60.0
RETRY_SECONDS = 5.0
STOP_SECONDS = 2.0  # for what is on its way when the server stops

log = logging.getLogger(__name__)


class Dispatcher:
    """`clock` gives Unix time, and `chance` numbers from 0 to 1."""

    def __init__(
        self,
        db: Database,
        feed: Feed,
        sender: Sends,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._clock = clock
        self._holder = new_holder()
        self.deliverer = Deliverer(db, feed, sender, self._holder, clock, chance)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}  # in the loop's time
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver while inside."""
        loops = [asyncio.create_task(self._run()), asyncio.create_task(self._look())]
        try:
            yield
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await self._stop()

    def wake(self) -> None:
        """Look at the webhooks now."""
        self._wake.set()

    async def _stop(self) -> None:
        self._follow(0, is_needed=False)
        self.deliverer.stop()
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.deliverer.has_leased:
            with suppress(Unavailable, EngineError):  # the leases end by themselves, too
                await self._db.write(outgoing_deliveries.release_all(self._holder))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                seconds = await self._start_due()
            except (Unavailable, EngineError) as error:
                log.warning("outgoing webhooks not read", extra={"reason": str(error)})
                seconds = RETRY_SECONDS
            except Exception:  # the other webhooks must go on, once this passes
                log.exception("outgoing webhooks not read")
                seconds = RETRY_SECONDS
            # `wait_for` of Python 3.11 loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    async def _look(self) -> None:
        """Wake after commits, of which some make, change or resume a webhook."""
        seen = None
        while True:
            try:
                token = await self._db.change_token(within=LOOK_SECONDS)
            except Unavailable:
                token = None
            except Exception:  # the task must survive: the next look may succeed
                log.exception("changes not looked for")
                token = None
            if token is None or token != seen:
                self.wake()
            seen = token
            await asyncio.sleep(LOOK_SECONDS)

    def _follow(self, newest: int, *, is_needed: bool) -> None:
        """Wake with every change, as long as there is a webhook that it may be for."""
        if is_needed and (self._following is None or self._following.done()):
            self._following = asyncio.create_task(self._wake_with_changes(newest))
        elif not is_needed and self._following is not None:
            self._following.cancel()
            self._following = None

    async def _wake_with_changes(self, newest: int) -> None:
        with suppress(Unavailable):  # what is written of a delivery will say why
            async for _ in self._db.follow(newest):
                self.wake()

    async def _open_webhooks(self) -> tuple[int, list[OpenWebhook]]:
        # They are few, and after each commit looked for: no client may lose a reader's connection to that.
        try:
            return await self._db.read(outgoing_webhooks.open_webhooks(), few=True)
        except EngineError:  # locked just now: a reader's connection waits
            return await self._db.read(outgoing_webhooks.open_webhooks())

    async def _start_due(self) -> float:
        """Start the deliveries that are due; the seconds until the next one may be."""
        newest, opened = await self._open_webhooks()
        self._follow(newest, is_needed=bool(opened))
        webhook_ids = {each.webhook.webhook_id for each in opened}
        self.deliverer.forget_others(webhook_ids)
        for gone in self._not_before.keys() - webhook_ids:
            del self._not_before[gone]
        waits = [LONGEST_SLEEP]
        for each in opened:
            webhook_id = each.webhook.webhook_id
            if webhook_id in self._tasks:
                continue
            seconds = self._seconds_until_due(each, newest)
            if seconds is None:
                continue
            if seconds > 0:
                waits.append(seconds)
            else:
                self._tasks[webhook_id] = asyncio.create_task(self._deliver(webhook_id))
        return min(waits)

    def _seconds_until_due(self, opened: OpenWebhook, newest: int) -> float | None:
        """None if there is nothing to do."""
        webhook, now = opened.webhook, self._clock()
        settled = self.deliverer.settled(webhook)
        if newest <= settled and not opened.has_replays:
            return self.deliverer.seconds_until_settling(webhook)
        not_before = self._not_before.get(webhook.webhook_id, 0.0)
        waits = [not_before - asyncio.get_running_loop().time()]
        if opened.lease_holder not in (None, self._holder):
            waits.append(schedule.seconds_until(opened.lease_until, now, 2 * LEASE_SECONDS))
        if not opened.has_replays:
            waits.append(schedule.seconds_until_attempt(webhook.next_attempt_at, now))
        return max(waits)

    async def _deliver(self, webhook_id: str) -> None:
        try:
            while await self.deliverer.deliver_next(webhook_id):
                pass
            self._not_before.pop(webhook_id, None)
        except (Unavailable, EngineError) as error:
            extra = {"webhook": webhook_id, "reason": str(error)}
            log.warning("outgoing webhook waits for the database", extra=extra)
            self._wait(webhook_id, RETRY_SECONDS)
        except Exception:  # the other webhooks must go on, and this one may, later
            log.exception("outgoing webhook not delivered", extra={"webhook": webhook_id})
            self._wait(webhook_id, LONGEST_SLEEP)
        finally:
            del self._tasks[webhook_id]
            self.wake()

    def _wait(self, webhook_id: str, seconds: float) -> None:
        self._not_before[webhook_id] = asyncio.get_running_loop().time() + seconds
