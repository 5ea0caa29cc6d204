"""The forms in which programs store instants, read alike by Python and by SQL.

* `2026-01-01`, alone or with `T`, `t` or a space and `23:00`, `23:00:05` or `23:00:05.123456`, then nothing
  (which is UTC), `Z`, `z`, or an offset such as `+02:00`, `+0200` or `+02`; `20260101T230005` too;
* Unix time, as text or number, with or without a fraction: 10 digits are seconds, 13 are milliseconds.

What is finer than a millisecond is cut off, but for a REAL, which is rounded, as it is not exact.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from db.program import Value

SECONDS, MILLISECONDS = 10, 13
"""The numbers of digits of Unix time."""

# Classes of characters and digits mean the same in GLOB and in a regular expression.
_SEPARATOR, _MARK, _UTC, _DIGIT = "[Tt ]", "[.,]", "[Zz]", "[0-9]"
_OFFSETS = ("[+-]HH:MM", "[+-]HHMM", "[+-]HH")
_COMPACT = f"????????{_SEPARATOR}??????*"  # D1 allows patterns of 50 bytes

_ANY_OFFSET = "|".join(re.sub("[HM]", _DIGIT, offset) for offset in _OFFSETS)
_CALENDAR = re.compile(
    rf"(?P<date>\d{{4}}-\d\d-\d\d)(?:{_SEPARATOR}(?P<clock>\d\d:\d\d)"
    rf"(?P<seconds>:\d\d(?:{_MARK}(?P<fraction>\d+))?)?(?:{_UTC}|(?P<offset>{_ANY_OFFSET}))?)?",
    re.ASCII,
)
_UNIX = re.compile(
    rf"(?P<seconds>\d{{{SECONDS}}})(?P<milli>\d{{{MILLISECONDS - SECONDS}}})?(?:\.(?P<fraction>\d+))?",
    re.ASCII,
)
_COMPACT_PARTS = re.compile(rf"^(.{{4}})(..)(..{_SEPARATOR}..)(..)(..*)")


def read(stored: Value) -> str:
    """The canonical form; raises ValueError for other values, and outside the years 1 to 9999."""
    text = _as_text(stored)
    if unix := _UNIX.fullmatch(text):
        moment = datetime.fromtimestamp(int(unix["seconds"]), UTC)
        return _written(moment, unix["milli"] or unix["fraction"])
    parts = _CALENDAR.fullmatch(_COMPACT_PARTS.sub(r"\1-\2-\3:\4:\5", text))
    if parts is None:
        raise ValueError(f"{text!r} is not an instant")
    clock = f"{parts['clock'] or '00:00'}{(parts['seconds'] or ':00')[:3]}"
    local = datetime.fromisoformat(f"{parts['date']} {clock}")
    try:
        moment = local.replace(tzinfo=_zone(parts["offset"])).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from error
    return _written(moment, parts["fraction"])


def _as_text(stored: Value) -> str:
    if isinstance(stored, float):
        try:
            return str(int(stored * (1000 if stored < 10**SECONDS else 1) + 0.5))
        except (OverflowError, ValueError) as error:  # infinity
            raise ValueError("not a finite number") from error
    if isinstance(stored, str | int):
        return str(stored)
    raise ValueError("neither a text nor a number")


def _zone(offset: str | None) -> timezone:
    if offset is None:
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"there is no offset {offset}")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if offset[0] == "-" else ahead)


def _written(moment: datetime, fraction: str | None) -> str:
    second = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{second}.{(fraction or '')[:3].ljust(3, '0')}Z"


_ZONES = "\n                OR ".join(
    [f"zone GLOB '{_UTC}'"]
    + [f"zone GLOB '{re.sub('[HM]', _DIGIT, offset)}'" for offset in _OFFSETS]
)
# From the value to the instant: the value as a text, that with the marks that a compact form leaves out, its
# date, what follows the time of day, that time with its fraction and without, and the instant, in any year.
_STEPS = {
    "written": f"""\
CASE typeof(stored)
        WHEN 'blob' THEN NULL
        WHEN 'real' THEN CAST(CAST(stored * iif(stored < 1e{SECONDS}, 1000, 1) + 0.5 AS INTEGER) AS TEXT)
        ELSE CAST(stored AS TEXT)
        END""",
    "marked": f"""\
CASE WHEN written GLOB '{_COMPACT}' AND NOT instr(written, char(0))
        THEN substr(written, 1, 4) || '-' || substr(written, 5, 2) || '-' || substr(written, 7, 5)
            || ':' || substr(written, 12, 2) || ':' || substr(written, 14)
        ELSE written
        END""",
    "day": "substr(marked, 1, 10)",
    "zone": "ltrim(substr(marked, 12), '0123456789:.,')",
    "clock": "substr(marked, 12, max(0, length(marked) - 11 - length(zone)))",
    "hms": "iif(marked = day, '00:00:00', substr(clock || ':00', 1, 8))",
    "moment": f"""\
CASE
        WHEN instr(marked, char(0)) THEN NULL
        WHEN instr(marked || '.', '.') IN ({SECONDS + 1}, {MILLISECONDS + 1})
            AND marked NOT GLOB '*[^0-9.]*' AND marked NOT GLOB '*.*.*' AND marked NOT GLOB '*.'
        THEN strftime('%Y-%m-%dT%H:%M:%S', substr(marked, 1, {SECONDS}), 'unixepoch')
            || '.' || substr(replace(substr(marked, {SECONDS + 1}), '.', '') || '000', 1, 3) || 'Z'
        WHEN day BETWEEN '0001' AND 'A' AND date(day, '+0 days') = day
            AND (marked = day OR substr(marked, 11, 1) GLOB '{_SEPARATOR}')
            AND time(hms) = hms AND hms < '24'
            AND (length(clock) IN (0, 5, 8) OR substr(clock, 9) GLOB '{_MARK}{_DIGIT}*'
                AND substr(clock, 10) NOT GLOB '*[^0-9]*')
            AND (zone = '' OR {_ZONES})
            AND substr(zone, 2, 2) < '24' AND substr(replace(zone, ':', ''), 4) < '60'
        THEN strftime('%Y-%m-%dT%H:%M:%S', day || ' ' || hms,
                iif(zone GLOB '-*', '+', '-')
                || (substr(zone, 2, 2) * 60 + substr(replace(zone, ':', ''), 4, 2)) || ' minutes')
            || '.' || substr(substr(clock, 10) || '000', 1, 3) || 'Z'
        END""",
    "instant": "CASE WHEN moment BETWEEN '0001' AND 'A' THEN moment END",
}
READ_BY_SQL = "instants_to_read"


def table_that_reads() -> str:
    """SQL for a table whose `instant` is what `read` makes of its `stored`, or NULL where that raises.

    It uses plain functions only, as a shared database must. Its columns are stored, so that SQLite computes
    each once and not wherever the next one names it.
    """
    steps = (f"    {name} TEXT AS ({sql}) STORED" for name, sql in _STEPS.items())
    columns = ",\n".join(["    place INTEGER PRIMARY KEY", "    stored", *steps])
    return f"CREATE TABLE {READ_BY_SQL} (\n{columns}\n);\n"
