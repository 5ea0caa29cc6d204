"""URLs of registries in D1, whose errors do not repeat the token."""

import pytest

from db.remote.d1.address import Address, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("d1+https://t0ken@d1.example.com", Address("https://d1.example.com/", "t0ken")),
        (
            "d1+https://a%2Fb%40c@d1.example.com:8443/eu/registry",
            Address("https://d1.example.com:8443/eu/registry", "a/b@c"),
        ),
        ("d1+http://t@127.0.0.1:8787/", Address("http://127.0.0.1:8787/", "t")),
        ("d1+http://t@localhost:8787/x", Address("http://localhost:8787/x", "t")),
        ("d1+http://t@[::1]:8787", Address("http://[::1]:8787/", "t")),
    ],
)
def test_a_url_names_the_worker_and_its_token(url: str, address: Address):
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "d1://s3cret@host",
        "https://s3cret@host",
        "d1+https://host/s3cret-is-missing",
        "d1+https://s3cret@",
        "d1+https://s3cret@/path",
        "d1+https://user:s3cret@host",
        "d1+https://s3cret@host:port",
        "d1+https://s3cret@host/path?token=s3cret",
        "d1+https://s3cret@host/path#s3cret",
        "d1+https://s3cret%0A@host",
        "d1+https://s3cr%C3%A9t@host",
        "d1+http://s3cret@d1.example.com",
        "d1+http://s3cret@10.0.0.1",
        "d1+http://s3cret@[::2]",
    ],
)
def test_another_url_is_refused_without_its_token(url: str):
    with pytest.raises(ValueError, match=r"^the |^database ") as refused:
        parse(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_token_is_not_shown():
    assert "s3cret" not in repr(parse("d1+https://s3cret@host"))
