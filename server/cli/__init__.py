"""The command line: `chittygraph WORD`. Each command is a module, which loads what is slow only to run."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from db.errors import BootRefused, EngineError, Unavailable
from server.cli import (
    backup,
    check,
    demo,
    explain,
    export,
    import_,
    keys,
    migrate,
    restore,
    schema,
    serve,
    sql,
    status,
    stopping,
    webhooks,
)
from server.cli.complaints import FAILED, INTERRUPTED, MISUSED, complain
from server.setting_fields import InvalidSetting

ADVICE = {
    errno.ENOENT: ": name one that there is",
    errno.ENOSPC: ": make room on the disk that is written to, and repeat it",
    errno.EFBIG: ": allow larger files on the disk that is written to, and repeat it",
    errno.EACCES: ": change its owner or permissions",
    errno.EISDIR: ": name a file in it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code, as `complaints` has them, or 0.

    Without `argv` it is this process's own command line, and may set the process's signal handlers.
    """
    if argv is None:
        stopping.arrange()
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except InvalidSetting as refused:
        return complain(refused, MISUSED)
    except (BootRefused, Unavailable) as error:
        return complain(error)
    except EngineError as error:
        return complain(f"the database failed: {error}")
    except OSError as error:
        return complain(_of_files(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="chittygraph",
        description="A GraphQL API over the ChittyConnect registry.",
        epilog="Settings are CHITTYGRAPH_* variables or flags of the same name: see docs/settings.md.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="Print the version.")
    commands = top.add_subparsers(title="commands", metavar="WORD", required=True)
    for command in (
        serve,
        migrate,
        check,
        status,
        schema,
        explain,
        sql,
        backup,
        restore,
        export,
        import_,
        keys,
        webhooks,
        demo,
    ):
        command.add_to(commands)
    return top


class _Version(argparse.Action):
    """Looks the version up only when it is asked for, which takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"{parser.prog} {version(parser.prog)}\n")


def _of_files(error: OSError) -> str:
    """What the file system said, with the file's name where it gives one, and what to do."""
    said = (error.strerror or str(error)).lower()
    name = f"{error.filename}: " if error.filename is not None else ""
    return f"{name}{said}{ADVICE.get(error.errno or 0, '')}"
