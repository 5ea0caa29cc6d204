"""Exports and imports rows."""
