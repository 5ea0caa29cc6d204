"""Changes of the schema that break clients, and what the CHANGELOG says of them."""

import re
from collections.abc import Iterable

from graphql import GraphQLSchema, find_breaking_changes


def unannounced(released: GraphQLSchema, served: GraphQLSchema, changelog: str) -> list[str]:
    """The breaking changes between two schemas that no entry under "Breaking" names."""
    changes = [each.description for each in find_breaking_changes(released, served)]
    return [each for each in changes if not announces(changelog, _coordinates(each, released))]


def announces(changelog: str, coordinates: Iterable[str]) -> bool:
    """Whether an unreleased entry under "Breaking" has one of these in backticks, an argument included."""
    entries = section(unreleased(changelog), "### Breaking")
    return any(re.search(rf"`{re.escape(each)}(?:\(\w+:\))?`", entries) for each in coordinates)


def unreleased(changelog: str) -> str:
    return section(changelog, "## Unreleased")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or a higher one."""
    level = len(heading.partition(" ")[0])
    _, _, rest = f"\n{text}".partition(f"\n{heading}\n")
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def _coordinates(change: str, released: GraphQLSchema) -> set[str]:
    """The fields, values or directives that a change is about, as Type.field; else the types."""
    named = set(re.findall(r"@\w+|\b\w+\.\w+", change))
    return named or {word for word in re.findall(r"\w+", change) if word in released.type_map}
