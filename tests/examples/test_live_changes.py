"""The pages of examples/ show what is changed as it happens, also after their server was started anew."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schema import semantic_nullability
from schema.built import sdl
from tests.support.other_programs.chromium import require_browser
from tests.support.other_programs.node import RunningScript, running_script
from tests.support.other_programs.npm_projects import Project
from tests.support.services.restarted_server import DEMOTE, OPEN_CONNECTION, RestartedServer
from tests.support.services.server_process import end_all

pytestmark = pytest.mark.thorough


# Vite's proxy, behind which `page` is, keeps a stream open whose server was killed.
@pytest.mark.parametrize(("name", "end"), [("page", signal.SIGTERM), ("relay", signal.SIGKILL)])
def test_a_page_misses_no_change_and_says_when_it_may_see_them_no_longer(
    tmp_path: Path, name: str, end: signal.Signals
):
    project, server = Project(name, tmp_path), RestartedServer(tmp_path / "registry.db")
    schema = semantic_nullability.sdl() if name == "relay" else sdl()
    (project.path / "schema.graphql").write_text(schema)
    project.run("build", VITE_API_URL=server.url)
    persisted = project.path / "src" / "gql" / "persisted-documents.json"
    documents = ("--documents", str(persisted)) if persisted.exists() else ()
    origin = server.url.removesuffix("/graphql")

    with project.serving("preview", API_ORIGIN=origin) as page:
        flags = ("--allowed-origins", page.removesuffix("/"), *documents)
        with server.serving(*flags) as pid, watching(page, server.ada) as watch:
            server.change(OPEN_CONNECTION, name="first")
            shows(watch, "CREATED first openConnection")

            end_all(pid, end)
            server.change_behind_it("UPDATE connections SET target_endpoint = 'https://a.example'")
            with server.serving(*flags):
                shows(watch, "UPDATED first external", "CREATED first openConnection")
                server.change(OPEN_CONNECTION, name="second")
                shows(
                    watch,
                    "CREATED second openConnection",
                    "UPDATED first external",
                    "CREATED first openConnection",
                )
                server.change(DEMOTE)
                warns(watch, "you have lost audit:read")


@contextmanager
def watching(page: str, token: str) -> Iterator[RunningScript]:
    """What the list of latest changes shows from now on to the bearer of this token."""
    arguments = require_browser(), page, token
    with running_script("playwright-core", "latest_changes.mjs", *arguments) as watch:
        watch.hear()
        yield watch


def shows(watch: RunningScript, *changes: str) -> None:
    """Wait until the newest changes are these."""
    while watch.hear()["changes"][: len(changes)] != [*changes]:
        pass


def warns(watch: RunningScript, words: str) -> None:
    """Wait until an alert says this."""
    while words not in " ".join(watch.hear()["alerts"]):
        pass
