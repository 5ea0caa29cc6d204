"""URLs of webhooks: which are taken, and which addresses are forbidden in whatever form they are written."""

import ipaddress

import pytest

from resolvers.validation import target_addresses
from resolvers.validation.validators import InvalidValue
from resolvers.validation.webhook_urls import webhook_url

GOOD = (
    "https://example.org/",
    "https://example.org/changes?of=registry&n=1",
    "https://hooks.example.org:8443/a/b",
    "https://example.org:443/",
    "https://EXAMPLE.org/%C3%A4",
    "https://xn--exmple-cua.org/",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
)
BAD = {
    "http://example.org/": "; CHITTYGRAPH_PRIVATE_WEBHOOK_TARGETS=true allows it",
    "ftp://example.org/": "must be a URL",
    "https://": "must be a URL",
    "https:///path": "must be a URL",
    "https://user:password@example.org/": "must not contain a user name",
    "https://user@example.org/": "must not contain a user name",
    "https://example.org@169.254.169.254/": "must not contain a user name",
    "https://example.org\\@169.254.169.254/": "spaces or backslashes",
    "https://example.org /": "spaces or backslashes",
    "https://example.org/\r\nHost: other": "control characters",
    "https://example.org/#part": "must have no fragment",
    "https://example.org/%zz": "must have no fragment, and a %",
    "https://exämple.org/": "must be ASCII",
    "https://example.org/ä": "must be ASCII",
    "https://①②⑦.0.0.1/": "must be ASCII",
    "https://example.org./": "must not end with a dot",
    "https://127.0.0.1./": "must not end with a dot",
    "https://a..b/": "must have the name of a host",
    "https://-a.example/": "must have the name of a host",
    "https://exa%6dple.org/": "must have the name of a host",
    f"https://{'a' * 64}.example/": "must have the name of a host",
    "https://example.org:0/": "must be a URL",
    "https://example.org:65536/": "must be a URL",
    "https://example.org:port/": "must be a URL",
    "https://example.org:/": "a colon without a port",
    "https://example.org:22/": "another protocol's",
    "https://example.org:25/": "another protocol's",
    "https://127.1/": "the host is a number",
    "https://0x7f.1/": "the host is a number",
    "https://0x7f000001/": "the host is a number",
    "https://2130706433/": "the host is a number",
    "https://017700000001/": "the host is a number",
    "https://127.0.0.01/": "the host is a number",
    "https://a.127/": "the host is a number",
    "https://[::1/": "must be a URL",
    "https://[fe80::1%25eth0]/": "an address with a zone",
    "https://127.0.0.1/": "not sent to loopback addresses",
    "https://[::1]/": "not sent to loopback addresses",
    "https://10.1.2.3:8443/": "10.1.2.3; CHITTYGRAPH_PRIVATE_WEBHOOK_TARGETS=true allows it",
    "https://169.254.169.254/latest/meta-data/": "not sent to metadata addresses",
    "https://[::ffff:169.254.169.254]/": "not sent to metadata addresses",
    "https://[::ffff:a9fe:a9fe]/": "not sent to metadata addresses",
    "https://[fd00:ec2::254]/": "not sent to metadata addresses",
    "https://0.0.0.0/": "not sent to unspecified addresses",
    f"https://example.org/{'a' * 2048}": "must have 1 to 2048",
}
FORBIDDEN = {
    "loopback": "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
    "private": "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 fc00::1 fd12:3456::1"
    " ::ffff:10.0.0.1 64:ff9b::a00:1 2002:c0a8:101::1 ::ffff:0:10.0.0.1",
    "metadata": "169.254.169.254 100.100.100.200 192.0.0.192 fd00:ec2::254 ::ffff:169.254.169.254"
    " 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
    "link-local": "169.254.0.1 fe80::1 fe80::1%1 febf::1 fec0::1",
    "multicast": "224.0.0.1 239.255.255.250 ff02::1 ff0e::1 ::ffff:224.0.0.1",
    "unspecified": "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0",
    "reserved": "192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 240.0.0.1 255.255.255.255"
    " 2001::1 2001:db8::1 2001:0:7f00:1:: 3fff::1 5f00::1 64:ff9b:1::1 100::1 4000::1 1::1",
}
ALLOWED = "1.1.1.1 8.8.8.8 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808"
OPENED_BY_THE_SETTING = {"loopback", "private"}


@pytest.mark.parametrize("url", GOOD)
def test_an_https_url_of_a_public_host_is_taken_as_it_is(url: str):
    assert webhook_url(allow_private=False)(url) == url


@pytest.mark.parametrize("url", BAD)
def test_any_other_url_is_refused_with_what_is_wrong(url: str):
    with pytest.raises(InvalidValue) as refused:
        webhook_url(allow_private=False)(url)

    assert BAD[url] in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://localhost/", "https://10.0.0.1:99/", "http://[::1]/"]
)
def test_a_setting_opens_http_private_networks_and_all_ports(url: str):
    assert webhook_url(allow_private=True)(url) == url


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://0.0.0.0/", "http://127.1/"])
def test_no_setting_opens_metadata_or_odd_forms(url: str):
    with pytest.raises(InvalidValue):
        webhook_url(allow_private=True)(url)


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_addresses_are_forbidden_in_every_form(kind: str):
    for text in FORBIDDEN[kind].split():
        address = ipaddress.ip_address(text)

        assert target_addresses.problem(address, allow_private=False) == kind, text
        opened = target_addresses.problem(address, allow_private=True)
        assert opened == (None if kind in OPENED_BY_THE_SETTING else kind), text


def test_public_addresses_are_allowed():
    for text in ALLOWED.split():
        assert target_addresses.problem(ipaddress.ip_address(text), allow_private=False) is None, (
            text
        )
