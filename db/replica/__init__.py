"""Reads a copy of another server's file, which litestream keeps up to date."""
