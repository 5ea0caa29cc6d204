"""Files that `chittygraph import` reads, and those that it refuses."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from server.files.text_files import LONGEST_LINE
from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import ACTOR, LINE, OTHER, REGISTRY, untouched

BAD_FILES = {
    "UTF-16": (b"\xff\xfe{\x00", "is in UTF-16: save it as UTF-8"),
    "UTF-16 without a mark": (LINE.encode("utf-16-le"), "NUL byte"),
    "a NUL": (f"{LINE}\n{LINE}\0\n", "line 2 has a NUL byte"),
    "not UTF-8": (LINE.encode() + b"\n\xff\n", "line 2 is not UTF-8 at its byte 1"),
    "nothing": (b"", "is empty"),
    "gzip": (
        gzip.compress(LINE.encode()),
        "is compressed: unpack it first, for example with `gunzip`",
    ),
    "a database": (b"SQLite format 3\0" + b"x" * 4000, "`chittygraph restore` takes one"),
    "a long line": (f"{LINE}\n{'x' * LONGEST_LINE}x\n", "line 2 has more than 4,194,304 bytes"),
}


@pytest.mark.parametrize(("raw", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_without_readable_rows_is_refused_in_one_line(transfers, raw, said):
    transfers.given(*REGISTRY)

    with untouched(transfers.path):
        code, out, err = transfers.run("import", transfers.write("bad.jsonl", raw))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's own peak, in kB")
def test_a_line_of_50_mb_is_refused_without_being_kept_in_memory(transfers):
    new_registry(transfers.path)
    file = transfers.folder / "long.jsonl"
    with file.open("wb") as writing:
        writing.write(b'{"type":"actors","x":"')
        writing.truncate(50 * 2**20)
    script = (
        "import sys; from server.cli import main; code = main(sys.argv[1:]);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr);"
        "sys.exit(code)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script, "import", file, "--database", transfers.path],
        capture_output=True,
        text=True,
        check=False,
    )

    said, peak = ran.stderr.splitlines()
    assert ran.returncode == 1
    assert "line 1 has more than" in said
    assert int(peak) < 100 * 2**10


BAD_LINES = {
    "a key twice": ('{"type":"actors","type":"actors"}', "has the key 'type' twice"),
    "NaN": (LINE[:-1] + ',"session_count":NaN}', "has NaN, which is not JSON"),
    "half a character": (LINE[:-1] + ',"display_name":"\\ud800"}', "half a surrogate pair"),
    "65 bits": (LINE[:-1] + ',"session_count":9223372036854775808}', "more than 64 bits"),
    "5,000 digits": (LINE[:-1] + f',"session_count":{"9" * 5000}}}', "more than 64 bits"),
    "too large": (LINE[:-1] + ',"session_count":1e999}', "too large"),
    "a fraction": (LINE[:-1] + ',"session_count":1.0}', "session_count: must be a whole number"),
    "a negative count": (LINE[:-1] + ',"session_count":-1}', "must be from 0 to"),
    "nests too deep": ("[" * 100_000 + "]" * 100_000, "nests too deep"),
    "an unknown type": ('{"type":"dogs"}', "its type must be one of actors"),
    "a type that is a list": ('{"type":["actors"]}', "its type must be one of actors"),
    "no type": ("{}", 'has no "type"'),
    "an array": ("[]", "must be a JSON object"),
    "no JSON": ("ada", "is not JSON at character 1"),
    "an unknown column": (LINE[:-1] + ',"shoe":1}', "shoe: is not a column of actors"),
    "a null": (
        '{"type":"actors","chitty_id":null,"actor_type":"human"}',
        "must have a value, not null",
    ),
    "a missing column": ('{"type":"actors","actor_type":"human"}', "chitty_id: must have a value"),
    "a bad enum": (LINE.replace("human", "HUMAN"), "must be one of human, ai, service, system"),
    "a bad id": (
        LINE.replace("CHITTY-ACTOR", "CHITTY\\nACTOR"),
        "chitty_id: must not contain control characters",
    ),
    "a bad instant": (LINE[:-1] + ',"created_at":"yesterday"}', "created_at: must be an instant"),
    "a bad address": (LINE[:-1] + ',"email":"ada"}', "must be an email address"),
    "a bad list": (
        LINE[:-1] + ',"capabilities":["a",1]}',
        "capabilities: item 2: must be a string",
    ),
    "text for a list": (LINE[:-1] + ',"capabilities":"[]"}', "must be a list of strings"),
}


# Each in one place by default, first or last in turn.
@pytest.mark.parametrize(
    ("line", "said", "place"),
    [
        pytest.param(
            *bad,
            place,
            id=f"{name} in line {place}",
            marks=() if (number + place // 2) % 2 else pytest.mark.thorough,
        )
        for number, (name, bad) in enumerate(BAD_LINES.items())
        for place in (1, 3)
    ],
)
def test_a_bad_line_is_named_by_its_number_and_keeps_the_rest_out(transfers, line, said, place):
    new_registry(transfers.path)
    good = json.dumps(ACTOR | {"chitty_id": OTHER})
    lines = [good, "", "\n"]
    lines.insert(place - 1, line)

    with untouched(transfers.path):
        code, out, err = transfers.run("import", transfers.write("bad.jsonl", "\n".join(lines)))

    assert (code, out) == (1, "")
    assert err.startswith(f"line {place}: ")
    assert said in err
    assert "1 line was rejected, so nothing of" in err


def test_an_incomplete_last_line_differs_from_a_missing_last_line_end(transfers):
    new_registry(transfers.path)
    short = transfers.write("short.jsonl", LINE[:-20])
    whole = transfers.write("whole.jsonl", LINE)

    with untouched(transfers.path):
        cut_off = transfers.run("import", short)
    complete = transfers.run("import", whole)

    assert "line 1: the file ends in the middle of this line" in cut_off[2]
    assert (cut_off[0], complete[0]) == (1, 0)


def test_rows_are_read_from_stdin(transfers, monkeypatch):
    raw = io.BytesIO(f"{LINE}\n".encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=raw))

    code, _, err = transfers.run("import", "-", "--format", "jsonl")

    assert (code, err) == (0, "")
    assert len(transfers.lines()) == 1


def test_the_type_of_all_lines_may_be_an_option(transfers):
    bare = {name: value for name, value in ACTOR.items() if name != "type"}

    fine = transfers.take(bare, flags=("--type", "actors"))
    at_odds = transfers.take(ACTOR, flags=("--type", "contexts"))

    assert (fine[0], at_odds[0]) == (0, 1)
    assert 'has another "type" than --type says' in at_odds[2]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rows.txt"], 2, "--format jsonl or --format csv"),
        (["dump.sql"], 2, "`chittygraph restore` takes"),
        (["-"], 2, "stdin is not named"),
        (["rows.csv"], 2, "add --type"),
        (["rows.jsonl", "--rejects", "rows.jsonl"], 2, "a file of its own"),
        (["rows.jsonl", "--rejects", "nowhere/rejects.txt"], 1, "nowhere/rejects.txt"),
        (["nothing.jsonl"], 1, "nothing.jsonl does not exist"),
        ([".", "--format", "jsonl"], 1, "is a folder"),
    ],
)
def test_a_usage_error_of_import_is_reported(transfers, words, code, said):
    found, out, err = transfers.run("import", *words)

    assert (found, out, err.count("\n")) == (code, "", 1)
    assert said in err
    assert not transfers.path.exists()
