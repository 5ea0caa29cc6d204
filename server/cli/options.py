"""Parsers of commands, and the flags for settings."""

import argparse
import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

from server.setting_fields import PREFIX, default_text, flag
from server.settings import Settings

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

MINTING = frozenset({"chittyid_url", "chittyid_mint", "chittyid_token"})
WIDTH = 79
_DEST = "setting "  # with a space, so that no setting can collide with a command's own options
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
        own = [action for action in actions if not action.dest.startswith(_DEST)]
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
    lines = "\n".join(f"  chittygraph {example}" for example in examples)
    heading = "example" if len(examples) == 1 else "examples"
    return commands.add_parser(
        name,
        help=help,
        description=textwrap.fill(description, WIDTH),
        epilog=f"{heading}:\n{lines}" if examples else None,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )


def add_settings(parser: argparse.ArgumentParser, only: Collection[str] = ()) -> None:
    """Add the flags of these settings, or of all, to a command."""
    hints = get_type_hints(Settings)
    group = parser.add_argument_group(
        "settings", f"Each can also be set by a variable: --database by {PREFIX}DATABASE."
    )
    for declared in fields(Settings):
        if only and declared.name not in only:
            continue
        hint: Any = hints[declared.name]
        switch: dict[str, Any] = {"nargs": "?", "const": "true"} if hint is bool else {}
        default = default_text(declared)
        help_text = declared.metadata["help"].replace("`", "").replace("%", "%%")
        group.add_argument(
            flag(declared.name),
            dest=_DEST + declared.name,
            default=argparse.SUPPRESS,
            metavar=_metavar(hint),
            help=f"{help_text} Default: {default}." if default else help_text,
            **switch,
        )


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings for this run of a command; raises InvalidSetting."""
    flags = {
        key.removeprefix(_DEST): value for key, value in vars(args).items() if key.startswith(_DEST)
    }
    return Settings.read(flags=flags)


def _metavar(hint: Any) -> str:
    if hint is bool:
        return "true|false"
    if hint == bool | None:
        return "true|false|auto"
    if hint in (int, float):
        return "NUMBER"
    return "|".join(get_args(hint)) or "TEXT"
