"""Metrics, `status` and `doctor` tell how outgoing webhooks fare."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.queries import troubled_webhooks
from db.queries.troubled_webhooks import SHOWN
from db.sqlite import file_reads
from tests.support.other_programs.webhook_receiver import Reply, receiving
from tests.support.registries.databases import new_registry
from tests.support.services.api import running
from tests.support.services.commands import command_process
from tests.support.services.outgoing import made, registered, taken, until

AT = "2026-01-01T00:00:00.000Z"
ADD = """
    INSERT INTO outgoing_webhooks (
        webhook_id, url, filter, secret, created_at, updated_at, position, paused_because, paused_at,
        attempts, failing_since, last_error
    )
    VALUES (:id, 'https://example.org/', '{}', 'whsec_c2VjcmV0', :at, :at, 0, :paused, :at, :attempts, :at,
        'status 500')
"""
ADD_DEAD = """
    INSERT INTO outgoing_deliveries (
        webhook_id, sequence, status, attempts, first_attempt_at, last_attempt_at
    )
    VALUES ('wh_fails', 1, 'dead', 9, :at, :at)
"""


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """A registry with a webhook of each kind."""
    file = tmp_path / "registry.db"
    new_registry(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        for id_, paused, attempts in (
            ("wh_works", None, 0),
            ("wh_fails", None, 3),
            ("wh_gone", "gone", 1),
            ("wh_off", "requested", 0),
        ):
            connection.execute(ADD, {"id": id_, "paused": paused, "attempts": attempts, "at": AT})
        connection.execute(ADD_DEAD, {"at": AT})
    return file


def test_status_lists_what_is_paused_or_fails(troubled: Path):
    told = command_process("status", "--database", troubled).stdout
    counted = json.loads(command_process("status", "--json", "--database", troubled).stdout)

    assert "webhooks  4 outgoing, 1 failing, 2 paused, 1 dead letters" in told
    assert f"wh_fails fails since {AT}: status 500" in told
    assert f"wh_gone is paused (gone) since {AT}" in told
    assert "wh_works" not in told
    assert counted["webhooks_out"]["failing"] == 1


def test_doctor_warns_of_what_nobody_asked_for(troubled: Path):
    told = command_process("doctor", "--database", troubled).stdout

    assert "wh_fails fails since" in told
    assert "wh_gone is paused since" in told
    assert "wh_off" not in told
    assert "1 changes were given up" in told


def test_webhooks_that_an_admin_paused_hide_no_others(troubled: Path):
    with closing(sqlite3.connect(troubled)) as connection, connection:
        for number in range(SHOWN):
            off = {"id": f"wh_a{number}", "paused": "requested", "attempts": 0, "at": AT}
            connection.execute(ADD, off)
        found = file_reads.read_on(connection, troubled_webhooks.find())

    assert [each.webhook_id for each in found.first][:2] == ["wh_fails", "wh_gone"]
    assert len(found.first) == SHOWN


def test_doctor_is_content_without_webhooks(tmp_path: Path):
    new_registry(tmp_path / "registry.db")

    told = command_process("doctor", "--database", tmp_path / "registry.db").stdout

    assert "0, 0 of them paused by an admin" in told


async def metrics(api: Any) -> dict[str, float]:
    """The samples about outgoing webhooks, by name and labels."""
    text = (await api.client.get("/metrics")).text
    found = (line.rsplit(" ", 1) for line in text.splitlines() if "chittygraph_outgoing" in line)
    return {name: float(value) for name, value in found if not name.startswith("#")}


async def test_metrics_count_attempts_and_tell_how_late_a_failing_one_is(tmp_path: Path):
    with receiving() as receiver, receiving(lambda _: Reply(500)) as failing:
        async with running(tmp_path / "registry.db", private_webhook_targets=True) as api:
            await made(api, receiver.url)
            await registered(api, "Ada", "Grace")
            await taken(receiver, 2)
            before = await metrics(api)
            await api.put("DELETE FROM outgoing_webhooks")
            await made(api, failing.url)
            await registered(api, "Edsger")
            await until(api, lambda each: each["failedAttempts"] == 1)
            after = await metrics(api)

    def attempts(found: dict[str, float], outcome: str) -> float:
        return found[f'chittygraph_outgoing_attempts_total{{outcome="{outcome}",worker="1"}}']

    assert attempts(before, "delivered") in (1, 2)  # the last one may not be recorded yet
    assert attempts(after, "failed") == 1
    assert before["chittygraph_outgoing_lag_seconds"] == 0
    assert after["chittygraph_outgoing_lag_seconds"] > 0
    assert after['chittygraph_outgoing_webhooks{status="failing"}'] == 1
    assert after["chittygraph_outgoing_dead_letters"] == 0
