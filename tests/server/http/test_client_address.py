"""The client's address where requests come through proxies."""

import pytest

from server.http.client_address import TrustedProxies
from tests.support.services.log_capture import captured_logs
from tests.support.services.protected_service import WRONG, bearer, client_at, protected_api


@pytest.mark.parametrize(
    ("address", "given", "client"),
    [
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("::ffff:127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["198.51.100.1, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
        ("127.0.0.1", ["10.1.1.1,10.9.9.9"], "10.1.1.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9:50000"], "203.0.113.9"),
        ("127.0.0.1", ["[2001:db8::7]:40001"], "2001:db8::7"),
        ("127.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("127.0.0.1", ["[::ffff:203.0.113.9]:1"], "::ffff:203.0.113.9"),
        ("127.0.0.1", ["fe80::7%eth0"], "fe80::7%eth0"),
        ("127.0.0.1", ["[fe80::7%25eth0]:1"], "fe80::7%25eth0"),
        ("127.0.0.1", ["192.0.2.7:1, 10.9.9.9:65535, [::ffff:10.0.0.1]:2"], "192.0.2.7"),
        ("127.0.0.1", ["192.0.2.7, 10.9.9.9:"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7:http"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7:123456"], "127.0.0.1"),
        ("127.0.0.1", ["[192.0.2.7]:1"], "127.0.0.1"),
        ("127.0.0.1", ["[2001:db8::7"], "127.0.0.1"),
        ("127.0.0.1", ["2001:db8::7:40001"], "127.0.0.1"),
        ("127.0.0.1", ["[]:1"], "127.0.0.1"),
        ("127.0.0.1", ["fe80::7%" + "z" * 60_000], "127.0.0.1"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7, <script>"], "127.0.0.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_last_address_that_is_not_a_trusted_proxy_is_the_client(address, given, client):
    headers = [(b"x-forwarded-for", each.encode()) for each in given]

    assert TrustedProxies(["127.0.0.1", "10.0.0.0/8"]).client_address(address, headers) == client


def test_without_trusted_proxies_forwarded_addresses_are_ignored():
    headers = [(b"x-forwarded-for", b"198.51.100.1")]

    assert TrustedProxies([]).client_address("127.0.0.1", headers) == "127.0.0.1"


def test_an_address_that_cannot_be_read_is_logged_once():
    proxies = TrustedProxies(["127.0.0.1"])

    with captured_logs() as logs:
        for given in (b"unknown", b"<script>"):
            proxies.client_address("127.0.0.1", [(b"x-forwarded-for", given)])

    assert [line["proxy"] for line in logs.lines("forwarded address not understood")] == [
        "127.0.0.1"
    ]


GUESSER_AND_OTHER = {
    "addresses": ("198.51.100.1", "198.51.100.2"),
    "addresses with ports": ("198.51.100.1:50000", "198.51.100.2:50000"),
    "IPv6 addresses with ports": ("[2001:db8:1::1]:4000", "[2001:db8:2::1]:4000"),
}


@pytest.mark.parametrize(("guessing", "else_"), GUESSER_AND_OTHER.values(), ids=GUESSER_AND_OTHER)
async def test_failures_behind_a_trusted_proxy_do_not_block_other_clients(
    tmp_path, guessing, else_
):
    settings = {"trusted_proxies": "192.0.2.0/24", "failed_credentials_per_minute": 2}
    async with (
        protected_api(tmp_path / "registry.db", **settings) as api,
        client_at(api, "192.0.2.1") as proxied,
    ):
        _, key = await api.newcomer()
        guesser, other = [("x-forwarded-for", guessing)], [("x-forwarded-for", else_)]
        guesses = [(await proxied.show(WRONG, headers=guesser)).status_code for _ in range(4)]
        answer = await proxied.show(bearer(key), headers=other)

    assert guesses == [401, 401, 429, 429]
    assert answer.status_code == 200


async def test_a_forged_address_is_ignored(tmp_path):
    async with protected_api(tmp_path / "registry.db", failed_credentials_per_minute=2) as api:
        made_up = [[("x-forwarded-for", f"198.51.100.{n}")] for n in range(4)]
        guesses = [(await api.show(WRONG, headers=each)).status_code for each in made_up]

    assert guesses == [401, 401, 429, 429]
