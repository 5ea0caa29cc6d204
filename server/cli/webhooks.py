"""`chittygraph webhooks replay`: saved GitHub payloads, through the code that takes live ones."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from db import migrator
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands

SOME_WERE_BAD = 1


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "webhooks", "work with GitHub's webhook deliveries")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    replay = options.command(actions, "replay", "apply saved payloads, as if GitHub sent them")
    replay.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="A payload, or a folder of *.json."
    )
    options.add_settings(replay, {"database"})
    replay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate and replay, one line per payload; 1 when any could not be taken."""
    path = options.settings_of(args).database_path
    migrator.migrate(path)
    return asyncio.run(_replay(path, args.paths))


async def _replay(database_path: Path, paths: list[Path]) -> int:
    from db.database import Database
    from server import webhook_replay

    database = await Database.open(database_path)
    code = 0
    try:
        async for replayed in webhook_replay.replay(database, paths):
            told = replayed.outcome or f"refused: {replayed.error}"
            print(f"{replayed.where}: {told}")
            code = SOME_WERE_BAD if replayed.error else code
    finally:
        await database.close()
    return code
