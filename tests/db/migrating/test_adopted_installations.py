"""GitHub's events for an installation that another program stored."""

from pathlib import Path
from typing import Any

from tests.support.other_programs import github_payloads
from tests.support.registries import legacy_registries
from tests.support.registries.legacy_registries import CANONICAL, opened

SUSPENDED_ON = "2025-10-22T00:00:00.000Z"


def added(at: str) -> dict[str, Any]:
    """What GitHub sends when an installation may use one repository more."""
    installation = {
        "id": 7,
        "account": {"id": 70, "login": "ada", "type": "User"},
        "repository_selection": "selected",
        "permissions": {"contents": "read"},
        "events": ["push"],
        "created_at": CANONICAL,
        "updated_at": at,
    }
    return {
        "action": "added",
        "installation": installation,
        "repositories_added": [{"id": 1, "name": "b", "full_name": "o/b"}],
        "repositories_removed": [],
    }


def unsuspended(at: str) -> dict[str, Any]:
    """What GitHub sends when a suspension ends."""
    installation = {**added(at)["installation"], "suspended_at": None}
    return {"action": "unsuspend", "installation": installation}


async def test_a_webhook_for_an_adopted_installation_clears_none_of_its_columns(tmp_path: Path):
    file = legacy_registries.by_hand(tmp_path / "registry.db")
    with opened(file) as connection:
        connection.execute(
            "UPDATE installations SET suspended_at = '2025-10-22 00:00:00', uninstalled_at = :old,"
            " selected_repositories = '[\"o/a\"]', chitty_dna_id = 'CHITTY-DNA-000001-AAAA'",
            {"old": legacy_registries.OLD},
        )

    async with github_payloads.github_at(tmp_path) as sender:
        answer = await sender.send("installation_repositories", added("2025-11-01T00:00:00Z"))
        row = await sender.row(
            "chitty_id", "selected_repositories", "suspended_at", "uninstalled_at", "chitty_dna_id"
        )

    assert answer.json()["outcome"] == "applied"
    assert row == (
        "CHITTY-INSTALL-000007-AAAA",
        '["o/a","o/b"]',
        SUSPENDED_ON,
        CANONICAL,
        "CHITTY-DNA-000001-AAAA",
    )


async def test_only_a_later_event_ends_the_suspension_of_an_adopted_installation(tmp_path: Path):
    file = legacy_registries.by_hand(tmp_path / "registry.db")
    with opened(file) as connection:
        connection.execute("UPDATE installations SET suspended_at = '2025-10-22 00:00:00'")

    async with github_payloads.github_at(tmp_path) as sender:
        await sender.send("installation", unsuspended("2025-10-21T23:00:00Z"))
        after_an_older = await sender.row("suspended_at")
        await sender.send("installation", unsuspended("2025-10-22T01:00:00Z"))
        after_a_later = await sender.row("suspended_at")

    assert (after_an_older, after_a_later) == ((SUSPENDED_ON,), (None,))
