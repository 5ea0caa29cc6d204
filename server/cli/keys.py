"""`chittygraph keys`: create, list and revoke the API keys of actors."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from db.errors import Refused, Unreadable
from server.auth import expiry
from server.cli import options
from server.cli.output import messages

if TYPE_CHECKING:
    from db.database import Database
    from db.security.api_keys import ApiKey
    from resolvers.operation_context import OperationContext
    from server.cli.options import Commands
    from server.settings import Settings

T = TypeVar("T")

MAX_CHARACTERS = 200


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "keys",
        "create, list and revoke API keys",
        examples=(
            "keys create --new-admin Ada",
            "keys list",
            "keys revoke 0123456789ab",
        ),
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_create(actions)
    listing = options.command(
        actions, "list", "list the keys, without their secrets", examples=("keys list --json",)
    )
    listing.add_argument("--actor", type=_chitty_id, metavar="ID", help="Only this actor's keys.")
    listing.add_argument("--json", action="store_true", help="Print one JSON array.")
    options.add_settings(listing, {"database"})
    listing.set_defaults(run=run, action=_list)
    revoking = options.command(
        actions,
        "revoke",
        "revoke a key, at once and for good",
        examples=("keys revoke 0123456789ab",),
    )
    revoking.add_argument(
        "key_id", type=_key_id, metavar="KEYID", help="The key's id, as `keys list` shows it."
    )
    options.add_settings(revoking, {"database", "min_free_mb"})
    revoking.set_defaults(run=run, action=_revoke)


def _add_create(actions: "Commands") -> None:
    parser = options.command(
        actions,
        "create",
        "create a key and print it",
        details=(
            "This is the only time that it is shown. A running server accepts it at once."
            " --new-admin makes a registry's first administrator."
        ),
        examples=(
            "keys create --new-admin Ada",
            "keys create --actor ID --label 'nightly import' --expires 90d",
        ),
    )
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--actor", type=_chitty_id, metavar="ID", help="Actor that gets the key.")
    whose.add_argument(
        "--new-admin",
        type=_text,
        metavar="NAME",
        help="Create a human actor of this name with all permissions, and its key.",
    )
    parser.add_argument(
        "--grant-admin",
        action="store_true",
        help="Give the actor all permissions, which apply to all its keys.",
    )
    parser.add_argument(
        "--label", type=_label, metavar="TEXT", help="What the key is for, in words."
    )
    parser.add_argument(
        "--expires",
        type=_expiry,
        metavar="WHEN",
        help=f"When the key expires: {expiry.FORMATS}. Default: never.",
    )
    options.add_settings(parser, {"database", "min_free_mb", *options.MINTING})
    parser.set_defaults(run=run, action=_create)


def run(args: argparse.Namespace) -> int:
    """Perform one action; 1 if it is refused. Raises BootRefused, Unavailable."""
    settings = options.settings_of(args)
    try:
        asyncio.run(args.action(args, settings))
    except (Refused, Unreadable) as error:
        return messages.error(error)
    return 0


async def _create(args: argparse.Namespace, settings: "Settings") -> None:
    from server.auth import issuing
    from server.identity import minting

    key_options = issuing.KeyOptions(label=args.label, expires_at=args.expires)

    async def issue(ctx: "OperationContext") -> issuing.IssuedKey:
        if args.new_admin is not None:
            return await issuing.to_new_admin(ctx, args.new_admin, key_options)
        return await issuing.to_actor(ctx, args.actor, key_options, grant_admin=args.grant_admin)

    async def work(database: "Database") -> issuing.IssuedKey:
        from resolvers.operation_context import OperationContext
        from resolvers.permissions import OPERATOR

        async with minting.open_minter(settings) as mint:
            # The cursor key is empty, since nothing here makes or reads a cursor.
            return await issue(
                OperationContext(
                    db=database, cursor_key=b"", viewer=OPERATOR, mint=mint, cause="keys.create"
                )
            )

    issued = await _with_database(settings, work)
    key = issued.stored
    until = f"until {key.expires_at}" if key.expires_at else "until it is revoked"
    messages.note(
        f"key {key.key_id} of {key.actor_chitty_id} is valid {until}; it is not shown again:"
    )
    print(issued.text, flush=True)


async def _list(args: argparse.Namespace, settings: "Settings") -> None:
    from db.security import api_keys

    keys = await _with_database(
        settings, lambda database: database.read(api_keys.list_keys(args.actor)), to_write=False
    )
    if args.json:
        print(json.dumps([asdict(key) for key in keys], indent=2))
        return
    for key in keys:
        print(_line(key))
    if not keys:
        first = ": `chittygraph keys create --new-admin NAME` makes a first one"
        messages.note("there is no key" + (f" of {args.actor}" if args.actor else first))


async def _revoke(args: argparse.Namespace, settings: "Settings") -> None:
    from db.security import api_keys

    revoked = await _with_database(
        settings, lambda database: database.write(api_keys.revoke(args.key_id))
    )
    print(f"key {revoked.key_id} of {revoked.actor_chitty_id} was revoked at {revoked.revoked_at}")


async def _with_database(
    settings: "Settings", work: "Callable[[Database], Awaitable[T]]", *, to_write: bool = True
) -> T:
    from db.open_database import open_database

    database = await open_database(
        settings.database,
        migrate=False,
        to_write=to_write,
        readers=1,
        min_free_bytes=settings.min_free_mb * 2**20,
    )
    try:
        return await work(database)
    finally:
        await database.close()


def _line(key: "ApiKey") -> str:
    from server.telemetry import logs

    state = f"expires {key.expires_at}" if key.expires_at else "does not expire"
    if key.revoked_at:
        state = f"revoked {key.revoked_at}"
    elif key.expires_at and key.expires_at <= _now():
        state = f"expired {key.expires_at}"
    used = f"last used {key.last_used_on}" if key.last_used_on else "never used"
    parts = [key.key_id, key.actor_chitty_id, f"created {key.created_at}", used, state]
    return "  ".join([*parts, *([logs.printable(key.label)] if key.label else [])])


def _now() -> str:
    from db.model import instants

    return instants.now()


def _chitty_id(text: str) -> str:
    from resolvers.validation import secrets, validators

    if secrets.redact(text) != text:  # the message for an unknown actor would repeat it
        raise argparse.ArgumentTypeError("looks like a secret: give the actor's ChittyID")
    return _validated(validators.chitty_id_of_row, text)


def _text(text: str) -> str:
    from resolvers.validation import validators

    return _validated(validators.text(MAX_CHARACTERS), text)


def _label(text: str) -> str:
    from resolvers.validation import secrets

    if secrets.looks_secret(text):
        raise argparse.ArgumentTypeError("looks like a secret, which would be stored: use words")
    return _text(text)


def _expiry(text: str) -> str:
    return _validated(lambda value: expiry.parse(value, datetime.now(UTC)), text)


def _key_id(text: str) -> str:
    from server.auth import api_keys

    # The rest of the key is a secret, so the message must not repeat it.
    if not api_keys.KEY_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("give only the id, the 12 characters after cg_")
    return text


def _validated(validate: Callable[[str], str], text: str) -> str:
    try:
        return validate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
