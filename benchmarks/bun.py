"""Bun, a runtime of JavaScript with SQLite inside, whose programs come from npm."""

from functools import cache

from benchmarks import node

FOLDER = node.FOLDER / "bun"
PROGRAM = FOLDER / "node_modules" / ".bin" / "bun"


@cache
def require() -> None:
    """Install it and what its server imports; raises BenchmarkError if it does not run on this machine."""
    node.require()
    node.install(FOLDER, "Bun")
    node.run(str(PROGRAM), "--version")
