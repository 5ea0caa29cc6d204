"""Databases of ChittyConnect whose tables are called like ours, and what adoption makes of each cell."""

from pathlib import Path
from typing import Any

from tests.support.registries.legacy_registries import TABLES, opened, rows

PERSON = "CHITTY-PEO-000007-AB12"
LEDGER = "CHITTY-CONTEXT-2f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f01"
INTAKE = "CHITTY-CONTEXT-2f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f02"
OWN = "03-1-USA-0042-T-2511-0-17"  # an installation's, as the authority mints it
BEYOND_53_BITS = 9007199254740993

# As the worker on the main line makes them, with what its schema leaves open: an INTEGER holds Unix times.
MAIN = f"""
CREATE TABLE contexts (
    chittyid TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, dna_id TEXT, api_key_id TEXT,
    verification_id TEXT, certification_id TEXT, metadata TEXT, created_at INTEGER, updated_at INTEGER
);
CREATE INDEX idx_contexts_name ON contexts (name);
CREATE TABLE installations (
    installation_id INTEGER PRIMARY KEY, chittyid TEXT REFERENCES contexts (chittyid), account TEXT,
    permissions TEXT, created_at INTEGER
);
CREATE INDEX idx_installations_chittyid ON installations (chittyid);
INSERT INTO contexts VALUES
    ('{LEDGER}', 'ledger', 'CHITTY-DNA-000001-AAAA', 'key_1', NULL, NULL,
        '{{"owner": "did:chitty:{PERSON}", "systems": ["github", "notion"], "tools": [], "plan": 9}}',
        1761072726, 1761072799),
    ('{INTAKE}', 'intake', NULL, NULL, 'ver_2', 'cert_2', '{{}}', 1761072726000, NULL),
    ('CTX-3', 'odd "name"', NULL, NULL, NULL, NULL, 'no JSON', NULL, NULL);
INSERT INTO installations VALUES
    (41, '{LEDGER}', 'octo-org', '{{"contents": "read"}}', 1761072726),
    (42, NULL, 'Octo-Cat', NULL, 1761072726),
    (43, '{LEDGER}', 'octo-two', '{{}}', 1761072800),
    ({BEYOND_53_BITS}, 'CTX-3', NULL, 'no JSON', NULL);
"""
# What it makes since then, with times of CURRENT_TIMESTAMP; an installation is called by its own ChittyID.
MAIN_IN_FULL = f"""
CREATE TABLE contexts (
    chittyid TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, dna_id TEXT, api_key_id TEXT,
    verification_id TEXT, certification_id TEXT, metadata TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE installations (
    installation_id INTEGER PRIMARY KEY, chittyid TEXT NOT NULL, account_id INTEGER NOT NULL,
    account_login TEXT NOT NULL, account_type TEXT NOT NULL, repository_selection TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (chittyid) REFERENCES contexts (chittyid)
);
INSERT INTO contexts (chittyid, name, created_at, updated_at)
    VALUES ('{LEDGER}', 'ledger', '2025-10-21 18:52:06', '2025-10-21 18:53:19');
INSERT INTO installations VALUES
    (41, '{LEDGER}', 5, 'octo-org', 'Organization', 'selected', '2025-10-21 18:52:06', '2025-10-22 07:00:00'),
    (42, '{OWN}', 6, 'octo-cat', 'User', NULL, '2025-10-21 18:52:06', '2025-10-21 18:52:06');
"""
EARLIER = f"""
CREATE TABLE contexts (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, owner_id TEXT, dna_record TEXT, api_key_id TEXT,
    verified INTEGER DEFAULT 0, certified INTEGER DEFAULT 0, metadata TEXT, created_at TEXT, updated_at TEXT
);
CREATE TABLE installations (id INTEGER PRIMARY KEY, metadata TEXT, created_at TEXT);
INSERT INTO contexts VALUES
    ('{INTAKE}', 'intake', '{PERSON}', 'dna_1', 'key_1', 1, 0, '{{}}', '2025-10-20 09:00:00', NULL),
    ('ctx_2', 'ledger', 'someone@example.org', NULL, NULL, 0, 0, NULL, '2025-10-20 09:00:00',
        '2025-10-21 18:52:06'),
    ('CTX-3', 'odd', NULL, NULL, NULL, NULL, NULL, 'no JSON', NULL, NULL);
INSERT INTO installations VALUES
    (41, '{{"account": {{"login": "octo-org", "id": 5, "type": "Organization"}}}}', '2025-10-20 09:00:00'),
    (42, NULL, NULL);
"""
# The same with keys of its own, and the ids of ChittyID and GitHub beside them.
EARLIER_IN_FULL = f"""
CREATE TABLE contexts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, chitty_id TEXT UNIQUE NOT NULL, name TEXT UNIQUE NOT NULL,
    owner_id TEXT, dna_record TEXT, api_key_id TEXT, verified BOOLEAN DEFAULT 0,
    certified BOOLEAN DEFAULT 0, metadata TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE installations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, installation_id INTEGER UNIQUE NOT NULL, chitty_id TEXT NOT NULL,
    account_id INTEGER NOT NULL, account_login TEXT NOT NULL, account_type TEXT NOT NULL,
    repository_selection TEXT, permissions TEXT, events TEXT, metadata TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
INSERT INTO contexts (chitty_id, name, owner_id, created_at, updated_at)
    VALUES ('{LEDGER}', 'ledger', '{PERSON}', '2025-10-20T09:00:00.000Z', '2025-10-20T09:00:00.000Z');
INSERT INTO installations
    (installation_id, chitty_id, account_id, account_login, account_type, repository_selection, permissions,
    events, created_at, updated_at)
    VALUES (41, '{OWN}', 5, 'octo-org', 'Organization', 'all', '{{"contents": "read"}}', '["push"]',
        '2025-10-20T09:00:00.000Z', '2025-10-20T09:00:00.000Z');
"""
CATALOGUE = """
CREATE TABLE connections (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, slug TEXT UNIQUE, category TEXT, provider TEXT, base_url TEXT,
    health_endpoint TEXT, config_json TEXT, credential_source TEXT, credential_path TEXT,
    status TEXT CHECK (status IN ('active', 'inactive', 'maintenance')), consecutive_failures INTEGER,
    tags TEXT, depends_on TEXT, created_at INTEGER, updated_at INTEGER
);
CREATE TABLE connection_health_log (
    id INTEGER PRIMARY KEY, connection_id TEXT REFERENCES connections (id), status TEXT, checked_at INTEGER
);
INSERT INTO connections (id, name, slug, category, status, depends_on, created_at) VALUES
    ('svc_1', 'GitHub', 'github', 'dev', 'active', '[]', 1761072726),
    ('svc_2', 'Ledger', 'ledger', 'chitty', 'maintenance', '["github"]', 1761072726);
INSERT INTO connection_health_log VALUES (1, 'svc_1', 'ok', 1761072726);
"""
# What its D1 database holds when its migrations and its first request have run.
MAIN_DATABASE = f"""
{MAIN}
{CATALOGUE}
CREATE TABLE tenant_projects (tenant_id TEXT PRIMARY KEY, neon_project_id TEXT NOT NULL UNIQUE);
INSERT INTO tenant_projects VALUES ('t1', 'n1');
"""
# The original's actors and connections, which that worker does not make, beside its contexts.
MIXED = f"""
{MAIN}
{TABLES[TABLES.index("CREATE TABLE IF NOT EXISTS actors") :]}
INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, created_at)
    VALUES ('conn-0b9f5a0e-3c1e-4b57-9d40-5d0b6b1f7a01', '{LEDGER}', 'context', 'github',
        '2025-10-21 18:52:06');
"""
# The original's contexts, installations and actors beside the catalogue, which kept its connections out.
ORIGINAL_WITH_CATALOGUE = CATALOGUE + TABLES[: TABLES.index("CREATE UNIQUE INDEX")]

EVERYTHING = {
    "main": MAIN,
    "main in full": MAIN_IN_FULL,
    "earlier": EARLIER,
    "earlier in full": EARLIER_IN_FULL,
    "main with its catalogue": MAIN_DATABASE,
}

AT, LATER, LATEST = (
    "2025-10-21T18:52:06.000Z",
    "2025-10-21T18:53:19.000Z",
    "2025-10-21T18:53:20.000Z",
)
EARLY = "2025-10-20T09:00:00.000Z"
# Who owns a context without an owner, an id that was minted, and when it was adopted: different each time.
SYSTEM, MINTED, ADOPTED = "the SYSTEM actor", "a minted id", "the time of the adoption"


def context(key: str, name: str, owner: str, **others: Any) -> dict[str, Any]:
    """A row of ours, active and without lists unless said otherwise."""
    return {
        **dict.fromkeys(("chitty_dna_id", "chitty_chronicle_timeline_id", "deleted_at")),
        **dict.fromkeys(("data", "systems", "tools"), "[]"),
        "chitty_id": key,
        "name": name,
        "owner_chitty_id": owner,
        "status": "active",
        **others,
    }


def installation(key: int, login: str, **others: Any) -> dict[str, Any]:
    """A row of ours of which GitHub has told nothing yet."""
    unknown = ("chitty_dna_id", "account_avatar_url", "suspended_at", "suspended_by_chitty_id")
    return {
        **dict.fromkeys((*unknown, "uninstalled_at")),
        "installation_id": key,
        "chitty_id": MINTED,
        "account_id": 0,
        "account_login": login,
        "account_type": "User",
        "repository_selection": "all",
        "permissions": "{}",
        "events": "[]",
        "selected_repositories": "[]",
        **others,
    }


def times(created: str, updated: str, table: str = "contexts") -> dict[str, str]:
    """When a row began and last changed."""
    return {"created_at" if table == "contexts" else "installed_at": created, "updated_at": updated}


def installed(created: str, updated: str | None = None) -> dict[str, str]:
    return times(created, updated or created, "installations")


ADOPTED_ROWS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "main": {
        "contexts": [
            context(
                LEDGER,
                "ledger",
                PERSON,
                chitty_dna_id="CHITTY-DNA-000001-AAAA",
                systems='["github","notion"]',
                **times(AT, LATER),
            ),
            context(INTAKE, "intake", SYSTEM, **times(AT, AT)),
            context("CTX-3", 'odd "name"', SYSTEM, **times(ADOPTED, ADOPTED)),
        ],
        "installations": [
            installation(41, "octo-org", permissions='{"contents": "read"}', **installed(AT)),
            installation(42, "Octo-Cat", **installed(AT)),
            installation(43, "octo-two", **installed(LATEST)),
            installation(BEYOND_53_BITS, "unknown", **installed(ADOPTED)),
        ],
    },
    "main in full": {
        "contexts": [context(LEDGER, "ledger", SYSTEM, **times(AT, LATER))],
        "installations": [
            installation(
                41,
                "octo-org",
                account_id=5,
                account_type="Organization",
                repository_selection="selected",
                **installed(AT, "2025-10-22T07:00:00.000Z"),
            ),
            installation(42, "octo-cat", chitty_id=OWN, account_id=6, **installed(AT)),
        ],
    },
    "earlier": {
        "contexts": [
            context(INTAKE, "intake", PERSON, chitty_dna_id="dna_1", **times(EARLY, EARLY)),
            context("ctx_2", "ledger", SYSTEM, **times(EARLY, AT)),
            context("CTX-3", "odd", SYSTEM, **times(ADOPTED, ADOPTED)),
        ],
        "installations": [
            installation(
                41, "octo-org", account_id=5, account_type="Organization", **installed(EARLY)
            ),
            installation(42, "unknown", **installed(ADOPTED)),
        ],
    },
    "earlier in full": {
        "contexts": [context(LEDGER, "ledger", PERSON, **times(EARLY, EARLY))],
        "installations": [
            installation(
                41,
                "octo-org",
                chitty_id=OWN,
                account_id=5,
                account_type="Organization",
                permissions='{"contents": "read"}',
                events='["push"]',
                **installed(EARLY),
            )
        ],
    },
}
ADOPTED_ROWS["main with its catalogue"] = ADOPTED_ROWS["main"]
# The links: the context, the installation, the endpoint, and since when.
_MAIN_LINKS = [
    (LEDGER, 41, None, AT),
    (LEDGER, 43, "/app/installations/43", LATEST),
    ("CTX-3", BEYOND_53_BITS, None, ADOPTED),
]
LINKS: dict[str, list[tuple[Any, ...]]] = {
    "main": _MAIN_LINKS,
    "main in full": [(LEDGER, 41, None, AT)],
    "earlier": [],
    "earlier in full": [],
    "main with its catalogue": _MAIN_LINKS,
}


def made(path: Path, sql: str) -> Path:
    """A database in which this ran."""
    with opened(path) as connection:
        connection.executescript(sql)
    return path


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table but the registry's own, by its name without what adoption adds."""
    names = rows(
        path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    with opened(path) as connection:
        connection.text_factory = bytes  # also what is no UTF-8
        found = {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names
        }
    aside = {name.removesuffix("_before_adoption") for name in found if name.endswith("_adoption")}
    return {
        name.removesuffix("_before_adoption"): values
        for name, values in found.items()
        if name not in aside
    }


def system_actor(file: Path) -> str:
    """The ChittyID of the one actor that owns what nobody is known to own."""
    found = rows(file, "SELECT chitty_id FROM actors WHERE actor_type = 'system'")
    assert len(found) <= 1
    return str(found[0][0]) if found else ""
