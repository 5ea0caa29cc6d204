"""Applies saved payloads like live deliveries, for `chittygraph webhooks replay`."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from db.commands import pending_installations
from db.commands.webhook_deliveries import Outcome
from db.database import Database
from resolvers import minting
from resolvers.github import deliveries
from resolvers.github.deliveries import InvalidDelivery
from resolvers.minting import Mint

# The event of a body without one, by the keys that only its payload has.
KEYS_OF_EVENTS = (
    ("installation_repositories", {"repositories_added", "repositories_removed"}),
    ("installation_target", {"account", "changes", "target_type"}),
    ("ping", {"zen", "hook"}),
)
# Every payload has one of them; other JSON that lies among payloads, such as package.json, has none.
MARKS = {"sender", "installation", "zen", "payload"}
NOT_A_PAYLOAD = (
    f"no GitHub payload, as it has none of the keys {', '.join(sorted(MARKS))}:"
    ' if it is one, save it as {"event": ..., "payload": ...}'
)
# What changed, in the events of a repository that has another name since then.
RENAMED = {"renamed": "repository", "transferred": "owner"}
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The outcome of one payload, or what is wrong with it; `where` names its file and place.

    A file of a folder that is no payload has neither, an installation that waited for its id no event.
    """

    where: str
    event: str | None
    outcome: str | None
    error: str | None = None


async def replay(
    database: Database, paths: Iterable[str | Path], *, mint: Mint = minting.mint_locally
) -> AsyncIterator[ReplayResult]:
    """Apply the payloads in these files and in all `*.json` below these folders, then ask for ChittyIDs.

    The files of a folder come in the order of their paths, which decides between payloads of one instant.
    A file that cannot be read is reported and skipped. Raises Unavailable if nothing can be written.
    """
    for path, is_named in _files(paths):
        try:
            if path.is_dir():
                raise InvalidDelivery("the folder holds no *.json")
            content = path.read_bytes()
            saved = deliveries.read_json(content, "the file")
            if isinstance(saved, dict) and not MARKS & saved.keys():
                if is_named:
                    raise InvalidDelivery(NOT_A_PAYLOAD)
                yield ReplayResult(str(path), None, None)
                continue
            payloads = list(_payloads(path, content, saved))
        except OSError as error:
            yield ReplayResult(str(path), None, None, error.strerror or str(error))
            continue
        except InvalidDelivery as invalid:
            yield ReplayResult(str(path), None, None, str(invalid))
            continue
        for where, event, body in payloads:
            yield await _apply(database, where, event, body, mint)
    await database.write(pending_installations.ask_again(refused_too=True))
    async for installation_id, row in deliveries.identify_pending(database, mint):
        outcome = Outcome.APPLIED if row else Outcome.WAITING
        yield ReplayResult(f"installation {installation_id}", None, outcome.value)


async def _apply(
    database: Database, where: str, event: str, body: bytes, mint: Mint
) -> ReplayResult:
    try:
        digest = hashlib.sha256(body).hexdigest()
        delivery = deliveries.parse(body, event=event, delivery_id=f"replay:{digest[:32]}")
    except InvalidDelivery as invalid:
        return ReplayResult(where, event, None, str(invalid))
    stored = await deliveries.apply(database, delivery, mint=mint)
    return ReplayResult(where, event, stored.outcome.value)


def _files(paths: Iterable[str | Path]) -> Iterator[tuple[Path, bool]]:
    """The files, and whether each was named itself; a folder without any is returned itself."""
    for path in map(Path, paths):
        below = sorted(each for each in path.rglob("*.json") if each.is_file())
        yield from ((each, False) for each in below)
        if not below:
            yield path, True


def _payloads(path: Path, content: bytes, saved: Any) -> Iterator[tuple[str, str, bytes]]:
    """Place, event and bytes of each payload: of a body, {"event" or "name", "payload"}, or a list."""
    if isinstance(saved, list):
        yield from _examples(path, saved)
    elif not isinstance(saved, dict):
        raise InvalidDelivery("the file must hold a JSON object, or a list of examples")
    elif "payload" in saved:
        event = saved.get("event", saved.get("name"))
        if not isinstance(event, str):
            raise InvalidDelivery('a saved payload needs the name of its "event" beside it')
        yield str(path), event, orjson.dumps(saved["payload"])
    else:
        yield str(path), event_of(saved), content


def _examples(path: Path, saved: list[Any]) -> Iterator[tuple[str, str, bytes]]:
    for entry in saved:
        if not (
            isinstance(entry, dict)
            and isinstance(entry.get("name"), str)
            and isinstance(entry.get("examples"), list)
        ):
            raise InvalidDelivery('a list must hold objects with "name" and "examples"')
        for number, example in enumerate(entry["examples"]):
            yield f"{path}#{entry['name']}/{number}", entry["name"], orjson.dumps(example)


def event_of(payload: dict[str, Any]) -> str:
    """The event that a body's keys show, if it is one that we handle; else UNKNOWN."""
    for event, keys in KEYS_OF_EVENTS:
        if keys <= payload.keys():
            return event
    if _is_of_renamed_repository(payload):
        return "repository"
    installation = payload.get("installation")
    is_complete = isinstance(installation, dict) and "permissions" in installation
    return "installation" if is_complete else UNKNOWN


def _is_of_renamed_repository(payload: dict[str, Any]) -> bool:
    action, changes = payload.get("action"), payload.get("changes")
    changed = RENAMED.get(action) if isinstance(action, str) else None
    return "repository" in payload and isinstance(changes, dict) and changed in changes
