"""`chittygraph dev`: commands for those who work on ChittyGraph itself."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from db.migrating import ledger
from db.model.tables import TABLES
from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands

TABLE_NAMES = [table.name for table in TABLES]
STEPS = """\
to add a column to a table:
  1. Declare it in the row class in db/model/tables.py.
  2. Run `chittygraph dev migration add_topic_to_contexts --table contexts`. The new file has the
     ALTER TABLE and the table's index of non-canonical rows; replace its TODO lines.
  3. Publish it in schema/types.py. To filter by it, add it in schema/filters.py.
  4. To let mutations set it, add it in schema/inputs.py, and its validator in resolvers/.
  5. Run `chittygraph schema > schema/schema.graphql`, then the tests.
"""


def add_to(commands: "Commands") -> None:
    parser = options.command(commands, "dev", "help to work on ChittyGraph itself")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    migration = options.command(
        actions,
        "migration",
        "write the beginning of the next migration",
        details="Its statements are written from the tables declared in db/model/tables.py.",
        examples=("dev migration add_topic_to_contexts --table contexts",),
    )
    migration.epilog = f"{migration.epilog}\n\n{STEPS}"
    migration.add_argument(
        "name", metavar="NAME", help="What the migration does: add_topic_to_contexts."
    )
    migration.add_argument(
        "--table",
        action="append",
        choices=TABLE_NAMES,
        default=[],
        help="Add the declared columns that this table does not have yet, and replace its index of"
        " non-canonical rows. May be repeated.",
    )
    migration.add_argument(
        "--folder",
        type=Path,
        default=ledger.MIGRATIONS,
        help="The folder of migrations. Default: that of this checkout.",
    )
    migration.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from db.migrating import skeleton

    print(skeleton.write(args.name, args.table, args.folder))
    return 0
