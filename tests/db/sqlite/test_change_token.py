"""The state of the database as bytes: they differ after every commit, and all processes see the same."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from db.program import Statement, rows
from db.security.row_security import UNRESTRICTED
from db.sqlite.change_token import SETTLED_SECONDS
from db.sqlite.connection_thread import Faults
from db.sqlite.inline_reader import InlineReader
from tests.support.registries.databases import ADD, NAMES, elsewhere, new_registry

pytestmark = pytest.mark.waits

COUNT = Statement("SELECT count(*) FROM actors")
ANOTHER_PROGRAM = f"""
import random, sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=300)
connection.execute("PRAGMA synchronous = OFF")
print("begun", flush=True)
for number in range(int(sys.argv[2])):
    connection.execute({ADD!r}, {{"name": f"CHITTY-ACTOR-{{number:06}}-AAAA"}})
    if random.random() < 0.1:
        mode = random.choice(["PASSIVE", "RESTART", "TRUNCATE"])
        connection.execute(f"PRAGMA wal_checkpoint({{mode}})")
    time.sleep(0.0005)
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    file = tmp_path / "registry.db"
    new_registry(file)
    return file


@pytest.fixture
def points(registry: Path) -> Iterator[list[InlineReader]]:
    """The eyes of two workers."""
    with ExitStack() as stack:
        opened = [InlineReader.open(registry, Faults(registry)) for _ in range(2)]
        for each in opened:
            stack.callback(each.close)
        yield opened


def counted(points: InlineReader) -> int:
    ((count,),) = points.run(rows(COUNT), UNRESTRICTED)
    return int(str(count))


def test_nothing_written_is_no_change_and_a_commit_is_one(registry, points):
    first, _ = points
    with elsewhere(registry) as other:
        other.execute(ADD, {"name": "ADA"})
        before = first.change_token()
        other.execute("SELECT count(*) FROM actors").fetchall()
        looked_at = first.change_token()
        other.execute("BEGIN IMMEDIATE")
        other.execute(ADD, {"name": "BERT"})
        begun = first.change_token()
        other.execute("COMMIT")
        committed = first.change_token()

    assert before
    assert before == looked_at == begun
    assert committed != before


def test_two_workers_see_the_same_once_something_was_written(registry, points):
    first, second = points
    with elsewhere(registry) as other:
        for name in ("ADA", "BERT"):
            other.execute(ADD, {"name": name})
            assert first.change_token() == second.change_token()


def test_two_workers_see_the_same_in_a_file_that_nobody_wrote_to_for_a_while(points):
    first, second = points
    young = first.change_token(), second.change_token()

    time.sleep(SETTLED_SECONDS + 0.1)

    assert young[0] != young[1]
    assert first.change_token() == second.change_token()


def test_no_two_states_look_the_same_whatever_is_done_to_the_file(registry, points):
    chance = random.Random(5)
    seen: dict[bytes, list[tuple[str]]] = {}
    with elsewhere(registry) as one, elsewhere(registry) as other:
        for number in range(400):
            connection = chance.choice([one, other])
            match chance.randrange(6):
                case 0 | 1:
                    connection.execute(ADD, {"name": f"CHITTY-ACTOR-{number:06}-AAAA"})
                case 2:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(ADD, {"name": f"CHITTY-ACTOR-{number:06}-BBBB"})
                    connection.execute("ROLLBACK")
                case 3:
                    mode = chance.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
                    connection.execute(f"PRAGMA wal_checkpoint({mode})")
                case 4:
                    connection.execute("DELETE FROM actors WHERE rowid % 7 = 0")
                case 5 if number % 20 == 0:
                    connection.execute("VACUUM")
            there = connection.execute(NAMES).fetchall()
            for eyes in points:
                assert seen.setdefault(eyes.change_token(), there) == there
    assert None not in seen


def test_a_change_token_never_returns_after_a_later_state_was_readable(registry, points):
    tagged: dict[bytes, int] = {}
    command = [sys.executable, "-c", ANOTHER_PROGRAM, str(registry), "1500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        writer.stdout.readline()
        while writer.poll() is None:
            for eyes in points:
                already_there = counted(eyes)
                state = eyes.change_token()
                if state is None:
                    continue
                # Every answer that was tagged with this state before must still be right.
                assert already_there <= tagged.get(state, already_there)
                tagged[state] = min(tagged.get(state, 1500), counted(eyes))
    assert counted(points[0]) == 1500
