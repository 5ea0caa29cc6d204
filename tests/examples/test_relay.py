"""examples/relay: relay-compiler, react-relay and its store, on a page of another origin than the API's."""

from pathlib import Path

import pytest

from tests.support.other_programs.chromium import faults_of
from tests.support.other_programs.npm_projects import Project
from tests.support.services.server_process import QUIET, served, url_of

pytestmark = pytest.mark.thorough


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example, without a schema yet."""
    return Project("relay", tmp_path)


def test_the_page_works_from_another_origin(project: Project, tmp_path: Path):
    with served(tmp_path / "registry.db", "--demo", *QUIET) as (_, said):
        project.fetch_schema(url_of(said, "/schema.graphql?nullability=semantic"))
        project.run("build", VITE_API_URL=url_of(said, "/graphql"))
        fragment = project.path / "src" / "__generated__" / "Installations_query.graphql.ts"
        assert "| null | undefined" not in fragment.read_text().partition("suspendedAt")[0]
        with project.serving("preview") as page:
            assert faults_of(page, "installations") is None
