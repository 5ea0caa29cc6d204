"""The operations that servers are measured with, and our targets against each rival."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import rows
from benchmarks.rows import Size

# Stands in a body for text that must differ from request to request; the load generators replace it.
SERIAL = "@SERIAL@"
VARIANTS = 64


@dataclass(frozen=True)
class Target:
    """How many times faster than each rival this server must be, with this many clients."""

    clients: int
    times: Mapping[str, float]


@dataclass(frozen=True)
class Workload:
    """One operation, and the variables that it is sent with in turn.

    With `again` a client asks by GET whether the answers that it holds are still so.
    """

    name: str
    title: str
    query: str
    variables: Callable[[Size], list[dict[str, Any]]]
    target: Target
    writes: bool = False
    again: bool = False

    def bodies(self, size: Size) -> list[str]:
        """The bodies of its requests, one line each."""
        return [
            json.dumps({"query": self.query, "variables": variables})
            for variables in self.variables(size)
        ]


POINT = """
query Point($id: ChittyID!) {
  context(chittyId: $id) {
    chittyId name status createdAt updatedAt
    owner { chittyId displayName actorType }
  }
}
"""
NESTED = """
query Nested($first: Int!) {
  contexts(first: $first) {
    nodes {
      chittyId name status createdAt
      owner { chittyId displayName actorType }
      connections(first: 10) {
        nodes { connectionId targetService targetEndpoint connectionType status createdAt }
        pageInfo { hasNextPage endCursor }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
FLAT = """
query Flat {
  connections(first: 1000) {
    nodes {
      connectionId sourceType targetService targetEndpoint connectionType
      status errorCount requestCount lastUsedAt createdAt
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation Create($input: OpenConnectionInput!) {
  openConnection(input: $input) {
    connection {
      connectionId targetService targetEndpoint connectionType status config createdAt updatedAt
      source { __typename ... on Context { chittyId name } }
    }
    errors { code message path }
  }
}
"""
DEEP = """
query Deep($id: ChittyID!) {
  actor(chittyId: $id) {
    chittyId displayName
    contexts(first: 20) {
      nodes {
        chittyId name status
        connections(first: 10) {
          nodes { connectionId targetService status }
          pageInfo { hasNextPage endCursor }
        }
        owner {
          chittyId displayName
          contexts(first: 5) {
            nodes { chittyId name }
            pageInfo { hasNextPage endCursor }
          }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


def _some_contexts(size: Size) -> list[dict[str, Any]]:
    places = (place * 7919 % size.contexts for place in range(VARIANTS))
    return [{"id": rows.context_id(place)} for place in places]


def _busy_actors(size: Size) -> list[dict[str, Any]]:
    return [{"id": rows.actor_id(place % size.busy)} for place in range(VARIANTS)]


def _new_connections(size: Size) -> list[dict[str, Any]]:
    places = (place * 7919 % size.contexts for place in range(VARIANTS))
    return [{"input": new_connection(place)} for place in places if rows.is_active(place)]


def new_connection(place: int) -> dict[str, Any]:
    """The input that opens a connection of the context in this place."""
    return {
        "source": rows.context_id(place),
        "targetService": "n8n",
        "targetEndpoint": f"https://hooks.example.com/{SERIAL}",
        "connectionType": "WEBHOOK",
        "config": {"retries": 3, "timeout_ms": 5000},
    }


def nested(first: int) -> Callable[[Size], list[dict[str, Any]]]:
    """The variables of W2 for so many contexts."""
    return lambda _: [{"first": first}]


WORKLOADS = (
    Workload(
        "W1",
        "one context and its owner",
        POINT,
        _some_contexts,
        Target(1, {"stock": 20, "mercurius": 1}),
    ),
    Workload(
        "W2",
        "100 contexts, owners, 10 connections each",
        NESTED,
        nested(100),
        Target(1, {"stock": 25, "mercurius": 4}),
    ),
    Workload(
        "W3",
        "1,000 connections of 10 fields",
        FLAT,
        lambda _: [{}],
        Target(1, {"stock": 20, "mercurius": 3}),
    ),
    Workload(
        "W5",
        "an actor, 20 contexts, and back",
        DEEP,
        _busy_actors,
        Target(1, {"stock": 20, "mercurius": 3}),
    ),
    Workload(
        "W6",
        "W1 asked again: is it still so?",
        POINT,
        _some_contexts,
        Target(16, {"ceiling": 0.5}),
        again=True,
    ),
    # The last one, since it changes what the others read.
    Workload(
        "W4",
        "create a connection, durably",
        CREATE,
        _new_connections,
        Target(16, {"stock": 10, "mercurius": 1, "mercurius-full": 1}),
        writes=True,
    ),
)
BY_NAME = {workload.name: workload for workload in WORKLOADS}
