"""Mutations of outgoing webhooks, which only admins make, see and change."""

import base64
import os
import secrets
import time
from dataclasses import dataclass

from db.commands import outgoing_webhooks
from db.commands.outgoing_webhooks import NewWebhook
from db.errors import ErrorCode, Problem, Refused
from db.model.outgoing_webhooks import OutgoingDelivery, OutgoingWebhook, PauseReason
from resolvers import message_ids
from resolvers.operation_context import OperationContext
from resolvers.permissions import Capability, requires
from resolvers.validation import validators
from resolvers.validation.input_checks import InputChecks, Inputs
from resolvers.validation.webhook_urls import webhook_url

PREFIX = "whsec_"  # of secrets
SECRET_BYTES = 32
OVERLAP_HOURS = 24  # in which the secret before signs, too
MAX_FILTER_LENGTH = 8_192  # of its JSON
NO_FILTER = "{}"


@dataclass(frozen=True, slots=True)
class CreatedWebhook:
    """`secret` is shown to whoever made the webhook, or rotated its secret, this once."""

    webhook: OutgoingWebhook
    secret: str


@requires(Capability.ADMIN)
async def create(ctx: OperationContext, inputs: Inputs) -> CreatedWebhook:
    checks = InputChecks(inputs)
    url = checks.required("url", _url(ctx))
    selecting = checks.optional("filter", validators.text(MAX_FILTER_LENGTH)) or NO_FILTER
    checks.raise_problems()
    secret = _new_secret()
    new = NewWebhook(f"wh_{secrets.token_hex(16)}", url, selecting, secret, ctx.viewer.actor)
    return CreatedWebhook(await ctx.write(outgoing_webhooks.create(new)), secret)


@requires(Capability.ADMIN)
async def update(ctx: OperationContext, inputs: Inputs) -> OutgoingWebhook:
    checks = InputChecks(inputs)
    webhook_id = checks.required("id", _webhook_id)
    changes = checks.changes(
        {"filter": validators.text(MAX_FILTER_LENGTH)}, not_null={"url": _url(ctx)}
    )
    if not changes and not checks.problems:
        checks.add_problem("url", "send url or filter: nothing else of a webhook can be changed")
    checks.raise_problems()
    if "filter" in changes and changes["filter"] is None:
        changes["filter"] = NO_FILTER
    return await ctx.write(outgoing_webhooks.update(webhook_id, changes))


@requires(Capability.ADMIN)
async def pause(ctx: OperationContext, inputs: Inputs) -> OutgoingWebhook:
    return await ctx.write(outgoing_webhooks.pause(_id_in(inputs), PauseReason.REQUESTED.value))


@requires(Capability.ADMIN)
async def resume(ctx: OperationContext, inputs: Inputs) -> OutgoingWebhook:
    return await ctx.write(outgoing_webhooks.resume(_id_in(inputs), ctx.viewer.actor))


@requires(Capability.ADMIN)
async def rotate_secret(ctx: OperationContext, inputs: Inputs) -> CreatedWebhook:
    checks = InputChecks(inputs)
    webhook_id = checks.required("id", _webhook_id)
    end_previous = checks.with_default("end_previous", validators.boolean, False)
    checks.raise_problems()
    until = None if end_previous else int(time.time()) + OVERLAP_HOURS * 3_600
    secret = _new_secret()
    rotated = await ctx.write(outgoing_webhooks.rotate_secret(webhook_id, secret, until))
    return CreatedWebhook(rotated, secret)


@requires(Capability.ADMIN)
async def delete(ctx: OperationContext, inputs: Inputs) -> OutgoingWebhook:
    return await ctx.write(outgoing_webhooks.delete(_id_in(inputs)))


@requires(Capability.ADMIN)
async def replay(ctx: OperationContext, inputs: Inputs) -> OutgoingDelivery:
    checks = InputChecks(inputs)
    delivery_id = checks.required("id", validators.text(200))
    checks.raise_problems()
    decoded = message_ids.decode_delivery(ctx.cursor_key, delivery_id)
    if decoded is None:
        unknown = Problem(ErrorCode.NOT_FOUND, ("id",), "this is the id of no delivery")
        raise Refused([unknown])
    return await ctx.write(outgoing_webhooks.replay(*decoded))


def _new_secret() -> str:
    return f"{PREFIX}{base64.b64encode(os.urandom(SECRET_BYTES)).decode()}"


def _url(ctx: OperationContext) -> validators.Validator[str]:
    return webhook_url(allow_private=ctx.policy.private_webhook_targets)


def _id_in(inputs: Inputs) -> str:
    checks = InputChecks(inputs)
    webhook_id = checks.required("id", _webhook_id)
    checks.raise_problems()
    return webhook_id


_webhook_id = validators.text(100)
