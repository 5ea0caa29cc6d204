"""What GitHub's events say of an installation: a payload in, facts out.

Whether an app is installed is said by `deleted` alone: GitHub never reuses an installation's id,
so nothing that comes late or twice can bring a removed one back.
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


class Mismatched(ValueError):
    """Raised when a payload has not the shape of the event whose name it came under."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What one event says about one installation, all of it at one instant."""

    at: str | None
    rank: Rank

    def fact(self, aspect: str, value: Any, rank: Rank | None = None) -> Fact:
        """One of the things that it says."""
        return Fact(aspect, value, self.at, self.rank if rank is None else rank)


def facts(event: str, payload: Json) -> list[Fact]:
    """What a payload that came as this event says; nothing when that is not known.

    Raises Mismatched when it has another event's shape.
    """
    read = _EVENTS.get((event, payload.get("action")))
    return read(payload) if read else []


def _installation(payload: Json) -> list[Fact]:
    action, installation = payload["action"], _need(payload, "installation", dict)
    suspension = _suspension(action, installation)
    rank = Rank.STATE if suspension is None else Rank.SUSPENSION
    saying = Saying(
        _instant(installation.get("updated_at")), Rank.REMOVAL if action == "deleted" else rank
    )
    state = _state(saying, installation, payload)
    if not state:
        return []
    if action in ("suspend", "unsuspend") or "suspended_at" in installation:
        state.append(saying.fact("suspended_at", suspension))
        state.append(saying.fact("suspended_by_chitty_id", None))
    if action == "deleted":
        state.append(saying.fact("uninstalled_at", saying.at))
    if "repositories" in payload:
        names = _full_names(payload, "repositories")
        state.append(saying.fact("selected_repositories", names, Rank.STATE))
    return state


def _repositories(payload: Json) -> list[Fact]:
    added = _full_names(payload, "repositories_added")
    removed = _full_names(payload, "repositories_removed")
    installation = _need(payload, "installation", dict)
    saying = Saying(_instant(installation.get("updated_at")), Rank.STATE)
    state = _state(saying, installation, payload)
    if not state:
        return []
    deltas = dict.fromkeys(added, (True, Rank.REPOSITORY_ADDED))
    deltas |= dict.fromkeys(removed, (False, Rank.REPOSITORY_REMOVED))
    return state + [
        saying.fact(REPOSITORY + name, has_it, rank) for name, (has_it, rank) in deltas.items()
    ]


def _renamed(payload: Json) -> list[Fact]:
    _need(payload, "changes", dict)
    account = _need(payload, "account", dict)
    at = account.get("updated_at")
    saying = Saying(None if at is None else _instant(at), Rank.STATE)
    return _account(saying, account, payload.get("target_type")) or []


_EVENTS: dict[tuple[str, Any], Callable[[Json], list[Fact]]] = {
    **{
        ("installation", action): _installation
        for action in ("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted")
    },
    ("installation_repositories", "added"): _repositories,
    ("installation_repositories", "removed"): _repositories,
    ("installation_target", "renamed"): _renamed,
}


def _state(saying: Saying, installation: Json, payload: Json) -> list[Fact]:
    """What every event with a whole installation says; nothing if its account has no known type."""
    selection = installation.get("repository_selection", payload.get("repository_selection"))
    if selection not in [member.value for member in RepositorySelection]:
        raise Mismatched("repository_selection is neither all nor selected")
    account = _account(saying, installation.get("account"), installation.get("target_type"))
    if account is None:
        return []
    return [
        *account,
        saying.fact("repository_selection", selection),
        saying.fact("permissions", _permissions(installation)),
        saying.fact("events", _strings(_need(installation, "events", list))),
        saying.fact("installed_at", _instant(installation.get("created_at"))),
    ]


def _account(saying: Saying, account: Any, target_type: Any) -> list[Fact] | None:
    """What is said of the account: nothing where it is null, None where its type is unknown."""
    if account is None:
        return []
    if not isinstance(account, dict):
        raise Mismatched("account is no object")
    kind = _account_type(account, target_type)
    if kind not in [member.value for member in AccountType]:
        return None
    return [
        saying.fact("account_id", _identifier(account)),
        saying.fact(
            "account_login", _need(account, "login" if "login" in account else "slug", str)
        ),
        saying.fact("account_type", kind),
        saying.fact("account_avatar_url", _optional(account, "avatar_url", str)),
    ]


def _account_type(account: Json, target_type: Any) -> Any:
    """An account says what it is; target_type has been seen to say Organization of a user."""
    if account.get("type") is not None:
        return account["type"]
    if "slug" in account and "login" not in account:
        return AccountType.ENTERPRISE.value
    return target_type


def _suspension(action: str, installation: Json) -> str | None:
    """Since when it is suspended, as this payload has it; the oldest ones leave the instant out."""
    if action == "unsuspend":
        return None
    if installation.get("suspended_at") is not None:
        return _instant(installation["suspended_at"])
    return _instant(installation.get("updated_at")) if action == "suspend" else None


def _permissions(installation: Json) -> dict[str, str]:
    found: dict[str, str] = _need(installation, "permissions", dict)
    _strings(list(found.values()))
    return found


def _full_names(payload: Json, key: str) -> list[str]:
    names = []
    for repository in _need(payload, key, list):
        if not isinstance(repository, dict):
            raise Mismatched(f"{key} holds something else than repositories")
        names.append(_need(repository, "full_name", str))
    return sorted(set(names))


def _identifier(account: Json) -> int:
    found = _need(account, "id", int)
    if isinstance(found, bool) or not 0 < found <= INT64_MAX:
        raise Mismatched("the account's id is no identifier")
    return found


def _instant(value: Any) -> str:
    """An instant in canonical form, from epoch seconds or ISO 8601 text: GitHub sends both."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return instants.canonical(datetime.fromtimestamp(value, UTC))
        if isinstance(value, str):
            return instants.parse(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise Mismatched("an instant is missing or is none")


def _strings(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise Mismatched("a list of texts holds something else")
    return values


def _optional(within: Json, key: str, kind: type[T]) -> T | None:
    return None if within.get(key) is None else _need(within, key, kind)


def _need(within: Json, key: str, kind: type[T]) -> T:
    found = within.get(key)
    if not isinstance(found, kind):
        raise Mismatched(f"{key} is missing or no {kind.__name__}")
    return found
