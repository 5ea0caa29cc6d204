"""The command line: `chittygraph COMMAND`. Each command is a module, imported when it is the word given."""

import argparse
import errno
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

from db.errors import BootRefused, EngineError, EngineLimit, Unavailable
from server import called_as
from server.cli import signals, suggestions
from server.cli.output import messages
from server.setting_fields import InvalidSetting

COMMANDS = (
    *("serve", "migrate", "check", "status", "doctor", "schema", "explain", "sql"),
    *("backup", "restore", "move", "promote", "export", "import", "audit", "keys", "erase"),
    "webhooks",
    *("demo", "dev", "completion", "help"),
)
MODULES = {"import": "import_"}  # where a command's name cannot be its module's
EXAMPLES = {
    "serve --demo": "try it with sample data",
    "status": "show the state of the database",
    "doctor": "check the deployment, and say what to do",
    "keys create --new-admin Ada": "make a first API key",
    "backup backups --once": "add a backup to a folder",
}
MORE_HELP = """
`chittygraph help COMMAND` explains a command. Settings are CHITTYGRAPH_* variables,
or flags of the same name: `chittygraph help serve` and docs/settings.md list them.
"""
ADVICE = {
    errno.ENOENT: ": check the name",
    errno.ENOSPC: ": free some space on that disk and try again",
    errno.EFBIG: ": allow larger files on that disk and try again",
    errno.EACCES: ": change its owner or permissions",
    errno.EISDIR: ": name a file in it",
    errno.ENAMETOOLONG: ": give it a shorter name",
    errno.ENOTDIR: ": a part of it is a file, so name another",
    errno.EEXIST: ": name a folder",
    errno.ELOOP: ": it is a link that leads back to itself, so name another",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, or one of `messages`.

    Without `argv` it runs this process's own command line, and may set its signal handlers.
    """
    if argv is None:
        signals.handle()
    logging.lastResort = messages.LogLines(logging.WARNING)
    words = sys.argv[1:] if argv is None else list(argv)
    args = parser(*words[:1]).parse_args(words)
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
    except (EngineError, EngineLimit) as error:
        return messages.error(f"the database failed: {error}")
    except OSError as error:
        return messages.error(_with_advice(error))
    except KeyboardInterrupt:
        return messages.INTERRUPTED


@cache
def parser(word: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands or, faster, of one: importing all takes longer than most of them."""
    return build(word)


def build(word: str | None = None) -> argparse.ArgumentParser:
    top = _Parser(
        prog=called_as.program(),
        description="A GraphQL API over the ChittyConnect registry.",
        epilog=_examples() + MORE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="Print the version.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (word,) if word in COMMANDS else COMMANDS:
        module = importlib.import_module(f"server.cli.{MODULES.get(name, name)}")
        module.add_to(commands)
    return top


def _examples() -> str:
    commands = {called_as.command(line): purpose for line, purpose in EXAMPLES.items()}
    width = max(map(len, commands))
    return "".join(
        ("examples:\n", *(f"  {line:{width}}    {purpose}\n" for line, purpose in commands.items()))
    )


class _Parser(argparse.ArgumentParser):
    """Suggests what a misspelt word or flag may mean, and names commands as the reader types them.

    An unknown flag is refused with the usage of the command that it was given to, not of the program.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments; exits if one is unknown."""
        self._require_word_first(args or [])
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = self._option_string_actions
            hint = suggestions.among(known, [flag.partition("=")[0] for flag in unknown])
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return parsed, unknown

    def format_help(self) -> str:
        return called_as.as_typed(super().format_help())

    def _require_word_first(self, args: Sequence[str]) -> None:
        """Exit if a flag stands before the word that it belongs to: its value would be taken for the word."""
        flag = args[0].partition("=")[0] if args else ""
        if not flag.startswith("--") or flag in self._option_string_actions:
            return
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                what = str(action.metavar).lower()
                for word in (each for each in args[1:] if each in action.choices):
                    self.error(f"{flag} comes after the {what}: {word} {flag} ...")

    def error(self, message: str) -> NoReturn:
        """Exit with the usage and this message; where a word is missing, name the words to choose from."""
        for action in self._actions:
            if action.choices and message.endswith(f"are required: {action.metavar}"):
                message += f": use one of {', '.join(map(str, action.choices))}"
        super().error(message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ArgumentError for a value that is none of the choices."""
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            hint = suggestions.among(known, [str(value)]) or f": use one of {', '.join(known)}"
            is_command = isinstance(action, argparse._SubParsersAction)
            what = f"there is no {str(action.metavar).lower()} {value!r}"
            raise argparse.ArgumentError(None if is_command else action, f"{what}{hint}")


class _Version(argparse.Action):
    """Looks the version up only when it is printed: that takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"{called_as.NAME} {version(called_as.NAME)}")
        parser.exit()


def _with_advice(error: OSError) -> str:
    """The message of a file system error, with the file's name, if any, and what to do."""
    reason = (error.strerror or str(error)).lower()
    name = f"{error.filename}: " if error.filename is not None else ""
    return f"{name}{reason}{ADVICE.get(error.errno or 0, '')}"
