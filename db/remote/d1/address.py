"""URLs of registries in D1: `d1+https://TOKEN@host/path` names the Worker of deploy/d1-proxy."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

SCHEMES = ("d1+https", "d1+http")
FORM = "write it as d1+https://TOKEN@HOST/PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the Worker is, and the token that it wants."""

    url: str
    token: str = field(repr=False)


def parse(url: str) -> Address:
    """Raises ValueError, whose text does not repeat the token."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"the URL of the database has a damaged host or port: {FORM}") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"database {parts.scheme}://… is not in Cloudflare D1: {FORM}")
    if not host:
        raise ValueError(f"the URL of the database names no host: {FORM}")
    token = _token(parts)
    if parts.query or parts.fragment:
        raise ValueError(f"the URL of the database has more than a path: {FORM}")
    if parts.scheme == "d1+http" and not _is_loopback(host):
        raise ValueError(
            f"database d1+http://…@{host} would send its token unencrypted: only this machine"
            " is reached without TLS. Use d1+https"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port is not None else ""
    return Address(f"{parts.scheme.removeprefix('d1+')}://{netloc}{parts.path or '/'}", token)


def _token(parts: SplitResult) -> str:
    if parts.password is not None:
        raise ValueError(f"the URL of the database has a colon before its host: {FORM}")
    token = unquote(parts.username or "")
    if not token:
        raise ValueError(f"the URL of the database has no token: {FORM}")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ValueError("the token in the URL of the database has characters that no header may")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
