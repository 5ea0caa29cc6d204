-- 0012_keep_installations_waiting_for_ids.sql
-- A waiting installation is one of which everything is known but its ChittyID, since the identity authority
-- gave none when GitHub told of it. Whoever asks for it next claims it first, until claimed_until at the
-- latest, so that several servers do not have several minted. It is removed once the row is made.
-- Nothing to backfill: until now every installation was given an id at once.

CREATE TABLE waiting_installations (
    installation_id INTEGER NOT NULL PRIMARY KEY,
    since TEXT NOT NULL,
    claimed_until TEXT NOT NULL
);

-- Serves the end of the wait, which marks the deliveries of the installation as applied.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (installation_id)
    WHERE outcome = 'waiting';
