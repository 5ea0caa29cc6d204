"""Traces: taken from the caller, passed on, timed on request, and exported to a collector."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from tests.support.other_programs.identity_authority import an_authority
from tests.support.other_programs.otel_collector import collecting
from tests.support.services.api import running
from tests.support.services.commands import command_process
from tests.support.services.forked import COMMAND
from tests.support.services.log_capture import captured_logs
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
REGISTER = "mutation { registerActor(input: { actorType: HUMAN }) { actor { chittyId } } }"
QUERY = "query Typed { __typename }"


@pytest.fixture
async def api(tmp_path: Path):
    """A service over a new registry."""
    async with running(tmp_path / "registry.db") as api:
        yield api


async def ask(api, query: str = QUERY, headers=()):
    return await api.client.post("/graphql", json={"query": query}, headers=list(headers))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory):
    """A service to which tests write nothing."""
    async with running(tmp_path_factory.mktemp("shared") / "registry.db") as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_minting(tmp_path_factory: pytest.TempPathFactory):
    """A service whose ids an authority mints for several tests, and that authority."""
    path = tmp_path_factory.mktemp("minting") / "registry.db"
    with an_authority() as authority:
        async with running(path, chittyid_url=authority.url) as api:
            yield api, authority


@pytest.fixture
async def minting(tmp_path: Path):
    """A service whose ids an authority mints, and that authority."""
    with an_authority() as authority:
        async with running(tmp_path / "registry.db", chittyid_url=authority.url) as api:
            yield api, authority


async def test_a_callers_trace_is_in_every_line_of_its_request(api):
    with captured_logs() as logs:
        await ask(api, headers=[("traceparent", PARENT)])

    (line,) = logs.lines("request answered")
    assert line["trace_id"] == TRACE
    assert line["request_id"] != TRACE


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", "")],
        [("traceparent", PARENT.upper())],
        [("traceparent", f"ff-{TRACE}-{SPAN}-01")],
        [("traceparent", f"00-{'0' * 32}-{SPAN}-01")],
        [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
        [("traceparent", f"{PARENT}-more")],
        [("traceparent", f"{PARENT}01")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("tracestate", "vendor=1")],
    ],
    ids=str,
)
async def test_a_malformed_trace_is_ignored(shared, headers):
    with captured_logs() as logs:
        answer = await ask(shared, headers=headers)

    (line,) = logs.lines("request answered")
    assert answer.status_code == 200
    assert "trace_id" not in line


async def test_the_known_fields_of_a_later_version_are_used(api):
    with captured_logs() as logs:
        await ask(api, headers=[("traceparent", f"01-{TRACE}-{SPAN}-ff-what-comes")])

    (line,) = logs.lines("request answered")
    assert line["trace_id"] == TRACE


async def test_a_trace_continues_to_the_identity_authority_with_its_state(minting):
    api, authority = minting

    await ask(
        api, REGISTER, [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]
    )

    (call,) = authority.asked
    assert call.headers["traceparent"] == PARENT
    assert call.headers["tracestate"] == "a=1,b=2"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "state",
    [
        b"a=\xe9",
        b"a=1\t2",
        b"A=1",
        b"a=1,a=2",
        b"a",
        b"a=1=2",
        b",".join(b"a%d=1" % n for n in range(33)),
    ],
)
async def test_a_malformed_state_is_dropped_and_its_trace_continues(shared_minting, state):
    api, authority = shared_minting
    asked_before = len(authority.asked)

    with captured_logs() as logs:
        answer = await ask(
            api, REGISTER, [(b"traceparent", PARENT.encode()), (b"tracestate", state)]
        )

    (call,) = authority.asked[asked_before:]
    assert "errors" not in answer.json()
    assert call.headers["traceparent"] == PARENT
    assert "tracestate" not in call.headers
    assert not logs.lines("resolver failed")


LONG, SHORT = "v=" + "x" * 127, "=" + "x" * 97  # 129 characters, and 100 with a key of two


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("members", "passed"),
    [
        ([f"a{n}{SHORT}" for n in range(6)], [0, 1, 2, 3, 4]),
        (["z=1", LONG, *(f"a{n}{SHORT}" for n in range(4))], [0, 2, 3, 4, 5]),
        (["first" + LONG, "a" + LONG, "b" + LONG, "last" + LONG], [0, 1, 2]),
        ([LONG, *(f"a{n}{SHORT}" for n in range(6))], [1, 2, 3, 4, 5]),
        (["a=" + "x" * 256, "b=" + "x" * 251], [0, 1]),
    ],
    ids=["from the end", "the long one first", "the last long one", "both", "as long as may be"],
)
async def test_a_too_long_state_loses_its_long_members_and_then_its_last(
    shared_minting, members, passed
):
    api, authority = shared_minting
    asked_before = len(authority.asked)

    state = ",".join(members)
    await ask(api, REGISTER, [("traceparent", PARENT), ("tracestate", state)])

    (call,) = authority.asked[asked_before:]
    assert call.headers["tracestate"] == ",".join(members[place] for place in passed)


async def test_unknown_flags_are_dropped(minting):
    api, authority = minting

    await ask(api, REGISTER, [("traceparent", f"00-{TRACE}-{SPAN}-f1")])

    assert authority.asked[0].headers["traceparent"] == PARENT


async def test_a_request_without_a_trace_starts_one_under_its_own_id(minting):
    api, authority = minting

    answer = await ask(api, REGISTER)

    parent = authority.asked[0].headers["traceparent"]
    assert re.fullmatch(rf"00-{answer.headers['x-request-id']}-[0-9a-f]{{16}}-00", parent)
    assert "tracestate" not in authority.asked[0].headers


async def test_server_timing_is_sent_to_clients_that_prefer_it(api):
    answer = await ask(api, headers=[("prefer", "respond-async, Server-Timing; x=1")])

    told = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["server-timing"]))
    assert list(told) == ["prepare", "execute", "encode", "total"]
    assert sum(map(float, told.values())) <= 2 * float(told["total"])
    assert answer.headers["preference-applied"] == "server-timing"
    facts = dict(re.findall(r"(\w+);desc=(\w+)", answer.headers["server-timing"]))
    assert facts == {"execution": "compiled", "statements": "0"}


async def test_server_timing_of_an_operation_that_did_not_run_has_no_facts_of_it(api):
    answer = await ask(api, "{ nothing }", headers=[("prefer", "server-timing")])

    assert re.findall(r"\w+(?=;)", answer.headers["server-timing"]) == ["total"]


@pytest.mark.parametrize("headers", [[], [("prefer", "respond-async")]], ids=["none", "another"])
async def test_server_timing_is_not_sent_to_others(api, headers):
    answer = await ask(api, headers=headers)

    assert not {"server-timing", "preference-applied", "traceresponse"} & answer.headers.keys()


def test_spans_are_exported_to_a_collector_in_the_callers_trace(tmp_path: Path):
    with collecting() as collector:
        flags = ("--otlp-url", collector.url)
        with served(tmp_path / "registry.db", *flags) as (process, output):
            answer = httpx2.post(
                url_of(output, "/graphql"),
                json={"query": QUERY},
                headers={"traceparent": PARENT},
                timeout=TIMEOUT_SECONDS,
            )
            httpx2.get(url_of(output, "/healthz"), timeout=TIMEOUT_SECONDS)
            process.terminate()
            _, errors = process.communicate(timeout=TIMEOUT_SECONDS)

    spans = {span.name: span for span in collector.spans}
    request = spans["GraphQL Typed"]
    assert (process.returncode, collector.services) == (0, {"chittygraph"}), errors
    assert set(collector.paths) == {"/v1/traces"}
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, SPAN)
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{request.span_id.hex()}-01"
    for phase in ("prepare", "execute", "encode"):
        assert spans[phase].parent_span_id == request.span_id
        assert request.start_time_unix_nano <= spans[phase].end_time_unix_nano
    attributes = {each.key: each.value for each in request.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert attributes["graphql.operation.name"].string_value == "Typed"
    assert spans["GET"].trace_id.hex() != TRACE


def test_an_unreachable_collector_delays_nothing(tmp_path: Path):
    flags = ("--otlp-url", "http://127.0.0.1:9", "--log-format", "json")
    with served(tmp_path / "registry.db", *flags) as (process, output):
        answer = httpx2.post(
            url_of(output, "/graphql"), json={"query": QUERY}, timeout=TIMEOUT_SECONDS
        )
        process.terminate()
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert (answer.status_code, process.returncode) == (200, 0)


@pytest.mark.parametrize("url", ["collector:4318", "ftp://a", "http://me:secret@a", "http://a?b=1"])
def test_an_invalid_collector_url_is_refused(tmp_path: Path, url: str):
    ran = command_process("serve", "--database", tmp_path / "r.db", "--otlp-url", url)

    assert ran.returncode == 2
    assert "CHITTYGRAPH_OTLP_URL must be a URL" in ran.stderr
    assert "secret" not in ran.stderr


def test_a_collector_without_the_extra_is_refused_with_advice(tmp_path: Path):
    without = "import sys; sys.modules['opentelemetry'] = None\n" + COMMAND[-1]
    command = [sys.executable, "-c", without, "serve", "--otlp-url", "http://127.0.0.1:4318"]

    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert ran.returncode == 2
    assert "install chittygraph[otel]" in ran.stderr
