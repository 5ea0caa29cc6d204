"""Writes the tables of the docs that come from the code: `./run docs` runs it before it serves.

With `--check` it changes nothing, and fails when a table is out of date.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

from resolvers.permissions import Requirement
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from server.setting_fields import default_text, variable
from server.settings import Settings

DOCS = Path(__file__).resolve().parent
TABLE = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Each section of the settings' page begins with this setting, and takes those declared after it.
SECTIONS = {
    "database": "Server and database",
    "auth": "Who may ask",
    "readers": "Reading and rules",
    "github_webhook_secret": "GitHub webhooks",
    "chittyid_url": "ChittyIDs",
    "jwt_issuer": "Tokens",
    "trusted_proxies": "Proxies and rates",
    "graphiql": "What clients may send",
    "max_tokens": "Limits of an operation",
    "head_seconds": "Timeouts and connections",
    "metrics": "Logs, metrics and traces",
}


def settings() -> Iterator[str]:
    """A table for each section: variable, default, meaning."""
    for setting in fields(Settings):
        if setting.name in SECTIONS:
            yield f"\n## {SECTIONS[setting.name]}\n\n| Variable | Default | Meaning |\n|---|---|---|\n"
        default = f"`{default_text(setting)}`" if default_text(setting) else "none"
        yield f"| `{variable(setting.name)}` | {default} | {setting.metadata['help']} |\n"


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


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "permissions": permissions,
}


def generated(page: str) -> str:
    """The page with its tables as the code has them now."""
    return TABLE.sub(lambda found: f"{found[1]}{''.join(TABLES[found[2]]())}\n{found[3]}", page)


def main() -> int:
    """Write, or with `--check` only compare; 1 when a table is out of date."""
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text()
        if page == (new := generated(page)):
            continue
        if "--check" in sys.argv:
            sys.stderr.write(f"{path.name} is out of date: run `./run docs`, or docs/generate.py\n")
            return 1
        path.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
