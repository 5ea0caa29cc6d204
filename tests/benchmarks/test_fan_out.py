"""`--history` counts what listeners hear, and how long it takes."""

import pytest

from benchmarks import data, fan_out, options

LISTENERS = 3


@pytest.fixture
def few(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    monkeypatch.setattr(fan_out, "LISTENERS", LISTENERS)
    monkeypatch.setattr(fan_out, "SAMPLES", 2)
    return options.read(["--history", "--scale", "0.01"])


def test_listeners_hear_of_single_changes_and_of_a_whole_burst(few, tmp_path):
    own, others, burst, memory = fan_out.measured(few, tmp_path)

    assert "after a mutation's answer" in own.text
    assert "after another program's commit" in others.text
    assert burst.text.startswith("3 listeners of 200 changes: 0 lost")
    assert burst.is_met
    assert memory.is_met


def test_what_is_not_heard_in_time_is_lost(few, monkeypatch, tmp_path):
    monkeypatch.setattr(fan_out, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(fan_out, "BURST", 201)

    *_, burst, _ = fan_out.measured(few, tmp_path)

    assert " 0 lost" not in burst.text
    assert not burst.is_met
