"""The server is killed while clients write."""

import signal
import time
from pathlib import Path

from tests.support.faults.declaration import Fault, Rounds, count, seconds
from tests.support.faults.trial import Trial
from tests.support.requests.writing_clients import CLIENTS, ENOUGH, loaded, stored
from tests.support.services.commands import command
from tests.support.services.server_process import QUIET, served

KILL = Fault(
    name="kill",
    done=f"`kill -9` of the server under {CLIENTS} writing clients",
    holds="no acknowledged write is lost or half done, SQLite's `integrity_check` and"
    " `chittygraph check` find nothing, and it boots again by itself",
    rounds=Rounds(default=1, thorough=3, by_hand=100, called="kills"),
    figures={"lost": count(0), "boot": seconds(5)},
)


@KILL
async def test_a_server_that_is_killed_during_writes_keeps_what_it_acknowledged(
    trial: Trial, tmp_path: Path
):
    path = tmp_path / "registry.db"
    acknowledged: set[tuple[str, str]] = set()

    for round_ in trial.each_round():
        load, code, _ = await loaded(path, signal.SIGKILL, first=CLIENTS * round_)
        acknowledged |= load.acknowledged
        began = time.monotonic()
        with served(path, *QUIET):
            trial.measured("boot", time.monotonic() - began)
            found = stored(path)

        assert code == -signal.SIGKILL
        assert len(load.acknowledged) >= ENOUGH
        trial.measured("lost", len(acknowledged - found))
        # At most what was on its way besides: one write of each client and round.
        assert len(found - acknowledged) <= CLIENTS * (round_ + 1)
        assert command("check", "--database", path).returncode == 0
