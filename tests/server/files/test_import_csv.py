"""`chittygraph import` of CSV."""

import io
import re

import pytest

from db.model.tables import ACTORS
from server.files import csv_rows, text_files
from server.files.text_files import LONGEST_LINE, FileRefused
from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import ACTOR, OTHER, untouched

LINES = ("a" * 15 + "\n") * (LONGEST_LINE // 8)
HEADER = "chitty_id,actor_type,display_name,capabilities\n"
BAD_CSV = {
    "an unknown column": (
        "chitty_id,shoe\n",
        "line 1 names a column 'shoe', which actors do not have",
    ),
    "semicolons": ("chitty_id;actor_type\n", "separated by commas"),
    "a column twice": ("chitty_id,chitty_id\n", "names the column 'chitty_id' twice"),
    "a column too few": ("chitty_id\nx\n", "does not name actor_type, which actors must have"),
    "an open quote": (HEADER + 'x,human,"Ada\n' * 3, "line 2 is not CSV"),
    "a quote to the end": (HEADER + 'x,human,"Ada,[]\n', "line 2 has a quote that never closes"),
    "an endless quote": (HEADER + 'x,human,"' + LINES, "quote that never closes"),
    "a field too many": (
        HEADER + "x,human,Ada,[],7\n",
        "line 2: has 5 fields where the header has 4",
    ),
    "a field too few": (HEADER + "x,human\n", "line 2: has 2 fields where the header has 4"),
    "an end in a record": (HEADER + "x,hum", "line 2: the file ends in the middle of this record"),
    "an end in the last field": (HEADER + "x,human,Ada,[]", "the file may have been cut off"),
    "an end after a quoted field": (HEADER + 'x,human,Ada,"[]"', "the file may have been cut off"),
    "an end in the header": (HEADER[:-1], "line 1: no line end follows"),
    "text after a quote": (HEADER + 'x,human,"A"da,[]\n', "line 2 is not CSV: ',' expected"),
    "a lone carriage return": (HEADER + "x,human,A\rda,[]\n", "a carriage return without"),
    "an empty text for a list": (HEADER + 'x,human,,""\n', 'line 2: capabilities: "" is an empty'),
    "broken JSON": (HEADER + "x,human,Ada,[\n", "line 2: capabilities: is not JSON at character 2"),
    "a bad number": ("chitty_id,actor_type,session_count\nx,human,1.5\n", "must be a whole number"),
}


@pytest.mark.parametrize(("text", "said"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv_is_refused_with_the_line(transfers, text, said):
    new_registry(transfers.path)

    with untouched(transfers.path):
        code, out, err = transfers.run(
            "import", transfers.write("bad.csv", text), "--type", "actors"
        )

    assert (code, out) == (1, "")
    assert said in err


def test_csv_may_have_a_bom_other_line_ends_and_line_feeds_within_quotes(transfers):
    text = f'{HEADER}{OTHER},human,"Ada ""A""","[""a"",""b""]"\r\n{ACTOR["chitty_id"]},ai,,\r\n'
    file = transfers.write("actors.csv", b"\xef\xbb\xbf" + text.replace("\n", "\r\n", 1).encode())

    code, _, err = transfers.run("import", file, "--type", "actors")

    first, second = transfers.lines()
    assert (code, err) == (0, "")
    assert (first["display_name"], first["capabilities"]) == (None, [])
    assert (second["display_name"], second["capabilities"]) == ('Ada "A"', ["a", "b"])


def test_a_record_of_several_lines_is_named_by_its_first_line(transfers):
    new_registry(transfers.path)
    text = f'{HEADER}{OTHER},human,"Ada\nA","[""a"",\n""b""]"\nx,robot,,\n'

    code, _, err = transfers.run("import", transfers.write("a.csv", text), "--type", "actors")

    assert code == 1
    assert re.findall(r"^line (\d+)", err, re.MULTILINE) == ["2", "5"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_cut_of_a_csv_file_is_refused_or_ends_after_a_record(line_end):
    record = f'{OTHER},human,"Ada ""A"", {line_end}B","[""a"",""b""]"'
    text = HEADER + f"{ACTOR['chitty_id']},ai,,\n" + record + "\n"

    whole = [length for length in range(1, len(text) + 1) if is_whole(text[:length])]

    assert whole == [len(HEADER), text.index(OTHER), len(text)]


def is_whole(text):
    lines = text_files.lines("a.csv", io.BytesIO(text.encode()), lambda _: None)
    try:
        return all(row.fault is None for row in csv_rows.read("a.csv", lines, ACTORS))
    except FileRefused:
        return False
