"""Requests of every kind, right and wrong, none like another: what fills whatever has no bound."""

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ABORTED = 0  # the client left
HEAD = "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
JSON = {"content-type": "application/json"}
PAGE = "{{ contexts(first: 2, filter: {filter}) {{ totalCount nodes {{ id name }} }} }}"


@dataclass(frozen=True)
class Exchange:
    """What a client sends, and whether it leaves before or after the answer.

    `websocket` is sent after a handshake.
    """

    sent: bytes
    leaves: bool = False
    is_last: bool = False
    websocket: tuple[bytes, ...] = ()


@dataclass
class Requests:
    """Requests by number, with the credential of an actor."""

    key: str
    context: str

    def wrong(self, number: int) -> Exchange:
        """A request that the server refuses, or that its client does not see to the end."""
        return self._of(self.wrong_kinds(), number)

    def right(self, number: int) -> Exchange:
        """A request that succeeds."""
        return self._of(self.right_kinds(), number)

    def wrong_kinds(self) -> tuple[Callable[[int], Exchange], ...]:
        return (
            lambda n: Exchange(f"GET /{n} HTTP/9.{n % 7}\r\n\r\n".encode()),
            lambda n: Exchange(f"GET / HTTP/1.1\r\nHost: a\r\nHost: {n}\r\n\r\n".encode()),
            lambda n: Exchange(f"POST /graphql HTTP/1.1\r\nContent-Length: -{n}\r\n\r\n".encode()),
            lambda n: self.post(raw=f'{{"query": "{{ n{n} '.encode()),
            lambda n: self.post(query=f"{{ contexts(first: {n} {{ }}"),
            lambda n: self.post(query=f"query N{n} {{ unknown{n} }}"),
            lambda n: self.post(extensions=persisted(f"never {n}")),
            lambda n: self.post(query=f"{{ n{n}: __typename }}", extensions=persisted("other")),
            lambda n: self.post(
                query="query ($n: Int!) { contexts(first: $n) { totalCount } }",
                variables={"n": f"x{n}"},
            ),
            lambda n: self.post(
                query=f'mutation M{n} {{ createContext(input: {{ name: "{n}", owner: "nobody-{n}" }})'
                " { context { id } errors { code message } } }"
            ),
            lambda n: self.post(query=f'{{ node(id: "{n}") {{ id }} }}'),
            lambda n: self.post(query="{ a { b" * (n % 60) + "c" + "} }" * (n % 60)),
            lambda n: self.request("GET", f"/nothing/{n}"),
            lambda n: self.request(f"M{n % 1000}", "/graphql"),
            lambda n: self.post(raw=b"x", headers={"content-type": f"text/x-{n}"}),
            lambda n: self.post(query="{ __typename }", headers={"accept": f"image/x-{n}"}),
            lambda n: self.post(
                query="{ __typename }", credential=f"Bearer cg_{n:012x}_{'A' * 43}"
            ),
            lambda n: self.post(query="{ __typename }", credential=f"Basic {n}"),
            lambda n: self.post(query="{ __typename }", credential=f"Bearer {n}.{n}.{n}"),
            lambda n: Exchange(
                self.request("POST", "/graphql", {"content-length": f"{10**9 + n}"}).sent,
                is_last=True,
            ),
            lambda n: self.request(
                "POST", "/webhooks/github", {"x-github-delivery": f"{n}"}, f"{{{n}}}".encode()
            ),
            lambda n: Exchange(
                self.post(query=f"{{ n{n}: __typename }}").sent[: -n % 60 - 1], True
            ),
            lambda n: Exchange(self.post(query=f"{{ n{n}: __typename }}").sent, True),
            lambda n: Exchange(self.request("GET", f"/metrics?{n}").sent[: n % 60], True),
            lambda n: self.websocket(),
            lambda n: self.websocket(f'{{"type":"unknown{n}"}}'),
            lambda n: self.websocket(INIT, subscribe(n, f"{{ unknown{n} }}")),
            lambda n: self.websocket(INIT, subscribe(n, "{ contexts { nodes { name } } }")),
            lambda n: Exchange(self.websocket().sent + b"\xff" * (n % 50 + 2), True),
        )

    def right_kinds(self) -> tuple[Callable[[int], Exchange], ...]:
        return (
            lambda n: self.post(query=f"query N{n} {{ contexts(first: 2) {{ totalCount }} }}"),
            lambda n: self.post(query=PAGE.format(filter=shape(n))),
            lambda n: self.post(
                query="query ($f: ContextFilter) { contexts(filter: $f) { totalCount } }",
                variables={"f": variable_shape(n)},
            ),
            lambda n: self.get(f"query=%7B+n{n}%3A+__typename+%7D"),
            lambda n: self.get("query=%7B+__typename+%7D", {"if-none-match": f'"{n}"'}),
            lambda n: self.post(
                query=f"{{ r{n}: __typename }}", extensions=persisted(f"{{ r{n}: __typename }}")
            ),
            lambda n: self.post(
                query="mutation ($i: UpdateContextInput!)"
                " { updateContext(input: $i) { context { data } errors { code } } }",
                variables={"i": {"chittyId": self.context, "data": [f"data {n}", "x" * 100]}},
            ),
            lambda n: self.get(
                "query=%7B+contexts+%7B+nodes+%7B+name+%7D+%7D+%7D",
                {"accept-encoding": ("gzip", "br", "zstd", f"x-{n}")[n % 4]},
            ),
            lambda n: self.post(query="{ __typename }", headers={"accept": "text/event-stream"}),
            lambda n: self.request(
                "GET", f"/healthz?{n}", {"x-request-id": f"{n:032x}", "user-agent": f"{n}"}
            ),
            lambda n: self.websocket(INIT, subscribe(n, f"{{ w{n}: __typename }}"), CLOSE),
        )

    def get(self, parameters: str, headers: Mapping[str, str] = {}) -> Exchange:
        shown = {"authorization": f"Bearer {self.key}", "accept": "application/json"}
        return self.request("GET", f"/graphql?{parameters}", shown | dict(headers))

    def post(
        self,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] = {},
        credential: str = "",
        **members: Any,
    ) -> Exchange:
        sent = JSON | {"authorization": credential or f"Bearer {self.key}"} | dict(headers)
        body = json.dumps(members).encode() if raw is None else raw
        return self.request("POST", "/graphql", sent, body)

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] = {},
        body: bytes = b"",
    ) -> Exchange:
        length = {} if method == "GET" else {"content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (length | dict(headers)).items())
        head = HEAD.format(method=method, target=target) + lines + "\r\n"
        return Exchange(head.encode() + body)

    def websocket(self, *messages: str) -> Exchange:
        headers = {
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(bytes(16)).decode(),
            "sec-websocket-protocol": "graphql-transport-ws",
            "authorization": f"Bearer {self.key}",
        }
        sent = self.request("GET", "/graphql", headers).sent
        return Exchange(sent, is_last=True, websocket=tuple(frame(each) for each in messages))

    @staticmethod
    def _of(kinds: tuple[Callable[[int], Exchange], ...], number: int) -> Exchange:
        return kinds[number % len(kinds)](number)


INIT, CLOSE = '{"type":"connection_init"}', ""


def subscribe(number: int, query: str) -> str:
    return json.dumps({"type": "subscribe", "id": f"{number}", "payload": {"query": query}})


def frame(message: str) -> bytes:
    """A message as a client frames it (RFC 6455, section 5), masked with zeros; an empty one closes."""
    content = message.encode() if message else (1000).to_bytes(2, "big")
    first = 0x81 if message else 0x88
    size = (
        bytes([0x80 | len(content)])
        if len(content) < 126
        else bytes([0x80 | 126]) + len(content).to_bytes(2, "big")
    )
    return bytes([first]) + size + bytes(4) + content


def persisted(text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


def shape(number: int) -> str:
    """A filter of another shape for each number: its bits choose the operators."""
    bits = f"{number:016b}"
    parts = [f'{{ name: {{ {("eq", "ne")[int(bit)]}: "{n}" }} }}' for n, bit in enumerate(bits)]
    return f"{{ or: [{', '.join(parts)}] }}"


def variable_shape(number: int) -> dict[str, Any]:
    """The same as a variable."""
    bits = f"{number:016b}"
    return {
        "and": [{"name": {("ne", "notIn")[int(bit)]: [["x"], "x"][bit == "0"]}} for bit in bits]
    }


@dataclass
class Clients:
    """Clients at one server, each with one request at a time, and the statuses of the answers."""

    host: str
    port: int
    count: int
    statuses: Counter[int] = field(default_factory=Counter)

    async def send(self, exchanges: Iterator[Exchange]) -> None:
        """Send them all."""
        await asyncio.gather(*(self._client(exchanges) for _ in range(self.count)))

    async def _client(self, exchanges: Iterator[Exchange]) -> None:
        connection: _Connection | None = None
        for exchange in exchanges:
            if connection is None:
                connection = _Connection(*await asyncio.open_connection(self.host, self.port))
            self.statuses[await connection.exchange(exchange)] += 1
            if connection.is_closed:
                connection = None
        if connection is not None:
            connection.close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True
        self._writer.transport.abort()

    async def exchange(self, exchange: Exchange) -> int:
        """Send, and return the status; a connection that cannot be used any more is closed."""
        try:
            self._writer.write(exchange.sent)
            if exchange.leaves:
                self.close()
                return ABORTED
            status, keeps = await self._answer()
            for message in exchange.websocket:
                self._writer.write(message)
                await self._reader.read(2**16)
        except (ConnectionError, asyncio.IncompleteReadError):
            status, keeps = ABORTED, False
        if exchange.is_last or not keeps:
            self.close()
        return status

    async def _answer(self) -> tuple[int, bool]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        if status == 101:
            return status, True
        if b"transfer-encoding: chunked" in head:
            while size := int(await self._reader.readline(), 16):
                await self._reader.readexactly(size + 2)
            await self._reader.readline()
        elif b"content-length: " in head:
            size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self._reader.readexactly(size)
        return status, b"connection: close" not in head
