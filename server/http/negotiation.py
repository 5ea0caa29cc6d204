"""Which media type to answer in, of those on offer, after what a client says that it accepts."""

import re
from collections.abc import Sequence

LONGEST = 4_096  # characters of a header that is looked at: more of it would keep others waiting
# The last form is no number there, but what Java's client sends with every request.
_QUALITY = re.compile(r"[01](?:\.\d{0,3})?|\.\d{1,3}", re.ASCII)


def best(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that an Accept header likes best, or None when it takes none of them.

    Of types that it likes equally, one that it names goes before one that falls under a range, then
    the one that comes earlier in the header, then the one that is offered first.
    """
    ranges = [weighted(part) for part in accept[:LONGEST].lower().split(",") if part.strip()]
    ranked = []
    for place, media_type in enumerate(offered):
        fitting = [
            (precision, -position, quality)
            for position, (name, quality) in enumerate(ranges)
            if (precision := _precision(name, media_type))
        ]
        if fitting:
            precision, position, quality = max(fitting)
            ranked.append((min(quality, 1.0), precision, position, -place, media_type))
    liked = max(ranked, default=(0.0, 0, 0, 0, ""))
    return liked[-1] if liked[0] > 0 else None


def weighted(part: str) -> tuple[str, float]:
    """Split one element into name and weight: 1 without a `q`, 0 for an invalid one (RFC 9110, 12.4.2).

    The weight may exceed 1; callers decide.
    """
    name, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            text = parameter.removeprefix("q=")
            return name, float(text) if _QUALITY.fullmatch(text) else 0.0
    return name, 1.0


def _precision(name: str, media_type: str) -> int:
    kind = media_type.partition("/")[0]
    return {media_type: 3, f"{kind}/*": 2, "*/*": 1}.get(name, 0)
