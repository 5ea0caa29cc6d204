"""Many requests, of which none is like another, leave no memory and no descriptors behind."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.support.faults.declaration import Fault, Rounds, count, megabytes
from tests.support.faults.trial import Trial
from tests.support.other_programs.github_payloads import SECRET
from tests.support.registries.databases import new_registry
from tests.support.requests.many_requests import Clients, Requests
from tests.support.services.commands import command
from tests.support.services.memory import memory
from tests.support.services.server_process import TIMEOUT_SECONDS, UNHURRIED, served, url_of

CLIENTS = 8
SILENT = ("--log-level", "error")  # also about wrong credentials
UNLIMITED = (
    *UNHURRIED,
    *("--failed-credentials-per-minute", "0", "--requests-per-minute", "0"),
    *("--points-per-minute", "0", "--github-webhook-secret", SECRET),
)
CREATE = """
    mutation ($owner: ChittyID!) {
        createContext(input: { name: "harbour", owner: $owner }) { context { chittyId } }
    }
"""

LEAKS = Fault(
    name="leaks",
    done="requests of 29 wrong kinds, then of 11 right ones, none like another: malformed, unknown, refused,"
    " aborted, closed early",
    holds="no answer is a 5xx; after as many to warm up, or 20,000, memory and descriptors stay level",
    rounds=Rounds(default=60, thorough=2000, by_hand=100_000, called="requests of each"),
    figures={"memory": megabytes(20), "descriptors": count(0)},
)


@LEAKS
async def test_requests_leave_nothing_behind(trial: Trial, tmp_path: Path):
    path = new_registry(tmp_path / "registry.db")
    key = command("keys", "create", "--new-admin", "Root", "--database", path).stdout.strip()

    with served(path, "--auth", "protected", *SILENT, *UNLIMITED) as (process, said):
        url = urlsplit(url_of(said, "/graphql"))
        requests = Requests(key, context(url.geturl(), key))
        clients = Clients(url.hostname, url.port, CLIENTS)
        numbers = iter(range(10**6, 10**9))  # no two requests are alike
        for make in (requests.wrong, requests.right):
            await clients.send(map(make, islice(numbers, min(trial.rounds, 20_000))))
        before, opened = memory(process.pid), settled(process.pid, None)
        for make in (requests.wrong, requests.right):
            await clients.send(map(make, watched(trial, islice(numbers, trial.rounds))))
            trial.measured("memory", memory(process.pid) - before)
        trial.measured("descriptors", settled(process.pid, opened) - opened)

    assert {status for status in clients.statuses if status >= 500} == set()


def context(url: str, key: str) -> str:
    """A context that requests change."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx2.Client(headers=headers, timeout=TIMEOUT_SECONDS) as client:
        me = client.post(url, json={"query": "{ viewer { actor { chittyId } } }"}).json()
        owner = me["data"]["viewer"]["actor"]["chittyId"]
        made = client.post(url, json={"query": CREATE, "variables": {"owner": owner}}).json()
    return str(made["data"]["createContext"]["context"]["chittyId"])


def watched(trial: Trial, numbers: Iterator[int]) -> Iterator[int]:
    """Show from time to time how far it is."""
    for place, number in enumerate(numbers):
        if place % 1000 == 0:
            trial.at(place)
        yield number


def settled(pid: int, wanted: int | None) -> int:
    """How many descriptors a process has, once they are as many or do not change any more."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    found = -1
    while time.monotonic() < deadline:
        last, found = found, len(list(Path(f"/proc/{pid}/fd").iterdir()))
        if found == (last if wanted is None else wanted):
            break
        time.sleep(0.5)
    return found
