"""/.well-known/chitty.json, by which ChittyOS finds the endpoints of a service."""

from importlib.metadata import version
from pathlib import Path

import pytest
from starlette.datastructures import Secret

from tests.support.services.api import Api, running
from tests.support.services.protected_service import client_at, protected_api

PATH = "/.well-known/chitty.json"
ELSEWHERE = "203.0.113.7"


async def endpoints(api: Api) -> dict[str, str]:
    found: dict[str, str] = (await api.client.get(PATH)).json()["endpoints"]
    return found


async def test_the_document_names_the_service_its_version_and_endpoints_that_exist(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.get(PATH)
        document = answer.json()
        statuses = {
            name: (await api.client.options(path)).status_code
            for name, path in document["endpoints"].items()
        }

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert document.keys() == {"name", "version", "endpoints"}
    assert (document["name"], document["version"]) == ("chittygraph", version("chittygraph"))
    assert document["endpoints"] == {
        "graphql": "/graphql",
        "schema": "/schema.graphql",
        "github_webhook": "/integrations/github/webhook",
        "health": "/health",
        "ready": "/readyz",
        "metrics": "/metrics",
    }
    assert 404 not in statuses.values()


async def test_endpoints_that_are_off_are_not_in_it(tmp_path: Path):
    async with running(tmp_path / "registry.db", metrics=False, introspection=False) as api:
        found = await endpoints(api)

    assert found.keys() == {"graphql", "github_webhook", "health", "ready"}


async def test_it_may_be_cached_by_everybody_and_is_not_sent_again_to_who_has_it(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        first = await api.client.get(PATH)
        again = await api.client.get(PATH, headers={"if-none-match": first.headers["etag"]})
        other = await api.client.get(PATH, headers={"if-none-match": '"another"'})
        head = await api.client.head(PATH)

    assert first.headers["cache-control"] == "public, max-age=300"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"] == other.headers["etag"]
    assert (other.status_code, other.content) == (200, first.content)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(first.content))


async def test_strangers_of_a_protected_service_get_it_too_and_no_secret(tmp_path: Path):
    secrets = {
        name: Secret(f"hush-{name}")
        for name in ("github_webhook_secret", "chittyid_token", "metrics_token")
    }
    async with (
        protected_api(
            tmp_path / "registry.db", chittyid_url="https://id.example.org", **secrets
        ) as api,
        client_at(api, ELSEWHERE) as stranger,
    ):
        answer = await stranger.client.get(PATH, headers={"host": "connect.example"})

    assert answer.status_code == 200
    assert "schema" not in answer.json()["endpoints"]
    assert not any(word in answer.text for word in ("hush", "id.example.org", str(tmp_path)))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_other_methods_are_refused(tmp_path: Path, method: str):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.request(method, PATH)

    assert answer.status_code == 405
