"""`chittygraph keys`: make, list and revoke the API keys that actors prove themselves with."""

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
from server.cli.complaints import complain, tell

if TYPE_CHECKING:
    from db.database import Database
    from db.security.api_keys import ApiKey
    from resolvers.operation_context import OperationContext
    from server.cli.options import Commands
    from server.settings import Settings

T = TypeVar("T")

LONGEST = 200


def add_to(commands: "Commands") -> None:
    """Declare the command and its actions."""
    parser = options.command(commands, "keys", "make, list and revoke API keys")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_create(actions)
    listing = options.command(
        actions, "list", "list the keys, which are told without their secrets"
    )
    listing.add_argument("--actor", type=_chitty_id, metavar="ID", help="Only those of this actor.")
    listing.add_argument("--json", action="store_true", help="Print one JSON array.")
    options.add_settings(listing, {"database"})
    listing.set_defaults(run=run, act=_list)
    revoking = options.command(actions, "revoke", "end a key for good, at once")
    revoking.add_argument(
        "key_id", type=_key_id, metavar="KEYID", help="The key, as `keys list` names it."
    )
    options.add_settings(revoking, {"database", "min_free_mb"})
    revoking.set_defaults(run=run, act=_revoke)


def _add_create(actions: "Commands") -> None:
    parser = options.command(actions, "create", "make a key, and print it on stdout this one time")
    parser.epilog = (
        "The first admin of a registry: `chittygraph keys create --new-admin NAME`. A server that runs"
        " on the same database takes the key at once."
    )
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--actor", type=_chitty_id, metavar="ID", help="The actor that it is for.")
    whose.add_argument(
        "--new-admin",
        type=_text,
        metavar="NAME",
        help="Register a human actor of this name, who may do everything, and make its key.",
    )
    parser.add_argument(
        "--grant-admin",
        action="store_true",
        help="Let the actor do everything from now on, with this key and any other.",
    )
    parser.add_argument("--label", type=_label, metavar="TEXT", help="What it is for, in words.")
    parser.add_argument(
        "--expires",
        type=_expiry,
        metavar="WHEN",
        help=f"Until when it is good: {expiry.FORMATS}. Default: it does not expire.",
    )
    options.add_settings(parser, {"database", "min_free_mb", *options.MINTING})
    parser.set_defaults(run=run, act=_create)


def run(args: argparse.Namespace) -> int:
    """Carry out one action; 1 when it is refused. Raises BootRefused, Unavailable."""
    settings = options.settings_of(args)
    try:
        asyncio.run(args.act(args, settings))
    except (Refused, Unreadable) as error:
        return complain(error)
    return 0


async def _create(args: argparse.Namespace, settings: "Settings") -> None:
    from server.auth import issuing
    from server.identity import minting

    wanted = issuing.KeyOptions(label=args.label, expires_at=args.expires)

    async def issue(ctx: "OperationContext") -> issuing.IssuedKey:
        if args.new_admin is not None:
            return await issuing.to_new_admin(ctx, args.new_admin, wanted)
        return await issuing.to_actor(ctx, args.actor, wanted, grant_admin=args.grant_admin)

    async def work(database: "Database") -> issuing.IssuedKey:
        from resolvers.operation_context import OperationContext
        from resolvers.permissions import OPERATOR

        async with minting.minter(settings) as mint:
            # Nothing here makes or reads a cursor.
            return await issue(
                OperationContext(db=database, cursor_key=b"", viewer=OPERATOR, mint=mint)
            )

    issued = await _with_database(settings, work)
    key = issued.stored
    until = f"until {key.expires_at}" if key.expires_at else "until it is revoked"
    tell(f"key {key.key_id} of {key.actor_chitty_id} is good {until}; it is not shown again:")
    print(issued.text, flush=True)


async def _list(args: argparse.Namespace, settings: "Settings") -> None:
    from db.security import api_keys

    found = await _with_database(
        settings, lambda database: database.read(api_keys.listed(args.actor))
    )
    if args.json:
        print(json.dumps([asdict(key) for key in found], indent=2))
        return
    for key in found:
        print(_line(key))
    if not found:
        tell("there is no key" + (f" of {args.actor}" if args.actor else ""))


async def _revoke(args: argparse.Namespace, settings: "Settings") -> None:
    from db.security import api_keys

    revoked = await _with_database(
        settings, lambda database: database.write(api_keys.revoke(args.key_id))
    )
    print(
        f"key {revoked.key_id} of {revoked.actor_chitty_id} is revoked since {revoked.revoked_at}"
    )


async def _with_database(settings: "Settings", work: "Callable[[Database], Awaitable[T]]") -> T:
    from db.open_database import open_database

    database = await open_database(
        settings.database,
        migrate=False,
        readers=1,
        min_free_bytes=settings.min_free_mb * 2**20,
    )
    try:
        return await work(database)
    finally:
        await database.close()


def _line(key: "ApiKey") -> str:
    """A key as one line for people."""
    from server.telemetry import logs

    state = f"expires {key.expires_at}" if key.expires_at else "does not expire"
    if key.revoked_at:
        state = f"revoked {key.revoked_at}"
    elif key.expires_at and key.expires_at <= _now():
        state = f"expired {key.expires_at}"
    used = f"last used {key.last_used_on}" if key.last_used_on else "never used"
    parts = [key.key_id, key.actor_chitty_id, f"made {key.created_at}", used, state]
    return "  ".join([*parts, *([logs.printable(key.label)] if key.label else [])])


def _now() -> str:
    from db.model import instants

    return instants.now()


def _chitty_id(given: str) -> str:
    from resolvers.validation import validators

    return _checked(validators.chitty_id, given)


def _text(given: str) -> str:
    from resolvers.validation import validators

    return _checked(validators.text(LONGEST), given)


def _label(given: str) -> str:
    from resolvers.validation import secrets

    if secrets.looks_secret(given):
        raise argparse.ArgumentTypeError(
            "looks like a secret, and would be stored: say it in words"
        )
    return _text(given)


def _expiry(given: str) -> str:
    return _checked(lambda text: expiry.parse(text, datetime.now(UTC)), given)


def _key_id(given: str) -> str:
    from server.auth import api_keys

    # Whoever gives more of the key has it in a history by now, and must not find it in a log too.
    if not api_keys.KEY_ID.fullmatch(given):
        raise argparse.ArgumentTypeError("give the id alone, the 12 characters after cg_")
    return given


def _checked(check: Callable[[str], str], given: str) -> str:
    try:
        return check(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
