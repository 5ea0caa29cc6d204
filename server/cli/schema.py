"""`chittygraph schema`: the public API, as text."""

import argparse
from typing import TYPE_CHECKING

from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    """Declare the command."""
    parser = options.command(commands, "schema", "print the GraphQL schema in SDL")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the SDL."""
    from schema.built import sdl  # building the schema is slow, and no other command needs it

    print(sdl().rstrip())
    return 0
