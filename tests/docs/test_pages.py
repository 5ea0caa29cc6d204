"""Every query and every command of the README and the docs does what the page says."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from server.cli import demo
from tests.support.pages import doc_pages
from tests.support.pages.doc_pages import ANSWERS, VARIABLES, Block, Page
from tests.support.pages.doc_reader import Reader, check_answer, check_success
from tests.support.registries.databases import new_registry
from tests.support.services.api import Api, running

SHELL = ("sh", "bash", "shell", "setup")
RUN = (*SHELL, "console")
# Starting programs takes most of the time: of the pages that do, the default run follows these.
QUICK = {"README.md", "docs/getting-started.md", "docs/api.md"}


def starts_programs(page: Page) -> bool:
    return any(block.language in RUN and block.note != "not run" for block in page.blocks)


PAGES = [
    pytest.param(page, id=page.name, marks=[pytest.mark.thorough] * is_long)
    for page in doc_pages.pages()
    if any(block.language in (*RUN, "graphql") for block in page.blocks)
    for is_long in [starts_programs(page) and page.name not in QUICK]
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the sample data."""
    path = tmp_path_factory.mktemp("docs") / "chittygraph.db"
    new_registry(path)
    demo.fill(path)
    return path


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_does_what_it_says(page: Page, sample: Path, tmp_path: Path):
    shutil.copy(sample, tmp_path / "sample.db")
    reader = Reader(tmp_path)
    try:
        async with running(tmp_path / "sample.db") as api:
            for place, block in enumerate(page.blocks):
                await follow(block, page.blocks[place + 1 :], reader, api)
    finally:
        reader.close()


async def follow(block: Block, after: list[Block], reader: Reader, api: Api) -> None:
    """Do what one block says, and compare the answer that the page shows."""
    if block.note == "not run":
        return
    if block.language in SHELL:
        answer = reader.run(block)
    elif block.language == "console":
        reader.console(block)
        return
    elif block.language == "graphql" and block.text.startswith("subscription"):
        api.service.operations.documents.prepare(block.text)  # its stream would not end
        return
    elif block.language == "graphql":
        body = {"query": block.text, "variables": None}
        if after and after[0].title == VARIABLES:
            body["variables"] = after.pop(0).json
        answer = (
            reader.post(body)
            if reader.url
            else (await api.client.post("/graphql", json=body)).json()
        )
    else:
        if "." in block.title and " " not in block.title:
            reader.file(block)
        return
    if after and after[0].title in ANSWERS:
        check_answer(after[0], answer)
    elif block.language == "graphql":
        check_success(block, answer)


def test_few_blocks_are_not_run_and_each_says_why():
    skipped = [block for block in doc_pages.blocks() if block.note == "not run"]

    assert len(skipped) <= 20, [block.place for block in skipped]
    for block in skipped:
        assert len(block.value) > 10, block.place


def test_every_block_has_a_language_and_json_is_json():
    for block in doc_pages.blocks():
        assert block.language, f"{block.place} has no language"
        if block.language == "json":
            assert block.json is not None


def test_every_answer_follows_the_block_that_it_answers():
    for page in doc_pages.pages():
        for before, block in pairwise(page.blocks):
            if block.title in ANSWERS:
                assert before.language in (*SHELL, "graphql") or before.title == VARIABLES, (
                    block.place
                )
                assert before.note != "not run", block.place
            if block.title == VARIABLES:
                assert before.language == "graphql", block.place
