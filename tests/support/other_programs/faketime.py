"""A clock that tests set while a server runs, by libfaketime."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/lib64/faketime")
LIBRARY = "libfaketimeMT.so.1"


@dataclass
class FakeClock:
    """What a server that has this environment takes for the time; the monotonic clock is the real one."""

    file: Path
    ahead: timedelta = timedelta()

    def __post_init__(self) -> None:
        self.set(self.ahead)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the server needs."""
        return {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, ahead: timedelta) -> None:
        """Jump to so much after the real time, or before it."""
        self.ahead = ahead
        new = self.file.with_suffix(".new")
        new.write_text(f"{ahead.total_seconds():+.0f}\n")
        new.replace(self.file)  # the server reads the old or the new one, and never a part

    def now(self) -> datetime:
        """What the server takes for the time."""
        return datetime.now(UTC) + self.ahead


def _library() -> str:
    for place in PLACES:
        if found := sorted(Path("/").glob(f"{place[1:]}/{LIBRARY}")):
            return str(found[0])
    pytest.skip(
        "libfaketime is missing: install it, on Debian and Ubuntu with apt install faketime"
    )
