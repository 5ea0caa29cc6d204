"""Saved payloads, fed through the code that takes deliveries; `chittygraph webhooks replay`."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from db.commands.webhook_deliveries import Outcome
from db.database import Database
from resolvers import minting
from resolvers.github import deliveries
from resolvers.github.deliveries import InvalidDelivery
from resolvers.minting import Mint

# The event of a bare body, by the keys that only its payload has.
SHAPES = (
    ("installation_repositories", {"repositories_added", "repositories_removed"}),
    ("installation_target", {"account", "changes", "target_type"}),
    ("ping", {"zen", "hook"}),
)
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one payload: where it was, and the outcome or what was wrong with it."""

    where: str
    event: str | None
    outcome: str | None
    error: str | None = None


async def replay(
    database: Database, paths: Iterable[str | Path], *, mint: Mint = minting.mint_locally
) -> AsyncIterator[Replayed]:
    """Apply the payloads in these files, and in the `*.json` of these folders, in order.

    In the end the installations that wait for a ChittyID are given theirs, whoever kept them.
    A file holds a bare body, {"event" or "name": …, "payload": …}, or a list of {"name": …,
    "examples": […]}. One that is none of these, or cannot be read, is reported and the next taken.
    Raises Unavailable when the database cannot be written.
    """
    for path in _files(paths):
        try:
            if path.is_dir():
                raise InvalidDelivery("the folder holds no *.json")
            content = path.read_bytes()
            found = list(_payloads(path, content))
        except OSError as error:
            yield Replayed(str(path), None, None, error.strerror or str(error))
            continue
        except InvalidDelivery as invalid:
            yield Replayed(str(path), None, None, str(invalid))
            continue
        for where, event, body in found:
            yield await _apply(database, where, event, body, mint)
    async for installation_id, row in deliveries.identify_pending(database, mint):
        outcome = Outcome.APPLIED if row else Outcome.WAITING
        yield Replayed(f"installation {installation_id}", None, outcome.value)


async def _apply(database: Database, where: str, event: str, body: bytes, mint: Mint) -> Replayed:
    try:
        digest = hashlib.sha256(body).hexdigest()
        reading = deliveries.parse(body, event=event, delivery_id=f"replay:{digest[:32]}")
    except InvalidDelivery as invalid:
        return Replayed(where, event, None, str(invalid))
    kept = await deliveries.apply(database, reading, mint=mint)
    return Replayed(where, event, kept.outcome.value)


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files, and those of folders; a folder without any stands for itself."""
    for path in map(Path, paths):
        yield from sorted(path.glob("*.json")) or [path]


def _payloads(path: Path, content: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Where each payload of a file is, its event, and its bytes."""
    try:
        saved = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise InvalidDelivery("the file is not JSON") from None
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
    """The event whose shape a body has, as far as that matters here; "unknown" for all others."""
    for event, keys in SHAPES:
        if keys <= payload.keys():
            return event
    installation = payload.get("installation")
    whole = isinstance(installation, dict) and "permissions" in installation
    return "installation" if whole else UNKNOWN
