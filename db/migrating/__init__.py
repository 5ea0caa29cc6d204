"""Bringing a database to the present version."""
