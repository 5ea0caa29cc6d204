"""What the rows of a database tell, whatever engine stores them."""

from collections.abc import Mapping

from db.model.outgoing_webhooks import PauseReason
from db.queries.newest_instant import NewestInstant
from db.queries.troubled_webhooks import Troubles
from db.queries.waiting_installations import Waiting
from server.doctor.findings import Findings, ok, problem, skipped, warning
from server.identity.advice import REFUSED_ADVICE, UNANSWERED_ADVICE
from server.settings import Settings


def instants(newest: NewestInstant | None) -> Findings:
    if newest is None:
        yield skipped("no row has an instant to compare it with")
        return
    where = f"{newest.table}.{newest.column}, {newest.instant}"
    if newest.is_clock_behind:
        yield warning(
            f"the clock is {newest.seconds_ahead:,.0f} seconds behind the newest instant ({where})",
            "set it, or correct those rows: new rows come after them in lists until then",
        )
    else:
        yield ok(f"past the newest instant ({where})")


def chitty_ids(waiting: Waiting) -> Findings:
    if waiting.refused:
        reason = waiting.first[0].reason
        yield problem(
            f"the identity authority refuses ids of {waiting.refused:,} installations ({reason})",
            REFUSED_ADVICE,
        )
    elif waiting.count:
        yield warning(f"{waiting.count:,} installations wait for an id", UNANSWERED_ADVICE)
    else:
        yield ok("no installation waits for one")


RESUME = "then run the mutation resumeWebhook"
PAUSED: Mapping[PauseReason, tuple[str, str]] = {
    PauseReason.RIGHTS_LOST: (
        "the actor that made it is no active admin any more",
        "have an admin run the mutation resumeWebhook, who takes it over",
    ),
    PauseReason.GONE: (
        "its receiver answered 410 Gone",
        f"have the receiver back or set another URL with updateWebhook, {RESUME}",
    ),
    PauseReason.CHANGES_PRUNED: (
        "changes that it had not delivered were pruned",
        f"let its receiver read anew what it keeps, {RESUME}",
    ),
    PauseReason.CANNOT_SIGN: (
        "the registry was restored from SQL, which has no secrets",
        "run the mutation rotateWebhookSecret, and give its receiver the new secret",
    ),
}
"""Why a webhook is paused that no admin paused, and what is to be done."""


def webhooks_out(found: Troubles) -> Findings:
    forced = [each for each in found.first if each.paused_because not in (None, "requested")]
    for each in found.first:
        if each.paused_because is None:
            yield warning(
                f"{each.webhook_id} fails since {each.since}: {each.error}",
                "look at its receiver; after 24 hours a change becomes a dead letter",
            )
        elif each in forced:
            since = "" if each.since is None else f" since {each.since}"
            reason, remedy = PAUSED[PauseReason(each.paused_because)]
            yield warning(f"{each.webhook_id} is paused{since}: {reason}", remedy)
    if found.dead_letters:
        yield warning(
            f"{found.dead_letters:,} changes were given up",
            "replay them with the mutation replayWebhookDelivery",
        )
    if not found.failing and not found.dead_letters and not forced:
        yield ok(f"{found.webhooks:,}, {found.paused:,} of them paused by an admin")


def credentials(keys: int, settings: Settings) -> Findings:
    """`keys` counts the valid API keys of a server in protected mode."""
    if keys == 0 and not settings.jwt_jwks_url:
        yield problem(
            "protected mode, and there is neither a valid API key nor an issuer of tokens",
            "make a key with `chittygraph keys create --new-admin NAME`",
        )
    else:
        tokens = f", and tokens of {settings.jwt_issuer}" if settings.jwt_jwks_url else ""
        yield ok(f"{keys:,} valid API keys{tokens}")
