"""The projects of examples/ that npm builds, in a copy of their own."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.support.paths import EXAMPLES
from tests.support.services.server_process import TIMEOUT_SECONDS

PROJECTS = ("page", "relay", "apollo")
LOCAL = re.compile(r"Local: +(http://localhost:\d+/)")


class Project:
    """A copy of an example's own files, beside the packages that npm installed for it."""

    def __init__(self, name: str, folder: Path) -> None:
        packages = EXAMPLES / name / "node_modules"
        if shutil.which("npm") is None or not packages.exists():
            pytest.skip(f"npm or its packages are missing: run `npm ci` in examples/{name}/")
        self.path = folder / name
        for source in own_files(name):
            path = self.path / source.relative_to(EXAMPLES / name)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        (self.path / "node_modules").symlink_to(packages)

    def fetch_schema(self, url: str) -> None:
        """Write the schema that is served there to the project's file."""
        answer = httpx2.get(url, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200
        (self.path / "schema.graphql").write_text(answer.text)

    def run(self, script: str, *words: str, **env: str) -> str:
        """What `npm run SCRIPT` prints; it must succeed."""
        ran = self.try_to_run(script, *words, **env)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def try_to_run(self, script: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """`npm run SCRIPT`, however it ends."""
        return subprocess.run(
            command(script, *words),
            cwd=self.path,
            env=environment(env),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, script: str, **env: str) -> Iterator[str]:
        """Where Vite serves the page on a free port: `dev` from its sources, `preview` what was built."""
        process = subprocess.Popen(
            command(script, "--port", "0"),
            cwd=self.path,
            env=environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        try:
            said = ""
            while not (local := LOCAL.search(said)):
                line = process.stdout.readline()
                assert line, said
                said += line
            yield local[1]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def own_files(name: str) -> list[Path]:
    """The files of an example that are in the repository, or will be."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", name),
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [EXAMPLES / each for each in listed.stdout.split("\0") if each]
    return [path for path in paths if path.exists()]


def command(script: str, *words: str) -> tuple[str, ...]:
    """`npm run` of a script with more words."""
    return ("npm", "run", "--silent", script, "--", *words)


def environment(more: dict[str, str]) -> dict[str, str]:
    """The variables for a project, with no colours in what it prints."""
    return (
        os.environ | {"NO_COLOR": "1", "NODE_ENV": "", "npm_config_update_notifier": "false"} | more
    )
