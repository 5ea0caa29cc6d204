-- 0027_index_texts_of_any_case.sql
-- Filters with ignoreCase find texts by their ASCII letters in lower case, newest last as the other indexes of
-- what is looked for.
-- Nothing to backfill: SQLite fills indexes from the rows that are there.

CREATE INDEX actors_by_display_name_of_any_case ON actors (lower(display_name), created_at, chitty_id);

CREATE INDEX actors_by_email_of_any_case ON actors (lower(email), created_at, chitty_id)
WHERE lower(email) IS NOT NULL;

CREATE INDEX contexts_by_name_of_any_case ON contexts (lower(name), created_at, chitty_id);

CREATE INDEX installations_by_account_login_of_any_case
ON installations (lower(account_login), installed_at, installation_id);

CREATE INDEX connections_by_target_service_of_any_case
ON connections (lower(target_service), created_at, connection_id);

CREATE INDEX connections_by_target_endpoint_of_any_case
ON connections (lower(target_endpoint), created_at, connection_id)
WHERE lower(target_endpoint) IS NOT NULL;

CREATE INDEX connections_by_last_error_of_any_case
ON connections (lower(last_error), created_at, connection_id)
WHERE lower(last_error) IS NOT NULL;
