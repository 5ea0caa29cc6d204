"""`chittygraph help`: explain a command, as `chittygraph WORD --help` does."""

import argparse
from typing import TYPE_CHECKING

from server.cli import options

if TYPE_CHECKING:
    from server.cli.options import Commands


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "help",
        "list the commands, or explain one",
        examples=("help", "help serve", "help keys create"),
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="A command, and an action of it.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from server.cli import parser

    parser(*args.words[:1]).parse_args([*args.words, "--help"])
    return 0  # not reached: that exits
