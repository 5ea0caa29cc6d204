"""What every test may use."""

# Before any test imports sqlite3: two SQLite libraries in one process break each other's locks.
import db  # noqa: F401

pytest_plugins = ("tests.corpus.sharing", "tests.strict")
