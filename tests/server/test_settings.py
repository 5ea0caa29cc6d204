"""Settings, from variables and flags."""

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from server.setting_fields import InvalidSetting
from server.settings import Settings
from tests.support.other_programs.token_issuer import AUDIENCE, ISSUER

Environ = Mapping[str, str]
NOTHING: Environ = {}


def refusal_of(environ: Environ = NOTHING, flags: Environ | None = None) -> str:
    with pytest.raises(InvalidSetting) as caught:
        Settings.read(environ, flags)
    return str(caught.value)


def test_without_flags_and_variables_settings_have_their_defaults():
    settings = Settings.read({})

    assert settings == Settings(github_webhook_secret=settings.github_webhook_secret)
    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 8000, "open")


def test_variables_are_parsed_by_type():
    environ = {
        "CHITTYGRAPH_PORT": "9000",
        "CHITTYGRAPH_READ_SECONDS": "0.5",
        "CHITTYGRAPH_GRAPHIQL": "false",
        "CHITTYGRAPH_LOG_FORMAT": "JSON",
        "PATH": "/bin",
    }

    settings = Settings.read(environ)

    assert (settings.port, settings.read_seconds) == (9000, 0.5)
    assert (settings.graphiql, settings.log_format) == (False, "json")


def test_a_flag_overrides_its_variable():
    settings = Settings.read({"CHITTYGRAPH_PORT": "9000"}, {"port": "9001"})

    assert settings.port == 9001


def test_an_unknown_variable_is_refused_with_a_suggestion():
    message = refusal_of({"CHITTYGRAPH_DATABSE": "x.db"})

    assert message == "CHITTYGRAPH_DATABSE is not a setting: did you mean CHITTYGRAPH_DATABASE?"


def test_the_test_suites_variable_is_not_a_setting():
    assert Settings.read({"CHITTYGRAPH_TEST_STRICT": "1"}).port == 8000


@pytest.mark.parametrize(
    ("name", "value", "wants"),
    [
        ("PORT", "http", "a whole number"),
        ("PORT", "70000", "at most 65535"),
        ("PORT", "-1", "at least 0"),
        ("PORT", "", "a whole number"),
        ("WORKERS", "0", "at least 1"),
        ("READ_SECONDS", "nan", "at least 0.01"),
        ("READ_SECONDS", "soon", "a number"),
        ("HEAD_SECONDS", "inf", f"at most {sys.maxsize}"),
        ("MAX_FIELDS", "9" * 20, f"at most {sys.maxsize}"),
        ("GRAPHIQL", "perhaps", "true, false or auto"),
        ("AUTH", "closed", "open or protected"),
        ("LOG_FORMAT", "xml", "auto or json or text"),
        ("DATABASE", "", "empty"),
    ],
)
def test_an_invalid_value_is_refused_naming_the_variable_and_what_it_accepts(name, value, wants):
    message = refusal_of({f"CHITTYGRAPH_{name}": value})

    assert message.startswith(f"CHITTYGRAPH_{name} is ")
    assert wants in message


def test_an_invalid_flag_is_refused_naming_the_flag():
    message = refusal_of(flags={"failure_threshold": "many"})

    assert message == "--failure-threshold is 'many': it must be a whole number"


def test_settings_made_in_code_are_checked_too():
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_READERS is 0"):
        Settings(readers=0)


def test_a_default_page_size_above_the_maximum_is_refused():
    message = refusal_of({"CHITTYGRAPH_PAGE_DEFAULT": "200"})

    assert "CHITTYGRAPH_PAGE_DEFAULT is 200" in message


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "registry.example"])
def test_open_mode_beyond_this_machine_needs_allow_open_network(host):
    message = refusal_of({"CHITTYGRAPH_HOST": host})
    meant = Settings.read({"CHITTYGRAPH_HOST": host, "CHITTYGRAPH_ALLOW_OPEN_NETWORK": "1"})

    assert "--allow-open-network" in message
    assert meant.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_open_mode_on_this_machine_needs_no_permission(host):
    assert Settings(host=host).host == host


@pytest.mark.parametrize(
    ("database", "path"),
    [
        ("chittygraph.db", "chittygraph.db"),
        ("/srv/registry.db", "/srv/registry.db"),
        ("sqlite:///registry.db", "registry.db"),
        ("sqlite:////srv/my%20registry.db", "/srv/my registry.db"),
    ],
)
def test_a_database_is_a_path_or_an_sqlite_url(database, path):
    assert Settings(database=database).database_path == Path(path)


@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("rqlite://user:hunter2@a:port", "malformed"),
        ("d1+http://hunter2@worker.example", "this machine only"),
        ("postgres://user:hunter2@db/registry", "not supported"),
        ("sqlite://registry.db", "not supported"),
        (":memory:", "no file"),
    ],
)
def test_an_unsupported_database_is_refused_without_repeating_its_url(database, says):
    message = refusal_of({"CHITTYGRAPH_DATABASE": database})

    assert says in message
    assert "hunter2" not in message


@pytest.mark.parametrize("database", ["rqlite://user:hunter2@a", "d1+https://hunter2@a.example"])
def test_a_database_on_another_engine_is_shown_without_its_secret(database):
    settings = Settings(database=database)

    with pytest.raises(InvalidSetting, match="is no file") as refused:
        _ = settings.database_path
    assert settings.address.secret == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings.address} {refused.value}"


def test_webhook_secrets_are_separated_by_commas_and_never_shown():
    settings = Settings.read({"CHITTYGRAPH_GITHUB_WEBHOOK_SECRET": "new-one, old-one,"})

    assert settings.github_secrets == ("new-one", "old-one")
    assert "new-one" not in repr(settings)
    assert Settings().github_secrets == ()


def test_webhook_secrets_of_commas_alone_are_refused_without_being_shown():
    assert refusal_of({"CHITTYGRAPH_GITHUB_WEBHOOK_SECRET": " , ,"}) == (
        "CHITTYGRAPH_GITHUB_WEBHOOK_SECRET holds no secret, only commas or spaces:"
        " give it one or leave it out"
    )


TOKENS: Any = {
    "jwt_issuer": ISSUER,
    "jwt_audience": AUDIENCE,
    "jwt_jwks_url": "https://auth.example.org",
}


@pytest.mark.parametrize("left_out", TOKENS)
def test_incomplete_settings_of_tokens_are_refused(left_out):
    half: Any = {name: value for name, value in TOKENS.items() if name != left_out}

    with pytest.raises(InvalidSetting, match=f"CHITTYGRAPH_{left_out.upper()} must be set too"):
        Settings(**half)


@pytest.mark.parametrize("names", ["HS256", "RS256,HS256", "none", "", " , ", "rs256"])
def test_only_asymmetric_token_algorithms_are_accepted(names):
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_JWT_ALGORITHMS is "):
        Settings(**TOKENS, jwt_algorithms=names)


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.org/keys",
        "ftp://auth.example.org",
        "auth.example.org",
        "https://u:p@x.org",
    ],
)
def test_the_jwks_url_must_be_https_without_credentials(url):
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_JWT_JWKS_URL must "):
        Settings(**{**TOKENS, "jwt_jwks_url": url})


def test_a_worker_gets_the_settings_of_its_parent():
    settings = Settings.read(
        {"CHITTYGRAPH_GITHUB_WEBHOOK_SECRET": "a,b"},
        {"graphiql": "false", "read_seconds": "2.5", "database": "sqlite:///x.db"},
    )

    again = pickle.loads(pickle.dumps(settings))

    assert str(again) == str(settings)
    assert again.github_secrets == ("a", "b")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("https://app.example.com/", "write https://app.example.com"),
        ("https://App.Example.com", "write https://app.example.com"),
        ("https://app.example.com:443", "write https://app.example.com"),
        ("http://localhost:80,https://b.example", "write http://localhost"),
        ("https://app.example.com/graphql?a=b", "write https://app.example.com"),
        ("https://bücher.example", "write https://xn--bcher-kva.example"),
        ("https://straße.example", "such as https://app.example.com"),  # not strasse.example
        ("http://[0::1]:3000", "write http://[::1]:3000"),
        ("app.example.com", "such as https://app.example.com"),
        ("https://*.example.com", "such as https://app.example.com"),
        ("https://user@app.example.com", "write https://app.example.com"),
        ("https://app.example.com:99999", "such as https://app.example.com"),
        ("null", "such as https://app.example.com"),
        ("*", "choose --auth protected"),
        (" , ,", "only commas or spaces"),
    ],
)
def test_origins_that_no_browser_sends_are_refused_with_what_to_write(value, says):
    message = refusal_of({"CHITTYGRAPH_ALLOWED_ORIGINS": value})

    assert message.startswith("CHITTYGRAPH_ALLOWED_ORIGINS")
    assert says in message


def test_all_origins_are_allowed_alone_and_in_protected_mode_only():
    protected = {"CHITTYGRAPH_AUTH": "protected"}

    alone = Settings.read(protected | {"CHITTYGRAPH_ALLOWED_ORIGINS": "*"})
    message = refusal_of(protected | {"CHITTYGRAPH_ALLOWED_ORIGINS": "*,https://a.example"})

    assert alone.allowed_origin_list == ("*",)
    assert "leave the others out" in message


def test_origins_may_have_any_scheme_and_be_in_any_mode():
    listed = "https://app.example.com, http://[::1]:3000,tauri://localhost,chrome-extension://abc"

    settings = Settings(allowed_origins=listed)

    assert len(settings.allowed_origin_list) == 4
