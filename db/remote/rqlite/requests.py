"""What is sent to a node: statements with named parameters, as JSON, and the path that says how they run."""

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from db.consistency import At, Level
from db.errors import EngineLimit
from db.program import Value
from db.remote.transport import Bound

# `noparse`: its own parser knows less than SQLite's. `redirect`: a follower names the leader, and passes
# nothing on, so that what fails has failed at one node.
WRITE = "/db/request?transaction&noparse&redirect"
# Unlike WRITE it takes all back if a statement does not compile, and it returns no rows.
EXECUTE = "/db/execute?transaction&noparse&redirect"
COMPILE = "/db/query?noparse&redirect&level=weak"
FIND_LEADER = "/db/query?redirect&level=weak"
NOTHING = b'[["SELECT 1"]]'

LARGEST_INTEGER = 2**63 - 1
# Nodes store a text that looks so as a BLOB: they do not tell a value from a literal.
_HEX_LITERAL = re.compile(r"\s*[xX]'.*'\s*", re.DOTALL)
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|:(\w+)", re.DOTALL)
_PLAIN = {int, type(None)}


def read(at: At, seconds: float) -> str:
    """The path of a read that may take this long."""
    path = f"/db/query?transaction&noparse&redirect&level={at.level.value}"
    if at.level is Level.NONE and at.freshness is not None:
        microseconds = max(int(at.freshness * 1_000_000), 1)  # 0 would be no bound
        path += f"&freshness={microseconds}us&freshness_strict"
    # Earlier than the client gives up, so that a statement that takes long is told from a node that stalls.
    # In tenths, so that there are few paths, whose parts the client remembers.
    return f"{path}&db_timeout={max(int(seconds * 9), 1)}00ms"


def encode(batch: Iterable[Bound]) -> bytes:
    """Raises EngineLimit for a value that rqlite cannot hold."""
    return orjson.dumps([_statement(each.sql, each.bind) for each in batch])


# Before a node runs a request it compiles the first statement of each text, the leader twice, only to see
# whether it reads. One that fires triggers takes milliseconds to compile, so a cheap one comes before it in
# its text: one that reads before one that reads, and never one that would change what changes() is.
CHEAP_WRITE = "DELETE FROM applied_writes WHERE FALSE; "
CHEAP_READ = "SELECT 1; "
SHORT = 200  # characters of a statement that compiles fast
_WRITES = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|DELETE)\b(?!.*\bchanges\s*\()", re.IGNORECASE | re.DOTALL
)
_READS = re.compile(r"\s*SELECT\b", re.IGNORECASE)


def encode_write(batch: Iterable[Bound]) -> bytes:
    """A batch for WRITE, over a database with our migrations; raises like `encode`."""
    return orjson.dumps([_statement(compiled_once(each.sql), each.bind) for each in batch])


@lru_cache(1_024)
def compiled_once(sql: str) -> str:
    """The text of a statement that nodes compile as seldom as they can."""
    if len(sql) <= SHORT:
        return sql
    if _READS.match(sql):
        return CHEAP_READ + sql
    return CHEAP_WRITE + sql if _WRITES.match(sql) else sql


def _statement(sql: str, bind: Mapping[str, Value]) -> list[Any]:
    if not bind:
        return [sql]
    hidden = None
    for name, value in bind.items():
        if type(value) is str:
            if value.endswith("'") and _HEX_LITERAL.fullmatch(value):
                hidden = {**(hidden or {}), name: orjson.dumps(value).decode()}
        elif type(value) not in _PLAIN or (type(value) is int and abs(value) > LARGEST_INTEGER):
            _check(value)
    if hidden is None:
        return [sql, bind]
    return [_with_json(sql, frozenset(hidden)), {**bind, **hidden}]


def _check(value: Value) -> None:
    if isinstance(value, bytes):
        raise EngineLimit("rqlite takes no BLOBs: send text")
    if isinstance(value, float) and not math.isfinite(value):
        raise EngineLimit("rqlite takes no numbers that are infinite or not a number")
    if isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise EngineLimit("rqlite takes integers of at most 64 bits")


@lru_cache(64)
def _with_json(sql: str, names: frozenset[str]) -> str:
    """The statement that takes these parameters as JSON, in which texts look like nothing else."""

    def replaced(token: re.Match[str]) -> str:
        return f"({token[0]} ->> '$')" if token[1] in names else token[0]

    return _TOKEN.sub(replaced, sql)
