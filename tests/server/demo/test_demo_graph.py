"""The demo has a graph that is worth a look: what it holds can be found by the queries that clients have."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.registries.databases import demo_registry
from tests.support.services.api import Api, running

# The ends of a path: a person, and an agent whose pipeline reads the same payroll.
PERSON, AGENT = "Rosalind Achterberg", "Data Quality Agent"
FAR_REACHING_AGENT = "Research Agent"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return demo_registry(tmp_path / "demo.db")


@pytest.fixture
async def api(registry: Path) -> AsyncIterator[Api]:
    async with running(registry) as api:
        yield api


async def actor(api: Api, name: str) -> Any:
    query = """
        query ($name: String!) {
          actors(filter: { displayName: { eq: $name } }) { nodes { id status } }
        }
    """
    [found] = (await api.ask(query, name=name))["actors"]["nodes"]
    return found


async def path(api: Api, start: str, end: str, most: int) -> list[Any] | None:
    query = """
        query ($from: ID!, $to: ID!, $most: Int!) {
          shortestPath(from: $from, to: $to, maxDepth: $most) { from to relation }
        }
    """
    ends = {"from": (await actor(api, start))["id"], "to": (await actor(api, end))["id"]}
    found: list[Any] | None = (await api.ask(query, **ends, most=most))["shortestPath"]
    return found


async def services_reached(api: Api, of: str) -> set[str]:
    """The services of the connections that an actor opened itself."""
    query = """
        query ($of: ID!) {
          neighborhood(of: $of, depth: 2, kinds: [CONNECTION, SERVICE]) {
            nodes { ... on Service { name } } truncated
          }
        }
    """
    found = (await api.ask(query, of=of))["neighborhood"]
    assert not found["truncated"]
    return {node["name"] for node in found["nodes"] if node}


async def test_all_that_depends_on_the_ledger_fails_together(api: Api):
    query = """{
      connections(
        first: 50
        filter: { targetService: { in: ["ledger", "payouts"] }, status: { not: DISCONNECTED } }
      ) {
        groups(by: [STATUS, TARGET_SERVICE]) { status targetService count }
        nodes { lastError errorCount source { ... on Context { name } ... on Actor { displayName } } }
      }
    }"""

    found = (await api.ask(query))["connections"]

    assert {group["status"] for group in found["groups"]} == {"FAILED"}
    assert {group["targetService"] for group in found["groups"]} == {"ledger", "payouts"}
    assert sum(group["count"] for group in found["groups"]) == len(found["nodes"]) >= 20
    assert len({node["lastError"] for node in found["nodes"]}) == 2
    contexts = {node["source"]["name"] for node in found["nodes"] if "name" in node["source"]}
    projects = {name.partition("-")[0] for name in contexts}
    assert projects == {"meridian", "northwind", "orchard", "paragon"}
    assert {"displayName": "Billing Sync"} in [node["source"] for node in found["nodes"]]


async def test_no_other_service_is_down(api: Api):
    query = """{
      services(first: 50) { nodes { name stats { total byStatus { status count } } } }
    }"""

    found = (await api.ask(query))["services"]["nodes"]

    down = {
        service["name"]
        for service in found
        for state in service["stats"]["byStatus"]
        if state["status"] == "FAILED" and state["count"] * 2 > service["stats"]["total"]
    }
    assert down == {"ledger", "payouts"}


async def test_one_service_is_a_hub_with_four_times_the_connections_of_any_other(api: Api):
    query = """{
      connections { groups(by: [TARGET_SERVICE], first: 2) { targetService count } }
    }"""

    hub, next_to_it = (await api.ask(query))["connections"]["groups"]

    assert hub["targetService"] == "github"
    assert hub["count"] > 90
    assert hub["count"] > 4 * next_to_it["count"]


async def test_one_agent_reaches_three_times_as_many_services_as_any_other_actor(api: Api):
    query = "{ actors(first: 50) { nodes { id displayName actorType } } }"

    actors = (await api.ask(query))["actors"]["nodes"]
    reached = {
        actor["displayName"]: len(await services_reached(api, actor["id"])) for actor in actors
    }

    far = reached.pop(FAR_REACHING_AGENT)
    assert {"displayName": FAR_REACHING_AGENT, "actorType": "AI"}.items() <= next(
        actor for actor in actors if actor["displayName"] == FAR_REACHING_AGENT
    ).items()
    assert far > 15
    assert far > 3 * max(reached.values())


async def test_a_person_and_an_agent_are_five_steps_apart(api: Api):
    found = await path(api, PERSON, AGENT, most=5)

    assert found is not None
    assert [step["relation"] for step in found] == ["OPENS", "TARGETS", "TARGETS", "OPENS", "OWNS"]
    assert await path(api, PERSON, AGENT, most=4) is None
