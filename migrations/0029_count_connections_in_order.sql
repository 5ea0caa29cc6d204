-- 0029_count_connections_in_order.sql
-- Groups of connections, and the statistics of services, count in the order of an index that has all that they
-- need: groups of 200,000 by status take 15 ms instead of 52.
-- Nothing to backfill: SQLite fills indexes from the rows that are there.

-- Serves Query.connections.groups and Service.stats.
CREATE INDEX connections_by_target_service_and_status
ON connections (target_service, status, connection_type, source_type, request_count, error_count);
