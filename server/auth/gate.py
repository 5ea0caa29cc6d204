"""Authenticates requests in protected mode, and limits their rates."""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from cachetools import LRUCache

from db.database import Database
from db.errors import EngineError, Unavailable
from db.model import instants
from db.program import Program
from db.security import api_keys as stored_keys
from db.security.api_keys import Identity
from resolvers import permissions
from resolvers.permissions import Viewer
from server import ip_addresses
from server.auth import api_keys
from server.auth.rate_limits import Allowance, RateLimiter
from server.auth.token_errors import RETRY_SECONDS, InvalidToken, KeysUnavailable
from server.http.errors import HTTPError

if TYPE_CHECKING:
    from server.auth.tokens import TokenVerifier

T = TypeVar("T")

CREDENTIALS_KEPT = 10_000
CREDENTIAL_SECONDS = 1.0  # how old may be what an engine over HTTP knows of credentials
DAY_SECONDS = 86_400
RETRY = {"retry-after": "1"}
BEARER = "bearer"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Authenticated:
    """A viewer, trusted while the database is in `state`, but only from `since` until `until` (Unix time).

    A clock that was set back is before `since`.
    """

    state: bytes | None
    viewer: Viewer
    since: float
    until: float

    def is_trusted(self, state: bytes | None, now: float) -> bool:
        return state is not None and self.state == state and self.since <= now < self.until


class Gate:
    """Limits failed credentials per address, and each actor's requests and points. `now` is Unix time.

    `require_new` raises Unavailable if the database may be too old to say which credentials hold.
    """

    def __init__(
        self,
        database: Database,
        tokens: "TokenVerifier | None",
        *,
        failures: RateLimiter,
        requests: RateLimiter,
        points: RateLimiter,
        require_new: Callable[[], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._tokens = tokens
        self._failures = failures
        self._requests = requests
        self._points = points
        self._require_new = require_new
        self._now = now
        self._authenticated: LRUCache[bytes, _Authenticated] = LRUCache(CREDENTIALS_KEPT)
        self._used_on: LRUCache[str, str] = LRUCache(CREDENTIALS_KEPT)  # days, by key id
        self._tasks: set[asyncio.Task[None]] = set()

    async def reload(self) -> None:
        """Fetch the keys of tokens anew, and verify each token again."""
        if self._tokens is not None:
            await self._tokens.reload()
            self._authenticated.clear()

    async def authenticate(self, headers: Sequence[tuple[bytes, bytes]], address: str) -> Viewer:
        """The viewer of a new request. Raises HTTPError: 401, 429, or 503 while tokens cannot be verified."""
        viewer = await self.recheck(headers, address)
        allowance = self._requests.take(viewer.actor, 1)
        if not allowance.suffices:
            raise _too_many("too many requests in this minute", allowance)
        return viewer

    async def recheck(self, headers: Sequence[tuple[bytes, bytes]], address: str) -> Viewer:
        """Like `authenticate`, for a request that has been counted: verify its credential again."""
        values = [value for name, value in headers if name == b"authorization"]
        if not values:
            raise _unauthorized("send a credential such as Authorization: Bearer cg_…")
        if self._require_new is not None:
            try:
                self._require_new()
            except Unavailable as error:
                raise HTTPError(503, str(error), RETRY) from None
        digest = _digest(values[0])
        try:
            state = await self._db.change_token(within=CREDENTIAL_SECONDS)
        except Unavailable as error:
            raise HTTPError(503, str(error), RETRY) from None
        known = self._authenticated.get(digest) if len(values) == 1 else None
        # Look again after any change of the database: a suspension takes effect with the next request.
        now = self._now()
        if known is None or not known.is_trusted(state, now):
            viewer, until = await self._verify_limited(values, digest, address)
            if self._db.has_copies:  # whose state does not tell what others write past the server
                until = min(until, now + CREDENTIAL_SECONDS)
            known = _Authenticated(state, viewer, now, until)
            self._authenticated[digest] = known
        return known.viewer

    def known_actor(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """The actor whose credential this was when it was last verified, which may no longer hold."""
        for name, value in headers:
            if name == b"authorization":
                known = self._authenticated.get(_digest(value))
                return None if known is None else known.viewer.actor
        return None

    def spend(self, viewer: Viewer, cost: int) -> Allowance:
        """Take an operation's points from its actor's minute; raises HTTPError (429) if too few are left."""
        allowance = self._points.take(viewer.actor, cost)
        if not allowance.suffices:
            raise _too_many(f"{cost} points are more than are left of this minute", allowance)
        return allowance

    def check_failures(self, address: str) -> None:
        """Raise HTTPError (429) if an address has too many failures."""
        allowance = self._failures.check(ip_addresses.client_network(address), 1)
        if not allowance.suffices:
            raise _too_many("too many credentials from this address have failed", allowance)

    def record_failure(self, address: str, reason: str) -> None:
        client = ip_addresses.client_network(address)
        self._failures.take(client, 1)
        log.warning("credential refused", extra={"client": client, "reason": reason})

    async def close(self) -> None:
        """Wait until the uses of keys are recorded."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _verify_limited(
        self, values: Sequence[bytes], digest: bytes, address: str
    ) -> tuple[Viewer, float]:
        # A credential that was valid a moment ago is exempt: somebody else who shares the address
        # and guesses must not lock its owner out.
        if self._authenticated.get(digest) is None:
            self.check_failures(address)
        try:
            return await self._verify(_credential(values))
        except HTTPError as error:
            if error.status == 401:
                self._authenticated.pop(digest, None)
                self.record_failure(address, str(error))
            raise
        except Unavailable as error:
            raise HTTPError(503, str(error), RETRY) from None

    async def _verify(self, credential: str) -> tuple[Viewer, float]:
        if credential.startswith(api_keys.PREFIX):
            return await self._verify_key(credential)
        if self._tokens is None:
            raise _unauthorized("the credential is no API key of this service", invalid=True)
        try:
            name, until = await self._tokens.verify(credential)
        except InvalidToken as error:
            raise _unauthorized(str(error), invalid=True) from None
        except KeysUnavailable as error:
            raise HTTPError(503, str(error), {"retry-after": str(int(RETRY_SECONDS))}) from None
        try:
            identity = await self._read(lambda: stored_keys.identify(name))
        except stored_keys.AmbiguousName:
            raise _unauthorized(
                "the credential names two actors, one by ChittyID and one by principal: an operator"
                " can end that with `chittygraph check --fix`",
                invalid=True,
            ) from None
        return _viewer(identity), until

    async def _verify_key(self, credential: str) -> tuple[Viewer, float]:
        key = api_keys.parse(credential)
        stored = None if key is None else await self._read(lambda: stored_keys.find(key.key_id))
        if key is None or stored is None or not key.matches(stored.secret_sha256):
            raise _unauthorized("the API key is unknown", invalid=True)
        if stored.revoked_at is not None:
            raise _unauthorized("the API key was revoked: use another", invalid=True)
        now, until = self._now(), _expiry(stored.expires_at)
        if until <= now:
            raise _unauthorized("the API key has expired: use another", invalid=True)
        viewer = _viewer(stored.owner, key.key_id)
        self._record_use(key.key_id, stored.last_used_on, now)
        tomorrow = (now // DAY_SECONDS + 1) * DAY_SECONDS  # when another use must be recorded
        return viewer, min(until, tomorrow)

    async def _read(self, program: Callable[[], Program[T]]) -> T:
        try:
            return await self._db.read(program(), few=True)
        except EngineError:  # locked just now: a reader's connection waits
            return await self._db.read(program())

    def _record_use(self, key_id: str, last_used_on: str | None, now: float) -> None:
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        if today in (last_used_on, self._used_on.get(key_id)):
            return
        self._used_on[key_id] = today
        task = asyncio.ensure_future(self._store_use(key_id, today))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _store_use(self, key_id: str, today: str) -> None:
        try:
            await self._db.write(stored_keys.record_use(key_id, today))
        except Unavailable:
            self._used_on.pop(key_id, None)


def _digest(value: bytes) -> bytes:
    # Without its spaces: one credential in many spellings must not evict all others.
    return hashlib.sha256(b" ".join(value.split())).digest()


def bearer(authorization: str) -> str:
    """The bearer credential in an Authorization header (RFC 6750); empty for other schemes."""
    scheme, _, credential = authorization.partition(" ")
    return credential.strip() if scheme.lower() == BEARER else ""


def _credential(values: Sequence[bytes]) -> str:
    try:
        (only,) = values
        credential = bearer(only.decode("ascii"))
    except ValueError:
        raise _unauthorized("send one Authorization header, in ASCII", invalid=True) from None
    if not credential:
        raise _unauthorized("send the credential as Authorization: Bearer …", invalid=True)
    return credential


def _expiry(expires_at: str | None) -> float:
    """When a key expires, as Unix time; a text that cannot be parsed has expired."""
    if expires_at is None:
        return math.inf
    try:
        return datetime.fromisoformat(instants.parse(expires_at)).timestamp()
    except ValueError:
        return -math.inf


def _viewer(identity: Identity | None, key_id: str | None = None) -> Viewer:
    viewer = permissions.viewer_of(identity, key_id)
    if viewer is None:
        message = "the credential belongs to no actor here"
        if identity is not None:
            message = f"the credential's actor is {identity.status}"
        raise _unauthorized(message, invalid=True)
    return viewer


def _unauthorized(message: str, *, invalid: bool = False) -> HTTPError:
    """A 401 with the challenge of RFC 6750, section 3."""
    challenge = 'Bearer realm="chittygraph"'
    if invalid:
        challenge += ', error="invalid_token"'
    return HTTPError(401, message, {"www-authenticate": challenge})


def _too_many(message: str, allowance: Allowance) -> HTTPError:
    seconds = max(1, math.ceil(allowance.wait_seconds))
    headers = {"retry-after": str(seconds)}
    return HTTPError(
        429, f"{message}: try again in {seconds} s", headers, throttle=allowance.extension
    )
