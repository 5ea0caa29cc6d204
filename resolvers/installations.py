"""Mutations of installations; GitHub's own reports come by webhook, see `resolvers.github`."""

import re
from collections.abc import Mapping
from typing import Any

from db.commands import installations
from db.commands.installation_facts import Fact
from db.model import instants, tables
from db.model.enums import AccountType, RepositorySelection
from db.program import Program
from db.queries import lookups
from resolvers.operation_context import OperationContext
from resolvers.permissions import Capability, requires
from resolvers.validation import validators
from resolvers.validation.input_checks import InputChecks, Inputs
from resolvers.validation.validators import InvalidValue

MAX_REPOSITORIES = 5_000
ACCESS = ("read", "write", "admin")

_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_PERMISSION = re.compile(r"[a-z_]{1,100}")


@requires(Capability.INSTALLATIONS_WRITE)
async def record(ctx: OperationContext, inputs: Inputs) -> tables.Installation:
    """Insert an installation, or update the one with this id; restores a removed one."""
    checks = InputChecks(inputs)
    installation_id = checks.required("installation_id", validators.github_id)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    if checks.problems and await _name_a_row(ctx, inputs):
        installation_id, chitty_id = inputs["installation_id"], inputs.get("chitty_id")
        checks = InputChecks(inputs)
    reported = _account(checks) | checks.changes(
        {"chitty_dna_id": validators.chitty_id},
        {
            "events": validators.string_list,
            "selected_repositories": _full_names,
            "installed_at": validators.past_instant,
        },
    )
    if "permissions" in inputs:
        reported["permissions"] = _permissions(checks, inputs["permissions"])
    checks.raise_problems()

    def store(new_chitty_id: str) -> Program[tables.Installation]:
        facts = [Fact(column, value) for column, value in reported.items()]
        now = instants.now()
        return installations.record(
            installation_id, facts, chitty_id=chitty_id, new_chitty_id=new_chitty_id, now=now
        )

    known_id = chitty_id or await _chitty_id_of(ctx, installation_id)
    if known_id is not None:
        return await ctx.write(store(known_id))
    return await ctx.write_with_new_id("INSTALLATION", store)


async def _name_a_row(ctx: OperationContext, inputs: Inputs) -> bool:
    """Whether these are the ids of an installation that is there, which may have any form."""
    installation_id, chitty_id = inputs.get("installation_id"), inputs.get("chitty_id")
    try:
        known = await _chitty_id_of(ctx, validators.installation_id_of_row(installation_id))
    except InvalidValue:
        return False
    return known is not None and chitty_id in (None, known)


async def _chitty_id_of(ctx: OperationContext, installation_id: int) -> str | None:
    """The ChittyID that an installation has already, so that no other is minted for it."""
    by_key = lookups.by_column(tables.INSTALLATIONS, "installation_id", [installation_id])
    (known,) = await ctx.read(by_key)
    return known.chitty_id if known else None


@requires(Capability.INSTALLATIONS_WRITE)
async def suspend(ctx: OperationContext, inputs: Inputs) -> tables.Installation:
    """Suspend an installation on behalf of the actor in the input, else of the viewer."""
    checks = InputChecks(inputs)
    installation_id = checks.required("installation_id", validators.installation_id_of_row)
    suspended_by = checks.optional("suspended_by", validators.chitty_id_of_row) or ctx.viewer.actor
    checks.raise_problems()
    return await ctx.write(
        installations.suspend(installation_id, suspended_by=suspended_by, now=instants.now())
    )


@requires(Capability.INSTALLATIONS_WRITE)
async def unsuspend(ctx: OperationContext, inputs: Inputs) -> tables.Installation:
    checks = InputChecks(inputs)
    installation_id = checks.required("installation_id", validators.installation_id_of_row)
    checks.raise_problems()
    return await ctx.write(installations.unsuspend(installation_id, now=instants.now()))


@requires(Capability.INSTALLATIONS_WRITE)
async def remove(ctx: OperationContext, inputs: Inputs) -> tables.Installation:
    """Mark an installation as removed; its connections stay as they are."""
    checks = InputChecks(inputs)
    installation_id = checks.required("installation_id", validators.installation_id_of_row)
    checks.raise_problems()
    return await ctx.write(installations.remove(installation_id, now=instants.now()))


def _full_names(value: Any) -> list[str]:
    """A list of at most 5,000 different repositories by full name, sorted."""
    if not isinstance(value, list):
        raise InvalidValue("must be a list of strings")
    if len(value) > MAX_REPOSITORIES:
        raise InvalidValue(f"has {len(value)} repositories; {MAX_REPOSITORIES} are allowed")
    for position, name in enumerate(value, start=1):
        if not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
            raise InvalidValue(
                f"item {position} must be a repository's full name, such as octocat/Hello-World"
            )
    names = sorted(set(value))
    if len(names) < len(value):
        raise InvalidValue("lists a repository twice: remove one of them")
    return names


def _account(checks: InputChecks) -> dict[str, Any]:
    required = {
        "account_id": checks.required("account_id", validators.github_id),
        "account_login": checks.required("account_login", _login),
        "account_type": _value(checks.required("account_type", validators.one_of(AccountType))),
        "repository_selection": _value(
            checks.required("repository_selection", validators.one_of(RepositorySelection))
        ),
    }
    return required | checks.changes({"account_avatar_url": validators.url})


def _value(member: AccountType | RepositorySelection | None) -> str | None:
    return None if member is None else member.value  # None only if there is a problem already


def _login(value: Any) -> str:
    login = validators.text(100)(value)
    if re.search(r"[\s/]", login):
        raise InvalidValue("a login must not contain spaces or slashes")
    return login


def _permission(value: Any) -> str:
    if not isinstance(value, str) or not _PERMISSION.fullmatch(value):
        raise InvalidValue("must be the name of a permission: lowercase letters and underscores")
    return value


def _access(value: Any) -> str:
    if value not in ACCESS:
        raise InvalidValue(f"must be one of {', '.join(ACCESS)}")
    return str(value)


def _permissions(checks: InputChecks, listed: Any) -> dict[str, str]:
    """The permissions by name; a problem's path has the position in the list."""
    if not isinstance(listed, list):
        checks.add_problem("permissions", "must be a list of permissions, not null")
        return {}
    permissions: dict[str, str] = {}
    for position, permission in enumerate(listed):
        if not isinstance(permission, Mapping):
            checks.add_problem("permissions", f"item {position + 1} must have a name and an access")
            continue
        inner = InputChecks(permission, path=("permissions", str(position)))
        name = inner.required("name", _permission)
        access = inner.required("access", _access)
        if name in permissions:
            inner.add_problem("name", f"{name} is listed twice: remove one of them")
        checks.problems.extend(inner.problems)
        if not inner.problems:
            permissions[name] = access
    return permissions
