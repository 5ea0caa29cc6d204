"""Copies of a whole database: backups, dumps, and what is restored from either."""
