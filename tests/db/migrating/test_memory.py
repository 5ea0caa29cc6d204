"""However large a database is, little of it is in memory at once while it is checked, adopted or exported."""

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.registries import legacy_registries
from tests.support.registries.legacy_registries import CONTEXT, opened

MEGABYTES = 16
# Something is repaired in each row.
FILL = f"""
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MEGABYTES} * 32)
    INSERT INTO connections
        (connection_id, source_chitty_id, source_type, target_service, config, created_at, updated_at)
    SELECT 'c' || i, '{CONTEXT}', 'context', 's' || i, json_object('a', hex(zeroblob(16000))),
        '2025-10-21 18:52:06', '2025-10-21T18:52:06.000Z'
    FROM n
"""
# On the small one first, so that what is imported and cached counts for nothing.
MEASURED = """
import re, sys
from pathlib import Path
from db.migrating import migrator
from server.files import exporting
from server.files.progress import Progress

def export(path):
    for _ in exporting.Export(path, "jsonl", None, Progress()).chunks():
        pass

works = (migrator.foresee, migrator.migrate, migrator.check, export)
for path in map(Path, sys.argv[1:]):
    for work in works:
        work(path)
        # Unlike what getrusage tells, it begins anew in each program.
        peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
        print(path.name, work.__name__, int(peak[1]) / 1024)
"""


def test_memory_does_not_grow_with_a_database_that_is_tried_out_adopted_and_exported(
    tmp_path: Path,
):
    small = legacy_registries.by_hand(tmp_path / "small.db")
    large = legacy_registries.by_hand(tmp_path / "large.db")
    with opened(large) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(FILL)

    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, str(small), str(large)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )

    assert ran.stderr == ""
    peaks = [float(line.rpartition(" ")[2]) for line in ran.stdout.splitlines()]
    assert large.stat().st_size > MEGABYTES * 2**20
    assert peaks[-1] - peaks[len(peaks) // 2 - 1] < MEGABYTES / 2, ran.stdout
