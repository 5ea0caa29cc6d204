"""SQL as D1 takes it: one JSON parameter holds all values, and the columns of a result have different names.

D1 gives integers as REAL where they are bound, and takes 100 parameters. SQLite's JSON functions read exactly
what was sent. And D1 hands rows to a Worker as objects, in which columns of one name become one. Those of a
subquery have different names: SQLite itself needs that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from db.errors import EngineError
from db.program import CACHED_TEXTS

# What may hold anything. Two texts side by side are one that holds a quote: that makes no difference here.
_INERT = r"""'[^']*' | "[^"]*" | `[^`]*` | \[[^\]]*\] | --[^\n]* | /\*.*?(?:\*/|\Z)"""
_OPTIONS = re.VERBOSE | re.DOTALL | re.IGNORECASE
BINDS = re.compile(rf"{_INERT} | (?<![\w$])[:@$](?P<name>\w+) | \?", _OPTIONS)
FIRST = re.compile(r"(?: \s | --[^\n]* | /\*.*?\*/ )* (\w+)", _OPTIONS)
VERBS = re.compile(
    rf"{_INERT} | [()] | \b(?P<verb> SELECT | VALUES | INSERT | REPLACE | UPDATE | DELETE )\b",
    _OPTIONS,
)
RETURNED = re.compile(
    rf"(?P<space> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) ) | {_INERT} | [\w$]+ | .", _OPTIONS
)
READS = {"SELECT", "VALUES"}
QUOTES = {'"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL whose only parameter, if it has `names`, is the JSON text of an object with these members."""

    sql: str
    names: tuple[str, ...]


@lru_cache(CACHED_TEXTS)
def prepare(sql: str) -> Prepared:
    """Raises EngineError for one whose result D1 could not give as it is."""
    names: dict[str, None] = {}

    def member(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            if match[0] == "?":
                raise EngineError("every parameter needs a name")
            return match[0]
        names[name] = None
        return f"(?1 ->> '$.{name}')"

    bound = BINDS.sub(member, sql)
    if _verb(sql) in READS:
        bound = f"SELECT * FROM (\n{bound.rstrip().removesuffix(';')}\n)"
    elif "returning" in sql.lower():
        _check([_name_of(item) for item in _returned(sql)])
    return Prepared(bound, tuple(names))


def _verb(sql: str) -> str:
    """What the statement does, which in one with WITH stands after that."""
    first = FIRST.match(sql)
    word = first[1].upper() if first else ""
    if word != "WITH":
        return word
    depth = 0
    for match in VERBS.finditer(sql):
        depth += (match[0] == "(") - (match[0] == ")")
        if match["verb"] and depth == 0:
            return match["verb"].upper()
    return ""


def _returned(sql: str) -> list[list[str]]:
    """The tokens of each column of RETURNING, without space and comments."""
    items: list[list[str]] = []
    for text, depth in _tokens(sql):
        if depth == 0 and text.upper() == "RETURNING":
            items = [[]]
        elif depth == 0 and text == "," and items:
            items.append([])
        elif items:
            items[-1].append(text)
    return items


def _tokens(sql: str) -> Iterator[tuple[str, int]]:
    """Each token, and how many parentheses are around it."""
    depth = 0
    for match in RETURNED.finditer(sql):
        depth -= match[0] == ")"
        if match["space"] is None:
            yield match[0], depth
        depth += match[0] == "("


def _check(names: list[str]) -> None:
    if len(set(names)) < len(names) or any(name.isdigit() for name in names):
        raise EngineError(f"columns that are returned need different names: {', '.join(names)}")


def _name_of(item: list[str]) -> str:
    """Its alias or column, or else its text, as SQLite names it."""
    last = item[-1]
    closing = QUOTES.get(last[0])
    if closing is not None and len(last) > 1:
        return last[1:-1]
    return last if re.fullmatch(r"[^\W\d][\w$]*", last) else "".join(item)
