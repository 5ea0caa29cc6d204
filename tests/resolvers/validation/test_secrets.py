"""Secrets are rejected in place of references, and redacted in text."""

import random
import string
import time

import pytest

from resolvers.validation import secrets, validators
from resolvers.validation.validators import InvalidValue

# Concatenated, so that secret scanners do not report this file.
SECRETS = [
    "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "gho" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "ghs" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "github" + "_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwx",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "xoxb" + "-123456789012-abcdefABCDEF",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r",
    "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc",
    "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "sk" + "-proj-abcdefghijklmnopqrst",
    "sk" + "-ant-api03-abcdefghijklmnopqrst",
    "glpat" + "-abcdefghij0123456789",
    "npm" + "_abcdefghijklmnopqrstuvwxyz0123456789",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_no_key_reference_and_is_never_repeated(secret):
    for text in (secret, f"prod/{secret}", f"x_{secret}"):
        with pytest.raises(InvalidValue, match="looks like a secret") as refusal:
            validators.key_reference(text)
        assert secret not in str(refusal.value)


@pytest.mark.parametrize("secret", SECRETS)
def test_only_the_start_of_a_long_key_reference_is_searched_for_secrets(secret):
    for text in (secret + "." * 90_000, "." * 90_000 + secret):
        with pytest.raises(InvalidValue) as refusal:
            validators.key_reference(text)
        assert ("looks like a secret" in str(refusal.value)) == text.startswith(secret)
        assert secret not in str(refusal.value)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_free_text_is_redacted(secret):
    assert secrets.redact(f"401 from api: {secret}, retry") == "401 from api: [redacted], retry"


def test_passwords_in_free_text_are_redacted():
    assert secrets.redact("https://me:hush@db.example/x") == "https://[redacted]@db.example/x"
    assert secrets.redact("Authorization: Bearer abcdefgh12") == "Authorization: Bearer [redacted]"
    assert secrets.redact("?access_token=hush&page=2") == "?access_token=[redacted]&page=2"
    assert secrets.redact('{"password": "hush"}') == '{"password": "[redacted]"}'


@pytest.mark.parametrize(
    "text",
    [
        "connection timed out after 30 s: host api.example.org, token: expired",
        "request 6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11 failed",
    ],
)
def test_ordinary_errors_are_left_as_they_are(text):
    assert secrets.redact(text) == text


def test_long_random_strings_are_no_key_references():
    dice = random.Random(7)
    for letters in (string.ascii_letters + string.digits, string.hexdigits[:16]):
        for _ in range(200):
            with pytest.raises(InvalidValue, match="looks like a secret"):
                validators.key_reference("".join(dice.choices(letters, k=43)))


@pytest.mark.parametrize(
    "text",
    [
        "github",
        "credentials/CHITTY-ACTOR-6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11/openai",
        "kv:production:github-app:installation-4829134:token",
        "01-C-ACT-4829-PEO-Q5-7-0_github-token",
        "githubInstallationTokenForProductionTeam2025",
        "npm_token",
        "connections.chittyconnect.notion_oauth_refresh_token.production.2025",
        "a" * 200,
    ],
)
def test_names_are_accepted_as_key_references(text):
    assert validators.key_reference(text) == text


@pytest.mark.parametrize("text", ["", "a b", "ключ", "a\n", "a" * 201, 7])
def test_other_text_is_no_key_reference(text):
    with pytest.raises(InvalidValue):
        validators.key_reference(text)


def test_a_did_prefix_is_stripped_from_a_chitty_id_and_a_token_in_its_place_is_not_repeated():
    assert validators.chitty_id("did:chitty:CHITTY-SYSTEM") == "CHITTY-SYSTEM"

    with pytest.raises(InvalidValue) as refusal:
        validators.chitty_id(SECRETS[0])
    assert SECRETS[0] not in str(refusal.value)


@pytest.mark.parametrize(
    "unit", ["-----BEGIN ", "a://", "eyJa.", "a/", "token=", "a@b.", "aA1", "Bearer "]
)
def test_repetitive_text_does_not_slow_the_patterns_down(unit):
    hostile = unit * (100_000 // len(unit))
    started = time.process_time()

    secrets.redact(hostile)
    secrets.looks_secret(hostile)

    assert time.process_time() - started < 2
