"""Backups and SQL dumps of a whole database, and restoring either."""
