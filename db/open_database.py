"""Opens databases: the only module that knows the schemes of URLs and the engine of each."""

import re
from pathlib import Path
from urllib.parse import unquote

from db.database import Database


def file_of(url: str) -> Path:
    """The file that a path or `sqlite:///` URL names; raises ValueError, with the reason, for others."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        if url.startswith(":"):
            raise ValueError(f"database {url!r} is no file: give the path of one")
        return Path(url)
    if scheme == "sqlite" and re.match(r"/.", rest):
        return Path(unquote(rest[1:]))
    if scheme in {"rqlite", "d1+https"}:
        raise ValueError(f"database {scheme}://… is not supported yet: give the path of a file")
    raise ValueError(
        f"database {scheme}://… is not supported: give the path of a file, or sqlite:///PATH"
    )


async def open_database(
    url: str | Path,
    *,
    migrate: bool = True,
    readers: int = 2,
    read_seconds: float = 5.0,
    min_free_bytes: int = 0,
) -> Database:
    """Open the database at a path or URL; migrate it first, or refuse one that is not up to date.

    A session may spend `read_seconds` in statements; nothing is written while less than `min_free_bytes` of
    disk are free. Raises BootRefused if the database cannot be migrated or opened, and ValueError like
    `file_of`.
    """
    # Engines are imported when one is opened, since settings import this module.
    from db.migrating import opening

    open_file = opening.open_migrated if migrate else opening.open_existing
    return await open_file(
        file_of(url) if isinstance(url, str) else url,
        readers=readers,
        read_seconds=read_seconds,
        min_free_bytes=min_free_bytes,
    )
