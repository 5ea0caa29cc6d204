-- 0010_keep_repairs.sql
-- What was put right when another program's database was adopted, or later by `chittygraph check --fix`: a row
-- in repairs for each kind of repair, and in replaced_values each value that what replaced it cannot tell.
-- Nothing to backfill: nothing was repaired before.

CREATE TABLE repairs (
    repaired_at TEXT NOT NULL,
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    problem TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    backup TEXT,
    PRIMARY KEY (repaired_at, table_name, column_name, problem)
) WITHOUT ROWID;

-- A value may have any type, so its two columns have none.
CREATE TABLE replaced_values (
    repaired_at TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    column_name TEXT NOT NULL,
    value_before,
    value_after,
    PRIMARY KEY (repaired_at, table_name, row_key, column_name)
) WITHOUT ROWID;
