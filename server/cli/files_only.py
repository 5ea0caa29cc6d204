"""What works with a SQLite file only, each with the way round for a registry on another engine."""

from db.database_url import Address, Engine
from db.errors import BootRefused

OUT = "copy the registry into one with `chittygraph move --to FILE`"
WAYS = {
    "audit export": f"{OUT}, and export from there",
    "audit verify": f"{OUT}, and verify that",
    "backup": f"{OUT}, which is a backup",
    "check": f"{OUT}, check and repair that, and move it into a new database",
    "export": f"{OUT}, and export from there",
    "import": "import into a file, and copy that with `chittygraph move --from FILE`",
    "migrate --changes": "leave it out",
    "migrate --recreate": f"{OUT}, recreate the tables there, and move it into a new database",
    "promote": "an engine over HTTP replaces a leader that dies by itself",
    "restore": "restore into a file, and copy that with `chittygraph move --from FILE`",
    "sql": f"{OUT}, and ask that",
    "status --schema": f"{OUT}, and look at that",
}
"""By command, or command and flag: what to do instead."""
ON_RQLITE = {"backup", "restore"}
"""Those of them that work with a cluster of rqlite, too, which writes and takes files itself."""


def require_file(command: str, address: Address) -> None:
    """Raise BootRefused if this command is for files only, and the database is none."""
    if address.engine is Engine.RQLITE and command in ON_RQLITE:
        return
    if address.file is None and command in WAYS:
        raise BootRefused(
            f"`chittygraph {command}` is for SQLite files, and {address} is none: {WAYS[command]}"
        )
