"""GitHub's events about installations: from a payload to the facts that it reports.

Only `deleted` decides whether an app is installed: GitHub never reuses an installation's id, so no
event that arrives late or twice restores a removed one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from db.commands.installation_facts import REPOSITORY, Fact, Rank
from db.model import instants
from db.model.column_types import INT64_MAX
from db.model.enums import AccountType, RepositorySelection

T = TypeVar("T")
Json: TypeAlias = Mapping[str, Any]


class PayloadMismatch(ValueError):
    """Raised when a payload does not have the shape of its event."""


@dataclass(frozen=True, slots=True)
class Report:
    at: str | None
    rank: Rank

    def fact(self, aspect: str, value: Any, rank: Rank | None = None) -> Fact:
        return Fact(aspect, value, self.at, self.rank if rank is None else rank)


def facts(event: str, payload: Json) -> list[Fact]:
    """The facts in an event's payload; none for an unknown event. Raises PayloadMismatch."""
    read = _EVENTS.get((event, payload.get("action")))
    return read(payload) if read else []


def _installation(payload: Json) -> list[Fact]:
    action, installation = payload["action"], _require(payload, "installation", dict)
    suspension = _suspension(action, installation)
    rank = Rank.STATE if suspension is None else Rank.SUSPENSION
    report = Report(
        _instant(installation.get("updated_at")), Rank.REMOVAL if action == "deleted" else rank
    )
    state = _state(report, installation, payload)
    if not state:
        return []
    if action in ("suspend", "unsuspend") or "suspended_at" in installation:
        state.append(report.fact("suspended_at", suspension))
        state.append(report.fact("suspended_by_chitty_id", None))
    if action == "deleted":
        state.append(report.fact("uninstalled_at", report.at))
    if "repositories" in payload:
        names = _full_names(payload, "repositories")
        state.append(report.fact("selected_repositories", names, Rank.STATE))
    return state


def _repositories(payload: Json) -> list[Fact]:
    added = _full_names(payload, "repositories_added")
    removed = _full_names(payload, "repositories_removed")
    installation = _require(payload, "installation", dict)
    report = Report(_instant(installation.get("updated_at")), Rank.STATE)
    state = _state(report, installation, payload)
    if not state:
        return []
    deltas = dict.fromkeys(added, (True, Rank.REPOSITORY_ADDED))
    deltas |= dict.fromkeys(removed, (False, Rank.REPOSITORY_REMOVED))
    return state + [
        report.fact(REPOSITORY + name, has_it, rank) for name, (has_it, rank) in deltas.items()
    ]


def _renamed(payload: Json) -> list[Fact]:
    _require(payload, "changes", dict)
    account = _require(payload, "account", dict)
    at = account.get("updated_at")
    report = Report(None if at is None else _instant(at), Rank.STATE)
    return _account(report, account, payload.get("target_type")) or []


_EVENTS: dict[tuple[str, Any], Callable[[Json], list[Fact]]] = {
    **{
        ("installation", action): _installation
        for action in ("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted")
    },
    ("installation_repositories", "added"): _repositories,
    ("installation_repositories", "removed"): _repositories,
    ("installation_target", "renamed"): _renamed,
}


def _state(report: Report, installation: Json, payload: Json) -> list[Fact]:
    """What every event with a whole installation reports; nothing if its account type is unknown."""
    selection = installation.get("repository_selection", payload.get("repository_selection"))
    if selection not in [member.value for member in RepositorySelection]:
        raise PayloadMismatch("repository_selection is neither all nor selected")
    account = _account(report, installation.get("account"), installation.get("target_type"))
    if account is None:
        return []
    return [
        *account,
        report.fact("repository_selection", selection),
        report.fact("permissions", _permissions(installation)),
        report.fact("events", _strings(_require(installation, "events", list))),
        report.fact("installed_at", _instant(installation.get("created_at"))),
    ]


def _account(report: Report, account: Any, target_type: Any) -> list[Fact] | None:
    """The facts about an account: none if it is null; None if its type is unknown."""
    if account is None:
        return []
    if not isinstance(account, dict):
        raise PayloadMismatch("account is not an object")
    account_type = _account_type(account, target_type)
    if account_type not in [member.value for member in AccountType]:
        return None
    return [
        report.fact("account_id", _identifier(account)),
        report.fact(
            "account_login", _require(account, "login" if "login" in account else "slug", str)
        ),
        report.fact("account_type", account_type),
        report.fact("account_avatar_url", _optional(account, "avatar_url", str)),
    ]


def _account_type(account: Json, target_type: Any) -> Any:
    """The account's own type first: GitHub has sent target_type Organization for a user."""
    if account.get("type") is not None:
        return account["type"]
    if "slug" in account and "login" not in account:
        return AccountType.ENTERPRISE.value
    return target_type


def _suspension(action: str, installation: Json) -> str | None:
    """When it was suspended, according to this payload; old payloads omit the instant."""
    if action == "unsuspend":
        return None
    if installation.get("suspended_at") is not None:
        return _instant(installation["suspended_at"])
    return _instant(installation.get("updated_at")) if action == "suspend" else None


def _permissions(installation: Json) -> dict[str, str]:
    permissions: dict[str, str] = _require(installation, "permissions", dict)
    _strings(list(permissions.values()))
    return permissions


def _full_names(payload: Json, key: str) -> list[str]:
    names = []
    for repository in _require(payload, key, list):
        if not isinstance(repository, dict):
            raise PayloadMismatch(f"{key} contains something other than repositories")
        names.append(_require(repository, "full_name", str))
    return sorted(set(names))


def _identifier(account: Json) -> int:
    account_id = _require(account, "id", int)
    if isinstance(account_id, bool) or not 0 < account_id <= INT64_MAX:
        raise PayloadMismatch("the account's id is not an id")
    return account_id


def _instant(value: Any) -> str:
    """An instant in canonical form, from epoch seconds or ISO 8601 text: GitHub sends both."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return instants.canonical(datetime.fromtimestamp(value, UTC))
        if isinstance(value, str):
            return instants.parse(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise PayloadMismatch("an instant is missing or invalid")


def _strings(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise PayloadMismatch("a list of strings contains something else")
    return values


def _optional(within: Json, key: str, type_: type[T]) -> T | None:
    return None if within.get(key) is None else _require(within, key, type_)


def _require(within: Json, key: str, type_: type[T]) -> T:
    value = within.get(key)
    if not isinstance(value, type_):
        raise PayloadMismatch(f"{key} is missing or not of type {type_.__name__}")
    return value
