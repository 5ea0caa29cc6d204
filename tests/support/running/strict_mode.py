"""In strict mode a skipped test is a failed one: CI must not pass by missing something."""

import os
from collections.abc import Generator

import pytest

STRICT = os.environ.get("CHITTYGRAPH_TEST_STRICT") == "1" or os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skipping of one test into its failure."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if STRICT and report.skipped and not expected:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skipping of a whole file into its failure."""
    report = yield
    if STRICT and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"skipped in strict mode: {why}"
