"""A reader who follows one page: a folder, a shell, and the server that the page has started."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from tests.support.other_programs import wrangler
from tests.support.pages.doc_pages import Block, is_like, is_text_like
from tests.support.paths import NPM, ROOT
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS

ADDRESS = "127.0.0.1:8000"
# What `./run` would run in the repository's own environment. A page that runs the tests says `not run`.
RUN = f"""#!/bin/sh
case $1 in
serve) set -- "$@" --port 0 ;;
chittygraph) shift ;;
test | check | bench | docs) echo "run: $1 is not run from a page" >&2; exit 2 ;;
esac
exec {shlex.quote(sys.executable)} -c 'import sys; from server.cli import main; sys.exit(main())' "$@"
"""
NPX = f"""#!/bin/sh
case $1 in
wrangler) shift; {wrangler.SCRIPT} ;;
*) echo "npx: there is no $1 here" >&2; exit 2 ;;
esac
"""
NEEDS_SHELL = re.compile(r"[$`|&;<>()\n]")
SERVE = re.compile(r"^(?:\w+=\S+ )*\./run (?:chittygraph )?serve\b")
PROGRAMS = {"wrangler": wrangler.require_wrangler}


@cache
def _names_in_a_clone() -> list[str]:
    """What lies at the top of a clone, but for `run`; no database or key that somebody made in this one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = {path.partition("/")[0] for path in listed.splitlines()}
    return sorted(name for name in names - {"run"} if not name.startswith("."))


class Reader:
    """Follows a page in `folder`, which looks like a clone of the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.folder.mkdir()
        for name in _names_in_a_clone():
            (self.folder / name).symlink_to(ROOT / name)
        tools = folder / "tools"
        tools.mkdir()
        for path, script in ((self.folder / "run", RUN), (tools / "npx", NPX)):
            path.write_text(script)
            path.chmod(0o755)
        self._env = {
            **{name: value for name, value in os.environ.items() if "CHITTYGRAPH" not in name},
            **wrangler.QUIET,
            "HOME": str(self.folder),
            "PATH": f"{tools}:{NPM}/node_modules/.bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
            "CHITTYGRAPH_LOG_FORMAT": "text",  # as a reader's terminal shows it
        }
        self._server: subprocess.Popen[str] | None = None
        self.url: str | None = None

    def run(self, block: Block) -> str:
        """Run a block of shell, and return what it printed to stdout."""
        if block.note == "needs":
            PROGRAMS[block.value]()
        if "curl " in block.text and shutil.which("curl") is None:
            pytest.skip("curl is missing: install it (on Debian: apt install curl)")
        code = int(block.value) if block.note == "exits with" else 0
        out = ""
        for part in _parts(block.text):
            if SERVE.match(part):
                out += self._serve(part, block)
            else:
                out += self._shell(part, block, code)
        return out

    def console(self, block: Block) -> None:
        """Run a transcript: each command must print what stands below it."""
        for entry in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, expected = re.match(r"((?:.*\\\n)*.*)\n?((?s:.*))", entry).groups()
            actual = self._shell(command, block, 0)
            assert is_text_like(expected, actual), f"{block.place}: `{command}` printed\n{actual}"

    def file(self, block: Block) -> None:
        """Make the file that a block shows; one of the repository is there, and must have that part."""
        path = self.folder / block.title
        first = self.folder / block.title.partition("/")[0]
        if first.is_symlink():
            assert f"\n{block.text}" in f"\n{path.read_text()}", f"{block.place} is not in the file"
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def post(self, body: dict[str, Any]) -> Any:
        """The JSON answer of the page's server to an operation."""
        answer = httpx2.post(f"{self.url}/graphql", json=body, timeout=TIMEOUT_SECONDS)
        return answer.json()

    def close(self) -> None:
        """Stop the server."""
        if self._server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.communicate()
        self._server = self.url = None

    def _shell(self, script: str, block: Block, code: int) -> str:
        if self.url:
            script = script.replace(ADDRESS, self.url.removeprefix("http://"))
        script = re.sub(r"\bcurl\b", "curl -sS", script)
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert ran.returncode == code, f"{block.place}: {script}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def _serve(self, command: str, block: Block) -> str:
        self.close()
        with (self.folder / "server.log").open("w+") as log:
            self._server = self._start(command, log)
            said = ""
            while "Ctrl-C" not in said:
                line = self._server.stdout.readline()
                assert line, f"{block.place}: {Path(log.name).read_text()}"
                said += line
        (self.url,) = re.findall(r"address +(http://\S+)/graphql", said)
        return said.replace(self.url.removeprefix("http://"), ADDRESS)

    def _start(self, command: str, log: IO[str]) -> subprocess.Popen[str]:
        options: Any = {
            "cwd": self.folder,
            "stdout": subprocess.PIPE,
            "stderr": log,
            "start_new_session": True,
        }
        if NEEDS_SHELL.search(command):
            script = re.sub(r"^((?:\w+=\S+ )*)", r"\1exec ", command)
            return subprocess.Popen(["bash", "-c", script], env=self._env, text=True, **options)
        words = shlex.split(command)
        place = words.index("./run")
        set_there = dict(word.split("=", 1) for word in words[:place])
        rest = words[place + 1 :]
        env = {name: value for name, value in self._env.items() if not name.startswith("PYTHON")}
        ours = rest[rest[0] == "chittygraph" :]
        return start_command(*ours, "--port", "0", env=env | set_there, **options)


def check_answer(answer: Block, actual: str | Any) -> None:
    """Hold what was answered against what the page shows."""
    if answer.language == "json":
        expected = answer.json
        found = answer_of(actual)
        assert is_like(expected, found), f"{answer.place}: the answer is\n{found}"
    else:
        assert is_text_like(answer.text, actual), f"{answer.place}: the answer is\n{actual}"


def answer_of(actual: str | Any) -> Any:
    """JSON, which a shell gives as text."""
    return httpx2.Response(200, text=actual).json() if isinstance(actual, str) else actual


def check_success(block: Block, answer: Any) -> None:
    """Hold that a query of whose answer the page shows nothing finds something, and no error."""
    assert "errors" not in answer, f"{block.place}: {answer}"
    for name, found in answer["data"].items():
        assert found is not None, f"{block.place}: {name} is null"
        if isinstance(found, dict):
            assert found.get("nodes") != [], f"{block.place}: {name} is empty"
            assert not found.get("errors"), f"{block.place}: {found}"


def _parts(script: str) -> list[str]:
    """The block, cut before and after each command that serves and goes on serving."""
    parts: list[str] = []
    goes_on = False
    for line in script.splitlines():
        if goes_on or (parts and not SERVE.match(line) and not SERVE.match(parts[-1])):
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
        goes_on = line.endswith("\\")
    return parts
