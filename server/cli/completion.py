"""`chittygraph completion`: print a script that completes commands and flags in a shell."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

from server.cli import options
from server.setting_fields import SWITCHES, flag
from server.settings import Settings

if TYPE_CHECKING:
    from server.cli.options import Commands

SHELLS = ("bash", "zsh", "fish")
FILES = {"--database", "--documents"}  # settings that name files, besides flags that take a path


def add_to(commands: "Commands") -> None:
    parser = options.command(
        commands,
        "completion",
        "print a script that completes commands and flags in bash, zsh or fish",
        details=(
            "Load it in your shell's start-up file, as below. It completes the word `chittygraph`, not ./run:"
            " to have that program, add the folder .venv/bin to PATH."
        ),
        examples=(),
    )
    parser.epilog = """\
examples:
  eval "$(chittygraph completion bash)"                          # in ~/.bashrc
  chittygraph completion zsh > ~/.zfunc/_chittygraph             # a folder of $fpath
  chittygraph completion fish > ~/.config/fish/completions/chittygraph.fish"""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import shtab

    from server.cli import COMMANDS, build

    top = build()
    values = _values()
    for action in _actions(top):
        if action.type is Path or FILES.intersection(action.option_strings):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.option_strings and action.option_strings[0] in values:
            action.choices = values[action.option_strings[0]]
        elif action.dest == "words":
            action.choices = COMMANDS
    print(shtab.complete(top, shell=args.shell))
    return 0


def _values() -> dict[str, tuple[str, ...]]:
    """What the settings that take one of a few words take, by flag."""
    return {
        flag(name): words
        for name, hint in get_type_hints(Settings).items()
        if (words := SWITCHES.get(hint) or tuple(map(str, get_args(hint))))
    }


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
