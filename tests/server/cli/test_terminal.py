"""What `serve` shows: a banner and one short line per request on a terminal, JSON elsewhere."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from db.migrating import ledger
from tests.support.running.terminals import shown_on
from tests.support.services.commands import command
from tests.support.services.forked import start_command
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

MIGRATED = len(ledger.load(ledger.MIGRATIONS))
COLUMNS = 100
COLOUR = re.compile(r"\x1b\[[\d;]*m")
READY = "Ctrl-C stops it"
LONG_NAME = "Contexts_of_every_owner_who_has_been_seen_this_year_" * 3
ENVIRONMENT = {name: value for name, value in os.environ.items() if "CHITTYGRAPH" not in name}


class Terminal:
    """A terminal that a server writes to."""

    def __init__(self, leader: int, process: subprocess.Popen[str]) -> None:
        self._leader = leader
        self._process = process
        self.shown = ""

    def wait_for(self, text: str) -> None:
        while text not in self.shown:
            self.shown += os.read(self._leader, 100_000).decode()

    def url(self, path: str) -> str:
        (root,) = re.findall(r"(http://[\d.:]+)/graphql\x1b\[0m\r\n|$", self.shown)[:1]
        return f"{root}{path}"

    def stop(self) -> str:
        """Stop the server; returns all that was shown."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(TIMEOUT_SECONDS)
        self.shown += shown_on(self._leader)
        return self.shown


@contextmanager
def on_terminal(folder: Path, *flags: str, **variables: str) -> Iterator[Terminal]:
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
    process = start_command(
        *("serve", "--port", "0", *flags),
        stdout=follower,
        stderr=follower,
        cwd=folder,
        env=ENVIRONMENT | {"TERM": "xterm"} | variables,
    )
    os.close(follower)
    try:
        terminal = Terminal(leader, process)
        terminal.wait_for(READY)
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def ask(url: str, query: str | None = None) -> None:
    """Send a request, whatever it is answered with."""
    body = None if query is None else json.dumps({"query": query}).encode()
    request = Request(url, body, {"content-type": "application/json"})
    with suppress(HTTPError):
        urlopen(request, timeout=TIMEOUT_SECONDS).close()


def test_a_terminal_shows_a_banner_and_one_short_line_per_request(tmp_path: Path):
    with on_terminal(tmp_path, "--demo") as terminal:
        url = terminal.url("/graphql")
        ask(url, "query Names { contexts(first: 1) { nodes { name } } }")
        ask(url, f"query {LONG_NAME} {{ __typename }}")
        ask(url, "{ nothing }")
        for path in ("/healthz", "/readyz", "/metrics", f"/nowhere/{'x' * 300}"):
            ask(terminal.url(path))
        coloured = terminal.stop()

    shown = COLOUR.sub("", coloured)
    banner, requests = shown.split("one per line.\r\n\r\n")
    lines = requests.splitlines()
    assert coloured != shown
    assert f"  address   {url}\r\n" in banner
    assert f"  database  chittygraph.db (new, {MIGRATED} migrations applied)\r\n" in banner
    assert "40 actors, 12 installations, 120 contexts, 437 connections\r\n" in banner
    assert "  mode      open: whoever reaches the address may " in banner
    assert "  page      GraphiQL, " in banner
    assert f"curl {url} " in banner
    assert banner.count("\n") <= 18
    assert all(len(line) <= COLUMNS for line in shown.splitlines())
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert [line.split(" ", 1)[1].split("  ")[0] for line in lines[:1]] == ["POST /graphql Names"]
    assert re.search(r" 200 +\d+\.?\d* ms  127\.0\.0\.1$", lines[0])
    assert "…" in lines[1]
    assert lines[2].endswith(" ms  127.0.0.1 INVALID_DOCUMENT")
    assert lines[3].endswith(" ms  127.0.0.1 NOT_FOUND")  # the probes before it have no line
    assert lines[4].endswith(" server stopped")
    assert len(lines) == 5


def test_at_level_debug_ids_and_probes_are_shown(tmp_path: Path):
    with on_terminal(tmp_path, "--log-level", "debug") as terminal:
        ask(terminal.url("/healthz"))
        shown = COLOUR.sub("", terminal.stop())

    (line,) = [line for line in shown.splitlines() if "/healthz" in line]
    assert re.search(r' 200 +\S+ ms  127\.0\.0\.1 request_id="[0-9a-f]{32}"$', line)


def test_no_color_is_respected(tmp_path: Path):
    with on_terminal(tmp_path, NO_COLOR="1") as terminal:
        shown = terminal.stop()

    assert "\x1b" not in shown


def test_in_protected_mode_the_banner_says_how_to_get_a_key(tmp_path: Path):
    (tmp_path / ".env").write_text("CHITTYGRAPH_AUTH=protected\nCHITTYGRAPH_DATABASE=other.db\n")

    with on_terminal(tmp_path) as terminal:
        shown = COLOUR.sub("", terminal.stop())

    assert "  mode      protected: every request needs a credential\r\n" in shown
    assert "  page      off\r\n" in shown
    assert "  settings  .env\r\n" in shown
    assert (
        "chittygraph keys create --database other.db --new-admin 'Your name' > admin.key" in shown
    )
    assert "authorization: Bearer $(cat admin.key)" in shown


def test_in_protected_mode_the_banner_suggests_no_second_first_key(tmp_path: Path):
    registry = tmp_path / "chittygraph.db"
    command("migrate", "--database", registry)
    made = command("keys", "create", "--new-admin", "Ada", "--database", registry)

    with on_terminal(tmp_path, "--auth", "protected") as terminal:
        shown = COLOUR.sub("", terminal.stop())

    assert made.returncode == 0
    assert "Try it in another terminal, with your key in the file admin.key:\r\n" in shown
    assert "authorization: Bearer $(cat admin.key)" in shown
    assert "keys create" not in shown


def test_an_empty_registry_is_said_to_be_empty_with_the_command_that_fills_it(tmp_path: Path):
    with on_terminal(tmp_path, _CHITTYGRAPH_CALLED_AS="./run") as terminal:
        shown = COLOUR.sub("", terminal.stop())

    assert "The registry is empty: `./run serve --demo` fills it with sample data.\r\n" in shown


def test_without_a_terminal_all_is_json_with_an_event_that_says_where(tmp_path: Path):
    with served(tmp_path / "registry.db", "--demo") as (process, line):
        ask(url_of(line, "/graphql"), "{ __typename }")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)

    serving, lines = json.loads(line), [json.loads(each) for each in err.splitlines()]
    assert out == ""
    assert serving["url"] == url_of(line, "/graphql")
    assert (serving["mode"], serving["graphiql"], serving["migrations_applied"]) == (
        "open",
        True,
        MIGRATED,
    )
    assert serving["demonstration"]["contexts"] == 120
    assert serving.keys() >= {"at", "level", "logger", "event", "database", "workers", "version"}
    assert [each["event"] for each in lines] == [
        *("database ready", "request answered", "server stopped")
    ]


@pytest.mark.parametrize("level", ["warning", "error"])
def test_the_event_is_written_at_every_level(tmp_path: Path, level: str):
    with served(tmp_path / "registry.db", "--log-level", level) as (process, line):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert json.loads(line)["event"] == "serving"
    assert err == ""
