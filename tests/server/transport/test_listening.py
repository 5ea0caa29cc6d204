"""Listening on `::`, which means all addresses, of IPv4 too."""

import socket
from pathlib import Path

import httpx2
import pytest

from server.transport import listening, workers
from tests.support.services.local_server import serving

pytestmark = pytest.mark.skipif(
    not socket.has_dualstack_ipv6(), reason="this system has no IPv6, or keeps it apart"
)
IPV4 = "127.0.0.1"


@pytest.mark.parametrize("host", ["::", "0::0"])
def test_a_client_of_ipv4_reaches_it(host: str):
    with listening.listener(host, 0) as listener:
        with socket.create_connection((IPV4, listener.getsockname()[1])):
            connected, address = listener.accept()
        connected.close()

    assert address[0] == "::ffff:127.0.0.1"


def test_so_it_does_with_several_workers():
    with listening.listener("::", 0) as first, workers.listeners(first, 2) as listeners:
        options = [each.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) for each in listeners]

    assert options == [0, 0]


@pytest.mark.parametrize("host", ["::1", IPV4])
def test_another_address_is_listened_on_alone(host: str):
    with listening.listener(host, 0) as listener:
        bound = listener.getsockname()[0]

    assert bound == host


async def test_a_client_of_ipv4_is_who_it_would_be_without_ipv6(tmp_path: Path):
    settings = {"host": "::", "allow_open_network": True}
    async with (
        serving(tmp_path / "registry.db", **settings) as server,
        httpx2.AsyncClient() as client,
    ):
        answers = {
            address: await client.get(f"http://{address}:{server.port}/metrics")
            for address in (IPV4, "[::1]")
        }
        share = server.app.service.operations.share(("::ffff:192.0.2.7", 50_000), [])

    # They are for clients of this machine.
    assert {address: answer.status_code for address, answer in answers.items()} == {
        IPV4: 200,
        "[::1]": 200,
    }
    assert share == "192.0.2.7"
