"""examples/page: React, urql with a normalised cache, and documents typed by graphql-codegen."""

from pathlib import Path

import httpx2
import pytest

from tests.support.other_programs.chromium import faults_of
from tests.support.other_programs.npm_projects import Project
from tests.support.services.protected_service import protected
from tests.support.services.server_process import QUIET, served, url_of

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example, with the schema that a server serves."""
    folder = tmp_path_factory.mktemp("examples")
    project = Project("page", folder)
    with served(folder / "schema.db", *QUIET) as (_, said):
        project.fetch_schema(url_of(said, "/schema.graphql"))
    return project


@pytest.fixture(scope="module")
def documents(project: Project) -> Path:
    """The documents of the page, which is built."""
    project.run("build")
    return project.path / "src" / "gql" / "persisted-documents.json"


def test_what_is_generated_has_a_type_for_every_scalar(project: Project, documents: Path):
    types = (documents.parent / "graphql.ts").read_text()

    assert ": any" not in types
    assert "ChittyID" in types


def test_the_page_works_where_only_its_own_documents_are_executed(
    project: Project, documents: Path, tmp_path: Path
):
    only = ("--documents", str(documents), "--documents-only")
    with (
        served(tmp_path / "registry.db", "--demo", *QUIET, *only) as (_, said),
        project.serving("preview", API_ORIGIN=url_of(said, "")) as page,
    ):
        assert faults_of(page, "contexts") is None


def test_whoever_has_no_token_is_asked_to_sign_in(
    project: Project, documents: Path, tmp_path: Path
):
    with protected(tmp_path / "registry.db", "--documents", str(documents)) as (url, key):
        api = url.removesuffix("/graphql")
        with project.serving("preview", API_ORIGIN=api) as page:
            assert faults_of(page, "signIn", key) is None


def test_vites_server_passes_requests_on(project: Project, documents: Path, tmp_path: Path):
    with (
        served(tmp_path / "registry.db", *QUIET) as (_, said),
        project.serving("dev", API_ORIGIN=url_of(said, "")) as page,
    ):
        answer = httpx2.post(f"{page}graphql", json={"query": "{ __typename }"}, timeout=60)

    assert answer.json() == {"data": {"__typename": "Query"}}
