"""The graph page as it is served; what it does in a browser is in test_graph."""

import re
from urllib.parse import urljoin

import pytest
import pytest_asyncio

from server.endpoints import pages
from server.setting_fields import InvalidSetting
from tests.support.services.api import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("graph") / "registry.db") as api:
        yield api


async def test_the_page_has_the_policy_and_caching_of_graphiql(api):
    graphiql = await api.client.get("/graphql", headers={"accept": "text/html"})

    answer = await api.client.get("/graph")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name in (*pages.SECURITY_HEADERS, "cache-control", "vary", "x-content-type-options"):
        assert answer.headers[name] == graphiql.headers[name], name


async def test_a_browser_that_has_the_page_gets_304(api):
    first = await api.client.get("/graph")

    again = await api.client.get("/graph", headers={"if-none-match": first.headers["etag"]})
    head = await api.client.head("/graph")

    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.headers["etag"]) == (200, first.headers["etag"])


async def test_everything_that_the_page_names_is_here(api):
    if not (pages.STATIC / "graph.html").exists():
        pytest.skip("the page is not built: run `python web/build.py`")
    html = (await api.client.get("/graph")).text
    named = re.findall(r'(?:src|href)="([^"]+)"', html)

    answers = [await api.client.get(path) for path in named]

    assert len(named) >= 3
    assert {answer.status_code for answer in answers} == {200}
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


async def test_only_reading_it_is_possible(api):
    answer = await api.client.post("/graph", json={"query": "{ __typename }"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["errors"][0]["message"] == "POST is not for /graph"


async def test_a_browser_that_asks_with_a_slash_at_the_end_is_led_to_the_page(api):
    answer = await api.client.get("/graph/?a=b", headers={"accept": "text/html"})

    location = answer.headers["location"]
    assert answer.status_code == 307
    assert urljoin("/graph/", location) == "/graph?a=b"
    assert urljoin("/registry/graph/", location) == "/registry/graph?a=b"


async def test_in_open_mode_a_foreign_host_is_refused(api):
    answer = await api.client.get("/graph", headers={"host": "evil.example"})

    assert answer.status_code == 421


async def test_where_the_page_is_switched_off_a_browser_is_told_how_to_switch_it_on(tmp_path):
    async with running(tmp_path / "registry.db", graphiql=False) as api:
        answer = await api.client.get("/graph", headers={"accept": "text/html"})
        elsewhere = await api.client.get("/graphs", headers={"accept": "text/html"})

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert pages.SECURITY_HEADERS.items() <= dict(answer.headers).items()
    assert "CHITTYGRAPH_GRAPHIQL=true" in answer.text
    assert elsewhere.json()["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_where_the_page_is_switched_off_a_program_gets_404_in_json(tmp_path):
    async with running(tmp_path / "registry.db", graphiql=False) as api:
        answer = await api.client.get("/graph", headers={"accept": "application/json"})
        posted = await api.client.post("/graph", headers={"accept": "text/html"})

    assert (answer.status_code, posted.status_code) == (404, 404)
    assert answer.json()["errors"] == posted.json()["errors"]
    assert answer.json()["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_a_root_path_that_is_the_page_is_refused(tmp_path):
    with pytest.raises(InvalidSetting, match="/graph is a path of this server"):
        async with running(tmp_path / "registry.db", root_path="/graph/below"):
            pass
