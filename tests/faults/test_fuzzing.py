"""Clients send what no program of ours would: generated operations, and bytes at random."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.support.faults.declaration import Fault, Rounds, seconds
from tests.support.faults.trial import Trial
from tests.support.registries.databases import new_registry
from tests.support.requests.mutant_runs import FLAGS, GOOD, MutantRun, exchanged
from tests.support.services.commands import command
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

GENERATED = Fault(
    name="generated-operations",
    done="operations that hypothesis-graphql generates, valid and invalid ones, sent to an open and to a"
    " protected server",
    holds="every response is JSON and none a 5xx or `INTERNAL`, the servers log no error, and"
    " `chittygraph check` finds nothing",
    rounds=Rounds(default=0, thorough=200, by_hand=5_000, called="operations"),
    figures={"slowest": seconds(5)},
)
MUTATED = Fault(
    name="mutated-requests",
    done="requests that are mutated at random, down to their bytes",
    holds="every response is whole and none a 5xx, none is late or missing, the server logs no error, and"
    " `chittygraph check` finds nothing",
    rounds=Rounds(default=0, thorough=2_000, by_hand=10_000, called="requests"),
)
PEOPLE = "{ actors(first: 20) { nodes { chittyId } } contexts(first: 20) { nodes { chittyId } } }"


class Answers:
    """The answers of one server, each of which must be sound."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client = client
        self._url = url
        self.slowest = 0.0
        self.with_data = self.refused = 0

    def to(self, document: str) -> dict[str, Any]:
        began = time.monotonic()
        response = self._client.post(self._url, json={"query": document})
        self.slowest = max(self.slowest, time.monotonic() - began)
        answer: dict[str, Any] = json.loads(response.text, parse_constant=_refuse)
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        assert response.status_code < 500, (document, response.text)
        assert "INTERNAL" not in codes, (document, response.text)
        assert answer.keys() <= {"data", "errors"}
        self.with_data += answer.get("data") is not None
        self.refused += "data" not in answer
        return answer


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@GENERATED
def test_generated_operations_are_answered_soundly(trial: Trial, tmp_path: Path):
    # Here, since importing Hypothesis takes longer than most files of tests, and this is a long one.
    from hypothesis import given

    from tests.support.requests.generated_operations import examples, operations

    open_file, protected_file = tmp_path / "open.db", tmp_path / "protected.db"
    new_registry(protected_file)
    made = command("keys", "create", "--new-admin", "Root", "--database", protected_file)
    credential = {"authorization": f"Bearer {made.stdout.strip()}"}
    quiet = ("--log-level", "error")
    unlimited = ("--points-per-minute", "0", "--requests-per-minute", "0")

    with (
        served(open_file, "--demo", *quiet) as (open_server, said),
        served(protected_file, "--auth", "protected", *quiet, *unlimited) as (server, also_said),
        httpx2.Client(timeout=TIMEOUT_SECONDS) as anyone,
        httpx2.Client(timeout=TIMEOUT_SECONDS, headers=credential) as admin,
    ):
        both = [
            Answers(anyone, url_of(said, "/graphql")),
            Answers(admin, url_of(also_said, "/graphql")),
        ]
        listed = both[0].to(PEOPLE)["data"].values()
        chitty_ids = [node["chittyId"] for page in listed for node in page["nodes"]]

        @examples(trial.rounds)
        @given(operations(chitty_ids))
        def ask(document: str) -> None:
            for answers in both:
                answers.to(document)
            trial.at(both[0].with_data + both[0].refused)

        ask()
        logged = []
        for process in (open_server, server):
            process.terminate()
            logged.append(process.communicate(timeout=TIMEOUT_SECONDS)[1])

    assert logged == ["", ""]
    for answers in both:
        assert answers.with_data >= trial.rounds / 10
        assert answers.refused >= trial.rounds / 10
        trial.measured("slowest", answers.slowest)
    for file in (open_file, protected_file):
        assert command("check", "--database", file).returncode == 0


@MUTATED
async def test_mutated_requests_leave_a_sound_registry(trial: Trial, tmp_path: Path):
    path = tmp_path / "registry.db"

    secret = {"CHITTYGRAPH_GITHUB_WEBHOOK_SECRET": "a secret of this test"}
    with served(path, "--demo", *FLAGS, environment=secret) as (process, said):
        run = MutantRun(urlsplit(url_of(said, "/graphql")).port or 0, seed=20_261_128, at=trial.at)
        await exchanged(run.port, GOOD)
        await run.send(trial.rounds)
        process.terminate()
        _, logged = process.communicate(timeout=TIMEOUT_SECONDS)

    assert run.wrong == []
    assert run.slow() == {}
    assert logged == ""
    assert command("check", "--database", path).returncode == 0
