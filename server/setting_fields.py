"""How settings are declared, read and checked one by one; `server.settings` lists them.

A setting comes from a command's flag, else from its `CHITTYGRAPH_*` variable, else from its default.
"""

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import Field, field, fields
from typing import Any, get_args, get_type_hints

from starlette.config import Config
from starlette.datastructures import Secret

from server import service_variables

PREFIX = "CHITTYGRAPH_"
# Variables that `./run` and the test suite read, not the server.
NOT_SETTINGS = frozenset({"CHITTYGRAPH_PYTHON", "CHITTYGRAPH_TEST_STRICT"})
SWITCHES: dict[Any, tuple[str, ...]] = {
    bool: ("true", "false"),
    bool | None: ("true", "false", "auto"),
}
"""What those types accept, besides 1 and 0."""


class InvalidSetting(Exception):
    """The message names the flag or variable."""


def setting(
    default: Any,
    help: str,  # noqa: A002
    low: float = 0,
    high: float = sys.maxsize,
    *,
    is_secret: bool = False,
) -> Any:
    """Declare a setting; a number must lie between `low` and `high`.

    A text that may hold a secret `is_secret`: the repr of the settings leaves it out.
    """
    return field(
        default=default, repr=not is_secret, metadata={"help": help, "low": low, "high": high}
    )


def variable(name: str) -> str:
    return PREFIX + name.upper()


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def accepted_values(hint: Any) -> str:
    """What a setting of this type accepts, in words."""
    if hint is bool:
        return "true or false"
    if hint == bool | None:
        return "true, false or auto"
    if hint is int:
        return "a whole number"
    return "a number" if hint is float else " or ".join(get_args(hint)) or "a text"


def accepted_range(declared: Field[Any], hint: Any) -> str:
    """The numbers that a setting accepts, as a sentence; empty if it takes none, or any from 0 on."""
    low, high = declared.metadata["low"], declared.metadata["high"]
    if hint not in (int, float) or (low == 0 and high == sys.maxsize):
        return ""
    return f"At least {low}." if high == sys.maxsize else f"Between {low} and {high}."


def default_text(declared: Field[Any]) -> str:
    """A setting's default, as its variable would hold it."""
    if declared.default is None:
        return "auto"
    text = str(declared.default)
    return text.lower() if isinstance(declared.default, bool) else text


def comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read(
    settings_class: Any,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    places: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values set by `flags` (by setting name), else by variables; raises InvalidSetting.

    `places` has where variables stand that are in a file.
    """
    passed_over = service_variables.among(environ)
    environ = {name: value for name, value in environ.items() if name not in passed_over}
    _check_names(settings_class, environ)
    config = Config(environ=environ, env_prefix=PREFIX)
    hints = get_type_hints(settings_class)
    values: dict[str, Any] = {}
    for declared in fields(settings_class):
        name = declared.name
        source, text = variable(name), config.get(name.upper(), default=None)
        if places and source in places:
            source = f"{places[source]}: {source}"
        if name in flags:
            source, text = flag(name), flags[name]
        if text is not None:
            values[name] = _parse(source, hints[name], text)
            check(source, declared, values[name])
    return values


def check(source: str, declared: Field[Any], value: Any) -> None:
    """Raise InvalidSetting for a number out of range or an empty text where there must be one."""
    low, high = declared.metadata["low"], declared.metadata["high"]
    if isinstance(value, int | float) and not low <= value <= high:
        and_at_most = "" if high == sys.maxsize and not value > high else f" and at most {high}"
        raise InvalidSetting(f"{source} is {value}: it must be at least {low}{and_at_most}")
    if value == "" and isinstance(value, str) and declared.default != "":
        raise InvalidSetting(f"{source} is empty: give it a value or leave it out")


def _parse(source: str, hint: Any, text: str) -> Any:
    if hint is Secret:
        return Secret(text)
    value = text.strip()
    choices: dict[str, Any] = {str(choice): choice for choice in get_args(hint)}
    if hint in (bool, bool | None):
        choices = {"true": True, "1": True, "false": False, "0": False}
        if hint is not bool:
            choices["auto"] = None
    try:
        return choices[value.lower()] if choices else hint(value)
    except (KeyError, ValueError):
        raise InvalidSetting(f"{source} is {text!r}: it must be {accepted_values(hint)}") from None


def variables(settings_class: Any) -> list[str]:
    return [variable(declared.name) for declared in fields(settings_class)]


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of a variable that is no setting."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`chittygraph help serve` lists them"
    return f"{name} is not a setting: {hint}"


def _check_names(settings_class: Any, environ: Mapping[str, str]) -> None:
    known = variables(settings_class)
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name not in NOT_SETTINGS:
            raise InvalidSetting(unknown(name, known))
