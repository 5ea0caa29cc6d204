"""A page's arguments are the same for all its parents: generic execution converts and reads them once."""

import pytest

from schema import filter_reader, filters
from server.demo import registry
from tests.support.services.api import running

PAGES = """
    query($filter: ContextFilter, $cursor: String, $again: ContextFilter) {
      actors(first: 100) { nodes {
        contexts(first: 2, filter: $filter, after: $cursor) { nodes { name } totalCount }
        others: contexts(first: 1, filter: $again) { totalCount }
      } }
    }
"""


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db", compiled=False) as api:
        await registry.fill(api.service.db)
        yield api


@pytest.fixture
def made(monkeypatch):
    """The filters of contexts that were made of arguments, and those that were read."""
    counted = {"converted": 0, "read": 0}
    make, read = filters.ContextFilter.__init__, filter_reader.read

    def counting_make(self, *args, **named):
        counted["converted"] += 1
        make(self, *args, **named)

    def counting_read(filter_, table):
        counted["read"] += 1
        return read(filter_, table)

    monkeypatch.setattr(filters.ContextFilter, "__init__", counting_make)
    monkeypatch.setattr(filter_reader, "read", counting_read)
    return counted


async def test_a_filter_is_converted_and_read_once_for_all_parents(api, made):
    parts = {"or": [{"name": {"contains": "a"}}, {"name": {"contains": "e"}}]}

    data = await api.ask(PAGES, filter=parts, again={})

    assert len(data["actors"]["nodes"]) > 20
    assert made == {"converted": 3 + 1, "read": 2}


async def test_each_of_two_pages_has_its_own_arguments_and_so_has_each_operation(api):
    everything = await api.ask(PAGES, filter={}, again={"name": {"eq": "-"}})
    nothing = await api.ask(PAGES, filter={"name": {"eq": "-"}}, again={})

    first, second = (data["actors"]["nodes"] for data in (everything, nothing))
    assert [node["contexts"]["totalCount"] for node in first] == [
        node["others"]["totalCount"] for node in second
    ]
    assert {node["others"]["totalCount"] for node in first} == {0}
    assert any(node["contexts"]["nodes"] for node in first)


async def test_an_argument_that_is_refused_is_refused_alike_for_all_parents(api, made):
    answer = await api.post(PAGES, filter={"name": {"eq": "x"}}, cursor="damaged")

    [error, *others] = answer["errors"]
    assert answer["data"] == {"actors": None}
    assert error["extensions"] == {"code": "BAD_CURSOR"}
    assert {each["message"] for each in others} <= {error["message"]}
    assert made == {"converted": 1, "read": 1}
