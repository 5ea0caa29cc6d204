"""The reference for webhooks: an installation's deliveries, told one after the other as its history.

Of two deliveries the one with the earlier instant comes first; of one instant a deletion of the installation
comes last, and the others in the order in which they were first received, in whatever bytes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FORGED = "push"


@dataclass
class History:
    row: dict[str, Any] = field(
        default_factory=lambda: {"suspended_at": None, "uninstalled_at": None}
    )
    logins: set[str] = field(default_factory=set)
    members: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)

    def tell(self, event: str, at: str, payload: dict[str, Any]) -> None:
        installation, action = payload["installation"], payload["action"]
        self._tell_account(payload.get("account") or installation.get("account"), payload)
        for key in ("repositories", "repositories_added", "repositories_removed"):
            for each in payload.get(key, ()):
                self.names[each["id"]] = each["full_name"]
        if event == "repository":
            self.names[payload["repository"]["id"]] = payload["repository"]["full_name"]
        if "permissions" in installation:
            self.row |= {
                name: installation[name]
                for name in ("permissions", "events", "repository_selection")
            }
        if event == "installation_repositories":
            self.members |= {each["id"] for each in payload["repositories_added"]}
            self.members -= {each["id"] for each in payload["repositories_removed"]}
        if event == "installation":
            if "suspended_at" in installation:
                suspended = installation["suspended_at"]
                self.row["suspended_at"] = None if suspended is None else canonical(suspended)
            if "repositories" in payload:
                self.members = {each["id"] for each in payload["repositories"]}
            if action == "deleted":
                self.row["uninstalled_at"] = at

    def _tell_account(self, account: dict[str, Any] | None, payload: dict[str, Any]) -> None:
        if account is None:
            return
        login = account["login"]
        self.row["account_login"] = login
        self.logins |= {login, payload.get("changes", {}).get("login", {}).get("from", login)}
        for number, name in self.names.items():
            owner, _, rest = name.partition("/")
            self.names[number] = f"{login}/{rest}" if owner in self.logins else name


def canonical(sent: int | str) -> str:
    """GitHub sends epoch seconds and ISO 8601."""
    moment = (
        datetime.fromtimestamp(sent, UTC) if isinstance(sent, int) else datetime.fromisoformat(sent)
    )
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def interpret(received: Iterable[tuple[str, bytes, str]]) -> dict[str, Any]:
    """What the row must say after these deliveries: event, body, and when it was received."""
    events: dict[str, str] = {}
    first: dict[str, tuple[int, str]] = {}
    for number, (event, body, when) in enumerate(received):
        known = json.dumps(json.loads(body), sort_keys=True)
        first.setdefault(known, (number, when))
        if event != FORGED:
            events[known] = event
    told = []
    for known, event in events.items():
        payload, (number, when) = json.loads(known), first[known]
        within = {"installation_target": "account"}.get(event, event.partition("_")[0])
        sent = payload[within].get("updated_at")
        at = when if sent is None else canonical(sent)
        told.append((at, payload["action"] == "deleted", number, event, payload))
    history = History()
    for at, _, _, event, payload in sorted(told, key=lambda each: each[:3]):
        history.tell(event, at, payload)
    names = sorted({history.names[each] for each in history.members})
    return history.row | {"selected_repositories": names}
