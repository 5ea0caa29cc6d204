"""Connections, the processes that serve them, and clients that are slow or gone."""
