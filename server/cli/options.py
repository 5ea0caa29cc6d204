"""Parsers of commands, and the flags for settings."""

import argparse
import os
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

from server import called_as, service_variables, setting_files
from server.cli import files_only
from server.cli.output import messages
from server.setting_fields import PREFIX, SWITCHES, accepted_range, default_text, flag, variables
from server.setting_files import SettingFile
from server.settings import SECTIONS, Settings

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

MINTING = frozenset({"chittyid_url", "chittyid_mint", "chittyid_token"})
WIDTH = 79
_DEST = "setting "  # with a space, so that no setting can collide with a command's own options
_FILE = "file of settings"
_COMMAND = "command that was given"
SOURCES = (
    f"Each can also be set by a variable, --database by {PREFIX}DATABASE, or in a file of such variables."
    " A flag comes before a variable, and that before the file."
)
_SETTINGS = argparse.Action([], "settings", nargs="*", metavar="SETTING")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Shows settings as one item of the usage line."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        actions = list(actions)
        own = [each for each in actions if not each.dest.startswith(_DEST) and each.dest != _FILE]
        settings = [_SETTINGS] if len(own) < len(actions) else []
        super().add_usage(usage, [*own, *settings], groups, prefix)


def command(
    commands: "Commands",
    name: str,
    help: str,  # noqa: A002
    *,
    details: str = "",
    examples: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """A new command's parser. `help` begins in lower case and has no full stop; `details` follow it."""
    description = f"{help[0].upper()}{help[1:]}. {details}".strip()
    lines = "\n".join(f"  {called_as.command(example)}" for example in examples)
    heading = "example" if len(examples) == 1 else "examples"
    parser = commands.add_parser(
        name,
        help=help,
        description=textwrap.fill(description, WIDTH),
        epilog=f"{heading}:\n{lines}" if examples else None,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    words = parser.prog.removeprefix(f"{called_as.program()} ")
    parser.prog = called_as.command(words)
    parser.set_defaults(**{_COMMAND: words})
    return parser


def add_settings(parser: argparse.ArgumentParser, only: Collection[str] = ()) -> None:
    """Add the flags of these settings, or of all, to a command."""
    hints = get_type_hints(Settings)
    group = parser.add_argument_group("settings", textwrap.fill(SOURCES, WIDTH - 2))
    group.add_argument(
        "--config",
        type=Path,
        dest=_FILE,
        metavar="FILE",
        help=f"Read variables from this file. Default: {setting_files.DEFAULT}, if there is one.",
    )
    for declared in fields(Settings):
        if not only and declared.name in SECTIONS:
            group = parser.add_argument_group(f"settings: {SECTIONS[declared.name].lower()}")
        if not only or declared.name in only:
            _add_setting(group, declared, hints[declared.name])


def _add_setting(group: "argparse._ArgumentGroup", declared: Field[Any], hint: Any) -> None:
    switch: dict[str, Any] = {"nargs": "?", "const": "true"} if hint in SWITCHES else {}
    default = default_text(declared)
    sentences = (
        declared.metadata["help"].replace("`", "").replace("%", "%%"),
        accepted_range(declared, hint),
        f"Default: {default}." if default else "",
    )
    group.add_argument(
        flag(declared.name),
        dest=_DEST + declared.name,
        default=argparse.SUPPRESS,
        metavar=_metavar(hint),
        help=" ".join(filter(None, sentences)),
        **switch,
    )


def settings_of(args: argparse.Namespace, warn: Callable[[str], None] = messages.note) -> Settings:
    """The settings for this run of a command; raises InvalidSetting, or OSError for their file.

    Raises BootRefused if the command is for files only, and the database is none. `warn` is told of variables
    that look like settings and are none.
    """
    if passed_over := service_variables.among(os.environ):
        warn(service_variables.warning(passed_over))
    settings = Settings.read(flags=flags_of(args), file=_setting_file(args))
    files_only.require_file(vars(args).get(_COMMAND, ""), settings.address)
    return settings


def setting_file_of(args: argparse.Namespace) -> Path | None:
    """The file that settings were read from."""
    file = _setting_file(args)
    return file.path if file is not None else None


def _setting_file(args: argparse.Namespace) -> SettingFile | None:
    return setting_files.read(vars(args).get(_FILE), variables(Settings))


def flags_of(args: argparse.Namespace) -> dict[str, str]:
    """The settings that were given as flags, by name."""
    return {
        key.removeprefix(_DEST): value for key, value in vars(args).items() if key.startswith(_DEST)
    }


def _metavar(hint: Any) -> str:
    if hint in (int, float):
        return "NUMBER"
    return "|".join(SWITCHES.get(hint) or get_args(hint)) or "TEXT"
