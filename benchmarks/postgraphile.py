"""A rival: PostGraphile over a PostgreSQL that holds the rows of BENCH_DATABASE.

Run as `python -m benchmarks.postgraphile`. PostgreSQL and Node.js are its children, so that their CPU time is
counted together.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks import postgres


def main() -> int:
    """Serve until SIGTERM comes; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with postgres.running(Path(os.environ["BENCH_DATABASE"])) as url:
        server = subprocess.Popen(
            ["node", str(postgres.POSTGRAPHILE / "server.mjs")],
            env={**os.environ, "BENCH_POSTGRES": url},
        )
        try:
            return server.wait()
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
