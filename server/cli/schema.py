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
    parser.add_argument(
        "--nullability",
        choices=["semantic"],
        help="mark the fields that are null only on error with @semanticNonNull",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from schema import built, semantic_nullability  # slow to build, and few commands need it

    print((semantic_nullability.sdl() if args.nullability else built.sdl()).rstrip())
    return 0
