"""Replaces sqlite3 by pysqlite3 if that is installed, before aiosqlite imports it.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file if two connections write or checkpoint at the same moment, and
older versions run our statements more slowly. The package `db` imports this module first.
"""

import importlib
import sys

SAFE_SINCE = (3, 51, 3)


def _use_current_sqlite() -> str:
    """Return the name of the library in use."""
    try:
        module = importlib.import_module("pysqlite3")
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return "the system's library"
    sys.modules["sqlite3"] = module
    sys.modules["sqlite3.dbapi2"] = dbapi2
    return "the pysqlite3 wheel"


SOURCE = _use_current_sqlite()

import sqlite3  # noqa: E402 - the replacement is made by now

VERSION: str = sqlite3.sqlite_version
IS_SAFE_FOR_SEVERAL_WRITERS = sqlite3.sqlite_version_info >= SAFE_SINCE
