"""Compiled execution: an operation becomes a plan once, and each run of it one Program."""
