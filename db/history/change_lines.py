"""Changes as lines of JSON: what `chittygraph audit export` writes, and digests are made of."""

from db.program import Value

LINE = """CAST(
        '{"sequence":' || change.sequence || ',"at":' || json_quote(change.at)
        || ',"actor":' || json_quote(change.actor) || ',"cause":' || json_quote(change.cause)
        || ',"request_id":' || json_quote(change.request_id)
        || ',"table":' || json_quote(change.kind)
        || ',"key":' || json_quote(iif(typeof(change.key) = 'blob', hex(change.key), change.key))
        || ',"operation":' || json_quote(change.operation)
        || ',"is_private":' || iif(change.is_private, 'true', 'false')
        || ',"before":' || iif(json_valid(coalesce(change.before, 'null')),
            coalesce(change.before, 'null'), json_quote(change.before))
        || ',"after":' || iif(json_valid(coalesce(change.after, 'null')),
            coalesce(change.after, 'null'), json_quote(change.after))
        || '}' || char(10)
    AS BLOB)"""
"""SQL: the line of the row `change` of `changes`, in bytes, since a stored text need not be UTF-8."""


def line_of(value: Value) -> bytes:
    """The bytes of a LINE that was read: rqlite gives a BLOB that no column declares as text."""
    return value if isinstance(value, bytes) else str(value).encode()
