"""What delivers looks often for new webhooks, so that tests need not wait a second for each."""

import pytest

from server.webhooks_out import dispatcher


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of a second is enough for a machine that does nothing else."""
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.05)
