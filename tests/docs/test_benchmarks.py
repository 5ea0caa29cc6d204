"""docs/benchmarks.md shows the figures of the last whole run."""

import json

from benchmarks import page, summary
from benchmarks.contenders import CONTENDERS
from benchmarks.rounds import Sample
from tests.support.paths import ROOT

TEXT = page.PAGE.read_text()
RESULTS = ROOT / "benchmarks" / "results"
LATEST = json.loads((RESULTS / "latest.json").read_text())
ROWS = summary.rows([Sample(**sample) for sample in LATEST["samples"]])


def test_the_table_is_that_of_the_results():
    assert page.shown(TEXT) == page.figures(ROWS)


def test_every_server_is_described():
    for each in CONTENDERS:
        assert f"| `{each.name}` |" in TEXT


def test_the_picture_and_the_date_are_those_of_the_results():
    picture = ROOT / "docs" / "images" / "benchmarks.svg"

    assert picture.read_bytes() == (RESULTS / "latest.svg").read_bytes()
    assert f"Measured on {LATEST['date']}" in TEXT
