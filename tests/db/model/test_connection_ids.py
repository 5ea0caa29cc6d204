"""Ids of new connections."""

import time
from uuid import RFC_4122, UUID

from db.model import connection_id


def test_a_new_id_is_a_uuid_that_begins_with_the_time():
    before = time.time_ns() // 1_000_000
    ids = [UUID(connection_id.new_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000

    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert all(before <= each.int >> 80 <= after for each in ids)
    assert all(connection_id.is_well_formed(str(each)) for each in ids)


def test_new_ids_of_one_millisecond_differ_in_what_is_random():
    ids = [UUID(connection_id.new_id()).int for _ in range(1_000)]

    assert len({each & (1 << 62) - 1 for each in ids}) == len(ids)
    assert len({each >> 64 & 0xFFF for each in ids}) > 100
