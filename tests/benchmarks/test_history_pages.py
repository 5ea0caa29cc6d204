"""`--history` compares pages of a short and of a long history."""

import json
import sqlite3
from contextlib import closing

import pytest

from benchmarks import data, history_pages, ownership
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


@pytest.mark.parametrize("viewer", [ownership.ADMIN, ownership.OWNER])
def test_every_page_is_full_of_changes(folder, viewer):
    with history_pages.serving(SCALE, viewer, folder) as server:
        for page in PAGES:
            if page.viewer == viewer:
                workload = page.workload(server)
                (body,) = server.bodies(workload)
                answer = json.loads(post(server, workload, body))

                assert "errors" not in answer, page.title
                data = answer["data"]
                changes = data["changes"] if "changes" in data else data["connection"]["history"]
                assert len(changes["nodes"]) == (100 if "changes" in data else 1 + USES), page.title
