"""A local D1 database under the real wrangler, which runs without the network."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from db.migrating.ledger import MIGRATIONS
from tests.support.paths import NPM, ROOT

WRANGLER = NPM / "node_modules" / "wrangler" / "bin" / "wrangler.js"
OLDEST_NODE = (20, 3)
DATABASE = "chittygraph"
FILES = [path.name for path in sorted(MIGRATIONS.glob("*.sql"))]
QUIET = {
    "CI": "1",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "WRANGLER_HIDE_BANNER": "true",  # and with it the look for a newer version
    "WRANGLER_SEND_METRICS": "false",
}
# Its simulator may fail an assertion of its own, `false == true`, where one has just ended: it starts again.
SCRIPT = f"""
said=$(mktemp)
for _ in 1 2 3; do
    node {shlex.quote(str(WRANGLER))} "$@" 2>"$said"
    code=$?
    cat "$said" >&2
    grep -q 'false == true' "$said" || break
done
rm -f "$said"
exit $code
"""


def require_wrangler() -> str:
    """The command that runs node; skips the test where wrangler cannot run."""
    node = shutil.which("node")
    if node is None or not WRANGLER.exists():
        pytest.skip("node or wrangler is missing: install Node and run `npm ci` in tests/npm/")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, version.strip("v\n").split(".")[:2])) < OLDEST_NODE:
        pytest.skip(f"wrangler needs Node 20.3 or newer, and this is {version.strip()}")
    return node


class D1:
    """A folder as a user sets it up for wrangler, with the example's configuration."""

    def __init__(self, folder: Path, files: Iterable[str] = FILES) -> None:
        require_wrangler()
        self.folder = folder
        folder.mkdir()
        shutil.copy(ROOT / "wrangler.toml.example", folder / "wrangler.toml")
        self.has(files)

    def has(self, files: Iterable[str]) -> None:
        """Put these of our migrations into the folder where wrangler looks for them."""
        (self.folder / "migrations").mkdir(exist_ok=True)
        for name in files:
            shutil.copy(MIGRATIONS / name, self.folder / "migrations")

    def run(self, *words: str) -> str:
        """What `wrangler d1 WORDS --local` prints; it must succeed."""
        home = str(self.folder)
        ran = subprocess.run(
            ["sh", "-c", SCRIPT, "wrangler", "d1", *words, "--local"],
            cwd=self.folder,
            env=os.environ | QUIET | {"HOME": home, "XDG_CONFIG_HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows that wrangler reads with this statement."""
        (result,) = json.loads(self.run("execute", DATABASE, "--json", "--command", sql))
        found: list[dict[str, Any]] = result["results"]
        return found

    def execute(self, file: Path) -> None:
        """Run a file of SQL."""
        self.run("execute", DATABASE, "--file", str(file))

    def apply(self) -> None:
        """Run the migrations that wrangler finds pending."""
        self.run("migrations", "apply", DATABASE)

    def pending(self) -> list[str]:
        """The migrations that wrangler would apply."""
        said = self.run("migrations", "list", DATABASE)
        return [name for name in FILES if name in said]

    @property
    def file(self) -> Path:
        """Where wrangler keeps the database, made if there is none; no wrangler runs meanwhile."""
        state = self.folder / ".wrangler/state/v3/d1/miniflare-D1DatabaseObject"
        if not state.exists():
            self.rows("SELECT 1")
        (file,) = [path for path in state.glob("*.sqlite") if path.stem != "metadata"]
        return file

    def put(self, database: Path) -> None:
        """Let wrangler find a copy of this database, which nobody has open, instead of its own."""
        file = self.file
        for beside in file.parent.glob(f"{file.name}*"):
            beside.unlink()
        shutil.copy(database, file)


def older_migrations(tmp_path: Path) -> Path:
    """The migrations as they were two files ago."""
    folder = tmp_path / "older"
    folder.mkdir()
    for name in FILES[:-2]:
        shutil.copy(MIGRATIONS / name, folder)
    return folder
