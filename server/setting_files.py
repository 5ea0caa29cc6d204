"""Settings in a file: lines such as CHITTYGRAPH_PORT=9000, as docker, systemd and shells read them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from server.setting_fields import PREFIX, InvalidSetting, unknown

if TYPE_CHECKING:
    from dotenv.parser import Binding

DEFAULT = Path(".env")
"""Read, if it is there, when no other file is named; it may hold variables of other programs too."""


@dataclass(frozen=True, slots=True)
class SettingFile:
    """The variables in a file, and the line of each."""

    path: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """Where a variable stands, for messages."""
        return f"{self.path}, line {self.lines[name]}"


def read(path: Path | None, names: Collection[str]) -> SettingFile | None:
    """The file given, or else DEFAULT; None without either. `names` are the variables of settings.

    Raises OSError, and InvalidSetting for a line that cannot be parsed or sets what is no setting.
    """
    if path is None and not DEFAULT.is_file():
        return None
    file = path or DEFAULT
    variables: dict[str, str] = {}
    lines: dict[str, int] = {}
    for binding in _bindings(file):
        text, name = binding.original.string, binding.key
        blank = text[: len(text) - len(text.lstrip())].count("\n")  # lines before it belong to it
        line = binding.original.line + blank
        place = f"{file}, line {line}"
        if name is None:
            raise InvalidSetting(f"{place}: write NAME=value")
        if path is not None and PREFIX + name in names:
            raise InvalidSetting(f"{place}: {name} is not a setting: did you mean {PREFIX}{name}?")
        if not name.startswith(PREFIX):
            continue
        if name not in names:
            raise InvalidSetting(f"{place}: {unknown(name, names)}")
        if binding.value is None:
            raise InvalidSetting(f"{place}: write {name}=value")
        variables[name], lines[name] = binding.value, line
    return SettingFile(file, variables, lines)


def _bindings(path: Path) -> "Iterator[Binding]":
    from dotenv.parser import parse_stream  # few have such a file

    with path.open(encoding="utf-8") as stream:
        try:
            for binding in parse_stream(stream):
                if binding.key is not None or binding.error:
                    yield binding
        except UnicodeDecodeError:
            raise InvalidSetting(f"{path} is not UTF-8 text") from None
