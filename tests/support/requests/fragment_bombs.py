"""Documents of a few hundred bytes that stand for millions of fields."""


def _chain(levels: int, body: str, last: str, on: str, start: str) -> str:
    """Fragments f0 to f`levels` on a type, each with the body's NEXT replaced by the next one's name."""
    links = [f" fragment f{n} on {on}{body.replace('NEXT', f'f{n + 1}')}" for n in range(levels)]
    return f"{start}{''.join(links)} fragment f{levels} on {on}{last}"


def spreads(levels: int) -> str:
    """Each fragment spreads the next one twice."""
    return _chain(levels, "{...NEXT ...NEXT}", "{viewer{capabilities}}", "Query", "{...f0}")


def fields(levels: int) -> str:
    """Each fragment has a field with the next one's fields, twice."""
    body = "{actor{...NEXT} actor{...NEXT}}"
    return _chain(levels, body, "{__typename}", "Viewer", "{viewer{...f0}}")


def aliases(levels: int) -> str:
    """Each fragment spreads the next one twice, and the last has an alias."""
    return _chain(levels, "{...NEXT ...NEXT}", "{a:id}", "Actor", "{viewer{actor{...f0}}}")


def directives(levels: int) -> str:
    """Each fragment spreads the next one twice, and a directive stands in the last."""
    last = "{id @include(if:true)}"
    return _chain(levels, "{...NEXT ...NEXT}", last, "Actor", "{viewer{actor{...f0}}}")


def inline(levels: int) -> str:
    """As `spreads`, with an inline fragment around each."""
    body = "{...on Query{...NEXT} ...{...NEXT}}"
    return _chain(levels, body, "{viewer{capabilities}}", "Query", "{...f0}")


BOMBS = {
    "spreads": spreads,
    "fields": fields,
    "aliases": aliases,
    "directives": directives,
    "inline fragments": inline,
}
