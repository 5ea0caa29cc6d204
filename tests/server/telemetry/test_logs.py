"""Log lines: readable by programs and people, without what clients send."""

import io
import json
import logging

import pytest

from server.telemetry import logs


@pytest.fixture
def lines():
    """Configure logging for one test; what it writes is read from the stream that this returns."""
    stream = io.StringIO()

    def configure(kind="auto", level="info"):
        logs.configure(kind, level, stream)
        return stream

    return configure


def test_without_a_terminal_a_line_is_json_with_its_fields(lines):
    stream = lines()

    logging.getLogger("registry").info("context created", extra={"context": "CHITTY-CONTEXT-1"})

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"]) == ("context created", "info")
    assert (line["context"], line["logger"]) == ("CHITTY-CONTEXT-1", "registry")
    assert line["at"].endswith("Z")


@pytest.mark.parametrize("value", ["\ud83e", 2**70, {1: "\udcff"}])
def test_what_json_text_cannot_hold_directly_is_escaped_in_a_line(lines, value):
    stream = lines("json")

    logging.getLogger("registry").warning("odd", extra={"value": value})

    line = json.loads(stream.getvalue())
    assert line["event"] == "odd"
    assert line["value"] == (value if not isinstance(value, dict) else {"1": "\udcff"})


def test_a_request_id_is_in_every_line_of_its_request_and_in_no_other(lines):
    stream = lines("json")
    log = logging.getLogger("registry")

    token = logs.request_id.set("r-1")
    log.info("inside")
    logs.request_id.reset(token)
    log.info("outside")

    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert inside["request_id"] == "r-1"
    assert "request_id" not in outside


def test_on_a_terminal_a_line_is_text(lines):
    stream = lines("text")

    logging.getLogger("registry").warning("webhook refused", extra={"reason": "signature\nforged"})

    assert "warning webhook refused" in stream.getvalue()
    assert stream.getvalue().endswith('reason="signature\\nforged"\n')


def test_control_and_bidirectional_characters_are_escaped(lines):
    stream = lines("text")

    logging.getLogger("registry").info("read\x9b2J\nforged", extra={"path": "/\x9b31m\u202e\x7fé"})

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().removesuffix("\n").isprintable()
    assert stream.getvalue().endswith('path="/\\u009b31m\\u202e\\u007fé"\n')


@pytest.mark.parametrize("kind", ["json", "text"])
def test_an_exception_is_logged_with_type_and_frames_but_without_values(lines, kind):
    stream = lines(kind)
    given = "variable of the " + "caller"

    try:
        int(given)
    except ValueError:
        logging.getLogger("registry").exception("request failed")

    assert "ValueError" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert given not in stream.getvalue()


def test_lower_levels_are_not_logged(lines):
    stream = lines("json", "warning")

    logging.getLogger("registry").info("context created")

    assert stream.getvalue() == ""
