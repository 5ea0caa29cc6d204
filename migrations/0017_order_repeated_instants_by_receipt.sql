-- 0017_order_repeated_instants_by_receipt.sql
-- GitHub repeats updated_at: of two bodies of one instant, the one that was first received later decides, and a
-- deletion of the installation over both. `receipt` numbers them in that order; a redelivery keeps its number,
-- and so does the same payload in other bytes, known by its hash with sorted keys.
-- This replaces what 0008 says of equal instants: `rank` is 4 in what a deletion says, else 0.
-- Deliveries are numbered by when they came. No fact tells its delivery, so each gets the number of the last one
-- that can have made it, and rows stay as they are: no known body changes them unless it came after that one.
-- Repositories are facts by id from now on, and names tell which logins an account has had.
-- An installation that waits for a ChittyID is asked for again at retry_at, later after each of its `failures`;
-- `refused` tells a refusal, with its reason, from a failure that passes. `claim` is of whoever asks now.

ALTER TABLE webhook_deliveries ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_deliveries ADD COLUMN payload_sha256 TEXT;

UPDATE webhook_deliveries SET receipt = numbered.receipt
FROM (
    SELECT body_sha256, row_number() OVER (ORDER BY min(received_at), min(rowid)) AS receipt
    FROM webhook_deliveries
    GROUP BY body_sha256
) AS numbered
WHERE numbered.body_sha256 = webhook_deliveries.body_sha256;

-- Serves the first receipt of a payload.
CREATE INDEX webhook_deliveries_by_payload ON webhook_deliveries (payload_sha256);

-- Serves the next number.
CREATE INDEX webhook_deliveries_by_receipt ON webhook_deliveries (receipt);

ALTER TABLE installation_facts ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;

WITH last AS (
    SELECT
        installation_id,
        max(receipt) AS any_event,
        max(receipt) FILTER (WHERE action = 'deleted') AS deletion,
        max(receipt) FILTER (WHERE action IN ('suspend', 'created', 'new_permissions_accepted'))
            AS suspension,
        max(receipt) FILTER (WHERE event = 'installation') AS list,
        max(receipt) FILTER (WHERE event = 'installation_repositories' AND action = 'added') AS addition,
        max(receipt) FILTER (WHERE event = 'installation_repositories' AND action = 'removed') AS removal
    FROM webhook_deliveries
    WHERE event IN ('installation', 'installation_repositories', 'installation_target')
      AND outcome IN ('applied', 'waiting', 'stored')
    GROUP BY installation_id
)
UPDATE installation_facts SET receipt = coalesce(
    CASE
        WHEN rank = 4 THEN last.deletion
        WHEN rank = 3 THEN last.suspension
        WHEN rank = 2 THEN last.removal
        WHEN rank = 1 THEN last.addition
        WHEN aspect = 'selected_repositories' THEN last.list
        ELSE last.any_event
    END, 0)
FROM last
WHERE last.installation_id = installation_facts.installation_id;

-- A change of a list was preferred to a list of the same instant, and stays so.
UPDATE installation_facts SET receipt = list.receipt + installation_facts.rank
FROM installation_facts AS list
WHERE list.installation_id = installation_facts.installation_id
  AND list.aspect = 'selected_repositories' AND list.at = installation_facts.at
  AND installation_facts.aspect >= 'repository:' AND installation_facts.aspect < 'repository;'
  AND installation_facts.receipt <= list.receipt;

UPDATE installation_facts SET rank = 0 WHERE rank IN (1, 2, 3);

INSERT INTO installation_facts (installation_id, aspect, at, rank, value, receipt)
SELECT installation_id, 'login:' || (value ->> '$'), at, 0, 'true', 0
FROM installation_facts
WHERE aspect = 'account_login'
ON CONFLICT DO NOTHING;

-- Serves the next number, which exceeds those of imported facts too.
CREATE INDEX installation_facts_by_receipt ON installation_facts (receipt);

ALTER TABLE waiting_installations ADD COLUMN claim TEXT;
ALTER TABLE waiting_installations ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waiting_installations ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waiting_installations ADD COLUMN reason TEXT;
ALTER TABLE waiting_installations ADD COLUMN retry_at TEXT NOT NULL DEFAULT '';
