"""Migrates databases to the present version."""
