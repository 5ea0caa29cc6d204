-- 0015_one_actor_per_principal.sql
-- A ChittyAuth principal is one actor, since a token in its name now says who asks. Where actors shared one,
-- nobody can tell which of them it means: each of them loses it, and an administrator gives it back to the
-- right one. What it was stays in replaced_values, next to the count in repairs.

INSERT INTO replaced_values (repaired_at, table_name, row_key, column_name, value_before, value_after)
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'actors', chitty_id, 'chitty_auth_principal_id',
    chitty_auth_principal_id, NULL
FROM actors
WHERE chitty_auth_principal_id IN (
    SELECT chitty_auth_principal_id FROM actors
    WHERE chitty_auth_principal_id IS NOT NULL
    GROUP BY chitty_auth_principal_id HAVING count(*) > 1
);

INSERT INTO repairs (repaired_at, table_name, column_name, problem, row_count)
SELECT max(repaired_at), 'actors', 'chitty_auth_principal_id', 'shared by several actors', count(*)
FROM replaced_values
WHERE column_name = 'chitty_auth_principal_id' AND value_after IS NULL
  AND row_key IN (
    SELECT chitty_id FROM actors AS sharing
    WHERE chitty_auth_principal_id = value_before
  )
HAVING count(*) > 0;

UPDATE actors
SET chitty_auth_principal_id = NULL,
    updated_at = coalesce(
        strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0.001 seconds'), updated_at
    )
WHERE chitty_auth_principal_id IN (
    SELECT chitty_auth_principal_id FROM actors
    WHERE chitty_auth_principal_id IS NOT NULL
    GROUP BY chitty_auth_principal_id HAVING count(*) > 1
);

-- Serves that rule, and the look-up of who a token names. actors_by_principal stays beside it: what a file
-- made is how it is told whether the file ran.
CREATE UNIQUE INDEX one_actor_per_principal ON actors (chitty_auth_principal_id)
    WHERE chitty_auth_principal_id IS NOT NULL;
