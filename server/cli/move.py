"""`chittygraph move`: copy the registry to another database, between any two engines."""

import argparse
import asyncio
import json
from typing import TYPE_CHECKING

from db import open_database
from db.errors import EngineError, Unavailable
from server.cli import options
from server.cli.output import messages
from server.files.progress import Progress

if TYPE_CHECKING:
    from db.moving.move import Moved
    from server.cli.options import Commands

GO_ON = "run the same move again, which goes on where it ended"


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "move",
        "copy the registry to another database: a file, rqlite or D1, from any of them",
        details=(
            "Stop the servers of both databases first. The target has to be empty, and no server takes it for"
            " a registry before each row was compared with the source, which is only read. If a move ends"
            " early, for whatever reason, the same command goes on."
        ),
        examples=(
            "move --to rqlite://user:password@node1:4001,node2:4001",
            "move --from d1+https://TOKEN@registry.example.workers.dev --to registry.db",
            "move --from registry.db --config cluster.env",
        ),
    )
    parser.add_argument(
        "--to",
        dest="target",
        metavar="DATABASE",
        help="The path or URL of the new database. Default: the database of the settings.",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="DATABASE",
        help="The path or URL of the registry. Default: the database of the settings.",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="Empty a target that holds an unfinished move, and begin anew. Nothing else is ever emptied.",
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    options.add_settings(parser, {"database"})
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Move, or go on; raises BootRefused for what is refused."""
    if args.source is None and args.target is None:
        return messages.error("name one of --to and --from, or both", messages.USAGE_ERROR)
    of_settings = options.settings_of(args).database
    source = of_settings if args.source is None else args.source
    target = of_settings if args.target is None else args.target
    try:
        moved = asyncio.run(_move(source, target, restarts=args.restart))
    except ValueError as error:
        return messages.error(error, messages.USAGE_ERROR)
    except (EngineError, Unavailable) as error:
        return messages.error(f"{error}: {GO_ON}", messages.TRY_AGAIN)
    except KeyboardInterrupt:
        messages.note(GO_ON)
        raise
    if args.json:
        print(json.dumps(_as_json(moved), indent=2))
        return 0
    counts = ", ".join(
        f"{each.rows:,} {name}" for name, each in moved.checksums.items() if each.rows
    )
    held = "already holds" if moved.was_done else "now holds"
    print(f"{moved.target} {held} {counts or 'an empty registry'}: the same rows as {moved.source}")
    print(f"SHA-256 of all rows: {moved.sha256}")
    if str(moved.others):
        messages.note(f"left behind, since other programs made them: {moved.others}")
    return 0


async def _move(source_url: str, target_url: str, *, restarts: bool) -> "Moved":
    from db.moving import move

    with Progress() as progress:
        async with (
            open_database.source_of_move(source_url) as source,
            open_database.target_of_move(target_url) as target,
        ):
            return await move.move(source, target, progress, restarts=restarts)


def _as_json(moved: "Moved") -> dict[str, object]:
    return {
        "source": moved.source,
        "target": moved.target,
        "was_done": moved.was_done,
        "sha256": moved.sha256,
        "tables": {
            name: {"rows": each.rows, "sha256": each.sha256}
            for name, each in moved.checksums.items()
        },
        "left_behind": [*moved.others.tables, *moved.others.columns],
    }
