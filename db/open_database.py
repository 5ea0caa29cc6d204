"""Opens databases: the only module that knows the schemes of URLs and the engine of each."""

import errno
import os
import re
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from db.database import Database


def file_of(url: str) -> Path:
    """The file that a path or `sqlite:///` URL names; raises ValueError, with the reason, for others."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        if url.startswith(":"):
            raise ValueError(f"database {url!r} is no file: give the path of one")
        return _checked(url)
    if scheme == "sqlite" and re.match(r"/.", rest):
        return _checked(unquote(rest[1:]))
    if scheme in {"rqlite", "d1+https"}:
        raise ValueError(f"database {scheme}://… is not supported yet: give the path of a file")
    raise ValueError(
        f"database {scheme}://… is not supported: give the path of a file, or sqlite:///PATH"
    )


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


async def open_database(
    url: str | Path,
    *,
    migrate: bool = True,
    to_write: bool = True,
    readers: int = 2,
    read_seconds: float = 5.0,
    wait_seconds: float = 1.0,
    min_free_bytes: int = 0,
) -> Database:
    """Open the database at a path or URL; migrate it first, or refuse one that is not up to date.

    One that is not migrated is also opened if this user cannot write it, unless it is `to_write`.
    A session may spend `read_seconds` in statements; reads and writes wait `wait_seconds` for their turn;
    nothing is written while less than `min_free_bytes` of disk are free. Raises BootRefused if the database
    cannot be migrated or opened, and ValueError like `file_of`.
    """
    # Engines are imported when one is opened, since settings import this module.
    from db.migrating import opening

    open_file = (
        opening.open_migrated if migrate else partial(opening.open_existing, to_write=to_write)
    )
    return await open_file(
        file_of(url) if isinstance(url, str) else url,
        readers=readers,
        read_seconds=read_seconds,
        wait_seconds=wait_seconds,
        min_free_bytes=min_free_bytes,
    )
