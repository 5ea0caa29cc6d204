"""The pages lead to each other, on GitHub as on the site, and their tables are the code's."""

import re
from dataclasses import fields
from typing import get_type_hints
from urllib.parse import unquote

import pytest

from docs import generate
from server.setting_fields import accepted_range, default_text, variable
from server.settings import Settings
from tests.support.pages import doc_pages
from tests.support.pages.doc_pages import DOCS, Page, page
from tests.support.paths import ROOT

PAGES = [pytest.param(each, id=each.name) for each in doc_pages.pages()]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]*))?\)")


def anchors(of: Page) -> list[str]:
    return [_anchor(heading) for heading in of.headings]


def _anchor(heading: str) -> str:
    text = re.sub(r"[`*]", "", heading.lower())
    return re.sub(r"[^\w -]", "", text).replace(" ", "-")


@pytest.mark.parametrize("each", PAGES)
def test_every_link_leads_somewhere(each: Page):
    for target, anchor in LINK.findall(each.prose):
        path = (each.path.parent / unquote(target)).resolve() if target else each.path
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(Page(path)), f"{target}#{anchor}"


@pytest.mark.parametrize("each", PAGES)
def test_the_pages_of_the_site_link_to_nothing_outside_of_it(each: Page):
    if each.path.is_relative_to(DOCS):
        for target, _ in LINK.findall(each.prose):
            assert (each.path.parent / target).resolve().is_relative_to(DOCS), target


@pytest.mark.parametrize("each", PAGES)
def test_headings_are_unique_and_have_the_same_anchor_everywhere(each: Page):
    found = anchors(each)

    assert len(set(found)) == len(found)
    for anchor in found:
        assert "--" not in anchor, anchor  # which GitHub keeps and MkDocs shortens


def test_the_menu_names_every_page_once():
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    files = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]

    named = re.findall(r": (\S+\.md)$", menu, re.MULTILINE)

    # Decisions are a folder of pages, of which the menu names the first.
    assert sorted(named) == sorted(
        name for name in files if not name.startswith("decisions/") or name in named
    )


def test_the_readme_names_every_page_of_use():
    named = {target for target, _ in LINK.findall(page("README.md").prose)}
    files = {f"docs/{path.name}" for path in DOCS.glob("*.md")} - {"docs/index.md"}

    assert files <= named
    assert len(page("README.md").text.splitlines()) <= 160


@pytest.mark.parametrize("each", PAGES)
def test_the_generated_tables_are_up_to_date(each: Page):
    assert each.text == generate.generated(each.text), "run `.venv/bin/python docs/generate.py`"


def test_every_setting_is_listed_with_its_default_and_meaning():
    listed = re.findall(
        r"^\| `(CHITTYGRAPH_\w+)` \| (.*?) \| (.*) \|$", page("docs/settings.md").text, re.MULTILINE
    )

    hints = get_type_hints(Settings)
    assert listed == [
        (
            variable(each.name),
            f"`{default_text(each)}`" if default_text(each) else "none",
            " ".join(filter(None, (each.metadata["help"], accepted_range(each, hints[each.name])))),
        )
        for each in fields(Settings)
    ]
