"""Copies: which is read, whether it is whole, and what is kept of an earlier run."""

import os
import time
from pathlib import Path

import pytest

from db.errors import Unavailable
from db.replica import copies
from db.replica.copies import Copies
from db.replica.written import Written


@pytest.fixture
def made(tmp_path: Path) -> Copies:
    """Copies of which one is published, whose last transaction was recorded just after its last page."""
    found = Copies(tmp_path / "registry.db")
    copy = found.new()
    copy.write_bytes(b"pages")
    copies.transaction_file(copy).write_text("0000000000000001\n")
    at(copy, 1_000_000_000)
    at(copies.transaction_file(copy), 1_000_000_001)
    found.publish(copy)
    return found


def at(path: Path, nanoseconds: int) -> None:
    os.utime(path, ns=(nanoseconds, nanoseconds))


def test_a_copy_is_whole_if_its_transaction_was_recorded_after_its_pages(made: Copies):
    assert made.state().is_whole

    at(made.current(), 1_000_000_002)

    assert not made.state().is_whole


def test_a_copy_whose_times_are_equal_is_whole_once_they_have_passed(made: Copies):
    now = time.time_ns() + 10**9
    at(made.current(), now)
    at(copies.transaction_file(made.current()), now)
    assert not made.state().is_whole

    past = now - 2 * 10**9
    at(made.current(), past)
    at(copies.transaction_file(made.current()), past)

    assert made.state().is_whole


def test_a_copy_that_may_be_torn_is_whole_after_its_next_transaction(made: Copies):
    copies.mark_torn(made.current())
    assert not made.state().is_whole

    at(made.current(), time.time_ns())
    at(copies.transaction_file(made.current()), time.time_ns() + 10**9)

    assert made.state().is_whole


def test_each_transaction_and_each_copy_has_a_token_of_its_own(made: Copies):
    first = made.state().token
    copies.transaction_file(made.current()).write_text("0000000000000002\n")
    second = made.state().token
    other = made.new()
    other.write_bytes(b"pages")
    copies.transaction_file(other).write_text("0000000000000002\n")
    made.publish(other)

    assert len({first, second, made.state().token}) == 3


def test_a_copy_of_before_a_restart_of_the_machine_is_not_gone_on_with(made: Copies):
    assert made.resumable() == made.current()

    (made.current().parent / "boot").write_text("another")

    assert made.resumable() is None


def test_other_copies_are_removed_and_none_is_read_once_withdrawn(made: Copies):
    present, other = made.current(), made.new()
    made.remove_others(present)
    assert present.exists()
    assert not other.parent.exists()

    made.withdraw()

    with pytest.raises(Unavailable, match="no copy"):
        made.state()


def test_what_viewers_wrote_is_known_to_all_workers_and_only_grows(made: Copies):
    one, other = Written(made.writes), Written(made.writes)
    one.record("actor", 17)
    one.record("actor", 16)
    again = Written(made.writes)

    assert (other.mark("actor"), again.mark("actor"), other.mark("another")) == (17, 17, 0)
    for each in (one, other, again):
        each.close()
