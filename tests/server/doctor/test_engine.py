"""What the doctor says of an engine over HTTP, by what the engine says of itself."""

import pytest

from db.remote.transport import EngineStatus
from server.doctor import engine
from server.doctor.findings import Level
from server.settings import Settings

WELL = EngineStatus("10.7.3", None, 1_000)


def found(url: str, status: EngineStatus) -> list[tuple[Level, str]]:
    """The findings about the engine at this URL."""
    return [(each.level, each.found) for each in engine.of_engine(Settings(database=url), status)]


def test_an_engine_without_flaws_is_well():
    assert found("rqlites://ada:hunter2@a,b", WELL) == [(Level.OK, "rqlite 10.7.3")]


def test_a_version_with_faults_is_a_warning_and_what_it_must_not_be_a_problem():
    old = EngineStatus("8.1", "rows were lost", 0)
    wrong = EngineStatus("10.7.3", None, 0, "start it with -fk")

    assert found("rqlite://127.0.0.1", old) == [(Level.WARNING, "rqlite 8.1: rows were lost")]
    assert found("rqlite://127.0.0.1", wrong) == [(Level.PROBLEM, "rqlite 10.7.3")]


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("rqlite://ada:hunter2@127.0.0.1,registry.example", True),
        ("rqlite://ada:hunter2@127.0.0.1,[::1]:4003", False),
        ("rqlite://registry.example", False),
        ("rqlites://ada:hunter2@registry.example", False),
        ("d1+https://hunter2@registry.example", False),
    ],
)
def test_a_password_that_a_network_carries_unencrypted_is_a_warning(url: str, is_told: bool):
    texts = [text for _, text in found(url, WELL)]

    assert ("the password goes over the network unencrypted" in texts) is is_told
    assert not [text for text in texts if "hunter2" in text]
