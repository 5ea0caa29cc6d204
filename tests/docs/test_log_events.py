"""docs/monitoring.md lists the events that are logged: every warning and error, and no other names."""

import ast
import re
from collections.abc import Iterator

from tests.support.pages.doc_pages import page, rows
from tests.support.paths import ROOT, source_files

LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
PACKAGES = ("db", "resolvers", "schema", "server")
# Logged by a function that takes the event: see db/migrating/adoption/adoption.py.
PASSED_ON = {"database adopted", "database repaired"}
LISTED = {
    event
    for first, *_ in rows(page("docs/monitoring.md").section("Other events"))
    for event in re.findall(r"`(.*?)`", first)
}


def logged() -> Iterator[tuple[str, str]]:
    """The level and the event of each call that logs."""
    for path in source_files(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    ast.Attribute(ast.Name("log"), level),
                    [ast.Constant(str(event))] | [_, ast.Constant(str(event))],
                ) if level in LEVELS:
                    yield level, event


def test_every_warning_and_error_is_listed():
    grave = {event for level, event in logged() if level not in {"debug", "info"}}

    assert grave
    assert sorted(grave - LISTED) == []


def test_every_event_that_is_listed_is_logged():
    assert sorted(LISTED - PASSED_ON - {event for _, event in logged()}) == []
    for event in PASSED_ON:
        assert f'"{event}"' in (ROOT / "db/migrating/adoption/adoption.py").read_text()
