"""Content negotiation: the media type that a client's Accept header prefers (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Sequence

MAX_CHARACTERS = 4_096  # of a header that are parsed, so that none can occupy the event loop
# RFC 9110 does not allow the last form (".2"), which Java's client sends with every request.
_QUALITY = re.compile(r"[01](?:\.\d{0,3})?|\.\d{1,3}", re.ASCII)


def best(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that an Accept header prefers; None if it accepts none of them."""
    ranges = [
        parse_weighted(part) for part in accept[:MAX_CHARACTERS].lower().split(",") if part.strip()
    ]
    # Equal qualities: an exact name precedes a range, then the header's order counts, then ours.
    candidates = []
    for index, media_type in enumerate(offered):
        matches = [
            (precision, -position, quality)
            for position, (name, quality) in enumerate(ranges)
            if (precision := _precision(name, media_type))
        ]
        if matches:
            precision, position, quality = max(matches)
            candidates.append((min(quality, 1.0), precision, position, -index, media_type))
    preferred = max(candidates, default=(0.0, 0, 0, 0, ""))
    return preferred[-1] if preferred[0] > 0 else None


def parse_weighted(part: str) -> tuple[str, float]:
    """Split into name and weight (RFC 9110, 12.4.2): 1 without `q`, 0 if invalid; it may exceed 1."""
    name, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            text = parameter.removeprefix("q=")
            return name, float(text) if _QUALITY.fullmatch(text) else 0.0
    return name, 1.0


def _precision(name: str, media_type: str) -> int:
    main_type = media_type.partition("/")[0]
    return {media_type: 3, f"{main_type}/*": 2, "*/*": 1}.get(name, 0)
