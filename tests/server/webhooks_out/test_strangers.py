"""Whoever is no admin learns nothing of webhooks: an id that exists is answered as one that does not."""

import json
import re
from pathlib import Path

import pytest

from tests.support.registries.databases import new_registry
from tests.support.registries.outgoing_webhooks import DEAD, WEBHOOK, add_webhook
from tests.support.services.protected_service import bearer, protected_api

MUTATIONS = {
    "updateWebhook": ', url: "https://example.org/b"',
    "pauseWebhook": "",
    "resumeWebhook": "",
    "rotateWebhookSecret": "",
    "deleteWebhook": "",
    "replayWebhookDelivery": "",
}
REQUEST_ID = re.compile(r'"requestId":"[^"]*"')
NONE = "wh_" + "f" * 32
IDS = (WEBHOOK, DEAD, DEAD.replace(WEBHOOK, NONE), NONE, "none", "")


@pytest.mark.parametrize("capabilities", [(), ("registry:write", "audit:read")])
async def test_the_ids_of_others_webhooks_are_answered_like_any_text(
    tmp_path: Path, capabilities: tuple[str, ...]
):
    path = new_registry(tmp_path / "registry.db")
    add_webhook(path)
    async with protected_api(path, webhooks_out=False) as api:
        _, key = await api.newcomer("Ada", *capabilities)
        for mutation, more in MUTATIONS.items():
            answers = []
            for id_ in IDS:
                given = f"{{ id: {json.dumps(id_)}{more} }}"
                query = f"mutation {{ {mutation}(input: {given}) {{ errors {{ code path message }} }} }}"
                answer = await api.show(bearer(key), query=query)
                answers.append((answer.status_code, REQUEST_ID.sub("", answer.text)))

            assert answers == answers[:1] * len(IDS), mutation
            assert '"code":"FORBIDDEN"' in answers[0][1]
        (left,) = await api.rows("SELECT url, paused_because, position FROM outgoing_webhooks")

    assert left == ("https://example.org/", "requested", 1)
