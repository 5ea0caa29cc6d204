-- 0028_search_texts.sql
-- Query.search finds rows that are not soft-deleted by the words of their texts, without regard to case and
-- accents. Each table has an index of FTS5 that holds words by rowid and no text. U+E000 stands before the first
-- word of a text, so that texts that begin with a word are found without reading all that have it anywhere. A
-- table of fts5vocab beside each index has the words.
-- Every row that is there already is indexed, by the statements that also fill an index anew later.
-- The triggers run in each program that writes, so they use nothing that SQLite 3.40 lacks. The command 'delete'
-- takes the texts that were indexed, and fails for a row that was not.

-- The words of actors.
CREATE VIRTUAL TABLE actors_search USING fts5(
    display_name, email, content='',
    tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
);

CREATE VIRTUAL TABLE actors_words USING fts5vocab(actors_search, instance);

INSERT INTO actors_search (actors_search) VALUES ('delete-all');
INSERT INTO actors_search (rowid, display_name, email)
SELECT row.rowid, char(57344) || substr(row.display_name, 1, 1000), char(57344) || substr(row.email, 1, 1000)
FROM actors AS row WHERE row.status <> 'deleted';

CREATE TRIGGER actors_search_of_new AFTER INSERT ON actors
WHEN NEW.status <> 'deleted'
BEGIN
    INSERT INTO actors_search (rowid, display_name, email)
    VALUES (NEW.rowid, char(57344) || substr(NEW.display_name, 1, 1000), char(57344) || substr(NEW.email, 1, 1000));
END;

CREATE TRIGGER actors_search_of_changed AFTER UPDATE OF display_name, email, status ON actors
WHEN OLD.display_name IS NOT NEW.display_name OR OLD.email IS NOT NEW.email OR (OLD.status <> 'deleted') IS NOT (NEW.status <> 'deleted') OR OLD.rowid <> NEW.rowid
BEGIN
    INSERT INTO actors_search (actors_search, rowid, display_name, email)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.display_name, 1, 1000), char(57344) || substr(OLD.email, 1, 1000)
    WHERE OLD.status <> 'deleted' AND EXISTS (SELECT 1 FROM actors_search_docsize WHERE id = OLD.rowid);
    INSERT INTO actors_search (rowid, display_name, email)
    SELECT NEW.rowid, char(57344) || substr(NEW.display_name, 1, 1000), char(57344) || substr(NEW.email, 1, 1000)
    WHERE NEW.status <> 'deleted';
END;

CREATE TRIGGER actors_search_of_old AFTER DELETE ON actors
WHEN OLD.status <> 'deleted'
BEGIN
    INSERT INTO actors_search (actors_search, rowid, display_name, email)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.display_name, 1, 1000), char(57344) || substr(OLD.email, 1, 1000)
    WHERE EXISTS (SELECT 1 FROM actors_search_docsize WHERE id = OLD.rowid);
END;

-- The words of contexts.
CREATE VIRTUAL TABLE contexts_search USING fts5(
    name, content='',
    tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
);

CREATE VIRTUAL TABLE contexts_words USING fts5vocab(contexts_search, instance);

INSERT INTO contexts_search (contexts_search) VALUES ('delete-all');
INSERT INTO contexts_search (rowid, name)
SELECT row.rowid, char(57344) || substr(row.name, 1, 1000)
FROM contexts AS row WHERE row.status <> 'deleted';

CREATE TRIGGER contexts_search_of_new AFTER INSERT ON contexts
WHEN NEW.status <> 'deleted'
BEGIN
    INSERT INTO contexts_search (rowid, name)
    VALUES (NEW.rowid, char(57344) || substr(NEW.name, 1, 1000));
END;

CREATE TRIGGER contexts_search_of_changed AFTER UPDATE OF name, status ON contexts
WHEN OLD.name IS NOT NEW.name OR (OLD.status <> 'deleted') IS NOT (NEW.status <> 'deleted') OR OLD.rowid <> NEW.rowid
BEGIN
    INSERT INTO contexts_search (contexts_search, rowid, name)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.name, 1, 1000)
    WHERE OLD.status <> 'deleted' AND EXISTS (SELECT 1 FROM contexts_search_docsize WHERE id = OLD.rowid);
    INSERT INTO contexts_search (rowid, name)
    SELECT NEW.rowid, char(57344) || substr(NEW.name, 1, 1000)
    WHERE NEW.status <> 'deleted';
END;

CREATE TRIGGER contexts_search_of_old AFTER DELETE ON contexts
WHEN OLD.status <> 'deleted'
BEGIN
    INSERT INTO contexts_search (contexts_search, rowid, name)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.name, 1, 1000)
    WHERE EXISTS (SELECT 1 FROM contexts_search_docsize WHERE id = OLD.rowid);
END;

-- The words of installations.
CREATE VIRTUAL TABLE installations_search USING fts5(
    account_login, content='',
    tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
);

CREATE VIRTUAL TABLE installations_words USING fts5vocab(installations_search, instance);

INSERT INTO installations_search (installations_search) VALUES ('delete-all');
INSERT INTO installations_search (rowid, account_login)
SELECT row.rowid, char(57344) || substr(row.account_login, 1, 1000)
FROM installations AS row WHERE row.uninstalled_at IS NULL;

CREATE TRIGGER installations_search_of_new AFTER INSERT ON installations
WHEN NEW.uninstalled_at IS NULL
BEGIN
    INSERT INTO installations_search (rowid, account_login)
    VALUES (NEW.rowid, char(57344) || substr(NEW.account_login, 1, 1000));
END;

CREATE TRIGGER installations_search_of_changed AFTER UPDATE OF installation_id, account_login, uninstalled_at ON installations
WHEN OLD.account_login IS NOT NEW.account_login OR (OLD.uninstalled_at IS NULL) IS NOT (NEW.uninstalled_at IS NULL) OR OLD.rowid <> NEW.rowid
BEGIN
    INSERT INTO installations_search (installations_search, rowid, account_login)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.account_login, 1, 1000)
    WHERE OLD.uninstalled_at IS NULL AND EXISTS (SELECT 1 FROM installations_search_docsize WHERE id = OLD.rowid);
    INSERT INTO installations_search (rowid, account_login)
    SELECT NEW.rowid, char(57344) || substr(NEW.account_login, 1, 1000)
    WHERE NEW.uninstalled_at IS NULL;
END;

CREATE TRIGGER installations_search_of_old AFTER DELETE ON installations
WHEN OLD.uninstalled_at IS NULL
BEGIN
    INSERT INTO installations_search (installations_search, rowid, account_login)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.account_login, 1, 1000)
    WHERE EXISTS (SELECT 1 FROM installations_search_docsize WHERE id = OLD.rowid);
END;

-- The words of connections.
CREATE VIRTUAL TABLE connections_search USING fts5(
    target_service, target_endpoint, content='',
    tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
);

CREATE VIRTUAL TABLE connections_words USING fts5vocab(connections_search, instance);

INSERT INTO connections_search (connections_search) VALUES ('delete-all');
INSERT INTO connections_search (rowid, target_service, target_endpoint)
SELECT row.rowid, char(57344) || substr(row.target_service, 1, 1000), char(57344) || substr(row.target_endpoint, 1, 1000)
FROM connections AS row WHERE row.status <> 'disconnected';

CREATE TRIGGER connections_search_of_new AFTER INSERT ON connections
WHEN NEW.status <> 'disconnected'
BEGIN
    INSERT INTO connections_search (rowid, target_service, target_endpoint)
    VALUES (NEW.rowid, char(57344) || substr(NEW.target_service, 1, 1000), char(57344) || substr(NEW.target_endpoint, 1, 1000));
END;

CREATE TRIGGER connections_search_of_changed AFTER UPDATE OF target_service, target_endpoint, status ON connections
WHEN OLD.target_service IS NOT NEW.target_service OR OLD.target_endpoint IS NOT NEW.target_endpoint OR (OLD.status <> 'disconnected') IS NOT (NEW.status <> 'disconnected') OR OLD.rowid <> NEW.rowid
BEGIN
    INSERT INTO connections_search (connections_search, rowid, target_service, target_endpoint)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.target_service, 1, 1000), char(57344) || substr(OLD.target_endpoint, 1, 1000)
    WHERE OLD.status <> 'disconnected' AND EXISTS (SELECT 1 FROM connections_search_docsize WHERE id = OLD.rowid);
    INSERT INTO connections_search (rowid, target_service, target_endpoint)
    SELECT NEW.rowid, char(57344) || substr(NEW.target_service, 1, 1000), char(57344) || substr(NEW.target_endpoint, 1, 1000)
    WHERE NEW.status <> 'disconnected';
END;

CREATE TRIGGER connections_search_of_old AFTER DELETE ON connections
WHEN OLD.status <> 'disconnected'
BEGIN
    INSERT INTO connections_search (connections_search, rowid, target_service, target_endpoint)
    SELECT 'delete', OLD.rowid, char(57344) || substr(OLD.target_service, 1, 1000), char(57344) || substr(OLD.target_endpoint, 1, 1000)
    WHERE EXISTS (SELECT 1 FROM connections_search_docsize WHERE id = OLD.rowid);
END;
