"""Sockets, timeouts and worker processes below HTTP."""
