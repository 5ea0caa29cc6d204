"""SQL as D1 takes it: one JSON parameter holds all values, and the columns of a result have different names.

D1 gives integers as REAL where they are bound, and takes 100 parameters. SQLite's JSON functions read exactly
what was sent. And D1 hands rows to a Worker as objects, in which columns of one name become one. Those of a
subquery have different names: SQLite itself needs that.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from db.errors import EngineError
from db.program import CACHED_TEXTS

TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<text> '(?:[^']|'')*' )
    | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | [^\W\d][\w$]* )
    | (?P<number> \d[\w.]* )
    | (?P<bind> [:@$]\w+ )
    | (?P<space> \s+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
READS = {"SELECT", "VALUES"}
VERBS = {*READS, "INSERT", "REPLACE", "UPDATE", "DELETE"}
QUOTES = {'"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL whose only parameter, if it has `names`, is the JSON text of an object with these members."""

    sql: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    depth: int  # of parentheses around it


@lru_cache(CACHED_TEXTS)
def prepare(sql: str) -> Prepared:
    """Raises EngineError for one whose result D1 could not give as it is."""
    tokens = list(_tokens(sql))
    names = frozenset(token.text[1:] for token in tokens if token.kind == "bind")
    if any(token.text == "?" for token in tokens):
        raise EngineError("every parameter needs a name")
    bound = "".join(_bound(token) for token in tokens)
    verb, returned = _verb(tokens), _returned(tokens)
    if verb in READS:
        return Prepared(f"SELECT * FROM (\n{bound.rstrip().removesuffix(';')}\n)", names)
    if returned is not None:
        _check(returned)
    return Prepared(bound, names)


def _tokens(sql: str) -> Iterator[_Token]:
    depth = 0
    for match in TOKEN.finditer(sql):
        text = match[0]
        depth -= text == ")"
        yield _Token(str(match.lastgroup), text, depth)
        depth += text == "("


def _bound(token: _Token) -> str:
    return f"(?1 ->> '$.{token.text[1:]}')" if token.kind == "bind" else token.text


def _verb(tokens: Iterable[_Token]) -> str:
    """What the statement does, which in one with WITH stands after that."""
    words = [token.text.upper() for token in tokens if token.kind == "name" and token.depth == 0]
    if words[:1] != ["WITH"]:
        return words[0] if words else ""
    return next((word for word in words if word in VERBS), "")


def _returned(tokens: list[_Token]) -> list[list[_Token]] | None:
    """The items of RETURNING, without space and comments."""
    items: list[list[_Token]] | None = None
    for token in tokens:
        if token.kind == "name" and token.depth == 0 and token.text.upper() == "RETURNING":
            items = [[]]
        elif items is not None and token.text == "," and token.depth == 0:
            items.append([])
        elif items is not None and token.kind not in {"space", "comment"}:
            items[-1].append(token)
    return items


def _check(items: list[list[_Token]]) -> None:
    names = [_name_of(item) for item in items]
    if len(set(names)) < len(names) or any(name.isdigit() for name in names):
        raise EngineError(f"columns that are returned need different names: {', '.join(names)}")


def _name_of(item: list[_Token]) -> str:
    last = item[-1]
    if last.kind != "name":
        return "".join(token.text for token in item)
    closing = QUOTES.get(last.text[0])
    return last.text[1:-1].replace(closing * 2, closing) if closing else last.text
