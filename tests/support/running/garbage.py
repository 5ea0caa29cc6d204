"""Garbage collection in the process that runs tests: as in a worker that serves."""

import gc

import pytest

from server.transport.process import tune_memory

# Until the tests are collected: what that makes is kept, and would be traversed over and over.
gc.disable()


def collect() -> None:
    """Collect garbage, and exempt what is left: else the next time traverses all that tests have cached."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt modules and tests, which are never garbage: traversing them took up to half a second."""
    tune_memory()
    gc.enable()
