"""rqlite: SQLite, replicated by Raft, over HTTP."""
