"""docs/troubleshooting.md quotes what the code says, and what stops a start is on it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.pages.doc_pages import page
from tests.support.paths import ROOT, source_files

PAGE = page("docs/troubleshooting.md")
SOURCES = source_files("db", "resolvers", "schema", "server")
STARTS = (
    *("db/migrating/ledger.py", "db/migrating/migrator.py", "db/migrating/schema_comparison.py"),
    *("db/migrating/adoption/lineages.py", "db/migrating/adoption/lineage_rows.py"),
    "db/sqlite/file_checks.py",
    *("server/cli/serve.py", "server/setting_fields.py", "server/settings.py"),
    "server/graphql/persisted_documents.py",
)
PROGRAMS = ("./run", ".venv/", "apt ", "-H ", "--", "{")
REFUSALS = {"BootRefused", "InvalidSetting", "_refused"}


def text_of(node: ast.AST) -> str:
    """A message as its source writes it, with … for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return ""


@cache
def messages() -> str:
    found = [text_of(node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))]
    return "\n".join([*found, (ROOT / "run").read_text(), (ROOT / "web" / "build.py").read_text()])


def quoted() -> list[str]:
    """What the page writes in backticks and several words; commands begin with a program's name."""
    found = re.findall(r"`([^`\n]+)`", PAGE.text)
    return [quote for quote in found if " " in quote and not quote.startswith(PROGRAMS)]


@pytest.mark.parametrize("quote", quoted())
def test_what_the_page_quotes_is_what_the_code_says(quote: str):
    said = messages()

    for part in re.split(r"\s*…\s*", quote):
        assert part in said, part


def test_every_message_that_stops_a_start_is_on_the_page():
    fragments = [part for quote in quoted() for part in re.split(r"\s*…\s*", quote) if part]
    missing = [
        f"{name}: {message}"
        for name in STARTS
        for message in refusals(ROOT / name)
        if message.strip("…: ") and not any(fragment in message for fragment in fragments)
    ]

    assert missing == []


def refusals(path: Path) -> list[str]:
    """The messages with which this file stops a start."""
    return [
        text_of(node.args[0])
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in REFUSALS
    ]
