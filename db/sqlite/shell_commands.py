"""The sqlite3 shell's commands that only read, as SQL: `.tables`, `.schema` and the like."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from db.errors import BadRequest
from db.model import searched


def _names(tables: Collection[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(tables))


# As in the shell, % and _ stand for any characters, also * and ?.
_NAMED = "(:pattern IS NULL OR {name} LIKE :pattern OR {name} GLOB :pattern)"
TABLES = f"""
    SELECT name FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND name NOT IN ({_names(searched.ALL_TABLES)})
        AND {_NAMED.format(name="name")}
    ORDER BY name
"""
INDEXES = f"""
    SELECT name FROM sqlite_schema
    WHERE type = 'index' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND {_NAMED.format(name="tbl_name")}
    ORDER BY name
"""
SCHEMA = f"""
    SELECT sql || ';' AS sql FROM sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
        AND name NOT IN ({_names(searched.PARTS)})
        AND {_NAMED.format(name="tbl_name")}
    ORDER BY tbl_name, type <> 'table', name
"""
DATABASES = "SELECT name || ': ' || file AS file FROM pragma_database_list WHERE :pattern IS NULL"

EXAMPLE = '"SELECT * FROM actors LIMIT 5"'
ROWS = '"SELECT * FROM {table}"'

COMMANDS = {
    ".tables": TABLES,
    ".schema": SCHEMA,
    ".fullschema": SCHEMA,
    ".indexes": INDEXES,
    ".indices": INDEXES,
    ".databases": DATABASES,
}
_FORMAT = "choose the output with --format table, json or csv"
INSTEAD = {
    ".dump": "use `chittygraph export --sql`",
    ".backup": "use `chittygraph backup FILE`",
    ".save": "use `chittygraph backup FILE`",
    ".clone": "use `chittygraph backup FILE`",
    ".restore": "use `chittygraph restore FILE`",
    ".import": "use `chittygraph import FILE`",
    ".read": "use `chittygraph sql --file FILE`",
    ".open": "name the database with --database FILE",
    ".output": "redirect the output: `chittygraph sql … > FILE`",
    ".once": "redirect the output: `chittygraph sql … > FILE`",
    ".excel": "use --format csv",
    ".mode": _FORMAT,
    ".headers": _FORMAT,
    ".separator": _FORMAT,
    ".nullvalue": _FORMAT,
    ".width": _FORMAT,
    ".timeout": "allow more time with --read-seconds",
    ".dbinfo": "use `chittygraph status`",
    ".recover": "use `chittygraph doctor`, and `chittygraph restore FILE`",
    ".lint": "use `chittygraph explain FILE`",
    ".eqp": "begin the statement with EXPLAIN QUERY PLAN",
    ".explain": "begin the statement with EXPLAIN",
    ".load": "extensions are not loaded here",
    ".quit": "there is nothing to leave: each call runs one statement",
    ".exit": "there is nothing to leave: each call runs one statement",
}


_COMMAND = re.compile(r"\s*\.\w*(\s|$)")


@dataclass(frozen=True, slots=True)
class ShellCommand:
    sql: str
    pattern: str | None


def is_command(text: str) -> bool:
    return _COMMAND.match(text) is not None


def parse(text: str) -> ShellCommand:
    """Read a command such as `.schema actors`; raises BadRequest for others, with what to use instead."""
    name, *rest = text.split()
    # The shell takes any beginning of a name that no other command has.
    known = sorted(each for each in COMMANDS | INSTEAD if each.startswith(name.lower()))
    command = known[0] if known and (len(known) == 1 or name.lower() == known[0]) else name
    if command in INSTEAD:
        raise BadRequest("BAD_SQL", f"{command} belongs to the sqlite3 shell: {INSTEAD[command]}")
    if command not in COMMANDS:
        raise BadRequest(
            "BAD_SQL", f"{name[:40]} is not known here: there are {', '.join(COMMANDS)}"
        )
    if len(rest) > 1:
        raise BadRequest("BAD_SQL", f"{command} takes one name or pattern, not {len(rest)}")
    return ShellCommand(COMMANDS[command], rest[0].strip("'\";") if rest else None)
