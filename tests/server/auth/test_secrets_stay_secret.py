"""Credentials sent in any place appear in no response, file, log line or metric."""

import asyncio
import json
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from server.auth.api_keys import parse
from tests.support.other_programs.token_issuer import AUDIENCE, ISSUER, an_issuer, token
from tests.support.other_programs.token_keys import RSA
from tests.support.requests.websocket_clients import opened
from tests.support.services.commands import command_process
from tests.support.services.protected_service import bearer
from tests.support.services.server_process import TIMEOUT_SECONDS, served, url_of

JSON = {"content-type": "application/json"}


def requests(secret: str) -> Iterator[dict[str, Any]]:
    """Requests that carry a secret, each in another place.

    None has it as an alias: that is the client's own word for what it is then answered.
    """
    text = json.dumps(secret)
    name = secret.replace("-", "_").replace(".", "_")
    reading = "{ viewer { capabilities } }"
    for query in (
        f"{{ contexts(filter: {{ name: {{ eq: {text} }} }}) {{ totalCount }} }}",
        f"{{ node(id: {text}) {{ id }} }}",
        f"{{ actor(chittyId: {text}) {{ displayName }} }}",
        f"{{ actors(after: {text}) {{ totalCount }} }}",
        f"{{ actors(first: {text}) {{ totalCount }} }}",
        f"mutation {{ openConnection(input: {{ source: {text}, targetService: {text},"
        f" credentialsKvKey: {text} }}) {{ errors {{ code message }} }} }}",
        f"mutation {{ suspendActor(input: {{ chittyId: {text} }}) {{ errors {{ message }} }} }}",
        f"{{ {secret} }}",
        f"{{ {name} }}",
        f"query {name} {reading}",
        f"{{ viewer {{ ...{name} }} }}",
        f"# {secret}",
        f'{{ "{secret}',
    ):
        yield post({"query": query})
    yield post(
        {"query": "query($n: Int) { actors(first: $n) { totalCount } }", "variables": {"n": secret}}
    )
    yield post({"query": reading, "variables": {secret: secret}})
    yield post({"query": reading, "variables": secret})
    yield post({"query": reading, "operationName": secret})
    yield post({"query": reading, "extensions": {"persistedQuery": {"sha256Hash": secret}}})
    yield post({"query": reading, secret: secret})
    yield {"method": "POST", "url": "/graphql", "headers": JSON, "content": secret}
    for path in (
        "/graphql",
        "/metrics",
        "/healthz",
        "/schema.graphql",
        "/webhooks/github",
        "/integrations/github/webhook",
        "/.well-known/chitty.json",
        "/none",
    ):
        given = {"query": reading, "token": secret, secret: "1"}
        yield {"method": "GET", "url": path, "params": given}
        yield {"method": "GET", "url": path, "headers": {"authorization": bearer(secret)}}
        yield {"method": "GET", "url": path, "headers": {"authorization": f"Basic {secret}"}}
        yield {"method": "GET", "url": f"{path}/{quote(secret)}"}
    for header in ("x-api-key", "cookie", "user-agent", "referer", "accept", "x-request-id"):
        yield {**post({"query": reading}), "headers": {**JSON, header: secret}}
    for header in ("traceparent", "if-none-match", "accept-encoding", "x-hub-signature-256"):
        yield {"method": "GET", "url": "/graphql", "headers": {header: secret}}
    hook = {"x-github-event": secret, "x-github-delivery": secret, "x-hub-signature-256": secret}
    yield {
        "method": "POST",
        "url": "/webhooks/github",
        "headers": {**JSON, **hook},
        "content": secret,
    }


def post(body: dict[str, Any]) -> dict[str, Any]:
    return {"method": "POST", "url": "/graphql", "headers": JSON, "content": json.dumps(body)}


def responses_to(client: httpx2.Client, credential: str, secret: str) -> Iterator[str]:
    """What is answered to each request, with the credential and without."""
    for request in requests(secret):
        for shown in ({"authorization": bearer(credential)}, {}):
            headers = {**shown, **request.get("headers", {})}
            answer = client.request(**{**request, "headers": headers})
            yield f"{answer.status_code} {answer.headers} {answer.text}"


async def socket_responses(url: str, secret: str) -> list[str]:
    """What is answered on WebSockets to whoever sends a secret where it belongs and where it does not.

    None has it as an operation's id, which is repeated in each answer.
    """
    responses = []
    for shown in (bearer(secret), secret):
        async with opened(url) as socket:
            await socket.say("connection_init", payload={"authorization": shown, secret: secret})
            await socket.subscribe(f"{{ {secret} }}", operationName=secret, variables={secret: 1})
            await socket.say(secret)
            responses.append(" ".join(map(str, [await socket.rest(), await socket.closed()])))
        with suppress(InvalidStatus):
            async with opened(url, additional_headers={"Authorization": shown}) as socket:
                await socket.say("connection_init")
                await socket.subscribe(f"query {secret} {{ __typename }}")
                await socket.say(secret)
                responses.append(" ".join(map(str, [await socket.rest(), await socket.closed()])))
    return responses


def fragments(secret: str) -> list[str]:
    """What of a credential must be seen nowhere: a key's secret, each part of a token."""
    if secret.startswith("cg_"):
        return [parse(secret).secret]
    return [part for part in secret.split(".") if len(part) > 40] or [secret]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "registry.db"
    assert command_process("migrate", "--database", path).returncode == 0
    return path


@dataclass(frozen=True)
class Credentials:
    """One of each kind, all valid but the last two."""

    key: str
    token: str
    metrics_token: str
    webhook_secret: str
    wrong_key: str
    wrong_token: str

    def all(self) -> list[str]:
        return [getattr(self, each.name) for each in fields(self)]


def flags_of(credentials: Credentials, issuer: str) -> list[str]:
    flags = {
        "auth": "protected",
        "introspection": "true",
        "failed-credentials-per-minute": "0",
        "metrics-token": credentials.metrics_token,
        "github-webhook-secret": credentials.webhook_secret,
        "jwt-issuer": ISSUER,
        "jwt-audience": AUDIENCE,
        "jwt-jwks-url": issuer,
        "log-format": "json",
        "log-level": "debug",
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def send_everywhere(url: str, credentials: Credentials) -> tuple[list[str], str]:
    """Send each credential in every place; returns all responses, and the metrics."""
    presented = (
        credentials.key,
        credentials.wrong_key,
        credentials.token,
        credentials.wrong_token,
    )
    responses: list[str] = []
    with httpx2.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        for secret in presented:
            responses += responses_to(client, credentials.key, secret)
        responses += responses_to(client, credentials.token, credentials.token)
        for secret in (*presented, credentials.metrics_token):
            responses += asyncio.run(socket_responses(f"{url}/graphql", secret))
        for secret in (credentials.metrics_token, credentials.webhook_secret):
            headers = {"authorization": bearer(secret)}
            for path in ("/metrics", "/graphql", "/none"):
                responses.append(client.get(path, headers=headers).text)
        return responses, client.get("/metrics").text


def places_with(secrets: list[str], contents: dict[str, str]) -> list[tuple[str, str, str]]:
    """Where a part of a secret appears: the place, the secret's start and the text around it."""
    return [
        (place, secret[:12], content[max(0, content.find(part) - 120) : content.find(part) + 20])
        for place, content in contents.items()
        for secret in secrets
        for part in fragments(secret)
        if part in content
    ]


def test_no_credential_appears_in_any_response_file_log_or_metric(database: Path, tmp_path: Path):
    made = command_process("keys", "create", "--new-admin", "Ada", "--database", database)
    key = made.stdout.strip()
    (stored,) = json.loads(command_process("keys", "list", "--json", "--database", database).stdout)
    with an_issuer() as issuer:
        credentials = Credentials(
            key=key,
            token=token(sub=stored["actor_chitty_id"]),
            metrics_token=secrets.token_urlsafe(32),
            webhook_secret=secrets.token_urlsafe(32),
            wrong_key=key[:-1] + "_",
            wrong_token=token(RSA[1], sub="somebody else"),
        )
        with served(database, *flags_of(credentials, issuer.url)) as (process, output):
            log: list[str] = []
            reading = threading.Thread(target=lambda: log.append(process.stderr.read()))
            reading.start()  # or the server would wait for room in the pipe
            responses, metrics = send_everywhere(url_of(output, ""), credentials)
            written = {
                path.name: path.read_bytes().decode("latin-1")
                for path in database.parent.glob("registry.db*")
            }
            command_process("backup", tmp_path / "copy.db", "--database", database)
            dump, rows = (
                command_process("export", form, "--database", database).stdout
                for form in ("--sql", "--jsonl")
            )
            process.send_signal(signal.SIGTERM)
            reading.join(60)

    assert any(each.startswith("200 ") for each in responses)
    assert "credential refused" in log[0]
    assert "chittygraph_" in metrics
    assert parse(key).key_id in dump
    contents = {
        **{f"response {n}": each for n, each in enumerate(responses)},
        **written,
        "backup": (tmp_path / "copy.db").read_bytes().decode("latin-1"),
        "dump": dump,
        "rows": rows,
        "metrics": metrics,
        "log": log[0],
    }
    found = places_with(credentials.all(), contents)
    assert not found, "\n".join(map(str, found))
