"""GitHub's events about installations: from a payload to the facts that it reports.

Only `deleted` decides whether an app is installed: GitHub never reuses an installation's id, so no
event that arrives late or twice restores a removed one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from db.commands.installation_facts import Fact, Rank
from db.commands.installation_repositories import CALLED, LIST, LOGIN, NAME, REPOSITORY
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
    rank: Rank = Rank.REPORT

    def fact(self, aspect: str, value: Any) -> Fact:
        return Fact(aspect, value, self.at, self.rank)


@dataclass(frozen=True, slots=True)
class Repository:
    """`key` is its id or, if GitHub sent none, its full name."""

    key: int | str
    full_name: str


def facts(event: str, payload: Json) -> list[Fact]:
    """The facts in an event's payload; none for an unknown event. Raises PayloadMismatch."""
    read = _EVENTS.get((event, payload.get("action")))
    return read(payload) if read else []


def _installation(payload: Json) -> list[Fact]:
    action, installation = payload["action"], _require(payload, "installation", dict)
    at = _instant(installation.get("updated_at"))
    report = Report(at, Rank.DELETION if action == "deleted" else Rank.REPORT)
    state = _state(report, installation, payload)
    if not state:
        return []
    if action in ("suspend", "unsuspend") or "suspended_at" in installation:
        state.append(report.fact("suspended_at", _suspension(action, installation)))
        state.append(report.fact("suspended_by_chitty_id", None))
    if action == "deleted":
        state.append(report.fact("uninstalled_at", report.at))
    if "repositories" in payload:
        listed = _repositories_in(payload, "repositories")
        state.append(report.fact(LIST, [each.key for each in listed]))
        state += _names(report, listed)
    return state


def _changed_repositories(payload: Json) -> list[Fact]:
    added = _repositories_in(payload, "repositories_added")
    removed = _repositories_in(payload, "repositories_removed")
    installation = _require(payload, "installation", dict)
    report = Report(_instant(installation.get("updated_at")))
    state = _state(report, installation, payload)
    if not state:
        return []
    changes = {each.key: True for each in added} | {each.key: False for each in removed}
    return [
        *state,
        *(report.fact(f"{REPOSITORY}{key}", belongs) for key, belongs in changes.items()),
        *_names(report, [*added, *removed]),
    ]


def _renamed_account(payload: Json) -> list[Fact]:
    changes = _require(payload, "changes", dict)
    account = _require(payload, "account", dict)
    report = _report_of(account)
    facts = _account(report, account, payload.get("target_type")) or []
    old = _old_value(changes.get("login", changes.get("slug")))
    return [*facts, report.fact(f"{LOGIN}{old}", True)] if facts and old else facts


def _renamed_repository(payload: Json) -> list[Fact]:
    """The facts about a repository that was renamed or transferred."""
    changes = _require(payload, "changes", dict)
    sent = _require(payload, "repository", dict)
    if "installation" not in payload:  # the webhook of a repository or an organization
        return []
    repository = Repository(_identifier(sent), _require(sent, "full_name", str))
    report = _report_of(sent)
    owner, _, name = repository.full_name.partition("/")
    if payload["action"] == "renamed":
        name = _old_value(_within(changes, "repository", "name")) or name
    else:
        owners = _within(changes, "owner", "from")
        account = _within(owners, "user") or _within(owners, "organization")
        owner = _optional(account, "login", str) or owner
    return [
        *_names(report, [repository]),
        report.fact(f"{CALLED}{repository.key}:{owner}/{name}", f"{owner}/{name}"),
    ]


_EVENTS: dict[tuple[str, Any], Callable[[Json], list[Fact]]] = {
    **{
        ("installation", action): _installation
        for action in ("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted")
    },
    ("installation_repositories", "added"): _changed_repositories,
    ("installation_repositories", "removed"): _changed_repositories,
    ("installation_target", "renamed"): _renamed_account,
    ("repository", "renamed"): _renamed_repository,
    ("repository", "transferred"): _renamed_repository,
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


def _repositories_in(payload: Json, key: str) -> list[Repository]:
    repositories = []
    for repository in _require(payload, key, list):
        if not isinstance(repository, dict):
            raise PayloadMismatch(f"{key} contains something other than repositories")
        repositories.append(_repository(repository))
    return repositories


def _repository(sent: Json) -> Repository:
    full_name = _require(sent, "full_name", str)
    return Repository(_identifier(sent) if "id" in sent else full_name, full_name)


def _names(report: Report, repositories: Iterable[Repository]) -> list[Fact]:
    return [
        report.fact(f"{NAME}{each.key}", each.full_name)
        for each in repositories
        if each.key != each.full_name
    ]


def _report_of(changed: Json) -> Report:
    """A report as of the last change of an account or a repository; old payloads omit the instant."""
    at = changed.get("updated_at")
    return Report(None if at is None else _instant(at))


def _old_value(change: Any) -> str | None:
    return _optional(change, "from", str) if isinstance(change, dict) else None


def _within(value: Json, *keys: str) -> Json:
    """The object below these keys, or an empty one."""
    for key in keys:
        below = value.get(key)
        value = below if isinstance(below, dict) else {}
    return value


def _identifier(sent: Json) -> int:
    identifier = _require(sent, "id", int)
    if isinstance(identifier, bool) or not 0 < identifier <= INT64_MAX:
        raise PayloadMismatch("an account's or a repository's id is not an id")
    return identifier


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
