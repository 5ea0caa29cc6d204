"""Rows as JSON texts, which every engine writes and reads alike: values arrive exactly as they are stored.

JSON has no BLOB, and engines over HTTP return other types for some values, or other digits. So a row is one
text that the engine itself makes: a list of its values, in which `{"real": "1.5"}` is a REAL,
`{"blob": "<hex>"}` a BLOB and `{"text": "<hex>"}` a TEXT that JSON cannot hold.
"""

import json
import re
from typing import Any

from db.moving.moved_tables import MovedTable

# An engine's JSON, or Python's text of it, has these where a TEXT is not UTF-8.
NOT_UTF_8 = re.compile("[\ufffd\udc80-\udcff]")

# Texts with a NUL are written in hex: some versions of SQLite end a text from JSON there.
_ENCODED = """CASE typeof({column})
        WHEN 'real' THEN json_object('real', CASE {column}
            WHEN 9e999 THEN '9e999' WHEN -9e999 THEN '-9e999' ELSE printf('%!.17g', {column}) END)
        WHEN 'blob' THEN json_object('blob', hex({column}))
        WHEN 'text' THEN iif({is_hex}, json_object('text', hex({column})), {column})
        ELSE {column}
        END"""
_DECODED = """CASE json_type({row}, '$[{place}]')
        WHEN 'object' THEN CASE
            WHEN {row} -> '$[{place}].text' IS NOT NULL
                THEN CAST(unhex({row} ->> '$[{place}].text') AS TEXT)
            WHEN {row} -> '$[{place}].blob' IS NOT NULL THEN unhex({row} ->> '$[{place}].blob')
            ELSE CAST({row} ->> '$[{place}].real' AS REAL)
            END
        ELSE {row} ->> {place}
        END"""
_PAGE = """
    SELECT {key}, {row} FROM {table}
    WHERE {after}
    ORDER BY {order}
    LIMIT (
        SELECT max(1, count(*)) FROM (
            SELECT sum(bytes) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS upto FROM (
                SELECT {columns}, {bytes} AS bytes FROM {table}
                WHERE {after}
                ORDER BY {order}
                LIMIT :most_rows
            )
        )
        WHERE upto <= :most_bytes
    )
"""
_ROW = "SELECT {key}, {row} FROM {table} WHERE {is_it}"


def encoded(*columns: str, is_hex: str = "instr({column}, char(0))") -> str:
    """SQL for the JSON list of these columns' values."""
    values = (_ENCODED.format(column=each, is_hex=is_hex.format(column=each)) for each in columns)
    return f"json_array({', '.join(values)})"


def decoded(row: str, count: int) -> list[str]:
    """SQL for each of the first values of a row's text."""
    return [_DECODED.format(row=row, place=place) for place in range(count)]


def page(table: MovedTable, *, begins: bool) -> str:
    """SQL for the keys and rows after the key `:after`, or the first ones if it `begins`.

    At most `:most_rows` rows of `:most_bytes` bytes together, but at least one; both texts are encoded.
    """
    return _PAGE.format(
        table=table.name,
        key=encoded(*table.key),
        row=encoded(*table.columns),
        after="TRUE" if begins else _compared(table, ">"),
        order=", ".join(_key(table)),
        columns=", ".join(table.key),
        bytes=bytes_of(table),
    )


def one_row(table: MovedTable) -> str:
    """SQL for the key and row with the key `:key`, with all texts in hex."""
    return _ROW.format(
        table=table.name,
        key=encoded(*table.key),
        row=encoded(*table.columns, is_hex="TRUE"),
        is_it=_compared(table, "=", "key"),
    )


def bytes_of(table: MovedTable) -> str:
    """SQL for about how many bytes a row has."""
    return " + ".join(f"coalesce(length(CAST({name} AS BLOB)), 4)" for name in table.columns)


def canonical(row: str) -> str:
    """The same text for the same values, whatever engine has written it."""
    return json.dumps([_value(each) for each in json.loads(row)])


def is_real(value: Any) -> bool:
    """Whether a value of a row's list is a REAL."""
    return isinstance(value, dict) and "real" in value


def _value(value: Any) -> Any:
    match value:
        case {"real": str(text)}:
            return {"real": repr(float(text))}
        case {"text": str(text)}:
            try:
                return bytes.fromhex(text).decode()
            except UnicodeDecodeError:
                return value
    return value


def _key(table: MovedTable) -> list[str]:
    """The key's columns as they are compared.

    Another program may have given the key of its table another collation. Ours have several columns only
    where no other program has such a table, and SQLite would use no index for row values with COLLATE.
    """
    return [f"{table.key[0]} COLLATE BINARY"] if len(table.key) == 1 else list(table.key)


def _compared(table: MovedTable, operator: str, bind: str = "after") -> str:
    wanted = decoded(f":{bind}", len(table.key))
    return f"({', '.join(_key(table))}) {operator} ({', '.join(wanted)})"
