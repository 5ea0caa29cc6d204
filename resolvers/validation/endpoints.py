"""The shapes of what a connection reaches: the name of a service, and where in it."""

import re
from typing import Any
from urllib.parse import urlsplit

from resolvers.validation import secrets, validators
from resolvers.validation.validators import Malformed

_SERVICE = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def service(value: Any) -> str:
    """The name of a service, as github or google-drive."""
    found = validators.text(100)(value)
    if not _SERVICE.fullmatch(found):
        raise Malformed(
            f"{secrets.shown(found)} must be the name of a service: A-Z a-z 0-9 . _ : / -"
        )
    return found


def endpoint(value: Any) -> str:
    """A URL of any scheme, or a host with a port or a path, without credentials in it."""
    found = validators.text(validators.LONGEST_URL)(value)
    if re.search(r"[\s\\]", found):
        raise Malformed("an endpoint must not contain spaces or backslashes")
    try:
        parts = urlsplit(found if _URL.match(found) else f"//{found}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Malformed("must be a URL, or a host with a port or a path") from None
    if "@" in parts.netloc or secrets.redact(found) != found:
        raise Malformed("an endpoint must not carry credentials: keep them in their own store")
    if not host and not found.startswith("/"):
        raise Malformed("must be a URL, or a host with a port or a path")
    return found
