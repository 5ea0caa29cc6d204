"""Capabilities: what each includes, which rows it opens, and which one each mutation requires.

A test compares this module with the tables in the documentation.
"""

import json
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
from db.security.revalidation import Authorization
from db.security.row_security import ALL, UNRESTRICTED, Extent, RowSecurity

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class Capability(StrEnum):
    """The capabilities that this server checks; an actor may hold others, which have no effect here."""

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


def with_included(capabilities: Iterable[str]) -> frozenset[str]:
    effective = set(capabilities)
    for capability, included in INCLUDED.items():
        if capability.value in effective:
            effective.update(each.value for each in included)
    return frozenset(effective)


def extent(capabilities: Iterable[str]) -> Extent:
    """The tables whose rows the capabilities open beyond the viewer's own."""
    effective = with_included(capabilities)
    installations = {INSTALLATIONS.name} if Capability.INSTALLATIONS_WRITE in effective else set()
    shown = {ACTORS.name} if Capability.REGISTRY_READ in effective else set()
    return Extent(
        seen=ALL if Capability.REGISTRY_READ in effective else frozenset(installations),
        shown=ALL if Capability.ADMIN in effective else frozenset(shown),
        changed=ALL if Capability.REGISTRY_WRITE in effective else frozenset(installations),
        audits=Capability.AUDIT_READ in effective,
    )


@dataclass(frozen=True)
class Viewer:
    """Who sends an operation: an actor by ChittyID (None in open mode), and its capabilities.

    `key_id` is the API key used, if any. `stored_capabilities` is the database's text of `capabilities`.
    `client` is the address of a client in open mode.
    """

    actor: str | None
    capabilities: tuple[str, ...]
    key_id: str | None = field(default=None, compare=False)
    stored_capabilities: str | None = field(default=None, compare=False)
    client: str = field(default="", compare=False)

    @cached_property
    def effective_capabilities(self) -> frozenset[str]:
        return with_included(self.capabilities)

    @cached_property
    def security(self) -> RowSecurity:
        return (
            UNRESTRICTED
            if self.actor is None
            else RowSecurity(self.actor, extent(self.capabilities), self._authorization)
        )

    @property
    def _authorization(self) -> Authorization:
        granted_by = [
            [each, *(other for other, included in INCLUDED.items() if each in included)]
            for each in sorted(self.effective_capabilities)
        ]
        return Authorization(self.stored_capabilities, json.dumps(granted_by), self.key_id)

    @cached_property
    def sees_everything(self) -> bool:
        """Whether the viewer sees all rows of all tables, though perhaps not all private columns."""
        return self.security.extent.seen == ALL

    @cached_property
    def share(self) -> str:
        """Whose share of the database an operation takes."""
        return self.actor or self.client

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.effective_capabilities


def viewer_of(identity: Identity | None, key_id: str | None = None) -> Viewer | None:
    """The viewer for an active actor; None if it is not active or does not exist."""
    if identity is None or identity.status != ActorStatus.ACTIVE.value:
        return None
    try:
        capabilities = tuple(column_types.STRING_LIST.read(identity.capabilities))
    except Unreadable:  # another program wrote them: they grant nothing
        capabilities = ()
    return Viewer(identity.actor, capabilities, key_id, identity.capabilities)


OPERATOR = Viewer(None, (ADMIN,))
"""The viewer on the server's own command line, and, with its client, of every request in open mode."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """The capability that a mutation requires, except on the viewer's own rows if `own` names them."""

    capability: Capability
    own: str = ""

    def check(self, viewer: Viewer) -> None:
        """Raise Refused with FORBIDDEN if the viewer cannot run this mutation on any row."""
        if not self.own and self.capability not in viewer.effective_capabilities:
            raise forbidden((), self.capability)


_REQUIREMENTS: dict[Callable[..., Any], Requirement] = {}


def requires(capability: Capability, own: str = "") -> Callable[[F], F]:
    def declare(rule: F) -> F:
        _REQUIREMENTS[rule] = Requirement(capability, own)
        return rule

    return declare


def requirement_of(rule: Callable[..., Any]) -> Requirement:
    """Raises KeyError for a rule that declares no Requirement, so that none is forgotten."""
    return _REQUIREMENTS[rule]


def forbidden(path: tuple[str, ...], capability: Capability) -> Refused:
    message = f"this requires the capability {capability.value}"
    return Refused([Problem(ErrorCode.FORBIDDEN, path, message)])
