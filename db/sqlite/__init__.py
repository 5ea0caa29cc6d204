"""The embedded engine: connections to one SQLite file, and the work on such files."""
