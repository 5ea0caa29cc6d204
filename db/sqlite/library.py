"""The version of SQLite.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file if two connections write or checkpoint at the same moment
(fixed in 3.51.3), and older versions run our statements more slowly. If the pysqlite3 wheel, which has a
current SQLite, is installed, it replaces the standard library's module before aiosqlite imports that. The
package `db` imports this module first, so importing any module of it is enough.
"""

import importlib
import sys

SAFE_SINCE = (3, 51, 3)


def _use_current_sqlite() -> str:
    """Replace sqlite3 by pysqlite3 if that is installed; returns the name of the library in use."""
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
