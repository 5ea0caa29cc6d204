"""Which SQLite runs underneath.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when two connections write or checkpoint at the same
moment (fixed in 3.51.3), and older ones are slower at the statements made here. Where a wheel with a
current SQLite is installed it takes the place of the standard library's module, before aiosqlite
imports that. Importing any module of `db` is enough, since the package imports this one first.
"""

import importlib
import sys

SAFE_SINCE = (3, 51, 3)


def _use_current_sqlite() -> str:
    """Put pysqlite3 in the place of sqlite3 where it is installed; return which one is in use."""
    try:
        module = importlib.import_module("pysqlite3")
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return "the system's library"
    sys.modules["sqlite3"] = module
    sys.modules["sqlite3.dbapi2"] = dbapi2
    return "the pysqlite3 wheel"


SOURCE = _use_current_sqlite()

import sqlite3  # noqa: E402 - only now is it known which one

VERSION: str = sqlite3.sqlite_version
IS_SAFE_FOR_SEVERAL_WRITERS = sqlite3.sqlite_version_info >= SAFE_SINCE
