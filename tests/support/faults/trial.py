"""One test's trial of a fault: how many rounds it has, and the worst that it measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.faults.declaration import Fault


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass
class Trial:
    """The fixture `trial`."""

    fault: Fault
    rounds: int
    by_hand: bool = False
    progress: Callable[[str], None] = _silent
    worst: dict[str, float] = field(default_factory=dict)

    def each_round(self) -> Iterator[int]:
        """The rounds, counted from 0."""
        for number in range(self.rounds):
            self.at(number)
            yield number

    def at(self, number: int) -> None:
        """Show how far a test is that has a loop of its own."""
        figures = ", ".join(f"{name} {self.shown(name)}" for name in self.worst)
        counted = f"{number:,} of {self.rounds:,} {self.fault.rounds.called}"
        self.progress(f"{self.fault.name}: {counted}{', worst: ' * bool(figures)}{figures}")

    def measured(self, name: str, value: float) -> None:
        """Keep a figure that the fault declares, and fail if it is past its limit."""
        figure = self.fault.figures[name]
        self.worst[name] = max(value, self.worst.get(name, value))
        if figure.at_most is not None and (self.by_hand or not figure.is_speed):
            assert value <= figure.at_most, (
                f"{name}: {figure.shown(value)}, at most {figure.shown(figure.at_most)}"
            )

    def shown(self, name: str) -> str:
        """The worst of one figure."""
        return self.fault.figures[name].shown(self.worst[name])
