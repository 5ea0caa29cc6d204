"""`doctor` looks at secrets, at who can reach the server, and at settings that weaken it."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.doctor.settings import SECRETS
from server.setting_fields import flag, variable
from server.settings import Settings
from tests.support.other_programs.token_issuer import AUDIENCE, ISSUER
from tests.support.registries.databases import demo_registry
from tests.support.services.commands import command
from tests.support.services.doctor import Examination

SHORT, LONG, OTHER = "s3cret-0123456", "l0ng-s3cret-0123456789", "0ther-s3cret-0123456789"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("CHITTYGRAPH_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return demo_registry(tmp_path / "registry.db")


def test_secrets_that_are_set_are_named_and_never_shown(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for number, name in enumerate(SECRETS):
        monkeypatch.setenv(variable(name), f"{LONG}-{number}")
    words = ["doctor", "--database", str(file), "--metrics-token", f"{LONG}-9"]

    main(words)
    main([*words, "--json"])

    shown = capsys.readouterr()
    assert LONG not in shown.out + shown.err
    assert len(SECRETS) >= 3
    assert "--metrics-token as a flag" in shown.out


@pytest.mark.parametrize("name", ["github_webhook_secret", "metrics_token", "chittyid_token"])
def test_a_short_secret_is_a_problem(file: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(variable(name), SHORT)

    found = Examination(file)

    assert found.code == 1
    assert f"{variable(name)} has 14 characters, which can be guessed" in found.found("secrets")
    assert "openssl rand -hex 32" in found.found("secrets")
    assert SHORT not in found.done.stdout


def test_one_of_several_webhook_secrets_may_be_the_short_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", f"{LONG},{SHORT}")

    assert Examination(file).levels("secrets") == ["problem"]


def test_one_secret_for_two_purposes_is_a_warning(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHITTYGRAPH_GITHUB_WEBHOOK_SECRET", f"{OTHER},{LONG}")
    monkeypatch.setenv("CHITTYGRAPH_METRICS_TOKEN", LONG)

    assert "hold the same secret -> give each its own" in Examination(file).found("secrets")


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_given_as_a_flag_is_a_problem(file: Path, name: str):
    found = Examination(file, flag(name), LONG)

    assert found.levels("secrets") == ["problem"]
    assert "set its variable instead" in found.found("secrets")


def test_a_file_of_keys_that_others_may_read_is_a_warning(file: Path):
    key = file.with_name("admin.key")
    key.write_text("cg_0123456789ab_secret")
    key.chmod(0o644)
    open_ = Examination(file)
    key.chmod(0o600)

    closed = Examination(file)

    assert f"others may read {key}" in open_.found("secrets")
    assert closed.levels("secrets") == ["ok"]


def test_a_file_of_settings_is_looked_at_wherever_it_is(file: Path, tmp_path: Path):
    settings = tmp_path / "elsewhere" / "settings"
    settings.parent.mkdir()
    settings.write_text(f"CHITTYGRAPH_METRICS_TOKEN={LONG}\n")
    settings.chmod(0o640)

    found = Examination(file, "--config", str(settings))

    assert f"others may read {settings}" in found.found("secrets")
    assert LONG not in found.done.stdout


@pytest.mark.parametrize(
    ("flags", "level", "says"),
    [
        ((), "ok", "open mode on 127.0.0.1 port 0: this machine only"),
        (
            ("--host", "0.0.0.0", "--allow-open-network"),
            "warning",
            "may read and change everything",
        ),
        (("--host", "0.0.0.0", "--auth", "protected"), "warning", "put a proxy with TLS before it"),
        (
            ("--host", "::", "--auth", "protected", "--trusted-proxies", "10.0.0.7"),
            "ok",
            "behind 10.0.0.7",
        ),
        (("--auth", "protected"), "ok", "this machine only"),
    ],
)
def test_the_mode_is_compared_with_the_address(
    file: Path, flags: tuple[str, ...], level: str, says: str
):
    found = Examination(file, *flags)

    assert found.levels("exposure") == [level]
    assert says in found.found("exposure")


PROTECTED = ("--auth", "protected")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((*PROTECTED, "--graphiql", "true"), "CHITTYGRAPH_GRAPHIQL is on in protected mode"),
        (
            (*PROTECTED, "--introspection", "true"),
            "CHITTYGRAPH_INTROSPECTION is on in protected mode",
        ),
        ((*PROTECTED, "--failed-credentials-per-minute", "0"), "is 0, which is no limit"),
        ((*PROTECTED, "--requests-per-minute", "0"), "is 0, which is no limit"),
        ((*PROTECTED, "--points-per-minute", "0"), "is 0, which is no limit"),
        ((*PROTECTED, "--documents", "d.json"), "other documents are accepted too"),
        (("--documents", "d.json", "--documents-only"), "GraphiQL's queries are all refused"),
        (
            (
                "--documents",
                "d.json",
                "--documents-only",
                "--introspection",
                "true",
                "--graphiql",
                "false",
            ),
            "introspection is refused",
        ),
        (("--trusted-proxies", "10.0.0.1,::/0"), "trusts everybody"),
        (("--min-free-mb", "0"), "the disk may fill up within a write"),
        (("--peer-sockets", "0"), "one client may take every connection"),
        (("--workers", "64"), "64 workers share"),
    ],
)
def test_settings_that_contradict_or_weaken_are_found(
    file: Path, flags: tuple[str, ...], says: str
):
    found = Examination(file, *flags)

    assert says in found.found("settings")
    assert found.levels("settings")[0] in {"warning", "problem"}


def test_the_defaults_of_both_modes_are_sound(file: Path):
    for auth in ("open", "protected"):
        assert Examination(file, "--auth", auth).levels("settings") == ["ok"]


def test_protected_mode_without_a_credential_is_a_problem(file: Path):
    none = Examination(file, *PROTECTED)
    made = command("keys", "create", "--new-admin", "Ada", "--database", file)
    one = Examination(file, *PROTECTED)
    key_id = made.stdout.split("_")[1]
    command("keys", "revoke", key_id, "--database", file)
    revoked = Examination(file, *PROTECTED)
    tokens = Examination(
        file,
        *(*PROTECTED, "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE),
        *("--jwt-jwks-url", "https://auth.example.org"),
    )

    assert none.levels("credentials") == revoked.levels("credentials") == ["problem"]
    assert "keys create --new-admin" in none.found("credentials")
    assert "1 valid API keys" in one.found("credentials")
    assert tokens.levels("credentials") == ["ok"]


def test_a_wrong_setting_is_said_as_every_command_says_it(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    code = main(["doctor", "--database", str(file), "--port", "x"])

    assert (code, capsys.readouterr().out) == (2, "")


def test_every_secret_among_the_settings_is_looked_at():
    named = {
        each.name for each in fields(Settings) if "secret" in each.name or "token" in each.name
    }
    limits: set[Any] = {"max_tokens"}

    assert named - limits == set(SECRETS)
