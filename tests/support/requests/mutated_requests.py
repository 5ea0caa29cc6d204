"""Requests that were once well-formed: mutated at random, the same ones for the same seed.

A mutant of one kind is well-formed on all levels above the mutated one: a body of broken JSON has a right
length, a broken document is right JSON.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.requests.bad_inputs import BODIES, DOCUMENTS, NUMBERS, TEXTS

QUERIES = (
    "query Ask($n: Int = 3, $name: String) { contexts(first: $n, filter: { name: { eq: $name } })"
    " { totalCount nodes { id owner { displayName } } pageInfo { endCursor hasNextPage } } }",
    "{ a: actors(first: 2, orderBy: [{ field: CREATED_AT, direction: DESC }]) { nodes { ...f } } }"
    " fragment f on Actor { chittyId actorType contexts { totalCount } }",
    '{ node(id: "QWN0b3I6eA==") { id ... on Context { name } } __schema { queryType { name } } }',
    'mutation { registerActor(input: { actorType: AI, displayName: "x" }) { errors { code } } }',
)
VARIABLES: tuple[dict[str, Any], ...] = ({}, {"n": 2, "name": "x"}, {"n": None})
TOKENS = (
    *"{}[]()!$@:=|&,#.\"'\\/ \n\r\t\0",
    "...",
    '"""',
    "\\u0000",
    "\\ud800",
    "\ufeff",
    "null",
    "true",
    "NaN",
    "-0",
    "1e999",
    "__proto__",
    "on",
    "fragment",
    "query",
    "@skip(if: true)",
    *NUMBERS[:7],
)
LINES = (
    b"Host: there",
    b"Host:",
    b"Connection: close",
    b"Connection: keep-alive, upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    b"Expect: 100-continue",
    b"Expect: nothing",
    b"Content-Length: 0",
    b"Content-Length: 10",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 1, 2",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Content-Type: text/plain",
    b"Content-Type: application/json; charset=utf-16",
    b'Content-Type: application/json; charset="',
    b"Content-Encoding: gzip",
    b"Accept: text/html",
    b"Accept: application/graphql-response+json;q=0.1, */*;q=2",
    b"Accept: ,;q=,",
    b"Accept-Encoding: br;q=x, zstd, *;q=0",
    b"Accept-Encoding: identity;q=0",
    b'If-None-Match: *, W/"x", "',
    b"Prefer: server-timing",
    b"traceparent: 00-00000000000000000000000000000000-0000000000000000-00",
    b"tracestate: " + b"a=b," * 60,
    b"Authorization: Bearer \xff\xfe",
    b"X-Forwarded-For: 1.2.3.4",
    b"X-GitHub-Event: installation",
    b"X-Hub-Signature-256: sha256=\xe9",
    b": nameless",
    b"No colon",
    b" folded: line",
    b"X-\0: y",
    b"X: a\rb",
    b"X: " + b"y" * 9_000,
    b"Range: bytes=0-1",
)
TARGETS = (
    b"/graphql",
    b"/graphql?query=%7B__typename%7D",
    b"/graphql?query=%7B&query=%7D",
    b"/graphql?variables=%7B%22a%22:1,%22a%22:2%7D&query=%7B__typename%7D",
    b"/graphql/",
    b"/graphql%00",
    b"//graphql",
    b"http://here/graphql",
    b"/graphql#x",
    b"/webhooks/github",
    b"/healthz",
    b"/.well-known/chitty.json",
    b"/schema.graphql",
    b"/static/../../etc/passwd",
    b"/static/%2e%2e/%2e%2e/x",
    b"/\xff",
    b"/" + b"x" * 5_000,
    b"*",
    b"",
    b"here:443",
)
METHODS = (
    b"GET",
    b"POST",
    b"PUT",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"PRI",
    b"get",
    b"M-SEARCH",
    b"",
)

Random = random.Random


def mutant(of: Random) -> bytes:
    """One request, or several after one another."""
    return of.choice(KINDS)(of)


def _post(body: bytes, *lines: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [
        b"POST /graphql HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % size,
        *lines,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def _envelope(of: Random) -> dict[str, Any]:
    return {"query": of.choice(QUERIES), "variables": of.choice(VARIABLES)}


def _good(of: Random) -> bytes:
    return _post(json.dumps(_envelope(of)).encode())


def _bytes(of: Random) -> bytes:
    return _mangled(of, _good(of), [token.encode("utf-8", "surrogatepass") for token in TOKENS])


def _json(of: Random) -> bytes:
    body = json.dumps(_envelope(of), ensure_ascii=of.random() < 0.5).encode()
    return _post(_mangled(of, body, [token.encode() for token in TOKENS]))


def _document(of: Random) -> bytes:
    known = [*QUERIES, *(text for text in DOCUMENTS.values() if len(text) < 5_000)]
    words = of.choice(known).replace("{", " { ").replace("}", " } ").split(" ")
    for _ in range(of.randint(1, 4)):
        place = of.randrange(len(words))
        words[place : place + of.randint(0, 3)] = of.choices([*words, *TOKENS], k=of.randint(0, 3))
        words = words or ["{"]
    return _post(json.dumps({"query": " ".join(words), "variables": of.choice(VARIABLES)}).encode())


def _values(of: Random) -> bytes:
    envelope = _envelope(of)
    for _ in range(of.randint(1, 3)):
        name = of.choice(["query", "variables", "operationName", "extensions", "documentId", "x"])
        envelope[name] = _value(of, 4)
    return _post(json.dumps(envelope).encode())


def _value(of: Random, depth: int) -> Any:
    simple = (None, True, -1, 2**53, 2**64, 1.5, 1e300, "", *TEXTS.values(), *QUERIES)
    if not depth or of.random() < 0.4:
        return of.choice(simple)
    inner = [_value(of, depth - 1) for _ in range(of.randint(0, 3))]
    if of.random() < 0.4:
        return inner
    names = ["n", "name", "cost", "persistedQuery", "sha256Hash", "version", "\ud83d\ude00", ":"]
    return {of.choice(names): each for each in inner}


def _bodies(of: Random) -> bytes:
    return _post(of.choice([body for body in BODIES.values() if len(body) < 100_000]))


def _head(of: Random) -> bytes:
    lines = of.sample(LINES, of.randint(1, 8))
    body = of.choice([b"", b'{"query":"{__typename}"}'])
    target, method = of.choice(TARGETS), of.choice(METHODS)
    version = of.choice([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b""])
    end = of.choice([b"\r\n"] * 5 + [b"\n"])
    return end.join([b" ".join([method, target, version]), *lines, b"", body])


def _chunks(of: Random) -> bytes:
    rest, parts = json.dumps(_envelope(of)).encode(), []
    while rest:
        size = of.randint(1, 60)
        part, rest = rest[:size], rest[size:]
        parts.append(b"%x%s\r\n%s\r\n" % (len(part), of.choice([b"", b"", b";a=b"]), part))
    parts.append(b"0\r\n" + of.choice([b"", b"X: y\r\n", b"X: y\r\n" * 200]) + b"\r\n")
    if of.random() < 0.7:
        tokens = [b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"\r\n", b";", b"1\r\n", b"z"]
        parts = [_mangled(of, b"".join(parts), tokens)]
    head = b"POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


def _pipeline(of: Random) -> bytes:
    kinds = [_good, _good, _json, _chunks, _head]
    return b"".join(of.choice(kinds)(of) for _ in range(of.randint(2, 12)))


def _cut(of: Random) -> bytes:
    whole = _good(of)
    return whole[: of.randrange(len(whole))]


def _lengths(of: Random) -> bytes:
    body = json.dumps(_envelope(of)).encode()
    return _post(body, of.choice(LINES), length=max(0, len(body) + of.randint(-20, 20)))


def _mangled(of: Random, text: bytes, tokens: list[bytes]) -> bytes:
    for _ in range(of.randint(1, 4)):
        place, size = of.randrange(len(text) + 1), of.randint(0, 12)
        piece = text[place : place + size]
        new = of.choice([b"", piece * 2, of.choice(tokens), of.randbytes(size), piece[::-1]])
        text = text[:place] + new + text[place + size :]
    return text


KINDS: tuple[Callable[[Random], bytes], ...] = (
    _bytes,
    _json,
    _document,
    _values,
    _bodies,
    _head,
    _chunks,
    _pipeline,
    _cut,
    _lengths,
)
