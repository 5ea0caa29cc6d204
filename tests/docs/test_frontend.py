"""docs/connect-a-frontend.md shows code of the examples, and what it says besides works."""

import json
import re
from pathlib import Path

import pytest

from schema import semantic_nullability
from tests.support.other_programs.npm_projects import Project
from tests.support.pages.doc_pages import page
from tests.support.paths import EXAMPLES, ROOT
from tests.support.services.api import running

PAGE = page("docs/connect-a-frontend.md")
CODE = [block for block in PAGE.blocks if block.title.startswith("examples/")]
PERSISTED = "relay.config.json (persisted)"
DEV_SERVER = "localhost:5173"


@pytest.mark.parametrize("block", CODE, ids=lambda block: f"{block.title}:{block.line}")
def test_the_page_shows_what_stands_in_the_examples(block):
    assert f"\n{block.text}" in f"\n{(ROOT / block.title).read_text()}"


def test_the_page_names_every_example_and_shows_code_of_each_npm_project():
    folders = {f"examples/{path.name}" for path in EXAMPLES.iterdir() if path.is_dir()}
    shown = {"/".join(block.title.split("/")[:2]) for block in CODE}

    assert folders <= {*re.findall(r"^\| `(examples/\w+)` \|", PAGE.text, re.MULTILINE)}
    assert shown >= {f"examples/{path.parent.name}" for path in EXAMPLES.glob("*/package.json")}


async def test_requests_that_vites_server_passes_on_are_answered(tmp_path: Path):
    (config,) = [block.text for block in CODE if block.title == "examples/page/vite.config.ts"]
    assert '"http://127.0.0.1:8000"' in config
    assert "changeOrigin" not in config
    headers = {"host": DEV_SERVER, "origin": f"http://{DEV_SERVER}"}

    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.post(
            "/graphql", json={"query": "{ __typename }"}, headers=headers
        )

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.fixture
def relay(tmp_path: Path) -> Project:
    """The example with Relay, and the schema that says what is null on error only."""
    project = Project("relay", tmp_path)
    (project.path / "schema.graphql").write_text(semantic_nullability.sdl())
    return project


@pytest.mark.thorough
async def test_documents_that_relay_s_compiler_persists_are_answered_by_their_id(
    relay: Project, tmp_path: Path
):
    (more,) = [block.json for block in PAGE.blocks if block.title == PERSISTED]
    config = relay.path / "relay.config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | more))
    documents = relay.path / "persisted_queries.json"
    documents.write_text("{}")

    relay.run("generate")

    artifact = relay.path / "src" / "__generated__" / "AppQuery.graphql.ts"
    (id_,) = re.findall(r'"id": "(\w+)"', artifact.read_text())
    settings = {"documents": str(documents), "documents_only": True}
    async with running(tmp_path / "registry.db", **settings) as api:
        answer = (await api.client.post("/graphql", json={"documentId": id_})).json()
    assert answer["data"]["installations"]["edges"] == []


@pytest.mark.thorough
def test_relay_s_compiler_makes_what_is_null_on_error_only_non_null(relay: Project):
    """And nothing else: an actor may be missing, or not to be seen."""
    (relay.path / "src" / "Contexts.tsx").write_text(
        "graphql`query ContextsQuery @throwOnFieldError"
        ' { contexts { totalCount } actor(chittyId: "CHITTY-ACTOR-ADA") { email } }`;'
    )

    relay.run("generate")

    (made,) = relay.path.rglob("ContextsQuery.graphql.ts")
    response = re.sub(r"\s+", " ", made.read_text())
    assert "readonly contexts: { readonly totalCount: number; };" in response
    assert "readonly actor: { readonly email: string | null | undefined; } | null" in response
