"""Programs that store API keys and find a credential's actor. Nobody reads keys through the API."""

from dataclasses import dataclass, fields

from db.errors import ErrorCode, Problem, Refused
from db.model import chitty_id, instants
from db.model.tables import ACTORS
from db.program import Program, Rows, Statement, Value


@dataclass(frozen=True, slots=True)
class ApiKey:
    key_id: str
    actor_chitty_id: str
    label: str | None
    created_at: str
    expires_at: str | None
    last_used_on: str | None  # a day, such as 2026-01-31
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    actor: str
    status: str
    capabilities: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What verifies a credential; `owner` is None if the actor does not exist."""

    secret_sha256: str
    expires_at: str | None
    revoked_at: str | None
    last_used_on: str | None
    owner: Identity | None


_SHOWN = ", ".join(column.name for column in fields(ApiKey))
_OWNER = "actor.chitty_id, actor.status, actor.capabilities"

_KEY = "api_keys WHERE key_id = :key_id"
_CREATE = f"""
    INSERT INTO api_keys (key_id, actor_chitty_id, secret_sha256, label, created_at, expires_at)
    SELECT :key_id, :actor, :secret_sha256, :label, :now, :expires_at
    WHERE EXISTS (SELECT 1 FROM {ACTORS.name} WHERE chitty_id = :actor AND status = 'active')
      AND {{condition}}
"""
_STATUS = f"SELECT status FROM {ACTORS.name} WHERE chitty_id = :actor"
_REVOKE = """
    UPDATE api_keys SET revoked_at = coalesce(revoked_at, :now) WHERE key_id = :key_id
"""
_LIST = f"""
    SELECT {_SHOWN} FROM api_keys WHERE :actor IS NULL OR actor_chitty_id = :actor
    ORDER BY created_at, key_id
"""
_VALID = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)"
_ANY = f"SELECT EXISTS (SELECT 1 FROM api_keys WHERE {_VALID}) AS is_any"
_COUNT = f"SELECT count(*) AS keys FROM api_keys WHERE {_VALID}"
_FIND = f"""
    SELECT secret_sha256, expires_at, revoked_at, last_used_on, {_OWNER}
    FROM api_keys LEFT JOIN {ACTORS.name} AS actor ON actor.chitty_id = actor_chitty_id
    WHERE key_id = :key_id
"""
_USED = """
    UPDATE api_keys SET last_used_on = :today
    WHERE key_id = :key_id AND (last_used_on IS NULL OR last_used_on < :today)
"""
_NAMED = f"""
    SELECT {_OWNER} FROM {ACTORS.name} AS actor
    WHERE actor.chitty_id = :chitty_id
    UNION
    SELECT {_OWNER} FROM {ACTORS.name} AS actor
    WHERE actor.chitty_auth_principal_id = :name
"""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is to be stored for an actor, if that is active."""

    key_id: str
    actor: str
    secret_sha256: str
    label: str | None = None
    expires_at: str | None = None

    def statements(self, condition: str = "TRUE", **bind: Value) -> list[Statement]:
        """Store the key if this SQL holds too, whose binds are `bind`, and find out why it is not."""
        binds: dict[str, Value] = {
            "key_id": self.key_id,
            "actor": self.actor,
            "secret_sha256": self.secret_sha256,
            "label": self.label,
            "now": instants.now(),
            "expires_at": self.expires_at,
            **bind,
        }
        sql = _CREATE.format(condition=condition)
        return [
            Statement(sql, binds, returning=_SHOWN, of=_KEY),
            Statement(_STATUS, binds, explains=True),
        ]

    def created(self, created: Rows, statuses: Rows) -> ApiKey:
        """The stored key, from the rows of `statements`.

        Raises Refused with NOT_FOUND or CONFLICT if the actor is unknown, not active, or was just changed.
        """
        if created:
            return _key(created[0])
        if not statuses:
            problem = Problem(ErrorCode.NOT_FOUND, ("actor",), f"there is no actor {self.actor}")
            raise Refused([problem])
        ((status,),) = statuses
        message = f"{self.actor} is {status!s}: reinstate it first"
        if status == "active":
            message = f"{self.actor} was changed just now: try again"
        raise Refused([Problem(ErrorCode.CONFLICT, ("actor",), message)])


def create(new: NewKey) -> Program[ApiKey]:
    """Raises Refused with NOT_FOUND or CONFLICT if the actor is unknown or not active."""
    created, statuses = yield new.statements()
    return new.created(created, statuses)


def revoke(key_id: str) -> Program[ApiKey]:
    """Raises Refused with NOT_FOUND if there is no such key."""
    bind = {"key_id": key_id, "now": instants.now()}
    (revoked,) = yield [Statement(_REVOKE, bind, returning=_SHOWN, of=_KEY)]
    if revoked:
        return _key(revoked[0])
    message = f"there is no key {key_id}: `chittygraph keys list` shows them"
    raise Refused([Problem(ErrorCode.NOT_FOUND, ("key_id",), message)])


def list_keys(actor: str | None) -> Program[list[ApiKey]]:
    (rows,) = yield [Statement(_LIST, {"actor": actor})]
    return [_key(row) for row in rows]


def any_valid() -> Program[bool]:
    """Whether there is a key that is neither revoked nor expired."""
    ((row,),) = yield [Statement(_ANY, {"now": instants.now()})]
    return bool(row[0])


def count_valid() -> Program[int]:
    ((row,),) = yield [Statement(_COUNT, {"now": instants.now()})]
    return int(str(row[0]))


def find(key_id: str) -> Program[StoredKey | None]:
    (rows,) = yield [Statement(_FIND, {"key_id": key_id})]
    if not rows:
        return None
    (*proof, actor, status, capabilities) = rows[0]
    owner = None if actor is None else Identity(str(actor), str(status), str(capabilities))
    secret, expires_at, revoked_at, last_used_on = (_text(each) for each in proof)
    return StoredKey(secret or "", expires_at, revoked_at, last_used_on, owner)


def record_use(key_id: str, today: str) -> Program[None]:
    yield [Statement(_USED, {"key_id": key_id, "today": today})]


class AmbiguousName(Exception):
    """Raised for a name that is the ChittyID of one actor and the principal of another."""


def identify(name: str) -> Program[Identity | None]:
    """Find an actor by ChittyID (with or without did:chitty:) or principal; raises AmbiguousName."""
    bind = {"name": name, "chitty_id": chitty_id.normalise(name)}
    (rows,) = yield [Statement(_NAMED, bind)]
    if len(rows) > 1:  # no statement of ours allows that, but other programs write to the file, too
        raise AmbiguousName
    return Identity(*map(str, rows[0])) if rows else None


def _key(row: tuple[Value, ...]) -> ApiKey:
    key_id, actor, label, created_at, *others = (_text(each) for each in row)
    return ApiKey(str(key_id), str(actor), label, str(created_at), *others)


def _text(stored: Value) -> str | None:
    return None if stored is None else str(stored)
