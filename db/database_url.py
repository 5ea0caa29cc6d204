"""Where a database is: a path or URL, and the one form of it that may be shown, without its secrets."""

import errno
import ipaddress
import os
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import quote, unquote

FORMS = (
    "the path of a file, `sqlite:///PATH`, `rqlite://USER:PASSWORD@HOST:PORT,HOST:PORT,…`, `rqlites://…`"
    " for TLS, or `d1+https://TOKEN@HOST/PATH`"
)
RQLITE_PORT = 4001
HIDDEN = "***"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~%-]+)*")


class Engine(Enum):
    """The engines, as messages name them."""

    SQLITE = "SQLite"
    RQLITE = "rqlite"
    D1 = "Cloudflare D1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is. As text it is what may be shown: *** stands for a password or token.

    `bases` has the URL of each node of rqlite, or of the Worker in front of D1, without a slash at its end;
    `secret` is the password of `user`, or the Worker's token.
    """

    engine: Engine
    file: Path | None = None
    bases: tuple[str, ...] = ()
    user: str = ""
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.file is not None:
            return str(self.file)
        scheme, separator, first = self.bases[0].partition("://")
        hosts = ",".join([first, *(base.partition("://")[2] for base in self.bases[1:])])
        if self.engine is Engine.D1:
            return f"d1+{scheme}{separator}{HIDDEN}@{hosts}"
        who = f"{quote(self.user, safe='')}:{HIDDEN}@" if self.user else ""
        return f"rqlite{'s' * (scheme == 'https')}{separator}{who}{hosts}"


def parse(url: str | Path) -> Address:
    """Raises ValueError, with the reason and never a secret, for what names no database."""
    if isinstance(url, Path):
        return Address(Engine.SQLITE, file=url)
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Address(Engine.SQLITE, file=_file(url))
    match scheme.lower():
        case "sqlite" if re.match(r"/.", rest):
            return Address(Engine.SQLITE, file=_checked(unquote(rest[1:])))
        case "rqlite":
            return _rqlite("http", rest)
        case "rqlites":
            return _rqlite("https", rest)
        case "d1+https":
            return _d1("https", rest)
        case "d1+http":
            return _d1("http", rest)
    shown = scheme if _SCHEME.fullmatch(scheme) else "…"
    raise ValueError(f"database {shown}://… is not supported: give {FORMS}")


def _file(path: str) -> Path:
    if path.startswith(":"):
        raise ValueError(f"database {path!r} is no file: give the path of one")
    scheme = path.partition(":")[0].lower()
    if scheme != path and scheme in ("rqlite", "rqlites", "d1+https", "d1+http"):
        # Else what may hold a password would be taken for the name of a file, and shown.
        raise ValueError(f"database {scheme}:… is no URL: write {scheme}://, with two slashes")
    return _checked(path)


def _checked(path: str) -> Path:
    """The path, unless no file can have it: everything else is found out by whoever opens it."""
    if "\0" in path:
        raise ValueError(f"database {path!r} holds a NUL, which no path may: give another")
    try:
        os.stat(path)  # noqa: PTH116 - Path.stat of some versions of Python raises other errors
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(
                f"database {path!r} is a symbolic link that leads back to itself: give another path"
            ) from None
    return Path(path)


def _rqlite(scheme: str, rest: str) -> Address:
    form = f"rqlite{'s' * (scheme == 'https')}://USER:PASSWORD@HOST:PORT,HOST:PORT"
    credentials, at, hosts = rest.removesuffix("/").rpartition("@")
    user, colon, password = credentials.partition(":")
    if at and not (user and colon):
        raise ValueError(f"an rqlite URL needs both a user and a password, or neither: give {form}")
    bases = [_base(scheme, host, form, RQLITE_PORT) for host in hosts.split(",")]
    return Address(
        Engine.RQLITE,
        bases=tuple(dict.fromkeys(bases)),
        user=unquote(user),
        secret=unquote(password),
    )


def _d1(scheme: str, rest: str) -> Address:
    form = f"d1+{scheme}://TOKEN@HOST/PATH"
    token, _at, place = rest.rpartition("@")
    host, slash, path = place.partition("/")
    path = (slash + path).rstrip("/")
    if not re.fullmatch(r"[!-~]+", unquote(token)) or ":" in token:
        raise ValueError(
            f"a D1 URL needs the token of its Worker, of visible ASCII: give {form}, with %3A for a colon"
        )
    if not _PATH.fullmatch(path):
        raise ValueError(f"the path of a D1 URL may have no query and no spaces: give {form}")
    if scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "a d1+http:// URL would send the token unencrypted, so it is for this machine only: give"
            " d1+https://TOKEN@HOST/PATH"
        )
    return Address(Engine.D1, bases=(_base(scheme, host, form) + path,), secret=unquote(token))


def _base(scheme: str, host: str, form: str, port: int | None = None) -> str:
    """Raises ValueError without repeating the host, which may be a part of a password."""
    match = _HOST.fullmatch(host)
    number = port if match is None or match[2] is None else int(match[2])
    if match is None or (number is not None and not 1 <= number <= 65535):
        raise ValueError(
            f"a host of the database's URL is malformed: give {form}, where @ : / , and % in a user, password"
            " or token are written as %40 %3A %2F %2C and %25"
        )
    return f"{scheme}://{match[1]}" + (f":{number}" if number is not None else "")


def _is_loopback(host: str) -> bool:
    match = _HOST.fullmatch(host)
    name = match[1].strip("[]") if match is not None else ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
