"""Detects secrets by their form, to reject or redact them."""

import math
import re
from collections import Counter
from itertools import pairwise

REDACTED = "[redacted]"
MAX_QUOTED = 1_000
MAX_FIXED_LENGTH = 40
"""The longest secret that is recognised only as a whole."""

# Formats that issuers publish so that scanners find them. No \b: an underscore may precede them.
_TOKEN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        cg_[0-9a-f]{12}_[\w-]{20,}                                # our own
      | gh[opurs]_[A-Za-z0-9]{4,} | github_pat_\w{4,}             # GitHub
      | (?:AKIA|ASIA)[A-Z0-9]{8,}                                 # AWS key ids
      | xox[a-z]-[\w-]{4,} | xapp-[\w-]{8,}                       # Slack
      | eyJ[\w-]{8,}(?:\.[\w-]*){0,4}                             # JWT, JWE
      | (?:sk|rk|pk)_(?:live|test)_\w{4,} | whsec_\w{8,}          # Stripe
      | AIza[\w-]{16,} | ya29\.[\w.-]{8,}                         # Google
      | sk-[\w-]{16,}                                             # OpenAI, Anthropic
      | glpat-[\w-]{8,}                                           # GitLab
      | npm_[A-Za-z0-9]{20,} | hf_[A-Za-z0-9]{20,}                # npm, Hugging Face
      | SG\.[\w-]{16,}(?:\.[\w-]*)?                               # SendGrid
    )""",
    re.VERBOSE | re.ASCII,
)
_PEM = re.compile(r"-----BEGIN[^-]*-----(?:.*?-----END[^-]*-----|.*)", re.DOTALL)
_BEARER = re.compile(r"(?i)\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.ASCII)
_ASSIGNED = re.compile(
    r"""(?i)((?:(?:password|passwd|secret|api[_-]?key)["']?\s*[=:]|token["']?\s*=|token["']\s*:)"""
    r"""\s*["']?)[^\s"'&,;]+"""
)
_USERINFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/@]+@")
# Forty characters with uppercase, lowercase and digits among them; a path may precede them.
_AWS_SECRET = re.compile(
    r"(?<![A-Za-z0-9+])(?=[/+a-z0-9]{0,39}[A-Z])(?=[/+A-Z0-9]{0,39}[a-z])(?=[/+A-Za-z]{0,39}[0-9])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)
_KEPT = rf"\1{REDACTED}"
_REDACTED = (
    (_PEM, REDACTED),
    (_TOKEN, REDACTED),
    (_AWS_SECRET, REDACTED),
    (_BEARER, _KEPT),
    (_ASSIGNED, _KEPT),
    (_USERINFO, f"{_KEPT}@"),
)
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def looks_secret(text: str) -> bool:
    """Whether a text contains a token of a known format, a private key, or a long random string."""
    if any(pattern.search(text) for pattern in (_TOKEN, _PEM, _AWS_SECRET)):
        return True
    without_uuids = _UUID.sub("", text)
    pieces = re.split(r"[^A-Za-z0-9+=]", without_uuids)
    random_length = sum(len(piece) for piece in pieces if len(piece) >= 12 and _looks_random(piece))
    return random_length >= 24 or any(_is_long_code(piece) for piece in pieces)


def redact(text: str) -> str:
    for pattern, replacement in _REDACTED:
        # `sub` alone would first read what it puts in place, even where it finds nothing.
        if pattern.search(text):
            text = pattern.sub(replacement, text)
    return text


def quote(text: str) -> str:
    """A text as a message may quote it: shortened, escaped, and without secrets."""
    start = text[:MAX_QUOTED]
    if looks_secret(start) or redact(start) != start:
        return REDACTED
    return repr(text) if len(text) <= 80 else repr(text[:60]) + "…"


def _looks_random(piece: str) -> bool:
    """Whether uppercase, lowercase and digits alternate as in random text, unlike in words."""
    classes = ["u" if char.isupper() else "l" if char.islower() else "d" for char in piece]
    changes = sum(before != after for before, after in pairwise(classes))
    return len(set(classes)) == 3 and changes >= 0.35 * len(piece)


def _is_long_code(piece: str) -> bool:
    digits = sum(char.isdigit() for char in piece)
    if len(piece) < 32 or not len(piece) / 8 <= digits < len(piece):
        return False
    shares = [count / len(piece) for count in Counter(piece).values()]
    return -sum(share * math.log2(share) for share in shares) >= 3.0
