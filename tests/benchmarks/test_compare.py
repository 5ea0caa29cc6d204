"""All servers must give the same answers before any is timed."""

import json

import pytest

from benchmarks import compare
from benchmarks.contenders import BY_NAME as CONTENDERS
from benchmarks.errors import BenchmarkError
from benchmarks.registries import Registry
from benchmarks.rows import Size
from benchmarks.servers import Server
from benchmarks.workloads import BY_NAME as WORKLOADS


@pytest.fixture
def answering(monkeypatch, tmp_path):
    """Compares two servers that answer so."""

    def answers(name: str, ours: object, theirs: object) -> None:
        registry = Registry(tmp_path, Size.at(0.01))
        servers = [Server(CONTENDERS[each], registry, 0, 0) for each in ("compiled", name)]
        found = {"compiled": ours, name: theirs}
        monkeypatch.setattr(
            compare, "post", lambda server, *_: json.dumps(found[server.name]).encode()
        )
        compare.answers(servers, [WORKLOADS["W4"]], tmp_path)

    return answers


def payload(**fields: object) -> dict[str, object]:
    return {"data": {"openConnection": fields}}


def test_what_a_server_lacks_is_not_compared(answering):
    answering("postgraphile", payload(connection=1, errors=[]), payload(connection=1))


def test_what_others_lack_is_a_difference(answering):
    with pytest.raises(BenchmarkError, match="W4 differs at answer"):
        answering("mercurius", payload(connection=1, errors=[]), payload(connection=1))


def test_an_error_is_a_difference_even_for_who_lacks_errors_in_payloads(answering):
    failed = {**payload(connection=1), "errors": [{"message": "no"}]}

    with pytest.raises(BenchmarkError, match="W4 differs at answer"):
        answering("postgraphile", payload(connection=1, errors=[]), failed)
