"""URLs of databases name an engine and its hosts; what they hide is never shown."""

from pathlib import Path

import pytest

from db import database_url
from db.database_url import Address, Engine


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("chittygraph.db", "chittygraph.db"),
        ("/srv/registry.db", "/srv/registry.db"),
        ("sqlite:///registry.db", "registry.db"),
        ("sqlite:////srv/my%20registry.db", "/srv/my registry.db"),
        ("user:name@host", "user:name@host"),
    ],
)
def test_a_path_or_sqlite_url_names_a_file(url: str, path: str):
    address = database_url.parse(url)

    assert address == Address(Engine.SQLITE, file=Path(path))
    assert str(address) == path


def test_an_rqlite_url_names_all_nodes_and_who_asks_them():
    address = database_url.parse("rqlite://ada:s%40cret%2F%3A@one:4001,[::1],10.0.0.3:4003/")

    assert address.engine is Engine.RQLITE
    assert address.bases == ("http://one:4001", "http://[::1]:4001", "http://10.0.0.3:4003")
    assert (address.user, address.secret) == ("ada", "s@cret/:")
    assert str(address) == "rqlite://ada:***@one:4001,[::1]:4001,10.0.0.3:4003"


def test_rqlite_needs_no_password_and_may_use_tls():
    address = database_url.parse("RQLITES://one.example,two.example:4002,one.example:4001")

    assert address.bases == ("https://one.example:4001", "https://two.example:4002")
    assert str(address) == "rqlites://one.example:4001,two.example:4002"


@pytest.mark.parametrize(
    ("url", "base", "shown"),
    [
        (
            "d1+https://s3cret@worker.example",
            "https://worker.example",
            "d1+https://***@worker.example",
        ),
        (
            "d1+https://s3%2Fcret@worker.example:8443/registry/",
            "https://worker.example:8443/registry",
            "d1+https://***@worker.example:8443/registry",
        ),
        (
            "d1+http://s3cret@127.0.0.1:8787",
            "http://127.0.0.1:8787",
            "d1+http://***@127.0.0.1:8787",
        ),
        ("d1+http://s3cret@[::1]:8787", "http://[::1]:8787", "d1+http://***@[::1]:8787"),
        ("d1+http://s3cret@localhost", "http://localhost", "d1+http://***@localhost"),
    ],
)
def test_a_d1_url_names_its_worker(url: str, base: str, shown: str):
    address = database_url.parse(url)

    assert (address.engine, address.bases) == (Engine.D1, (base,))
    assert address.secret in ("s3cret", "s3/cret")
    assert str(address) == shown


@pytest.mark.parametrize("url", ["rqlite://ada:hunter2@one:4001", "d1+https://hunter2@one"])
def test_neither_the_text_nor_the_repr_of_an_address_holds_a_secret(url: str):
    address = database_url.parse(url)

    assert address.secret == "hunter2"
    assert "hunter2" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://ada:hunter2@db/registry", "database postgres://… is not supported: give"),
        ("hunter2@x://db", "database …://… is not supported: give"),
        ("sqlite://registry.db", "database sqlite://… is not supported"),
        (":memory:", "no file"),
        ("rqlite:ada:hunter2@one:4001", "with two slashes"),
        ("rqlite:/ada:hunter2@one:4001", "with two slashes"),
        ("d1+https:hunter2@one", "with two slashes"),
        ("rqlite://", "malformed"),
        ("rqlite://one:4001,", "malformed"),
        ("rqlite://one:port", "malformed"),
        ("rqlite://one:0", "malformed"),
        ("rqlite://one:65536", "malformed"),
        ("rqlite://ada:hunter2/3@one:4001/registry", "malformed"),
        ("rqlite://ada:hun/ter2@one:4001?level=none", "malformed"),
        ("rqlite://hunter2@one:4001", "both a user and a password"),
        ("rqlite://:hunter2@one:4001", "both a user and a password"),
        ("d1+https://worker.example", "needs the token"),
        ("d1+https://ada:hunter2@worker.example", "needs the token"),
        ("d1+https://hunter 2@worker.example", "needs the token"),
        ("d1+https://hunter2@worker.example/a?b=c", "no query"),
        ("d1+https://hunter2@", "malformed"),
        ("d1+https://hunter2@worker.example#ada", "malformed"),
        ("d1+https://hunter2%0A@worker.example", "needs the token"),
        ("d1+https://hunt%C3%A9r@worker.example", "needs the token"),
        ("d1+http://hunter2@worker.example", "for this machine only"),
        ("d1+http://hunter2@10.0.0.1:8787", "for this machine only"),
    ],
)
def test_what_names_no_database_is_refused_without_repeating_it(url: str, says: str):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at below
        database_url.parse(url)

    assert says in str(refused.value)
    assert "hunter" not in str(refused.value)
    assert "ada" not in str(refused.value)
