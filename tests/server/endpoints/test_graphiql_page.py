"""GraphiQL's page and its files as they are served; what it does in a browser is in test_graphiql."""

import gzip
import re
from pathlib import Path

import brotli
import pytest
import pytest_asyncio

from server.endpoints import pages
from server.endpoints.pages import Pages
from tests.support.services.api import running
from tests.support.services.log_capture import captured_logs

pytestmark = pytest.mark.asyncio(loop_scope="module")
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DECODED = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("graphiql") / "registry.db") as api:
        yield api


@pytest_asyncio.fixture(loop_scope="module")
async def html(api):
    if not (pages.STATIC / "index.html").exists():
        pytest.skip("the page is not built: run `python web/build.py`")
    return (await api.client.get("/graphql", headers=BROWSER)).text


@pytest.fixture
def script(html):
    """The path of the page's first script."""
    return re.search(r'<script [^>]*src="([^"]+)"', html)[1]


async def received(api, path: str, accepted: str):
    """An asset's answer and its body as it came, still encoded."""
    head = {"accept-encoding": accepted}
    async with api.client.stream("GET", path, headers=head) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


async def test_the_page_may_load_from_this_server_only_and_run_nothing_inline(api):
    answer = await api.client.get("/graphql", headers=BROWSER)

    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert "accept" in answer.headers["vary"].lower()


async def test_the_page_is_isolated_from_other_windows_in_browsers_that_support_it(api):
    telling = BROWSER | {"sec-fetch-dest": "document"}  # as they do on https and on loopback

    heeding = await api.client.get("/graphql", headers=telling)
    again = {"if-none-match": heeding.headers["etag"]}
    held = await api.client.get("/graphql", headers=telling | again)
    ignoring = await api.client.get("/graphql", headers=BROWSER)

    apart = "cross-origin-opener-policy"
    assert heeding.headers[apart] == held.headers[apart] == "same-origin"
    assert apart not in ignoring.headers
    assert "sec-fetch-dest" in ignoring.headers["vary"].lower()


async def test_a_browser_that_has_the_page_gets_304(api):
    first = await api.client.get("/graphql", headers=BROWSER)
    held = {"if-none-match": first.headers["etag"]}

    again = await api.client.get("/graphql", headers=BROWSER | held)
    other = await api.client.get("/graphql", headers=BROWSER | {"if-none-match": '"another"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers.get_list("cache-control") == ["no-cache"]
    assert (other.status_code, other.content) == (200, first.content)


async def test_everything_that_the_page_names_is_here(api, html):
    named = re.findall(r'(?:src|href)="([^"]+)"', html)

    answers = [await api.client.get(path) for path in named]

    assert len(named) >= 3
    assert {answer.status_code for answer in answers} == {200}
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


async def test_a_file_is_kept_for_a_year_and_guarded_like_the_page(api, script):
    answer = await api.client.get(script)

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert pages.SECURITY_HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.000, gzip;q=0", None),
        ("br;q=nonsense", None),
        ("*;q=0", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_file_comes_in_the_smallest_coding_that_the_client_accepts(
    api, script, accepted, coding
):
    answer, body = await received(api, script, accepted)

    assert answer.headers.get("content-encoding") == coding
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert DECODED[coding](body) == (pages.STATIC / "assets" / script.split("/")[-1]).read_bytes()


@pytest.mark.parametrize("range_", ["bytes=0-9", "bytes=99999999-", "bytes=5-1", "lines=1"])
async def test_ranges_are_ignored(api, script, range_):
    whole = await api.client.get(script)

    answer = await api.client.get(script, headers={"range": range_})

    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers["accept-ranges"] == "none"


def build(folder: Path, name: str) -> None:
    """Put another page of one script there, as web/build.py does: aside with the old one, whole."""
    made = folder.with_name(f"made-{name}")
    (made / "assets").mkdir(parents=True)
    (made / "assets" / f"{name}.js").write_text(f"// {name}")
    (made / "index.html").write_text(f'<script src="/static/assets/{name}.js"></script>')
    if folder.exists():
        folder.rename(folder.with_name(f"before-{name}"))
    made.rename(folder)


@pytest_asyncio.fixture(loop_scope="module")
async def rebuilt(tmp_path, monkeypatch):
    """A service whose page was built once before it began, and the folder with the page."""
    folder = tmp_path / "static"
    build(folder, "old")
    monkeypatch.setattr(pages, "STATIC", folder)
    async with running(tmp_path / "registry.db") as api:
        yield api, folder


async def test_a_rebuilt_page_is_served_at_once_with_its_files(rebuilt):
    api, folder = rebuilt
    first = await api.client.get("/graphql", headers=BROWSER)

    build(folder, "new")
    held = BROWSER | {"if-none-match": first.headers["etag"]}
    second = await api.client.get("/graphql", headers=held)
    new = await api.client.get("/static/assets/new.js")
    old = await api.client.get("/static/assets/old.js")

    assert "old.js" in first.text
    assert (second.status_code, "new.js" in second.text) == (200, True)
    assert second.headers["etag"] != first.headers["etag"]
    assert (new.status_code, new.text) == (200, "// new")
    assert old.status_code == 404


async def test_a_page_built_after_the_server_started_needs_no_restart(tmp_path):
    page = Pages(tmp_path / "static").graphiql
    before = page.current()

    build(tmp_path / "static", "first")

    assert b"This page is not built" in before.html
    assert b"first.js" in page.current().html
    assert page.current() is page.current()


async def test_every_file_has_a_type_and_two_compressed_twins(html):
    files = {file.name for file in (pages.STATIC / "assets").iterdir()}

    plain = {name for name in files if not name.endswith((".br", ".gz"))}

    assert {name[name.rindex(".") :] for name in plain} <= pages.MEDIA_TYPES.keys()
    assert files == {name + suffix for name in plain for suffix in ("", ".br", ".gz")}


@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "..%2findex.html",
        "..%2F..%2Fpage.py",
        "%2e%2e",
        "%00",
        "%00.js",
        "x" * 300 + ".js",
        "",
    ],
)
async def test_no_other_file_is_served(api, name):
    answer = await api.client.get(f"/static/assets/{name}")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_twin_has_no_address_of_its_own(api, script):
    assert (await api.client.get(f"{script}.br")).status_code == 404


async def test_a_browser_gets_the_page_also_with_a_query_which_is_not_executed(api):
    named = {"query": "{ __typename }"}

    page = await api.client.get("/graphql", headers=BROWSER)
    linked = await api.client.get("/graphql", params=named, headers=BROWSER)
    asked = await api.client.get("/graphql", params=named)

    assert page.headers["content-type"].startswith("text/html")
    assert "graphiql" in page.text.lower()
    assert linked.content == page.content
    assert asked.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("name", ["documentId", "extensions"])
async def test_a_document_that_the_page_cannot_show_is_executed_for_browsers_too(api, name):
    answer = await api.client.get("/graphql", params={name: "{}"}, headers=BROWSER)

    assert answer.headers["content-type"].startswith("application/json")


async def test_where_the_page_is_switched_off_a_browser_is_told_how_to_switch_it_on(tmp_path):
    async with running(tmp_path / "registry.db", graphiql=False) as api:
        answer = await api.client.get("/graphql", headers=BROWSER)
        head = await api.client.head("/graphql", headers=BROWSER)
        executed = await api.client.get(
            "/graphql", params={"query": "{ __typename }"}, headers=BROWSER
        )
        foreign = await api.client.get("/graphql", headers=BROWSER | {"host": "evil.example"})

    assert (answer.status_code, head.status_code) == (406, 406)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert pages.SECURITY_HEADERS.items() <= dict(answer.headers).items()
    assert "CHITTYGRAPH_GRAPHIQL=true" in answer.text
    assert "406: there is no page here" in answer.text
    assert "GraphiQL" not in answer.text  # scanners look for it
    assert executed.json() == {"data": {"__typename": "Query"}}
    assert (foreign.status_code, "evil.example" in foreign.text) == (421, True)


async def test_a_notice_shows_names_that_clients_send_as_text(tmp_path):
    async with running(tmp_path / "registry.db", graphiql=False) as api:
        answer = await api.client.get("/graphql", headers=BROWSER | {"host": "<b>"})

    assert answer.status_code == 421
    assert "<b>" not in answer.text


async def test_with_the_page_switched_off_no_files_are_served(tmp_path, script):
    async with running(tmp_path / "other.db", graphiql=False) as api:
        assert (await api.client.get(script)).status_code == 404


async def test_a_page_that_is_not_built_says_how_to_build_it_and_so_does_the_log(tmp_path):
    with captured_logs() as heard:
        unbuilt = Pages(tmp_path).graphiql

    (line,) = heard.lines("graphiql is not built")
    assert line["level"] == "warning"
    assert line["build_it_with"] in unbuilt.current().html.decode()
    assert (b"referrer-policy", b"no-referrer") in unbuilt.current().headers([])


async def test_a_page_that_is_not_built_is_dark_where_the_system_is_and_as_wide_as_a_phone():
    html = pages.NOT_BUILT

    assert "html { color-scheme: light dark }" in html  # the body's own would leave the rest white
    assert '<meta name="viewport" content="width=device-width' in html
    assert '<link rel="icon" href="data:,">' in html  # else /favicon.ico is asked for, in vain
