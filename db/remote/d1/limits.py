"""What D1 cannot do that SQLite can, as Cloudflare documents it, and what it says where that is met."""

from db.remote.transport import Limits

ENGINE = "Cloudflare D1"
LARGEST_INTEGER = 2**53 - 1  # rows pass through JavaScript
STATEMENT_BYTES = 100_000
VALUE_BYTES = 2_000_000
BODY_BYTES = 16_000_000  # as much as the Worker takes
STATEMENTS = 1_000

LIMITS = Limits(
    engine=ENGINE,
    has_returning=True,
    largest_integer=LARGEST_INTEGER,
    statement_bytes=STATEMENT_BYTES,
    value_bytes=VALUE_BYTES,
    batch_bytes=BODY_BYTES,
    batch_statements=STATEMENTS,
)

# Parts of the texts of D1's errors, most of them SQLite's.
TOO_MUCH = (
    "Expression tree is too large",
    "too many SQL variables",
    "too many arguments on function",
    "too many columns in",
    "too many terms in",
    "too many FROM clause terms",
    "at most 64 tables in a join",
    "LIKE or GLOB pattern too complex",
    "string or blob too big",
    "parser stack overflow",
    "statement too long",
    "Statement too long",
)


def is_limit(message: str) -> bool:
    return any(part in message for part in TOO_MUCH)
