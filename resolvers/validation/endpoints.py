"""Validators of a connection's target: the name of a service, and an endpoint of it."""

import re
from typing import Any
from urllib.parse import urlsplit

from resolvers.validation import secrets, validators
from resolvers.validation.validators import InvalidValue

CREDENTIALS = "an endpoint must not contain credentials: put them into the credentials store"

_SERVICE = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# As most are: of what `_check_parts` finds, they can only hold a secret.
_PLAIN = re.compile(r"[a-z]+://[A-Za-z0-9.-]+(?::[0-9]{1,4})?(?:/[A-Za-z0-9._/-]*)?")


def service(value: Any) -> str:
    name = validators.text(100)(value)
    if not _SERVICE.fullmatch(name):
        raise InvalidValue(
            f"{secrets.quote(name)} must be the name of a service: A-Z a-z 0-9 . _ : / -"
        )
    return name


def endpoint(value: Any) -> str:
    target = validators.text(validators.MAX_URL_LENGTH)(value)
    if not _PLAIN.fullmatch(target):
        _check_parts(target)
    elif secrets.redact(target) != target:
        raise InvalidValue(CREDENTIALS)
    return target


def _check_parts(target: str) -> None:
    if re.search(r"[\s\\]", target):
        raise InvalidValue("an endpoint must not contain spaces or backslashes")
    try:
        parts = urlsplit(target if _URL.match(target) else f"//{target}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidValue("must be a URL, or a host with a port or a path") from None
    if "@" in parts.netloc or secrets.redact(target) != target:
        raise InvalidValue(CREDENTIALS)
    if not host and not target.startswith("/"):
        raise InvalidValue("must be a URL, or a host with a port or a path")
