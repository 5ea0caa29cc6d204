"""What `serve` says once it serves: a few lines for people, one JSON line for programs."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from server import called_as
from server.setting_fields import variable
from server.settings import Settings
from server.telemetry import logs
from server.telemetry.logs import EventRecord, JsonFormatter
from server.telemetry.terminal import Terminal

DEFAULT = Settings.__dataclass_fields__["database"].default
MODES = {
    "open": "open: whoever reaches the address may read and change everything",
    "protected": "protected: every request needs a credential",
}
QUERY = '{"query": "{ contexts(first: 3) { totalCount nodes { name } } }"}'


@dataclass(frozen=True)
class Announcement:
    """`applied` counts migrations, `added` the demonstration's rows by table; `is_new` is the database.

    `has_keys` says whether a valid API key exists, which matters in protected mode only.
    """

    settings: Settings
    port: int
    applied: int
    is_new: bool
    has_keys: bool
    added: Mapping[str, int]
    setting_file: Path | None
    copy_of: str = ""
    """What a replica follows, without secrets."""

    def show(self) -> None:
        """Print it to stdout."""
        if logs.is_text(self.settings.log_format, sys.stdout):
            text = "\n".join(self._lines(Terminal(sys.stdout)))
        else:
            text = JsonFormatter().format(EventRecord(__name__, "serving", self._fields()))
        print(text, flush=True)

    @cached_property
    def url(self) -> str:
        host, root = self.settings.host, self.settings.root_path
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{root}/graphql"

    def _fields(self) -> dict[str, object]:
        settings = self.settings
        return {
            "url": self.url,
            "database": str(settings.address),
            "migrations_applied": self.applied,
            "mode": settings.auth,
            "graphiql": settings.shows_graphiql,
            "workers": settings.workers,
            "version": version("chittygraph"),
            **({"replica_of": self.copy_of, "primary": settings.primary} if self.copy_of else {}),
            **({"demonstration": dict(self.added)} if self.added else {}),
            **({"settings": str(self.setting_file)} if self.setting_file else {}),
        }

    def _lines(self, terminal: Terminal) -> list[str]:
        settings = self.settings
        page = "GraphiQL, for browsers at the same address; the graph at /graph beside it"
        items = [
            ("address", terminal.paint(self.url, "bold", "cyan")),
            *self._database_lines(),
            (
                "mode",
                terminal.paint(MODES[settings.auth], "green" if self._is_protected else "yellow"),
            ),
            ("page", page if settings.shows_graphiql else "off"),
            *([("settings", str(self.setting_file))] if self.setting_file else []),
            *([("workers", str(settings.workers))] if settings.workers > 1 else []),
        ]
        return [
            "",
            terminal.paint(f"ChittyGraph {version('chittygraph')}", "bold"),
            "",
            *(f"  {terminal.paint(f'{name:9}', 'dim')} {text}" for name, text in items),
            "",
            *(f"  {line}".rstrip() for line in self._to_try()),
            "",
            terminal.paint("  Ctrl-C stops it. Requests follow, one per line.", "dim"),
            "",
        ]

    def _database_lines(self) -> list[tuple[str, str]]:
        settings = self.settings
        if not self.copy_of:
            return [("database", f"{settings.address}{self._what_was_done()}")]
        return [
            ("replica", f"of {self.copy_of}, copied beside {settings.database_path}"),
            ("primary", f"{settings.primary}, which gets what writes"),
        ]

    @property
    def _is_protected(self) -> bool:
        return self.settings.auth == "protected"

    def _what_was_done(self) -> str:
        done = ["new"] if self.is_new else []
        if self.applied:
            done.append(f"{self.applied} migration{'s' * (self.applied != 1)} applied")
        rows = ", ".join(f"{count} {table}" for table, count in self.added.items())
        what = f" ({', '.join(done)})" if done else ""
        return f"{what}\n{'':12}{rows}" if rows else what

    def _to_try(self) -> list[str]:
        """A first thing to do, as commands for a shell."""
        settings, lines = self.settings, ["Try it in another terminal:", ""]
        request = [f"curl {self.url} -H 'content-type: application/json'", f"-d '{QUERY}'"]
        if self._is_protected:
            if self.has_keys:  # another one would take the place of that in the file
                lines[0] = "Try it in another terminal, with your key in the file admin.key:"
            else:
                lines.append(f"  {self._first_key()}")
            request.insert(1, '-H "authorization: Bearer $(cat admin.key)"')
        elif settings.shows_graphiql:
            lines[0] = "Open the address in a browser, or try it in another terminal:"
        lines.append("  " + " \\\n      ".join(request))
        if self.is_new and not self.added and not self._is_protected:
            lines += [
                "",
                f"The registry is empty: `{called_as.command('serve --demo')}` fills it with sample data.",
            ]
        return lines

    def _first_key(self) -> str:
        database = self.settings.database
        flag = "" if database == DEFAULT else f" --database {shlex.quote(database)}"
        if self.settings.address.secret:
            flag = f' --database "${variable("database")}"'
        make = called_as.command(f"keys create{flag} --new-admin 'Your name' > admin.key")
        return f"(umask 077; {make})"
