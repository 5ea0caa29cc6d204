"""Answers to mutations under an Idempotency-Key, kept for a day in the transaction of the write.

A mutation's batch claims its key first; each of its statements writes only if the claim is its own, and the
last one keeps the rows that were written. No Python runs in between, so that an engine reached over HTTP can
do it too. What wrote nothing is kept by a second batch: until then nobody has had an answer, and whoever
comes next may take the key over.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeAlias, TypeVar

from db.errors import ErrorCode, IdempotencyKeyReused, Problem, Refused
from db.model import instants
from db.model.tables import TABLES, Table
from db.program import CACHED_TEXTS, Program, Rows, Statement, Value
from db.security.revalidation import STILL_AUTHORIZED
from db.security.row_security import by_key, known

T = TypeVar("T")

KEPT_FOR = timedelta(hours=24)
MAX_ANSWERS = 1_000
MAX_BYTES = 16_000_000
REMOVED_AT_ONCE = 100
TABLES_BY_NAME = {table.name: table for table in TABLES}

_OF_KEY = "viewer = :kept_viewer AND key_sha256 = :kept_key"
# The + keeps SQLite from starting with all answers of the viewer.
_IS_YOUNG = "+kept_at > :kept_before"
_OF_FIELD = f"{_OF_KEY} AND field_sha256 = :kept_field"
_CLAIMED = f"{_OF_FIELD} AND attempt = :kept_attempt AND answer IS NULL"

REMOVE_OLD = f"""
    DELETE FROM idempotent_answers
    WHERE rowid IN (
        SELECT rowid FROM idempotent_answers
        WHERE kept_at <= :kept_before ORDER BY kept_at LIMIT {REMOVED_AT_ONCE}
    )
"""
HAS_ROOM = f"""
    SELECT coalesce(sum(bytes > 0), 0) < {MAX_ANSWERS} AND coalesce(sum(bytes), 0) < {MAX_BYTES}
    FROM idempotent_answers WHERE viewer = :kept_viewer AND kept_at > :kept_before
"""
CLAIM = f"""
    INSERT INTO idempotent_answers (
        viewer, key_sha256, field_sha256, request_sha256, attempt, kept_at, capabilities, answer, bytes
    )
    SELECT
        :kept_viewer, :kept_key, :kept_field, :kept_request, :kept_attempt, :kept_at,
        :kept_capabilities, :kept_answer, coalesce(length(CAST(:kept_answer AS BLOB)), 0)
    WHERE {STILL_AUTHORIZED}
      AND NOT EXISTS (
          SELECT 1 FROM idempotent_answers
          WHERE {_OF_KEY} AND request_sha256 <> :kept_request
            AND answer IS NOT NULL AND {_IS_YOUNG}
      )
      AND ({HAS_ROOM})
    ON CONFLICT (viewer, key_sha256, field_sha256) DO UPDATE
    SET request_sha256 = excluded.request_sha256, attempt = excluded.attempt,
        kept_at = excluded.kept_at, capabilities = excluded.capabilities,
        has_written = FALSE, answer = excluded.answer, bytes = excluded.bytes
    WHERE idempotent_answers.answer IS NULL OR idempotent_answers.kept_at <= :kept_before
"""
IS_CLAIMED = f"({STILL_AUTHORIZED} AND EXISTS (SELECT 1 FROM idempotent_answers WHERE {_CLAIMED}))"
# changes() are those of the statement before.
MARK = f"UPDATE idempotent_answers SET has_written = TRUE WHERE {_CLAIMED} AND changes() > 0"
KEEP = f"""
    UPDATE idempotent_answers
    SET answer = written.answer, bytes = length(CAST(written.answer AS BLOB))
    FROM (
        SELECT json_object(
            'table', '{{table}}', 'columns', json('{{columns}}'),
            'rows', json_group_array(json_array({{values}}))
        ) AS answer
        FROM {{of}}
    ) AS written
    WHERE {_CLAIMED.replace("answer IS", "idempotent_answers.answer IS")}
      AND (changes() > 0 OR has_written)
"""
# An answer may be large: it is only read to be repeated, which is when the statement before has kept none.
FIND = f"""
    SELECT
        field_sha256, request_sha256, attempt, capabilities, answer IS NOT NULL,
        CASE WHEN field_sha256 = coalesce(:kept_field, field_sha256)
            AND (attempt <> :kept_attempt OR changes() = 0) THEN answer END
    FROM idempotent_answers
    WHERE {_OF_KEY} AND {_IS_YOUNG}
"""
COUNT = "SELECT count(*) FROM idempotent_answers"
ERASE = """
    UPDATE idempotent_answers SET answer = :erased, bytes = length(:erased)
    WHERE answer <> :erased AND (viewer = :actor OR instr(answer, :actor))
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One field of one request: SHA-256 digests of what it is, and whose.

    `viewer` is empty in open mode; `capabilities` is the JSON list of those that the viewer holds; `attempt`
    differs from all other claims.
    """

    viewer: str
    key: str
    request: str
    field: str | None
    attempt: str
    capabilities: str

    def bind(self, answer: str | None = None) -> dict[str, Value]:
        now = datetime.now(UTC)
        return {
            "kept_viewer": self.viewer,
            "kept_key": self.key,
            "kept_request": self.request,
            "kept_field": self.field,
            "kept_attempt": self.attempt,
            "kept_capabilities": self.capabilities,
            "kept_at": instants.canonical(now),
            "kept_before": instants.canonical(now - KEPT_FOR),
            "kept_answer": answer,
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept answer, as JSON, and the capabilities that its viewer held then."""

    answer: str
    capabilities: frozenset[str]


class AlreadyAnswered(Exception):
    """Raised if the same request was answered before; nothing was written now."""

    def __init__(self, kept: Kept) -> None:
        super().__init__("the request was answered before")
        self.kept = kept


class NothingWritten(Exception):
    """Raised if a mutation wrote nothing: it was refused with `refused`, or left the `row` as it was."""

    def __init__(self, row: Any, refused: Refused | None, table: Table[Any]) -> None:
        super().__init__("nothing was written")
        self.row = row
        self.refused = refused
        self.table = table


def find(claim: Claim) -> Program[dict[str, Kept]]:
    """The answers to a request by its fields' digests; raises IdempotencyKeyReused for another request's."""
    (found,) = yield [Statement(FIND, claim.bind())]
    _check_same_request(found, claim)
    return {str(row[0]): _kept(row) for row in found if row[4]}


def once(program: Program[T], claim: Claim) -> Program[T]:
    """Run a mutation's Program and keep the rows that it writes, unless the request was answered before.

    Raises what the Program raises if it has written, AlreadyAnswered, NothingWritten, IdempotencyKeyReused,
    and Refused with LIMIT if the viewer has too many answers.
    """
    batch = next(program)
    place = next(place for place, statement in enumerate(batch) if statement.returning)
    bind = claim.bind()
    own, before = _if_claimed(batch[place], bind), batch[:place]
    marked = [each for one in before for each in (_if_claimed(one, bind), Statement(MARK, bind))]
    claiming = [Statement(REMOVE_OLD, bind), Statement(CLAIM, bind)]
    keeping = [_keep(own), Statement(FIND, bind)]
    results = yield [*claiming, *marked, own, *batch[place + 1 :], *keeping]
    first = len(claiming) + len(marked)
    rows = results[len(claiming) : first : 2] + results[first : -len(keeping)]
    is_kept = _is_claimed(results[-1], claim)
    refused = None
    try:
        program.send(rows)
        raise AssertionError("a Program that writes has one batch")
    except StopIteration as stop:
        result: T = stop.value
    except Refused as error:
        if is_kept:
            raise
        refused = error
    if not is_kept:
        raise NothingWritten(None if refused else result, refused, _table_of(own))
    return result


def keep(answer: str, claim: Claim) -> Program[None]:
    """Keep the answer to a request that wrote nothing; raises like `once`."""
    bind = claim.bind(answer)
    *_, found = yield [
        Statement(REMOVE_OLD, bind),
        Statement(CLAIM, bind),
        Statement(FIND, bind),
    ]
    _is_claimed(found, claim)


def count() -> Program[int]:
    (((number,),),) = yield [Statement(COUNT)]
    return int(str(number))


def _if_claimed(statement: Statement, bind: dict[str, Value]) -> Statement:
    return replace(statement, sql=_with_claim(statement.sql), bind={**statement.bind, **bind})


@lru_cache(CACHED_TEXTS)
def _with_claim(sql: str) -> str:
    return sql.replace(STILL_AUTHORIZED, IS_CLAIMED)


def _keep(own: Statement) -> Statement:
    return Statement(_keep_sql(_table_of(own), own.of), own.bind)


@cache
def _keep_sql(table: Table[Any], of: str) -> str:
    # As the viewer sees them. JSON has no BLOBs, which other programs may have stored.
    shown = [known(table, name) for name in table.columns]
    values = [
        f"iif(typeof({each}) = 'blob', json_object('blob', hex({each})), {each})" for each in shown
    ]
    columns = json.dumps([*table.columns])
    return KEEP.format(table=table.name, columns=columns, values=", ".join(values), of=of)


def _table_of(own: Statement) -> Table[Any]:
    return TABLES_BY_NAME[own.of.split(maxsplit=1)[0]]


def _is_claimed(found: Rows, claim: Claim) -> bool:
    """Whether this attempt, which has the claim, has kept an answer; raises if it has no claim."""
    _check_same_request(found, claim)
    for row in found:
        field, _, attempt, _, is_answered, answer = row
        if field == claim.field and answer is not None:
            raise AlreadyAnswered(_kept(row))
        if field == claim.field and attempt == claim.attempt:
            return bool(is_answered)
    message = (
        f"answers to {MAX_ANSWERS:,} mutations with an Idempotency-Key, or {MAX_BYTES // 10**6} MB of them,"
        " are kept for you: send it without a key, or wait until some are a day old"
    )
    raise Refused([Problem(ErrorCode.LIMIT, (), message)])


def _check_same_request(found: Rows, claim: Claim) -> None:
    if any(row[1] != claim.request and row[4] for row in found):
        raise IdempotencyKeyReused


def _kept(row: Sequence[Value]) -> Kept:
    return Kept(str(row[5]), frozenset(json.loads(str(row[3]))))


Outcome: TypeAlias = Sequence[Problem] | tuple[Table[Any], list[dict[str, Value]]] | None
"""Why nothing was written; or the table, and its rows by column; or None, if that was erased."""

ERASED = json.dumps({"erased": True})


def of_refusal(problems: Sequence[Problem]) -> str:
    """The answer, as JSON, of a mutation that was refused."""
    return json.dumps(
        {"problems": [[each.code.value, each.path, each.message] for each in problems]}
    )


def of_row(table: Table[Any], row: Any) -> str:
    """The answer, as JSON, of a mutation that found a row as it should be."""
    values = [_to_json(getattr(row, name)) for name in table.columns]
    return json.dumps({"table": table.name, "columns": [*table.columns], "rows": [values]})


def read(answer: str) -> Outcome:
    """What `once` or `keep` has kept."""
    stored = json.loads(answer)
    if "erased" in stored:
        return None
    if "problems" in stored:
        return [
            Problem(ErrorCode(code), tuple(path), message)
            for code, path, message in stored["problems"]
        ]
    names = stored["columns"]
    rows = [dict(zip(names, map(_from_json, row), strict=True)) for row in stored["rows"]]
    return TABLES_BY_NAME[stored["table"]], rows


def _to_json(value: Value) -> Any:
    return {"blob": value.hex()} if isinstance(value, bytes) else value


def _from_json(value: Any) -> Value:
    stored: Value = bytes.fromhex(value["blob"]) if isinstance(value, dict) else value
    return stored


# Whether a row is still there for the viewer, and which of its private columns are shown: each has the value
# 1 here, and another one in the result if it is hidden.
_STILL_SEEN = """
    SELECT {shown}
    FROM (
        SELECT wanted.key AS place, {values} FROM json_each(:rows) AS wanted
    ) AS {table}
    WHERE EXISTS (SELECT 1 FROM {present})
    ORDER BY place
"""


def still_seen(table: Table[Any], rows: Sequence[dict[str, Value]]) -> Program[list[Any] | None]:
    """The rows as the viewer may see them now; None if it may not see all, or has just lost rights."""
    wanted = [{name: _to_json(row.get(name)) for name in table.columns} for row in rows]
    (((is_authorized,),), found) = yield [
        Statement(f"SELECT {STILL_AUTHORIZED}"),
        Statement(_still_seen_sql(table), {"rows": json.dumps(wanted)}),
    ]
    if not is_authorized or len(found) < len(rows):
        return None
    return [_masked(table, row, shown) for row, (_, *shown) in zip(rows, found, strict=True)]


@cache
def _still_seen_sql(table: Table[Any]) -> str:
    shown = [f"{table.name}.place"]
    values = []
    for name, column in table.columns.items():
        if column.private is None:
            values.append(f"wanted.value ->> '{name}' AS {name}")
        else:
            values.append(f"1 AS {name}")
            shown.append(known(table, name))
    return _STILL_SEEN.format(
        shown=", ".join(shown),
        values=", ".join(values),
        table=table.name,
        present=by_key(table, "present", f"{table.name}.{table.key}"),
    )


def _masked(table: Table[Any], row: dict[str, Value], shown: Sequence[Value]) -> Any:
    private = (name for name, column in table.columns.items() if column.private is not None)
    seen = dict(zip(private, shown, strict=True))
    values = []
    for name in table.columns:
        stored = row.get(name)
        is_hidden = stored is not None and seen.get(name, 1) != 1
        values.append(seen[name] if is_hidden else stored)
    return table.of(values)


def still_authorized() -> Program[bool]:
    (((is_authorized,),),) = yield [Statement(f"SELECT {STILL_AUTHORIZED}")]
    return bool(is_authorized)
