"""examples/apollo: Apollo Client with its normalised cache, and documents typed by gql.tada."""

import re
from pathlib import Path

import pytest

from tests.support.other_programs.npm_projects import Project
from tests.support.services.server_process import QUIET, served, url_of

# Has the script print what it sends.
SHOWING = """
    const { fetch } = globalThis;
    globalThis.fetch = (url, options) => {
        console.log("sent", options.body.includes('"query"') ? "text" : "hash");
        return fetch(url, options);
    };
"""

pytestmark = pytest.mark.thorough


def test_the_script_lists_all_pages_and_sees_what_its_mutations_changed(tmp_path: Path):
    project = Project("apollo", tmp_path)
    with served(tmp_path / "registry.db", "--demo", *QUIET) as (_, said):
        project.fetch_schema(url_of(said, "/schema.graphql"))
        project.run("build")
        url = url_of(said, "/graphql")

        showing = project.path / "showing.mjs"
        showing.write_text(SHOWING)
        # In development Apollo warns of types that the cache should know.
        options = f"--conditions=development --import={showing.as_uri()}"

        ran = project.try_to_run("start", "--reconnect", API_URL=url, NODE_OPTIONS=options)
        again = project.run("start", API_URL=url, NODE_OPTIONS=options)

    assert (ran.returncode, ran.stderr) == (0, "")
    shown = ran.stdout
    listed, total = map(int, re.findall(r"(\d+) of (\d+) failed", shown)[0])
    refused = shown.count("is refused")
    (active,) = map(int, re.findall(r"(\d+) of them are active now", shown))
    assert listed == total > 5 * 5  # more than five pages
    assert active == total - refused > 0 < refused
    assert f"{refused} of {refused} failed" in again
    assert shown.count("sent text") == 2  # the query and the mutation, once each
    assert shown.count("sent hash") > total
    assert again.count("sent text") == 0


def test_a_field_that_does_not_exist_is_an_error_of_the_compiler(tmp_path: Path):
    project = Project("apollo", tmp_path)
    with served(tmp_path / "registry.db", *QUIET) as (_, said):
        project.fetch_schema(url_of(said, "/schema.graphql"))
    main = project.path / "src" / "main.ts"
    main.write_text(main.read_text().replace("{ title, lastError }", "{ title, unknown }"))

    built = project.try_to_run("build")

    assert built.returncode != 0
    assert "Property 'unknown' does not exist" in built.stdout
