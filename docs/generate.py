"""Writes what comes from the code: tables and a picture for the docs, and files for clients.

`./run docs` runs it. With `--check` it changes nothing, and fails when a table or file is out of date.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from graphql import GraphQLObjectType, get_named_type, is_abstract_type, is_introspection_type

from resolvers.permissions import Requirement
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from schema.fields.scalars import SCALARS
from schema.fields.sources import CurrentViewer
from server.setting_fields import accepted_range, default_text, variable
from server.settings import SECTIONS, Settings

DOCS = Path(__file__).resolve().parent
TABLE = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings() -> Iterator[str]:
    """A table for each section: variable, default, meaning."""
    hints = get_type_hints(Settings)
    for setting in fields(Settings):
        if setting.name in SECTIONS:
            yield f"\n## {SECTIONS[setting.name]}\n\n| Variable | Default | Meaning |\n|---|---|---|\n"
        default = f"`{default_text(setting)}`" if default_text(setting) else "none"
        accepted = accepted_range(setting, hints[setting.name])
        meaning = f"{setting.metadata['help']}{f' {accepted}' if accepted else ''}"
        yield f"| `{variable(setting.name)}` | {default} | {meaning} |\n"


def permissions() -> Iterator[str]:
    """A row for each mutation: the capability that it takes, and who does not need it."""
    yield "\n| Mutation | Capability | Not needed for |\n|---|---|---|\n"
    for name, requirement in requirements().items():
        yield f"| `{name}` | `{requirement.capability.value}` | {requirement.own} |\n".replace(
            "|  |", "| |"
        )


def requirements() -> dict[str, Requirement]:
    """What each mutation takes."""
    mutations = GRAPHQL.mutation_type
    return {
        name: requirement
        for name, field in (mutations.fields.items() if mutations else ())
        if isinstance(requirement := getattr(source_of(field), "requirement", None), Requirement)
    }


def faults() -> Iterator[str]:
    """A row for each fault that tests commit, with the figures of its last whole run."""
    sys.path.append(str(DOCS.parent))  # where the tests are, which are not installed
    from tests.support.faults import declaration, results

    yield from results.markdown(declaration.declared())


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "permissions": permissions,
    "faults": faults,
}


def scalars() -> dict[str, str]:
    """The TypeScript type of each scalar as it is in JSON, for `scalars` of codegen and Relay."""
    typescript = {str: "string", object: "unknown"}
    types: dict[Any, Any] = SCALARS  # by the NewType that resolvers return
    found = {
        scalar.name: typescript[str if scalar.serialize is str else python.__supertype__]
        for python, scalar in types.items()
    }
    return dict(sorted(found.items()))


def possible_types() -> dict[str, list[str]]:
    """The object types of each interface and union, for `possibleTypes` of Apollo's cache."""
    return {
        name: sorted(each.name for each in GRAPHQL.get_possible_types(type_))
        for name, type_ in sorted(GRAPHQL.type_map.items())
        if is_abstract_type(type_)
    }


def cache_keys() -> dict[str, Any]:
    """For normalised caches: the fields that identify an object, none of a type with one object only, and the
    types whose objects are parts of their parents.
    """
    types = [
        type_
        for type_ in GRAPHQL.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        and not is_introspection_type(type_)
        and type_ not in (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type)
    ]
    query: Any = GRAPHQL.query_type
    single = {
        get_named_type(field.type)
        for field in query.fields.values()
        if isinstance(source_of(field), CurrentViewer)
    }
    identified = {each.name: ["id"] for each in types if "id" in each.fields}
    identified |= {each.name: [] for each in types if each in single}
    embedded = {each.name for each in types} - identified.keys()
    return {"keyFields": dict(sorted(identified.items())), "embedded": sorted(embedded)}


CLIENT_FILES: dict[str, Callable[[], Any]] = {
    "clients/cache-keys.json": cache_keys,
    "clients/possible-types.json": possible_types,
    "clients/scalars.json": scalars,
}


def model() -> str:
    """The picture of the tables and relations."""
    sys.path.append(str(DOCS.parent))
    from docs import model_diagram

    return model_diagram.svg()


PICTURES: dict[str, Callable[[], str]] = {"images/model.svg": model}


def generated(page: str) -> str:
    """The page with its tables as the code has them now."""
    return TABLE.sub(lambda found: f"{found[1]}{''.join(TABLES[found[2]]())}\n{found[3]}", page)


def client_file(name: str) -> str:
    """The text of a file for clients as the code has it now."""
    members = [
        f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in CLIENT_FILES[name]().items()
    ]
    return "{\n" + ",\n".join(members) + "\n}\n"


def main() -> int:
    """Write, or with `--check` only compare; 1 when a table or file is out of date."""
    current = {path: generated(path.read_text()) for path in sorted(DOCS.glob("*.md"))}
    current |= {DOCS / name: client_file(name) for name in CLIENT_FILES}
    current |= {DOCS / name: picture() for name, picture in PICTURES.items()}
    for path, text in current.items():
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            sys.stderr.write(f"{path.name} is out of date: run `./run docs`, or docs/generate.py\n")
            return 1
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
