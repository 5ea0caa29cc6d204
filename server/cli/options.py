"""The settings as flags of a command."""

import argparse
from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, get_type_hints

from server.setting_fields import accepted_values, default_text, flag
from server.settings import Settings

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

MINTING = frozenset({"chittyid_url", "chittyid_mint", "chittyid_token"})
_DEST = "setting "  # a space, so that no setting can collide with a command's own options


def command(commands: "Commands", name: str, help: str) -> argparse.ArgumentParser:  # noqa: A002
    """A new command's parser."""
    sentence = help[0].upper() + help[1:] + "."
    return commands.add_parser(name, help=help, description=sentence, allow_abbrev=False)


def add_settings(parser: argparse.ArgumentParser, only: Collection[str] = ()) -> None:
    """Give a command the flags of these settings, or of all."""
    types = get_type_hints(Settings)
    group = parser.add_argument_group("settings (each also a CHITTYGRAPH_* variable)")
    for declared in fields(Settings):
        if only and declared.name not in only:
            continue
        hint: Any = types[declared.name]
        switch: dict[str, Any] = {"nargs": "?", "const": "true"} if hint is bool else {}
        default = f" Default: {default_text(declared)}." if default_text(declared) else ""
        group.add_argument(
            flag(declared.name),
            dest=_DEST + declared.name,
            default=argparse.SUPPRESS,
            metavar=accepted_values(hint).replace(" or ", "|").rpartition(" ")[2].upper(),
            help=declared.metadata["help"].replace("`", "").replace("%", "%%") + default,
            **switch,
        )


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that a command runs with; raises InvalidSetting."""
    given = vars(args).items()
    flags = {key.removeprefix(_DEST): value for key, value in given if key.startswith(_DEST)}
    return Settings.read(flags=flags)
