"""GraphiQL's example queries: each has something to tell about the demo registry."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from resolvers.permissions import Capability
from tests.support.paths import ROOT
from tests.support.requests.event_streams import listening
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

FOLDER = ROOT / "web" / "examples"
EXAMPLES = {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.graphql"))}
REFUSED = "10-handle-errors"
WATCHING = "12-watch-changes"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a server with the demo."""
    with served(tmp_path_factory.mktemp("examples") / "registry.db", "--demo") as (_, said):
        yield url_of(said, "/graphql")


@pytest.fixture(scope="module")
def ask(url):
    """Ask the server what a document asks, and read its answer."""

    def post(query: str) -> Any:
        head = {"content-type": "application/json"}
        body = json.dumps({"query": query}).encode()
        with urlopen(Request(url, body, head), timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    return post


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in (REFUSED, WATCHING)])
def test_an_example_answers_without_an_error_and_no_list_is_empty_throughout(ask, name):
    answer = ask(EXAMPLES[name])

    assert "errors" not in answer
    lists: dict[str, bool] = {}
    for path, values in lists_in(answer["data"]):
        lists[path] = lists.get(path, False) or bool(values)
    told = {path for path, filled in lists.items() if filled}
    assert {path for path in lists if path.endswith(".errors")}.isdisjoint(told)
    assert {path for path in lists if not path.endswith(".errors")} <= told


def test_the_refused_example_says_what_to_correct(ask):
    data = ask(EXAMPLES[REFUSED])["data"]

    assert data["createContext"]["context"] is None
    assert [error["path"] for error in data["createContext"]["errors"]] == [["input", "name"]]


async def test_the_watching_example_is_told_of_a_change(url, ask):
    (mutation,) = (text for name, text in EXAMPLES.items() if name.startswith("09"))

    async with listening(url, EXAMPLES[WATCHING]) as stream:
        await asyncio.to_thread(ask, mutation)
        told = await stream.next()

    assert "errors" not in told
    assert told["data"]["changes"]["operation"] == "CREATED"
    assert told["data"]["changes"]["entity"]["displayName"]


def test_running_the_mutation_again_says_what_is_there_already(ask):
    (mutation,) = (text for name, text in EXAMPLES.items() if name.startswith("09"))
    ask(mutation)

    again = ask(mutation)["data"]

    assert again["registerActor"]["errors"] == []
    assert again["openConnection"]["errors"][0]["code"] == "ALREADY_EXISTS"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_capabilities_that_an_example_gives_are_enforced(name):
    given = re.findall(r"capabilities: \[(.*?)\]", EXAMPLES[name])

    words = {word for each in given for word in re.findall(r'"(.*?)"', each)}

    assert words <= {capability.value for capability in Capability}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_title_a_story_and_a_name(name):
    shape = r"# [A-Z].*[^.]\n(# .*\n)+(query|mutation|subscription) \w+[ (]"

    assert re.match(shape, EXAMPLES[name])


def lists_in(value: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Every list in an answer, with the names that lead to it; what a change holds is JSON of its own."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in ("before", "after"):
                continue
            yield from lists_in(part, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, value
        for item in value:
            yield from lists_in(item, path)
