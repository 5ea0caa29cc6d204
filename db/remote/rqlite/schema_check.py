"""Whether the schema is the one over which the statements of a batch were compiled.

A node runs the other statements of a batch around one that does not compile, and commits them. So each batch
that writes asks in its own transaction whether the schema is still the same. All nodes hold the same schema
and thus give the same answer: not so SQLite's own number of it, which VACUUM changes on one node alone.
"""

from typing import Any

from db.remote.transport import Bound

_SCHEMA = """(
    SELECT count(*) || '.' || sum(length(name)) FROM sqlite_master
    WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'
)"""
STATE = Bound(f"SELECT {_SCHEMA}", {})
# Stands after the guard of the batch, whose row the constraint keeps from having no time.
CHECK = f"""
    UPDATE applied_writes SET at = NULL
    WHERE number = (SELECT max(number) FROM applied_writes) AND {_SCHEMA} IS NOT :schema
"""
FAILED = "NOT NULL constraint failed: applied_writes.at"


def bound(schema: str | None) -> Bound:
    return Bound(CHECK, {"schema": schema})


def told(result: dict[str, Any]) -> str:
    """What the schema is, by the result of STATE."""
    ((schema,),) = result["values"]
    return str(schema)


def has_failed(found: list[dict[str, Any]]) -> bool:
    """Whether it was this statement, the second, that failed: the guard may say the same of its row."""
    return any(str(result.get("error", "")).startswith(FAILED) for result in found[1:2])
