"""Benchmarks: this server against others over the same data, `./run bench --help`."""

# The rival in Python is to have the SQLite library that our server has; that must come first.
from db.sqlite import library as library
