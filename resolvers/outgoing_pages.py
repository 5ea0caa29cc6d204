"""Pages of outgoing webhooks and of their deliveries, which only admins may see."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from db.errors import BadRequest
from db.model.outgoing_webhooks import OutgoingDelivery, OutgoingWebhook
from db.queries import outgoing_webhooks
from db.queries.outgoing_webhooks import DeliveryRange
from resolvers import message_ids, pages
from resolvers.operation_context import OperationContext
from resolvers.pages import LazyPage, PageArguments
from resolvers.permissions import Capability


class WebhookPage(LazyPage):
    """A page of all webhooks, oldest first; there are so few that all are read."""

    def __init__(self, ctx: OperationContext, arguments: PageArguments) -> None:
        """Raises BadRequest for a viewer who is no admin, and for bad arguments."""
        if Capability.ADMIN not in ctx.viewer.effective_capabilities:
            message = f"webhooks require the capability {Capability.ADMIN.value}"
            raise BadRequest("FORBIDDEN", message)
        self._ctx = ctx
        self._size = pages.size(ctx, arguments)
        self._is_backward = arguments.last is not None
        self._after, self._before = (
            None if cursor is None else _decoded(cursor)
            for cursor in (arguments.after, arguments.before)
        )
        self._all: list[OutgoingWebhook] | None = None

    async def rows(self) -> list[Any]:
        start, stop = await self._range()
        return (await self._read_all())[start:stop]

    async def total(self) -> int:
        return len(await self._read_all())

    async def has_next(self) -> bool:
        _, stop = await self._range()
        return stop < len(await self._read_all())

    async def has_previous(self) -> bool:
        start, _ = await self._range()
        return start > 0

    def cursor(self, row: Any) -> str:
        return base64.urlsafe_b64encode("\n".join(_place(row)).encode()).decode()

    async def _read_all(self) -> list[OutgoingWebhook]:
        if self._all is None:
            self._all = await self._ctx.read(outgoing_webhooks.all_webhooks())
        return self._all

    async def _range(self) -> tuple[int, int]:
        """Where the page begins and ends in the list of all."""
        places: Any = [_place(row) for row in await self._read_all()]
        start = sum(self._after is not None and place <= self._after for place in places)
        stop = sum(self._before is None or place < self._before for place in places)
        if self._is_backward:
            return max(start, stop - self._size), max(start, stop)
        return start, max(start, min(stop, start + self._size))


def _decoded(cursor: str) -> tuple[str, str]:
    """The place that a cursor stands for; raises BadRequest."""
    try:
        created_at, webhook_id = base64.urlsafe_b64decode(cursor).decode().split("\n")
    except ValueError:
        message = "the cursor is damaged or of another list: start from the first page"
        raise BadRequest("BAD_CURSOR", message) from None
    return created_at, webhook_id


def _place(row: OutgoingWebhook) -> tuple[str, str]:
    return row.created_at, row.webhook_id


class DeliveryPage(LazyPage):
    """A page of the deliveries of one webhook, newest change first."""

    def __init__(
        self,
        ctx: OperationContext,
        webhook_id: str,
        status: str | None,
        arguments: PageArguments,
    ) -> None:
        """Raises BadRequest for bad arguments."""
        self._ctx = ctx
        self._webhook_id = webhook_id
        self._size = pages.size(ctx, arguments)
        self._wanted = DeliveryRange(
            self._size + 1,
            backward=arguments.last is not None,
            older_than=self._sequence(arguments.after),
            newer_than=self._sequence(arguments.before),
            status=status,
        )

    async def rows(self) -> list[Any]:
        kept = (await self._page())[: self._size]
        return list(reversed(kept)) if self._wanted.backward else list(kept)

    async def total(self) -> int:
        return await self._count(replace(self._wanted, older_than=None, newer_than=None))

    async def has_next(self) -> bool:
        if not self._wanted.backward and len(await self._page()) > self._size:
            return True
        before = self._wanted.newer_than
        if before is None:
            return False
        return bool(
            await self._count(replace(self._wanted, newer_than=None, older_than=before + 1))
        )

    async def has_previous(self) -> bool:
        if self._wanted.backward and len(await self._page()) > self._size:
            return True
        after = self._wanted.older_than
        if after is None:
            return False
        return bool(await self._count(replace(self._wanted, older_than=None, newer_than=after - 1)))

    def cursor(self, row: Any) -> str:
        return message_ids.encode_delivery(self._ctx.cursor_key, self._webhook_id, row.sequence)

    async def _page(self) -> Sequence[OutgoingDelivery]:
        return await self._ctx.loaders.deliveries(self._wanted).load(self._webhook_id)

    async def _count(self, wanted: DeliveryRange) -> int:
        return await self._ctx.loaders.delivery_count(wanted).load(self._webhook_id)

    def _sequence(self, cursor: str | None) -> int | None:
        if cursor is None:
            return None
        decoded = message_ids.decode_delivery(self._ctx.cursor_key, cursor)
        if decoded is None or decoded[0] != self._webhook_id:
            raise BadRequest(
                "BAD_CURSOR", "the cursor is of no delivery of this webhook: start from the first"
            )
        return decoded[1]
