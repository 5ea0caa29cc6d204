"""The line of a request for people: it fits its terminal, whatever a request says."""

import io
from itertools import product

import pytest

from server.telemetry import request_line
from server.telemetry.terminal import Terminal

NOWHERE = Terminal(io.StringIO())
PATHS = ("/graphql", "/" + "x" * 200)
NAMES = ("", "Names", "N" * 200)
CLIENTS = ("127.0.0.1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
ENDS = ((200, "ok", None), (200, "refused", "INVALID_DOCUMENT"), (503, None, "UNAVAILABLE"))


@pytest.mark.parametrize("columns", [80, 91, 200])
def test_the_line_fits_and_keeps_what_follows_the_path(columns: int):
    for path, name, client, (status, outcome, code) in product(PATHS, NAMES, CLIENTS, ENDS):
        fields = {"method": "POST", "path": path, "status": status, "ms": 123_456.7}
        extra = {"client": client, "operation": name, "outcome": outcome, "code": code}

        line = request_line.text({**fields, **extra}, NOWHERE, columns)

        assert len(line) <= columns, line
        assert line.endswith(f" {status}  123457 ms  {client}{f' {code}' if code else ''}")


def test_no_path_imitates_what_follows_it():
    path = "/graphql    200     0.7 ms  192.0.2.1"
    fields = {"method": "GET", "path": path, "status": 404, "ms": 1.25, "client": "::1"}

    line = request_line.text(fields, NOWHERE, 200)

    imitation, *rest = line.split()[1:]
    assert (imitation.startswith("/graphql%20"), rest) == (True, ["404", "1.2", "ms", "::1"])


def test_an_operation_on_a_websocket_has_its_name_and_outcome():
    fields = {"ms": 1.25, "client": "::1", "operation": "Names", "outcome": "errors"}

    line = request_line.text(fields, NOWHERE, 91)

    assert line.split() == ["WS", "Names", "1.2", "ms", "::1", "errors"]
