"""A worker that cannot start says why in one line, without a traceback."""

import io
import json
from pathlib import Path

import pytest
from uvicorn.config import STARTUP_FAILURE

from server.app import create_app
from server.cli import serve
from server.settings import Settings
from server.telemetry import logs
from server.transport.graceful_server import GracefulServer
from server.transport.hang_up import HangUp
from tests.support.registries.databases import elsewhere, registry_at


def refused_start(database: Path) -> str:
    """What a worker logs that finds this database."""
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    settings = Settings(database=str(database), port=0)
    config = serve.server_config(settings, 0)
    config.app, config.factory = create_app(settings), False
    server = GracefulServer(config, HangUp(), lambda: pytest.fail("it serves"))
    with serve.listen(settings) as listener, pytest.raises(SystemExit) as ended:
        server.run([listener])
    assert ended.value.code == STARTUP_FAILURE
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["damaged", "newer"])
def test_a_database_that_cannot_be_served_is_named_in_one_line(tmp_path: Path, kind: str):
    database = tmp_path / "registry.db"
    if kind == "damaged":
        database.write_text("no database, but long enough to be looked at " * 100)
    else:
        registry_at(database)
        with elsewhere(database) as connection:
            connection.execute(
                "INSERT INTO chittygraph_migrations (name, checksum, applied_at)"
                " VALUES ('9999_from_a_later_version', '', '2026-01-01T00:00:00.000Z')"
            )

    (line,) = map(json.loads, refused_start(database).splitlines())

    assert (line["level"], line["event"]) == ("error", "worker cannot start")
    assert str(database) in line["reason"]
