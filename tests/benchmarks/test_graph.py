"""`--graph` asks questions that have answers."""

import json

import pytest

from benchmarks import data, graph
from benchmarks.contenders import BY_NAME, OURS
from benchmarks.graph import QUESTIONS
from benchmarks.registries import ordinary
from benchmarks.servers import post, running

SCALE = 0.01


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    return tmp_path


def test_every_question_finds_something(folder):
    with running(BY_NAME[OURS], ordinary(SCALE, folder), folder) as server:
        for question in QUESTIONS:
            workload = question.workload(server)
            for body in server.bodies(workload):
                answer = json.loads(post(server, workload, body))

                assert "errors" not in answer, question.title
                (found,) = answer["data"].values()
                assert found, question.title
                if question.query in (graph.GROUPS, graph.SUMS):
                    assert found["groups"], question.title
                if question.query == graph.PATH:
                    assert len(found) == graph.LONGEST
