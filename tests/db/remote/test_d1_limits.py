"""The migrations keep to limits of D1 that no statement here meets before it is at Cloudflare."""

import re

import pytest

from db.migrating import ledger
from db.migrating.ledger import MIGRATIONS, Migration

# As documented for D1, and as SQLite has it by default, which Cloudflare's runtime takes over.
PATTERN_BYTES, ARGUMENTS = 50, 127
PATTERN = re.compile(r"\b(?:GLOB|LIKE)\s+'([^']*)'")
CALL_OR_END = re.compile(r"'[^']*'|--[^\n]*|\w+\s*\(|[(),]")


def arguments(sql: str) -> list[int]:
    """How many arguments or parts each pair of parentheses holds."""
    open_, counts = [], []
    for match in CALL_OR_END.finditer(sql):
        if match[0].endswith("("):
            open_.append(1)
        elif match[0] == "," and open_:
            open_[-1] += 1
        elif match[0] == ")":
            counts.append(open_.pop())
    return counts


@pytest.mark.parametrize("migration", ledger.load(MIGRATIONS), ids=lambda each: each.name[:4])
def test_a_migration_is_within_the_limits_of_d1(migration: Migration):
    assert [each for each in PATTERN.findall(migration.sql) if len(each) > PATTERN_BYTES] == []
    for statement in migration.statements():
        assert len(statement.encode()) <= 100_000
        assert max(arguments(statement), default=0) <= ARGUMENTS
