"""Outgoing webhooks as GraphQL types, with their pages and the payloads of their mutations.

They are not rows of the registry: no global ids, filters or orderings, and only generic execution. As they
are no nodes, their pages have no edges.
"""

import json
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from db.commands.outgoing_deliveries import MOST_DEAD, MOST_DELIVERED
from db.model import outgoing_webhooks as stored
from db.model import tables
from resolvers import message_ids
from resolvers.outgoing_pages import DeliveryPage, WebhookPage
from resolvers.outgoing_webhooks import NO_FILTER, CreatedWebhook
from schema.enums import DeliveryStatus, PauseReason, WebhookStatus
from schema.fields import fields
from schema.fields.fields import Info
from schema.fields.scalars import JSON, DateTime
from schema.fields.sources import METADATA, OnlyGeneric
from schema.pages import After, Before, First, Last, PageInfo, page_arguments
from schema.payloads import UserError, errors_field
from schema.types import Actor

_WEBHOOK = "The changed webhook; null if there are errors"


def _field(description: str) -> Any:
    return strawberry.field(description=description, metadata={METADATA: OnlyGeneric()})


@strawberry.type(description="What became of one change at one outgoing webhook")
class OutgoingDelivery:
    row: strawberry.Private[stored.OutgoingDelivery]

    @_field("The id of the delivery")
    def id(self, info: Info) -> strawberry.ID:
        key = info.context.cursor_key
        return strawberry.ID(
            message_ids.encode_delivery(key, self.row.webhook_id, self.row.sequence)
        )

    @_field("The header webhook-id, by which receivers know the change: the same at each attempt")
    def message_id(self, info: Info) -> str:
        return message_ids.encode(info.context.cursor_key, self.row.sequence)

    @_field("What became of it")
    def status(self) -> DeliveryStatus:
        return DeliveryStatus(self.row.status)

    @_field("The number of attempts")
    def attempts(self) -> int:
        return self.row.attempts

    @_field("When the first attempt ended")
    def first_attempt_at(self) -> DateTime:
        return DateTime(self.row.first_attempt_at)

    @_field("When the last attempt ended")
    def last_attempt_at(self) -> DateTime:
        return DateTime(self.row.last_attempt_at)

    @_field("How long the last attempt took, in milliseconds")
    def milliseconds(self) -> int | None:
        return self.row.milliseconds

    @_field("The HTTP status of the last response; null if there was no response")
    def response_status(self) -> int | None:
        return self.row.response_status

    @_field("Why the last attempt failed; null if it succeeded")
    def error(self) -> str | None:
        return self.row.error

    @_field(
        "The beginning of the last response that was no success, without what looks like a secret"
    )
    def excerpt(self) -> str | None:
        return self.row.excerpt


@strawberry.type(description="A page of deliveries")
class OutgoingDeliveryPage:
    page: strawberry.Private[DeliveryPage]

    @_field("The deliveries of the page")
    async def nodes(self) -> list[OutgoingDelivery]:
        return [OutgoingDelivery(row=row) for row in await self.page.rows()]

    @_field("The position of the page in its list")
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @_field("The number of deliveries in the whole list")
    async def total_count(self) -> int:
        return await self.page.total()


@strawberry.type(
    description="A URL that gets the changes of the registry, signed after Standard Webhooks"
)
class OutgoingWebhook:
    row: strawberry.Private[stored.OutgoingWebhook]

    @_field("The id of the webhook")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.webhook_id)

    @_field("The URL that changes are sent to")
    def url(self) -> str:
        return self.row.url

    @_field("The filter that changes must match, as a ChangeFilter in JSON; null if it gets all")
    def filter(self) -> JSON | None:
        return JSON(json.loads(self.row.filter)) if self.row.filter != NO_FILTER else None

    @_field("The status")
    def status(self) -> WebhookStatus:
        return self.row.status

    @_field("Why it is paused; null if it is not")
    def paused_because(self) -> PauseReason | None:
        reason = self.row.paused_because
        return None if reason is None else PauseReason(reason)

    @_field("When it was paused; null if it is not, or if its secret is missing")
    def paused_at(self) -> DateTime | None:
        return _instant(self.row.paused_at)

    @_field("The actor that made it, with whose rights changes are read; null if made in open mode")
    async def creator(self, info: Info) -> Annotated[Actor, strawberry.lazy("schema.types")] | None:
        creator = self.row.creator_chitty_id
        if creator is None:
            return None
        row = await info.context.loaders.row(tables.ACTORS).load(creator)
        actor: Actor | None = fields.to_object(row)
        return actor

    @_field("When it was made")
    def created_at(self) -> DateTime:
        return DateTime(self.row.created_at)

    @_field("When it was last changed, paused or resumed by an admin")
    def updated_at(self) -> DateTime:
        return DateTime(self.row.updated_at)

    @_field("How often the change that is next has failed; 0 unless the webhook is FAILING")
    def failed_attempts(self) -> int:
        return self.row.attempts

    @_field("Since when the change that is next fails; after 24 hours it becomes a dead letter")
    def failing_since(self) -> DateTime | None:
        return _instant(self.row.failing_since)

    @_field("When the change that is next is sent again, if it failed")
    def next_attempt_at(self) -> DateTime | None:
        return None if self.row.paused_because else _instant(self.row.next_attempt_at)

    @_field("When a change was last sent")
    def last_attempt_at(self) -> DateTime | None:
        return _instant(self.row.last_attempt_at)

    @_field("When a change was last delivered")
    def last_success_at(self) -> DateTime | None:
        return _instant(self.row.last_success_at)

    @_field("Why the last attempt failed; null if it succeeded")
    def last_error(self) -> str | None:
        return self.row.last_error

    @_field(
        f"What became of changes, newest first: the last {MOST_DELIVERED} that were delivered, the one that"
        f" fails, and the last {MOST_DEAD:,} dead letters"
    )
    def deliveries(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        status: Annotated[
            DeliveryStatus | None,
            strawberry.argument(description="Only those with this status"),
        ] = UNSET,
    ) -> OutgoingDeliveryPage:
        wanted = None if status is UNSET or status is None else status.value
        arguments = page_arguments(first, after, last, before)
        return OutgoingDeliveryPage(
            page=DeliveryPage(info.context, self.row.webhook_id, wanted, arguments)
        )


@strawberry.type(description="A page of outgoing webhooks")
class OutgoingWebhookPage:
    page: strawberry.Private[WebhookPage]

    @_field("The webhooks of the page")
    async def nodes(self) -> list[OutgoingWebhook]:
        return [OutgoingWebhook(row=row) for row in await self.page.rows()]

    @_field("The position of the page in its list")
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @_field("The number of webhooks in the whole list")
    async def total_count(self) -> int:
        return await self.page.total()


@strawberry.type(description="The result of making a webhook")
class CreateWebhookPayload:
    webhook: OutgoingWebhook | None = strawberry.field(
        description="The new webhook; null if there are errors", default=None
    )
    secret: str | None = strawberry.field(
        description="The secret that verifies what it sends, which is shown only now",
        default=None,
    )
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of making a new secret for a webhook")
class RotateWebhookSecretPayload:
    webhook: OutgoingWebhook | None = strawberry.field(description=_WEBHOOK, default=None)
    secret: str | None = strawberry.field(
        description="The new secret, which is shown only now", default=None
    )
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of a mutation of a webhook")
class OutgoingWebhookPayload:
    webhook: OutgoingWebhook | None = strawberry.field(description=_WEBHOOK, default=None)
    errors: list[UserError] = errors_field()


@strawberry.type(description="The result of a mutation of a delivery")
class OutgoingDeliveryPayload:
    delivery: OutgoingDelivery | None = strawberry.field(
        description="The changed delivery; null if there are errors", default=None
    )
    errors: list[UserError] = errors_field()


def payload_of(payload: type, result: Any) -> Any:
    """The payload of a mutation that succeeded."""
    if isinstance(result, CreatedWebhook):
        return payload(webhook=OutgoingWebhook(row=result.webhook), secret=result.secret)
    if isinstance(result, stored.OutgoingDelivery):
        return payload(delivery=OutgoingDelivery(row=result))
    return payload(webhook=OutgoingWebhook(row=result))


def webhooks(
    self: Any,
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> OutgoingWebhookPage | None:
    return OutgoingWebhookPage(
        page=WebhookPage(info.context, page_arguments(first, after, last, before))
    )


def _instant(text: str | None) -> DateTime | None:
    return None if text is None else DateTime(text)
