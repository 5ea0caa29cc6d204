"""Whether other programs take so much of this machine that figures tell more of them than of servers.

The ceiling serves ready bytes before and after a run; the most that it ever served here is its usual.
Where that is not known yet, the load average tells.
"""

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import data, load, progress
from benchmarks.contenders import BY_NAME, CEILING
from benchmarks.registries import Registry
from benchmarks.rows import Size
from benchmarks.servers import running
from benchmarks.workloads import BY_NAME as WORKLOADS
from server import python_build

USUAL = data.FOLDER / "ready-bytes.json"
LEAST, MOST_LOAD = 0.5, 1.0
RUNS, SECONDS = 3, 0.4
ANSWER, BODY = b'{"data":{"ready":true}}', '{"query":"{ready}"}\n'


@dataclass(frozen=True)
class Condition:
    """The ready bytes per second before and after a run, and the most that this machine served so far.

    `load` is how many processes wanted to run in the minute before, for each core.
    """

    before: float
    after: float
    usual: float
    load: float = 0

    @property
    def is_loaded(self) -> bool:
        """Whether they were below half of the usual, or others kept the cores busy."""
        return min(self.before, self.after) < LEAST * self.usual or self.load > MOST_LOAD

    def __str__(self) -> str:
        """The figures, and what they mean."""
        figures = (
            f"ready bytes: {self.before:,.0f} requests/s before, {self.after:,.0f} after,"
            f" {self.usual:,.0f} usual; load before {self.load:.1f} a core"
        )
        if not self.is_loaded:
            return figures
        return f"{figures}: THIS MACHINE IS LOADED; no figure is what a server can do, trust ratios of CPU"


class Watch:
    """Measures the machine when it is made, and at each `condition`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._load = os.getloadavg()[0] / (os.cpu_count() or 1)
        self._before = ready_bytes(folder)

    def condition(self) -> Condition:
        """How it was since."""
        after = ready_bytes(self._folder)
        usual = remembered(USUAL, _key(), max(self._before, after))
        return Condition(self._before, after, usual, self._load)


def ready_bytes(folder: Path) -> float:
    """How many requests per second one client gets ready bytes for, now."""
    progress.now("looking how busy this machine is")
    (place := folder / "ready").mkdir(exist_ok=True)
    (place / "W1.json").write_bytes(ANSWER)
    (bodies := place / "bodies").write_text(BODY)
    (no_data := place / "none").touch()
    with running(BY_NAME[CEILING], Registry(no_data, Size.at(0)), place) as server:
        url = server.url(WORKLOADS["W1"])
        return median(
            load.run(url, bodies, clients=1, seconds=SECONDS).per_second for _ in range(RUNS)
        )


def remembered(file: Path, key: str, found: float) -> float:
    """The most that was ever found under this key, which the file keeps."""
    known: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    known[key] = max(found, known.get(key, 0.0))
    file.write_text(json.dumps(known, indent=1) + "\n")
    return known[key]


def name() -> str:
    """The processor and the system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    processor = ", ".join(sorted(models)) or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}"


def _key() -> str:
    return f"{name()}, {load.require()}, {python_build.description()}"
