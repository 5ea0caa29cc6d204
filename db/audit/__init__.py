"""Audits a database file: whether its history is true, and all of it as text."""
