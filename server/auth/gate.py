"""Who asks: what every request to /graphql shows at the gate in protected mode.

The actor behind a credential is looked up for every operation, or is known from a look at the very same
state of the database: whoever is suspended, or loses a capability, has lost it for the next request.
"""

import asyncio
import hashlib
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cachetools import LRUCache

from db.errors import Unavailable
from db.model import instants
from db.program import Program
from db.security import api_keys as stored_keys
from db.security.api_keys import Identity
from db.sqlite.database import Database
from resolvers import permissions
from resolvers.permissions import Viewer
from server import ip_addresses
from server.auth import api_keys, tokens
from server.auth.rate_limits import Buckets, Room
from server.auth.signing_keys import COOL_DOWN_SECONDS, NoKeys
from server.auth.tokens import Tokens
from server.http.errors import HTTPError

T = TypeVar("T")

KNOWN = 10_000
DAY_SECONDS = 86_400
BEARER = "bearer"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A viewer that a credential stood for in one state of the database, and until when it may.

    `until` is in seconds since 1970.
    """

    state: bytes | None
    viewer: Viewer
    until: float


class Gate:
    """Lets those in who have a credential; failures are counted by address.

    `failures` holds what each address has failed lately; `requests` and `points` what each actor has
    asked for. `now` gives the seconds since 1970 that expiries and days are told by.
    """

    def __init__(
        self,
        database: Database,
        tokens: Tokens | None,
        *,
        failures: Buckets,
        requests: Buckets,
        points: Buckets,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._tokens = tokens
        self._failures = failures
        self._requests = requests
        self._points = points
        self._now = now
        self._known: LRUCache[bytes, _Seen] = LRUCache(KNOWN)
        self._used: LRUCache[str, str] = LRUCache(KNOWN)
        self._noting: set[asyncio.Task[None]] = set()

    async def viewer(self, headers: Sequence[tuple[bytes, bytes]], address: str) -> Viewer:
        """Who sends these headers from this address.

        Raises HTTPError: 401 without a credential or with one that proves nothing, 429 where the address
        has failed too often or the actor asks too often, 503 while tokens cannot be verified.
        """
        viewer = await self.recheck(headers, address)
        self._count(viewer)
        return viewer

    async def recheck(self, headers: Sequence[tuple[bytes, bytes]], address: str) -> Viewer:
        """Like `viewer`, of a request that was counted: look its credential up again.

        Raises HTTPError with 401, 429 and 503 as that does.
        """
        given = [value for name, value in headers if name == b"authorization"]
        if not given:
            raise _unauthorized("send a credential, as Authorization: Bearer cg_…")
        # Spaces tell nothing: spelled in ever more ways, one credential must not push all others out.
        digest = hashlib.sha256(b" ".join(given[0].split())).digest()
        state = self._db.state()
        seen = self._known.get(digest) if len(given) == 1 else None
        if seen is None or state is None or seen.state != state or seen.until <= self._now():
            viewer, until = await self._proved(given, digest, address)
            seen = _Seen(state, viewer, until)
            self._known[digest] = seen
        return seen.viewer

    def spend(self, viewer: Viewer, cost: int) -> Room:
        """Take the points of an operation from its actor's minute; raises HTTPError with 429."""
        room = self._points.take(viewer.actor, cost)
        if not room.is_enough:
            raise _too_often(f"{cost} points are more than are left of this minute", room)
        return room

    def check_failures(self, address: str) -> None:
        """Raise HTTPError with 429 where an address has failed too often lately."""
        room = self._failures.room(ip_addresses.client_network(address), 1)
        if not room.is_enough:
            raise _too_often("too many credentials from this address have failed", room)

    def note_failure(self, address: str, reason: str) -> None:
        """Count a credential that proved nothing, of whatever kind."""
        client = ip_addresses.client_network(address)
        self._failures.take(client, 1)
        log.warning("credential refused", extra={"client": client, "reason": reason})

    async def close(self) -> None:
        """Wait for what is being noted."""
        if self._noting:
            await asyncio.wait(self._noting)

    def _count(self, viewer: Viewer) -> None:
        room = self._requests.take(viewer.actor, 1)
        if not room.is_enough:
            raise _too_often("too many requests in this minute", room)

    async def _proved(
        self, given: Sequence[bytes], digest: bytes, address: str
    ) -> tuple[Viewer, float]:
        # Who guesses behind the same address must not shut out what was good a moment ago.
        if self._known.get(digest) is None:
            self.check_failures(address)
        try:
            return await self._prove(_credential(given))
        except HTTPError as error:
            if error.status == 401:
                self._known.pop(digest, None)
                self.note_failure(address, str(error))
            raise
        except Unavailable as unavailable:
            raise HTTPError(503, str(unavailable), {"retry-after": "1"}) from None

    async def _prove(self, credential: str) -> tuple[Viewer, float]:
        if credential.startswith(api_keys.PREFIX):
            return await self._prove_key(credential)
        if self._tokens is None:
            raise _unauthorized("the credential is no API key of this service", invalid=True)
        try:
            name, until = await self._tokens.named(credential)
        except tokens.Invalid as invalid:
            raise _unauthorized(str(invalid), invalid=True) from None
        except NoKeys as none:
            wait = str(int(COOL_DOWN_SECONDS))
            raise HTTPError(503, str(none), {"retry-after": wait}) from None
        return _viewer(await self._read(lambda: stored_keys.named(name))), until

    async def _prove_key(self, credential: str) -> tuple[Viewer, float]:
        key = api_keys.read(credential)
        known = None if key is None else await self._read(lambda: stored_keys.find(key.key_id))
        if key is None or known is None or not key.proves(known.secret_sha256):
            raise _unauthorized("the API key is unknown", invalid=True)
        if known.revoked_at is not None:
            raise _unauthorized("the API key was revoked: use another", invalid=True)
        now, until = self._now(), _expiry(known.expires_at)
        if until <= now:
            raise _unauthorized("the API key has expired: use another", invalid=True)
        viewer = _viewer(known.owner, key.key_id)
        self._note_use(key.key_id, known.last_used_on, now)
        tomorrow = (now // DAY_SECONDS + 1) * DAY_SECONDS  # which is another day to note
        return viewer, min(until, tomorrow)

    async def _read(self, program: Callable[[], Program[T]]) -> T:
        try:
            return self._db.read_at_once(program())
        except sqlite3.Error:  # locked just now: another connection may wait
            return await self._db.read(program())

    def _note_use(self, key_id: str, last_used_on: str | None, now: float) -> None:
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        if today in (last_used_on, self._used.get(key_id)):
            return
        self._used[key_id] = today
        noting = asyncio.ensure_future(self._note(key_id, today))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _note(self, key_id: str, today: str) -> None:
        try:
            await self._db.write(stored_keys.used(key_id, today))
        except Unavailable:
            self._used.pop(key_id, None)


def bearer(authorization: str) -> str:
    """What an Authorization header holds as a bearer (RFC 6750); empty for nothing and other schemes."""
    scheme, _, credential = authorization.partition(" ")
    return credential.strip() if scheme.lower() == BEARER else ""


def _credential(given: Sequence[bytes]) -> str:
    try:
        (only,) = given
        credential = bearer(only.decode("ascii"))
    except ValueError:
        raise _unauthorized("send one Authorization header, in ASCII", invalid=True) from None
    if not credential:
        raise _unauthorized("send the credential as Authorization: Bearer …", invalid=True)
    return credential


def _expiry(expires_at: str | None) -> float:
    """The seconds since 1970 from which a key is worth nothing, which is at once for what is no instant."""
    if expires_at is None:
        return math.inf
    try:
        return datetime.fromisoformat(instants.parse(expires_at)).timestamp()
    except ValueError:
        return -math.inf


def _viewer(identity: Identity | None, key_id: str | None = None) -> Viewer:
    viewer = permissions.viewer_of(identity, key_id)
    if viewer is None:
        message = "the credential stands for no actor here"
        if identity is not None:
            message = f"the credential's actor is {identity.status}"
        raise _unauthorized(message, invalid=True)
    return viewer


def _unauthorized(message: str, *, invalid: bool = False) -> HTTPError:
    """A refusal as RFC 6750, section 3, has it."""
    challenge = 'Bearer realm="chittygraph"'
    if invalid:
        challenge += ', error="invalid_token"'
    return HTTPError(401, message, {"www-authenticate": challenge})


def _too_often(message: str, room: Room) -> HTTPError:
    seconds = max(1, math.ceil(room.wait_seconds))
    headers = {"retry-after": str(seconds)}
    return HTTPError(429, f"{message}: try again in {seconds} s", headers, throttle=room.told)
