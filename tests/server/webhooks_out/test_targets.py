"""A message goes to an address that was checked, whatever the name of its host resolves to and when."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.webhooks_out.attempts import Answer
from server.webhooks_out.name_lookups import NameLookups
from server.webhooks_out.sender import Sender
from tests.support.other_programs.webhook_receiver import Received, Receiver, Reply, receiving

NAME = "hooks.example"
PUBLIC = "198.41.0.4"
SOON = 0.3  # seconds, after which an attempt ends that would take for ever


@asynccontextmanager
async def sender(
    look_up: Callable[[str, int], list[str]] | None = None,
    *,
    allow_private: bool = True,
    seconds: float = 60.0,
    most: int = 10,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Sender]:
    """A sender for which names resolve as `look_up` says."""
    lookups = NameLookups(look_up, most) if look_up else None
    made = Sender(allow_private=allow_private, lookups=lookups, seconds=seconds, tls=tls)
    try:
        yield made
    finally:
        await made.close()


def port_of(receiver: Receiver) -> int:
    """The port that a receiver listens on."""
    return int(receiver.url.split(":")[2].split("/")[0])


async def sent(made: Sender, url: str) -> Answer:
    """What came of a message to this URL."""
    return await made.send(url, {"webhook-id": "1"}, b"{}")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        [PUBLIC, "::ffff:a9fe:a9fe"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["fe80::1%1"],
        ["0.0.0.0"],
    ],
    ids=str,
)
async def test_one_forbidden_address_of_several_forbids_the_host(addresses: list[str]):
    with receiving() as receiver:
        async with sender(lambda host, port: addresses, allow_private=False) as made:
            answer = await sent(made, f"http://{NAME}:{port_of(receiver)}/")

    assert "webhooks are not sent to" in (answer.error or "")
    assert receiver.received == []


async def test_addresses_of_this_machine_are_forbidden_though_they_are_public(
    monkeypatch: pytest.MonkeyPatch,
):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.2", 9))
        own = probe.getsockname()[0]
    monkeypatch.setattr("resolvers.validation.target_addresses._PRIVATE", [])

    async with sender(lambda host, port: [own], allow_private=False) as made:
        answer = await sent(made, f"http://{NAME}/")

    assert "the server's own addresses" in (answer.error or "")


async def test_the_setting_opens_no_metadata_address():
    async with sender(lambda host, port: ["169.254.169.254"]) as made:
        answer = await sent(made, "http://metadata.example/latest/")

    assert answer.error == "webhooks are not sent to metadata addresses, and the host has one"


async def test_each_attempt_resolves_the_name_once_and_checks_it_again():
    answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    with receiving() as receiver:
        url = f"http://{NAME}:{port_of(receiver)}/"
        async with sender(rebinding) as made:
            first, second = await sent(made, url), await sent(made, url)

    assert (first.status, second.status) == (204, None)
    assert asked == [NAME, NAME]
    assert len(receiver.received) == 1
    assert receiver.received[0].headers["host"] == f"{NAME}:{port_of(receiver)}"


async def test_addresses_are_tried_in_turn_until_one_takes_the_connection():
    with receiving() as receiver:
        async with sender(lambda host, port: ["127.9.9.9", "127.0.0.1"]) as made:
            answer = await sent(made, f"http://{NAME}:{port_of(receiver)}/")

    assert answer.error is None
    assert len(receiver.received) == 1


def redirect(target: str, _: Received) -> Reply:
    """Lead to another URL."""
    return Reply(302, {"location": target})


async def test_no_redirect_is_followed():
    with receiving() as elsewhere:
        for target in (elsewhere.url, "http://169.254.169.254/latest/meta-data/"):
            with receiving(partial(redirect, target)) as receiver:
                async with sender() as made:
                    answer = await sent(made, receiver.url)

            assert (answer.status, len(receiver.received)) == (302, 1)
            assert "redirects are not followed" in (answer.error or "")
    assert elsewhere.received == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    with receiving() as proxy, receiving() as receiver:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with sender() as made:
            answer = await sent(made, receiver.url)

    assert (answer.status, proxy.received) == (204, [])


async def test_cookies_of_a_receiver_are_not_sent_back():
    with receiving(lambda _: Reply(200, {"set-cookie": "a=b"})) as receiver:
        async with sender() as made:
            await sent(made, receiver.url)
            await sent(made, receiver.url)

    assert ["cookie" in each.headers for each in receiver.received] == [False, False]


async def test_a_receiver_that_hangs_is_left_in_time():
    with receiving(lambda _: Reply(hangs=True)) as receiver:
        async with sender(seconds=SOON) as made:
            answer = await sent(made, receiver.url)

    assert answer.error == f"no response within {SOON:g} s"


async def test_a_name_that_hangs_is_left_in_time_and_holds_up_no_other():
    until = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        if host == "slow.example":
            until.wait(60)
        return ["127.0.0.1"]

    with receiving() as receiver:
        async with sender(hanging, seconds=SOON, most=2) as made:
            slow = await sent(made, "http://slow.example/")
        async with sender(hanging, most=2) as made:
            stuck = asyncio.ensure_future(sent(made, "http://slow.example/"))
            other = await sent(made, f"http://{NAME}:{port_of(receiver)}/")
            assert not stuck.done()
            until.set()
            await stuck

    assert slow.error == f"no response within {SOON:g} s"
    assert other.status == 204


async def test_only_so_many_names_may_hang():
    until = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        until.wait(60)
        return []

    async with sender(hanging, seconds=SOON, most=2) as made:
        answers = [await sent(made, "http://slow.example/") for _ in range(3)]
        until.set()

    assert ["too many names" in (each.error or "") for each in answers] == [False, False, True]


async def test_a_name_without_an_address_is_an_error():
    async with sender() as made:
        answer = await sent(made, "http://no-such-name.invalid/")

    assert "the name has no address" in (answer.error or "")


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what `talk` says to its first client; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.settimeout(60)
                client.recv(65_536)
                with suppress(OSError):
                    talk(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
)
async def test_of_a_response_without_end_little_is_read(head: bytes):
    written = 0

    def endlessly(client: socket.socket) -> None:
        nonlocal written
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        client.sendall(head)
        while True:
            written += client.send(b"x-more: " + b"a" * 1_000 + b"\r\n")

    with raw_server(endlessly) as url:
        async with sender() as made:
            await sent(made, url)

    assert written < 8 * 2**20  # what the buffers of both sockets hold


async def test_a_response_of_10_mb_counts_by_its_status_and_leaves_an_excerpt():
    with receiving(lambda _: Reply(503, {"retry-after": "7"}, b"busy " * 2_000_000)) as receiver:
        async with sender() as made:
            answer = await sent(made, receiver.url)

    assert (answer.status, answer.retry_after) == (503, "7")
    assert len(answer.excerpt or "") == 200


async def test_a_response_byte_by_byte_is_left_in_time():
    def dribble(client: socket.socket) -> None:
        while True:
            client.send(b"H")
            threading.Event().wait(0.02)

    with raw_server(dribble) as url:
        async with sender(seconds=SOON) as made:
            answer = await sent(made, url)

    assert answer.error is not None


async def test_what_a_receiver_says_is_kept_without_secrets_and_control_characters():
    said = b"no\r\n\x1b[31m token=abcdefgh12345678 " + b"whsec_" + b"A" * 40
    with receiving(lambda _: Reply(400, {}, said)) as receiver:
        async with sender() as made:
            answer = await sent(made, receiver.url)

    assert answer.excerpt == "no [31m token=[redacted] [redacted]"


@contextmanager
def over_tls(folder: Path) -> Iterator[tuple[int, ssl.SSLContext, list[str]]]:
    """A server with a certificate of NAME: its port, whom clients trust, and the names they asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=2))
        .not_valid_after(today + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    asked: list[str] = []
    context.sni_callback = lambda _, asked_for, __: asked.append(asked_for or "")
    trusting = ssl.create_default_context(cafile=pem)
    with receiving(tls=context) as receiver:
        yield port_of(receiver), trusting, asked


async def test_tls_asks_for_the_name_and_checks_its_certificate(tmp_path: Path):
    with over_tls(tmp_path) as (port, trusting, asked):
        async with sender(lambda host, port: ["127.0.0.1"], tls=trusting) as made:
            right = await sent(made, f"https://{NAME}:{port}/")
            other = await sent(made, f"https://other.example:{port}/")
            address = await sent(made, f"https://127.0.0.1:{port}/")

    assert (right.error, right.status) == (None, 204)
    assert "certificate verify failed" in (other.error or "")
    assert address.error is None
    assert asked[:2] == [NAME, "other.example"]


async def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path):
    with over_tls(tmp_path) as (port, _, _):
        async with sender(lambda host, port: ["127.0.0.1"]) as made:
            answer = await sent(made, f"https://{NAME}:{port}/")

    assert "certificate verify failed" in (answer.error or "")
