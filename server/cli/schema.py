"""`chittygraph schema`: print the public API as SDL."""

import argparse
from typing import TYPE_CHECKING

from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands, "schema", "print the GraphQL schema (SDL)", examples=("schema > schema.graphql",)
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from schema.built import sdl  # building the schema is slow, and few commands need it

    print(sdl().rstrip())
    return 0
