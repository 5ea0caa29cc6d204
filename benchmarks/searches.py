"""What the benchmark's registry is searched for: kinds of texts, from whole names to single letters."""

from collections.abc import Callable, Mapping

from benchmarks.rows import SERVICES, Size

SEARCH = """
query Search($text: String!) {
  search(text: $text) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges {
      field highlight
      node {
        __typename id
        ... on Actor { displayName }
        ... on Context { name }
        ... on Installation { accountLogin }
        ... on Connection { targetService }
        ... on Service { name }
      }
    }
  }
}
"""
STEP = 7919

TEXTS: Mapping[str, Callable[[Size, int], str]] = {
    "whole names": lambda size, n: f"context-{n * STEP % size.contexts}",
    "e-mails": lambda size, n: f"actor{n * STEP % size.actors}@example.com",
    "services": lambda size, n: SERVICES[n % len(SERVICES)],
    "beginnings of services": lambda size, n: SERVICES[n % len(SERVICES)][:4],
    "a word that most texts have, and its beginnings": lambda size, n: "example"[: 4 + n % 4],
    "eight words that many texts have": lambda size, n: (
        f"https {SERVICES[n % len(SERVICES)]} example com v1 1 h e"
    ),
    "words that no text has together": lambda size, n: f"https context {n}",
    "one letter": lambda size, n: "aceghv1"[n % 7],
    "what no text has": lambda size, n: f"zzz{n}",
}
"""For each kind the text in the n-th request."""
