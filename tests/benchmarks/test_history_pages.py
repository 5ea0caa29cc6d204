"""`--history` compares pages of a short and of a long history."""

import json
import sqlite3
from contextlib import closing

import pytest

from benchmarks import data, history_pages, ownership, rows
from benchmarks.data import USES
from benchmarks.history_pages import PAGES
from benchmarks.rows import Size
from benchmarks.servers import post

SCALE = 0.01


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    return tmp_path


def test_a_registry_has_a_first_change_of_each_row_and_the_uses_of_each_connection(folder):
    size = Size.at(SCALE)

    with closing(sqlite3.connect(data.changed(SCALE))) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT actor) FROM changes").fetchone()

    every_row = size.actors + size.contexts + size.installations + size.connections
    assert found == (every_row + USES * size.connections, USES)


def test_every_page_is_full_of_changes(folder):
    with history_pages.serving(SCALE, folder) as server:
        for page in PAGES:
            asked = page.asked_of(server)
            workload = page.workload(asked)
            (body,) = asked.bodies(workload)
            answer = json.loads(post(asked, workload, body))

            assert "errors" not in answer, page.title
            found = answer["data"]
            changes = found["changes"] if "changes" in found else found["connection"]["history"]
            assert len(changes["nodes"]) == (100 if "changes" in found else 1 + USES), page.title


def test_an_owner_has_as_many_rows_at_any_scale():
    for scale in (SCALE, 10 * SCALE):
        size = Size.at(scale)
        owned = {rows.context_id(place) for place in ownership.newest(size)}

        assert sum(each.source_chitty_id in owned for each in rows.connections(size)) == 240
