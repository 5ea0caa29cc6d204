"""Pages of other origins as browsers hold them to the rules: see other_origins.mjs.

tests/server/http/test_cors.py checks the headers that say so.
"""

import json
from pathlib import Path

import pytest

from tests.support.other_programs import node
from tests.support.other_programs.chromium import bundled, require_browser
from tests.support.other_programs.http_servers import Handler, serving
from tests.support.services.protected_service import protected
from tests.support.services.server_process import QUIET, served, url_of

PAGE = b'<!doctype html><link rel="icon" href="data:,"><body><script src="/clients.js"></script>'


class Pages(Handler):
    """Serves one page at every path, and its script."""

    def answer(self) -> None:
        """A GET came."""
        is_script = self.path == "/clients.js"
        _, script = self.service
        self.reply(
            200,
            {"content-type": "text/javascript" if is_script else "text/html; charset=utf-8"},
            script if is_script else PAGE,
        )


@pytest.mark.thorough
def test_pages_do_what_they_are_allowed_to_and_nothing_else(tmp_path: Path):
    chromium = require_browser()
    script = bundled("clients_of_pages.js", tmp_path / "clients.js").read_bytes()
    with serving(Pages, lambda port: (port, script)) as (port, _):
        allowed = ("--allowed-origins", f"http://app.example:{port}")
        few = ("--failed-credentials-per-minute", "1")
        with (
            served(tmp_path / "open.db", *QUIET) as (_, said),
            protected(tmp_path / "listing.db", *allowed, *few) as (url, key),
        ):
            servers = {
                "open": {"url": url_of(said, "/graphql")},
                "listing": {"url": url, "key": key},
            }
            arguments = chromium, json.dumps(servers), str(port)
            found = json.loads(node.run_script("@apollo/client", "other_origins.mjs", *arguments))

    assert found == dict.fromkeys(found)
    assert len(found) > 40
