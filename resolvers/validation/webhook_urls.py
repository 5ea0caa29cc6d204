"""Validators of the URLs that outgoing webhooks are sent to."""

import ipaddress
import re
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from resolvers.validation import target_addresses, validators
from resolvers.validation.validators import InvalidValue, Validator

EXAMPLE = "such as https://example.org/changes"
PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1_024  # those before belong to other protocols than HTTP, but for these two

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.IGNORECASE)
# A last label of this form makes the name a number, which resolvers read as an IPv4 address.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
_ESCAPES = re.compile(r"%(?![0-9a-fA-F]{2})")


def webhook_url(*, allow_private: bool) -> Validator[str]:
    """A validator; `allow_private` allows http, other ports and addresses of private networks."""
    return partial(_webhook_url, allow_private)


def _webhook_url(allow_private: bool, value: Any) -> str:
    url = validators.url(value)
    if not url.isascii():
        raise InvalidValue(
            "must be ASCII: write the name of the host as xn--…, and percent-encode the rest"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and not allow_private:
        raise InvalidValue(f"must be an https URL, {EXAMPLE}; {target_addresses.REMEDY}")
    if "#" in url or _ESCAPES.search(url):
        raise InvalidValue("must have no fragment, and a % only before two hexadecimal digits")
    _check_port(parts, allow_private)
    host = parts.hostname or ""
    address = literal_address(host)
    if address is None:
        _check_name(host)
    else:
        check_address(address, allow_private=allow_private)
    return url


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in its only usual form; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_address(address: IPv4Address | IPv6Address, *, allow_private: bool) -> None:
    """Raise InvalidValue for an address that webhooks must not be sent to."""
    if isinstance(address, IPv6Address) and address.scope_id:
        raise InvalidValue("the host must not be an address with a zone")
    kind = target_addresses.problem(address, allow_private=allow_private)
    if kind is not None:
        remedy = f"; {target_addresses.REMEDY}" if kind in target_addresses.PRIVATE else ""
        raise InvalidValue(f"webhooks are not sent to {kind} addresses such as {address}{remedy}")


def _check_port(parts: SplitResult, allow_private: bool) -> None:
    if parts.netloc.endswith(":"):
        raise InvalidValue("has a colon without a port: leave it out")
    port = parts.port
    if port is None or allow_private or port in PORTS.values() or port >= FIRST_FREE_PORT:
        return
    raise InvalidValue(
        f"port {port} is another protocol's: use 443, or one from {FIRST_FREE_PORT} on"
    )


def _check_name(host: str) -> None:
    if host.endswith("."):
        raise InvalidValue("the host must not end with a dot")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise InvalidValue(f"must have the name of a host, {EXAMPLE}")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise InvalidValue("the host is a number: write an IPv4 address as four decimal numbers")
