"""The command line: `chittygraph WORD`. Each command is a module, which imports slow modules only to run."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from db.errors import BootRefused, EngineError, Unavailable
from server.cli import (
    backup,
    check,
    demo,
    dev,
    explain,
    export,
    import_,
    keys,
    messages,
    migrate,
    restore,
    schema,
    serve,
    signals,
    sql,
    status,
    webhooks,
)
from server.setting_fields import InvalidSetting

COMMANDS = (
    *(serve, migrate, check, status, schema, explain, sql),
    *(backup, restore, export, import_, keys, webhooks, demo, dev),
)
EPILOG = """\
examples:
  chittygraph serve --demo                   try it with demonstration data
  chittygraph status                         show the state of the database
  chittygraph keys create --new-admin Ada    make a first API key
  chittygraph backup backups --once          add a backup to a folder

`chittygraph WORD --help` explains a command. Settings are CHITTYGRAPH_* variables,
or flags of the same name: `chittygraph serve --help` and docs/settings.md list them.
"""
ADVICE = {
    errno.ENOENT: ": check the name",
    errno.ENOSPC: ": free some space on that disk and try again",
    errno.EFBIG: ": allow larger files on that disk and try again",
    errno.EACCES: ": change its owner or permissions",
    errno.EISDIR: ": name a file in it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, or one of `messages`.

    Without `argv` it runs this process's own command line, and may set its signal handlers.
    """
    if argv is None:
        signals.handle()
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return messages.FAILED
    except InvalidSetting as error:
        return messages.error(error, messages.USAGE_ERROR)
    except (BootRefused, Unavailable) as error:
        return messages.error(error)
    except EngineError as error:
        return messages.error(f"the database failed: {error}")
    except OSError as error:
        return messages.error(_with_advice(error))
    except KeyboardInterrupt:
        return messages.INTERRUPTED


@cache
def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="chittygraph",
        description="A GraphQL API over the ChittyConnect registry.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="Print the version.")
    commands = top.add_subparsers(title="commands", metavar="WORD", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return top


class _Parser(argparse.ArgumentParser):
    """Refuses an unknown flag with the usage of the command that it was given to, not of the program."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments; exits if one is unknown."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


class _Version(argparse.Action):
    """Looks the version up only when it is printed: that takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"{parser.prog} {version(parser.prog)}\n")


def _with_advice(error: OSError) -> str:
    """The message of a file system error, with the file's name, if any, and what to do."""
    reason = (error.strerror or str(error)).lower()
    name = f"{error.filename}: " if error.filename is not None else ""
    return f"{name}{reason}{ADVICE.get(error.errno or 0, '')}"
