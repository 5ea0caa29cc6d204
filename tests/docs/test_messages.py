"""The messages that the docs quote are those of the code."""

import re

import pytest

from tests.support.pages.doc_pages import page, rows
from tests.support.paths import source_files

SOURCES = "".join(path.read_text() for path in source_files("db", "server"))
# Literals that follow each other are one.
CODE = re.sub(r'"\s+f?"', "", SOURCES)
REFUSALS = [
    message.strip("`")
    for message, *_ in rows(page("docs/upgrading.md").section("When a migration fails"))
]


@pytest.mark.parametrize("message", REFUSALS)
def test_a_refusal_of_a_migration_says_what_the_page_says(message: str):
    assert message in CODE
