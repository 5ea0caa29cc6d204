"""examples/curl: the API with nothing but a shell."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.paths import EXAMPLES
from tests.support.registries.databases import demo_registry
from tests.support.services.commands import command
from tests.support.services.server_process import QUIET, TIMEOUT_SECONDS, served, url_of

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("auth", ["open", "protected"])
def test_the_script_lists_all_contexts_and_says_why_a_name_is_refused(tmp_path: Path, auth: str):
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: install it (on Debian: apt install {program})")
    registry = demo_registry(tmp_path / "registry.db")
    with closing(sqlite3.connect(registry)) as connection, connection:
        connection.execute(r"UPDATE contexts SET name = 'zephyr\nweb' WHERE name = 'zephyr-web'")
    key = command("keys", "create", "--new-admin", "Root", "--database", registry).stdout.strip()

    with served(registry, "--auth", auth, *QUIET) as (_, said):
        variables = {"API_URL": url_of(said, "/graphql")}
        ran = shell(variables | ({"API_KEY": key} if auth == "protected" else {}))
        shut_out = shell(variables)

    *listed, refused = ran.stdout.splitlines()
    assert ran.returncode == 0, ran.stderr
    assert len(listed) == 108
    assert listed[0] == "atlas-api\tAmara Whitlock"
    assert listed[-1] == "zephyr\\nweb\tAmara Whitlock", "echo would make a new line of it"
    assert refused.startswith("refused: input.name a context named 'atlas-docs' already exists")
    assert refused.endswith("(ALREADY_EXISTS)")
    if auth == "protected":
        assert shut_out.returncode != 0
        assert shut_out.stderr.startswith("UNAUTHENTICATED: ")


def shell(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLES / "curl" / "contexts.sh"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
