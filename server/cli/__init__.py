"""The command line: `chittygraph WORD`. Each command is a module that is imported when it runs."""

import argparse
import os
import sys
from collections.abc import Sequence

from db.errors import BootRefused, Unavailable
from server.cli import demo, explain, migrate, schema, serve, status, webhooks
from server.settings import SettingRefused

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 when it failed, 2 when it was misused."""
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except SettingRefused as refused:
        return _complain(refused, MISUSED)
    except (BootRefused, Unavailable, OSError) as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="chittygraph",
        description="A GraphQL API over the ChittyConnect registry.",
        epilog="Settings are CHITTYGRAPH_* variables or flags of the same name: see the README.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="Print the version.")
    commands = top.add_subparsers(title="commands", metavar="WORD", required=True)
    for command in (serve, migrate, status, schema, explain, webhooks, demo):
        command.add_to(commands)
    return top


class _Version(argparse.Action):
    """Looks the version up only when it is asked for, which takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"{parser.prog} {version(parser.prog)}\n")


def _complain(error: Exception, code: int) -> int:
    print(f"chittygraph: {error}", file=sys.stderr)
    return code
