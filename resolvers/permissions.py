"""Who may do what: capabilities, what they include, and what each mutation takes.

How far each capability lets a viewer see and change rows is said here; what of a row is a viewer's own
is said in SQL, in `db.sight`. The README shows both as a table, which a test holds to this.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from db.errors import ErrorCode, Problem, Refused, Unreadable
from db.model import column_types
from db.model.enums import ActorStatus
from db.model.tables import ACTORS, INSTALLATIONS
from db.security import delegation
from db.security.api_keys import Identity
from db.security.row_security import ALL, UNRESTRICTED, Extent, RowSecurity

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class Capability(StrEnum):
    """What an actor may hold; an actor's other capabilities mean nothing here."""

    ADMIN = delegation.ADMIN
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    INSTALLATIONS_WRITE = "installations:write"
    CONNECTIONS_REPORT = "connections:report"
    AUDIT_READ = "audit:read"


ADMIN = Capability.ADMIN.value

INCLUDED: dict[Capability, frozenset[Capability]] = {
    Capability.ADMIN: frozenset(Capability),
    Capability.REGISTRY_WRITE: frozenset(
        {
            Capability.REGISTRY_READ,
            Capability.INSTALLATIONS_WRITE,
            Capability.CONNECTIONS_REPORT,
        }
    ),
}


def held(capabilities: Iterable[str]) -> frozenset[str]:
    """These capabilities, and those that they include."""
    found = set(capabilities)
    for capability, included in INCLUDED.items():
        if capability.value in found:
            found.update(each.value for each in included)
    return frozenset(found)


def extent(capabilities: Iterable[str]) -> Extent:
    """How far these capabilities reach beyond what is the viewer's own."""
    has = held(capabilities)
    installations = {INSTALLATIONS.name} if Capability.INSTALLATIONS_WRITE in has else set()
    shown = {ACTORS.name} if Capability.REGISTRY_READ in has else set()
    return Extent(
        seen=ALL if Capability.REGISTRY_READ in has else frozenset(installations),
        shown=ALL if Capability.ADMIN in has else frozenset(shown),
        changed=ALL if Capability.REGISTRY_WRITE in has else frozenset(installations),
    )


@dataclass(frozen=True)
class Viewer:
    """Who asks: an actor by ChittyID (none in open mode) and what it may do.

    `key_id` is the API key that it has shown, if it was one: whoever shows another is the same viewer.
    """

    actor: str | None
    capabilities: tuple[str, ...]
    key_id: str | None = field(default=None, compare=False)

    @cached_property
    def held(self) -> frozenset[str]:
        """Its capabilities, and those that they include."""
        return held(self.capabilities)

    @cached_property
    def security(self) -> RowSecurity:
        """What it sees of the tables, and may change."""
        return (
            UNRESTRICTED
            if self.actor is None
            else RowSecurity(self.actor, extent(self.capabilities))
        )

    @property
    def is_admin(self) -> bool:
        """Whether it may do everything."""
        return ADMIN in self.held


def viewer_of(identity: Identity | None, key_id: str | None = None) -> Viewer | None:
    """The viewer that an active actor is; None for any other, and where there is no actor."""
    if identity is None or identity.status != ActorStatus.ACTIVE.value:
        return None
    try:
        capabilities = tuple(column_types.STRING_LIST.read(identity.capabilities))
    except Unreadable:  # somebody else's program wrote them: they give nothing
        capabilities = ()
    return Viewer(identity.actor, capabilities, key_id)


OPERATOR = Viewer(None, (ADMIN,))
"""Whoever asks in open mode, and who is at the server's own command line."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What a mutation takes: a capability, unless, for `own`, it is about what is the viewer's own."""

    capability: Capability
    own: str = ""

    def check(self, viewer: Viewer) -> None:
        """Raise Refused with FORBIDDEN where the viewer may not even try."""
        if not self.own and self.capability not in viewer.held:
            raise forbidden((), self.capability)


_PERMITS: dict[Callable[..., Any], Permit] = {}


def takes(capability: Capability, own: str = "") -> Callable[[F], F]:
    """Declare what a mutation's rule takes; `own` says in words what needs no capability."""

    def declare(rule: F) -> F:
        _PERMITS[rule] = Permit(capability, own)
        return rule

    return declare


def of(rule: Callable[..., Any]) -> Permit:
    """What a rule takes; KeyError for one that does not say, so that none is forgotten."""
    return _PERMITS[rule]


def forbidden(path: tuple[str, ...], capability: Capability) -> Refused:
    """The refusal for want of a capability."""
    message = f"this takes the capability {capability.value}"
    return Refused([Problem(ErrorCode.FORBIDDEN, path, message)])


def keeps(viewer: Viewer, identity: Identity | None) -> None:
    """Raise Refused with FORBIDDEN where a viewer does not hold any more all that it held."""
    now = viewer_of(identity)
    if now is None or not viewer.held <= now.held:
        message = "you have lost what you held when this began: ask again with what you hold now"
        raise Refused([Problem(ErrorCode.FORBIDDEN, (), message)])
