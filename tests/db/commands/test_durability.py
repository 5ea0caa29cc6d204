"""Acknowledged writes are kept when the server is asked to stop; tests/faults/test_kill.py kills it."""

import signal

import pytest

from tests.support.requests.writing_clients import loaded, stored


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_is_stopped_during_writes_ends_cleanly(tmp_path, ending):
    path = tmp_path / "registry.db"

    load, code, log = await loaded(path, ending)

    assert (code, log) == (0, "")
    assert load.acknowledged - stored(path) == set()
    assert not path.with_name(f"{path.name}-wal").exists()
