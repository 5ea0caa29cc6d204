-- 0006_one_active_connection_per_endpoint.sql
-- A source has at most one active connection to a service and endpoint, no endpoint counting as one too.
-- Of existing duplicates the newest stays active and the others become inactive. Times are compared
-- as instants, since tables made by other programs hold them in more than one form.

UPDATE connections
SET status = 'inactive',
    updated_at = coalesce(
        strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0.001 seconds'), updated_at
    )
WHERE connection_id IN (
    SELECT connection_id FROM (
        SELECT connection_id, row_number() OVER (
            PARTITION BY source_chitty_id, target_service, coalesce(target_endpoint, '')
            ORDER BY julianday(created_at) DESC, connection_id DESC
        ) AS place
        FROM connections
        WHERE status = 'active'
    )
    WHERE place > 1
);

-- Serves openConnection and reconnect, which look here for an active twin before they write.
CREATE UNIQUE INDEX one_active_connection_per_endpoint
    ON connections (source_chitty_id, target_service, coalesce(target_endpoint, ''))
    WHERE status = 'active';
