"""Origins of web pages, as browsers send them in `Origin`: scheme, host and port (RFC 6454, section 6.2)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from server import ip_addresses

ANY = "*"
MAX_CHARACTERS = 300  # of one: a host has 253 at most (RFC 1035)
DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?")


def host(origin: str) -> str | None:
    """The host of an origin, without brackets; None for anything else, such as `null`."""
    match = _ORIGIN.fullmatch(origin) if len(origin) <= MAX_CHARACTERS else None
    return None if match is None else match["host"].strip("[]")


def check(listed: Sequence[str], *, is_open: bool) -> None:
    """Raise ValueError, saying what to write instead, unless browsers send these origins."""
    if ANY in listed and is_open:
        raise ValueError(
            f"{ANY} would let every web page that is opened on this machine change the registry:"
            " name the origins, or choose --auth protected"
        )
    if ANY in listed and len(listed) > 1:
        raise ValueError(f"{ANY} allows every origin: leave the others out")
    for origin in listed:
        if origin != ANY and origin != as_sent(origin):
            instead = as_sent(origin) or "an origin, such as https://app.example.com"
            raise ValueError(f"browsers never send {origin!r} as their origin: write {instead}")


def as_sent(text: str) -> str | None:
    """How browsers write the origin of a URL; None if it has none."""
    try:
        parts = urlsplit(text)
        written = parts.hostname or ""
        name = written.encode("idna").decode()
        # Python's IDNA is that of 2003, in which straße.de is strasse.de: a host of others, to browsers.
        if name.encode().decode("idna") != written:
            return None
        name = str(ip_addresses.parse(name) or name)
        port = parts.port
    except ValueError:  # UnicodeError is one
        return None
    name = f"[{name}]" if ":" in name else name
    is_default = port is None or port == DEFAULT_PORTS.get(parts.scheme)
    origin = f"{parts.scheme}://{name}" + ("" if is_default else f":{port}")
    return None if host(origin) is None else origin
