"""`chittygraph completion`: print a script that completes commands and flags in a shell."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

from server import called_as
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
            "Load it in your shell's start-up file, as below. It completes the word chittygraph and, as"
            " ./run prints it, ./run too."
        ),
        examples=(),
    )
    name = called_as.command("completion")
    parser.epilog = f"""\
examples:
  eval "$({name} bash)"                          # in ~/.bashrc
  {name} zsh > ~/.zfunc/_chittygraph             # a folder of $fpath
  {name} fish > ~/.config/fish/completions/chittygraph.fish"""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import shtab

    from server.cli import COMMANDS, build

    top = build()
    top.prog = called_as.NAME
    values = _values()
    for action in _actions(top):
        if action.type is Path or FILES.intersection(action.option_strings):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.option_strings and action.option_strings[0] in values:
            action.choices = values[action.option_strings[0]]
        elif action.dest == "words":
            action.choices = COMMANDS
    _add_words_of_script(top)
    print(_completing(shtab.complete(top, shell=args.shell), args.shell, called_as.script()))
    return 0


def _add_words_of_script(top: argparse.ArgumentParser) -> None:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word in called_as.own_words() - set(action.choices):
                action.add_parser(word, help=f"see ./{called_as.script()} help")


def _completing(text: str, shell: str, script: str) -> str:
    """`text`, which completes the program, for the script of this name too; unchanged if that is empty.

    A shell looks for how to complete `./run` by the name of the file, `run`.
    """
    if not script:
        return text
    if shell == "bash":
        return f"{text}\ncomplete -o bashdefault -F _shtab_{called_as.NAME} {script}"
    if shell == "zsh":
        return text.replace(
            f"#compdef {called_as.NAME}", f"#compdef {called_as.NAME} {script}", 1
        ).replace(f"-N {called_as.NAME}", f"-N {called_as.NAME} {script}")
    # To fish the one name wraps the other only where no folder is named.
    own = f"complete -c {called_as.NAME}"
    lines = [line for line in text.splitlines() if line.startswith(own)]
    return "\n".join([text, *(line.replace(own, f"complete -c {script}", 1) for line in lines)])


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
