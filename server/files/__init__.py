"""Rows in files: import, export and saved webhook payloads."""
