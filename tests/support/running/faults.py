"""How often a test commits its fault: little by default, more with `--thorough`, all by `./run faults`.

A test of tests/faults is decorated with the fault that it commits, and takes the fixture `trial`.
"""

import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.faults import results
from tests.support.faults.declaration import FOLDER, Fault, Rounds
from tests.support.faults.trial import Trial
from tests.support.paths import ROOT, is_in

SECONDS_BETWEEN_LINES = 10  # where progress does not go to a terminal
TRIAL = pytest.StashKey[Trial]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `./run faults` gives."""
    group = parser.getgroup("faults", "faults by hand (use ./run faults)")
    group.addoption("--by-hand", metavar="NAMES", help="only these faults, for as long as declared")
    group.addoption("--rounds", type=int, help="as often")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, which Fault sets, and begin what is run by hand."""
    config.addinivalue_line("markers", "fault(fault): the fault that the test commits")
    if names := config.getoption("by_hand"):
        # As with Ctrl-C: whatever was started is stopped on the way out.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        campaign = Campaign(names.split(","), config.getoption("rounds"))
        config.pluginmanager.register(campaign, Campaign.__name__)


@dataclass
class Campaign:
    """A run by hand, and what it found."""

    names: Collection[str]
    rounds: int | None
    trials: dict[str, list[tuple[Trial, bool]]] = field(default_factory=lambda: defaultdict(list))
    _shown_at: float = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the chosen faults."""
        items[:] = [item for item in items if (of := fault_of(item)) and of.name in self.names]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note what a test found; one that could not run has not passed."""
        report = yield
        if report.when == "call" or not report.passed:
            trial = item.stash.get(TRIAL, None) or Trial(fault_of(item), 0)
            self.trials[trial.fault.name].append((trial, report.passed))
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the figures, and keep those of whole runs for the docs."""
        found = [
            (each[0][0].fault, results.of_trials(each)) for each in self.trials.values() if each
        ]
        whole = [(fault, each) for fault, each in found if each.rounds >= fault.rounds.by_hand]
        for fault, result in whole:
            results.write(fault, result)
        if whole:
            subprocess.run([sys.executable, ROOT / "docs" / "generate.py"], check=True)
        if found:
            terminalreporter.write_line(f"\n\n{results.text(found)}")
        if len(whole) < len(found):
            terminalreporter.write_line("Not kept: what had fewer rounds than `--help` says.")

    def show(self, text: str) -> None:
        """Say how far it is: on a line that is rewritten, or from time to time."""
        progress = sys.__stderr__
        if progress.isatty():
            print(f"\r\x1b[Kfaults: {text}", end="", file=progress, flush=True)
        elif time.monotonic() - self._shown_at > SECONDS_BETWEEN_LINES:
            self._shown_at = time.monotonic()
            print(f"faults: {text}", file=progress, flush=True)


def fault_of(item: pytest.Item) -> Fault | None:
    """The fault that a test commits."""
    mark = item.get_closest_marker("fault")
    found: Fault | None = mark.args[0] if mark else None
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test its rounds."""
    if "trial" not in metafunc.fixturenames:
        return
    fault: Fault = metafunc.definition.get_closest_marker("fault").args[0]
    metafunc.parametrize(
        "trial", list(_counts(fault.rounds, _campaign(metafunc.config))), indirect=True
    )


def _counts(rounds: Rounds, campaign: Campaign | None) -> Iterator[Any]:
    if campaign:
        yield pytest.param(campaign.rounds or rounds.by_hand, id="by-hand")
        return
    if rounds.default:
        yield pytest.param(rounds.default, id=f"{rounds.default}")
    if rounds.thorough > rounds.default:
        yield pytest.param(rounds.thorough, id=f"{rounds.thorough}", marks=pytest.mark.thorough)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that belongs to no fault, since `./run faults` would never run it."""
    for item in items:
        if is_in(FOLDER, item.path) and not (fault_of(item) and _takes_trial(item)):
            raise pytest.UsageError(f"{item.nodeid} needs a fault as decorator, and `trial`")


def _takes_trial(item: pytest.Item) -> bool:
    return "trial" in getattr(item, "fixturenames", ())


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    """How many rounds the test has, and where it leaves its figures."""
    campaign = _campaign(request.config)
    found = Trial(fault_of(request.node), request.param, campaign is not None)
    if campaign:
        found.progress = campaign.show
    request.node.stash[TRIAL] = found
    return found


def _campaign(config: pytest.Config) -> Campaign | None:
    found: Campaign | None = config.pluginmanager.get_plugin(Campaign.__name__)
    return found
