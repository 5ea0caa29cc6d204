"""The rules of installations, as people state them; what GitHub states comes by webhook."""

import re
from collections.abc import Mapping
from typing import Any

from db.commands import installations
from db.commands.installation_facts import Fact
from db.model import instants, tables
from db.model.enums import AccountType, RepositorySelection
from db.program import Program
from db.queries import lookups
from resolvers import minting
from resolvers.operation_context import Given, OperationContext
from resolvers.permissions import Capability, takes
from resolvers.validation import validators
from resolvers.validation.input_checks import Checks
from resolvers.validation.validators import Malformed

MOST_REPOSITORIES = 5_000
ACCESS = ("read", "write", "admin")

_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_PERMISSION = re.compile(r"[a-z_]{1,100}")


@takes(Capability.INSTALLATIONS_WRITE)
async def record(ctx: OperationContext, given: Given) -> tables.Installation:
    """Store an installation, or change the one with this id; a removed one is brought back."""
    checks = Checks(given)
    installation_id = checks.required("installation_id", validators.identifier)
    chitty_id = checks.optional("chitty_id", validators.chitty_id)
    stated = _account(checks) | checks.changes(
        {"chitty_dna_id": validators.chitty_id},
        {
            "events": validators.strings,
            "selected_repositories": _full_names,
            "installed_at": validators.past,
        },
    )
    if "permissions" in given:
        stated["permissions"] = _permissions(checks, given["permissions"])
    checks.done()

    def store(under: str) -> Program[tables.Installation]:
        told = [Fact(column, value) for column, value in stated.items()]
        now = instants.now()
        return installations.record(
            installation_id, told, chitty_id=chitty_id, new_chitty_id=under, now=now
        )

    has_id = chitty_id or await _chitty_id_of(ctx, installation_id)
    if has_id is not None:
        return await ctx.write(store(has_id))
    return await minting.stored(ctx, "INSTALLATION", store)


async def _chitty_id_of(ctx: OperationContext, installation_id: int) -> str | None:
    """The ChittyID that an installation keeps, so that none is minted for one that is known."""
    by_key = lookups.by_column(tables.INSTALLATIONS, "installation_id", [installation_id])
    (known,) = await ctx.read(by_key)
    return known.chitty_id if known else None


@takes(Capability.INSTALLATIONS_WRITE)
async def suspend(ctx: OperationContext, given: Given) -> tables.Installation:
    """Suspend an installation, in the name of the actor given or of the viewer's."""
    checks = Checks(given)
    installation_id = checks.required("installation_id", validators.identifier)
    suspended_by = checks.optional("suspended_by", validators.chitty_id) or ctx.viewer.actor
    checks.done()
    return await ctx.write(
        installations.suspend(installation_id, suspended_by=suspended_by, now=instants.now())
    )


@takes(Capability.INSTALLATIONS_WRITE)
async def unsuspend(ctx: OperationContext, given: Given) -> tables.Installation:
    """End an installation's suspension."""
    checks = Checks(given)
    installation_id = checks.required("installation_id", validators.identifier)
    checks.done()
    return await ctx.write(installations.unsuspend(installation_id, now=instants.now()))


@takes(Capability.INSTALLATIONS_WRITE)
async def remove(ctx: OperationContext, given: Given) -> tables.Installation:
    """Mark an installation as removed; the connections through it stay as they are."""
    checks = Checks(given)
    installation_id = checks.required("installation_id", validators.identifier)
    checks.done()
    return await ctx.write(installations.remove(installation_id, now=instants.now()))


def _full_names(value: Any) -> list[str]:
    """A list of at most 5,000 different repositories by full name, sorted."""
    if not isinstance(value, list):
        raise Malformed("must be a list of texts")
    if len(value) > MOST_REPOSITORIES:
        raise Malformed(f"has {len(value)} repositories, may have {MOST_REPOSITORIES}")
    for place, name in enumerate(value, start=1):
        if not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
            raise Malformed(
                f"item {place} must be a repository's full name, as octocat/Hello-World"
            )
    found = sorted(set(value))
    if len(found) < len(value):
        raise Malformed("names a repository twice: leave one of them out")
    return found


def _account(checks: Checks) -> dict[str, Any]:
    needed = {
        "account_id": checks.required("account_id", validators.identifier),
        "account_login": checks.required("account_login", _login),
        "account_type": _value(checks.required("account_type", validators.one_of(AccountType))),
        "repository_selection": _value(
            checks.required("repository_selection", validators.one_of(RepositorySelection))
        ),
    }
    return needed | checks.changes({"account_avatar_url": validators.url})


def _value(member: AccountType | RepositorySelection | None) -> str | None:
    return None if member is None else member.value  # None only when a problem is noted


def _login(value: Any) -> str:
    found = validators.text(100)(value)
    if re.search(r"[\s/]", found):
        raise Malformed("a login must not contain spaces or slashes")
    return found


def _permission(value: Any) -> str:
    if not isinstance(value, str) or not _PERMISSION.fullmatch(value):
        raise Malformed("must be a permission's name: small letters and underscores")
    return value


def _access(value: Any) -> str:
    if value not in ACCESS:
        raise Malformed(f"must be one of {', '.join(ACCESS)}")
    return str(value)


def _permissions(checks: Checks, listed: Any) -> dict[str, str]:
    """The permissions by name; each problem is noted at its own place in the list."""
    if not isinstance(listed, list):
        checks.refuse("permissions", "must be a list of permissions, null is none")
        return {}
    found: dict[str, str] = {}
    for place, permission in enumerate(listed):
        if not isinstance(permission, Mapping):
            checks.refuse("permissions", f"item {place + 1} must have a name and an access")
            continue
        inner = Checks(permission, at=("permissions", str(place)))
        name = inner.required("name", _permission)
        access = inner.required("access", _access)
        if name in found:
            inner.refuse("name", f"{name} is listed twice: leave one of them out")
        checks.problems.extend(inner.problems)
        if not inner.problems:
            found[name] = access
    return found
