"""What docs/connect-a-frontend.md shows works with the real generators and the server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.other_programs import node
from tests.support.pages.doc_pages import page
from tests.support.paths import NPM, ROOT
from tests.support.services.api import running
from tests.support.services.server_process import TIMEOUT_SECONDS

PAGE = page("docs/connect-a-frontend.md")
FILES = {block.title: block.text for block in PAGE.blocks if block.title}
DEV_SERVER = "localhost:5173"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the page's files, the schema and npm's packages."""
    for name in ("codegen.ts", "src/Contexts.tsx", "relay.config.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FILES[name])
    shutil.copy(ROOT / "schema" / "schema.graphql", tmp_path)
    (tmp_path / "node_modules").symlink_to(NPM / "node_modules")
    return tmp_path


def generate(project: Path, package: str, *words: str) -> None:
    command = [node.require(package.split("/cli")[0]), str(NPM / "node_modules" / package), *words]
    ran = subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.thorough
async def test_the_persisted_documents_of_codegen_are_answered_by_their_hash(project: Path):
    generate(project, "@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts")

    made = project / "src" / "gql"
    types = (made / "graphql.ts").read_text()
    assert ": any" not in types.replace("[key: string]: any", "")  # every scalar has a type
    documents = made / "persisted-documents.json"
    (id_,) = json.loads(documents.read_text())
    settings = {"documents": str(documents), "documents_only": True}
    async with running(project / "registry.db", **settings) as api:
        body = {"documentId": id_, "variables": {"first": 1}}
        answer = (await api.client.post("/graphql", json=body)).json()
    assert answer["data"]["contexts"]["nodes"] == []


@pytest.mark.thorough
def test_relay_s_compiler_takes_the_configuration(project: Path):
    query = FILES["src/Contexts.tsx"].replace("graphql(`", "graphql`").replace("`);", "`;")
    query = query.replace("query Contexts(", "query ContextsQuery(").replace(
        '"./gql"', '"react-relay"'
    )
    (project / "src" / "Contexts.tsx").write_text(query)
    (project / "persisted_queries.json").write_text("{}")

    generate(project, "relay-compiler/cli.js", "relay.config.json")

    assert len(json.loads((project / "persisted_queries.json").read_text())) == 1


async def test_requests_that_vites_server_passes_on_are_answered(tmp_path: Path):
    (target,) = re.findall(r'target: "http://([\d.]+):8000", ws: true', FILES["vite.config.ts"])
    assert target == "127.0.0.1"
    assert "changeOrigin" not in FILES["vite.config.ts"]
    headers = {"host": DEV_SERVER, "origin": f"http://{DEV_SERVER}"}

    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.post(
            "/graphql", json={"query": "{ __typename }"}, headers=headers
        )

    assert answer.json() == {"data": {"__typename": "Query"}}
