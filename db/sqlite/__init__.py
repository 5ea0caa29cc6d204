"""The embedded engine: connections to one SQLite file, and what only a file has."""
