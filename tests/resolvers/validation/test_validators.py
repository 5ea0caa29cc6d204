"""Validators accept valid values in canonical form and explain what is wrong with others."""

import pytest

from db.model.enums import ActorType
from resolvers.validation import validators
from resolvers.validation.validators import InvalidValue


@pytest.mark.parametrize(
    "text", ["ada@example.org", "a.b+c@mail.example.co.uk", "jürgen@bücher.example", "o'x@a-b.io"]
)
def test_valid_email_addresses_are_accepted(text):
    assert validators.email(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "a@b@example.org",
        "a b@example.org",
        "a..b@example.org",
        ".a@example.org",
        "a@example..org",
        "a@-example.org",
        "a@example.org\n",
        "a@example.org\x00",
        "x" * 65 + "@example.org",
        "a@" + "b" * 250 + ".org",
    ],
)
def test_other_text_is_no_email_address(text):
    with pytest.raises(InvalidValue):
        validators.email(text)


@pytest.mark.parametrize(
    "text", ["https://example.org", "http://[::1]:8080/a?b=c#d", "https://bücher.example/ü"]
)
def test_http_urls_are_accepted(text):
    assert validators.url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "/path",
        "ftp://example.org",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://a b",
        "https://a\tb",
        "https://[::1",
        "https://example.org:99999",
        "https://example.org\\@evil.example",
        "https://me:hush@example.org",
        "https://@example.org",
        "https://example.org/" + "a" * 2048,
    ],
)
def test_other_text_is_no_url_and_its_password_is_not_repeated(text):
    with pytest.raises(InvalidValue) as refusal:
        validators.url(text)
    assert "hush" not in str(refusal.value)


def test_text_is_bounded_and_free_of_control_characters():
    assert validators.text(5)("né 漢") == "né 漢"
    assert validators.text(5, shortest=0)("") == ""
    assert validators.text(5, lines=True)("a\n\tb") == "a\n\tb"
    for bad in ("", "sixsix", "a\nb", "a\x00", "\x7f", "\u2028", "\ud800", None, 3):
        with pytest.raises(InvalidValue):
            validators.text(5)(bad)


def test_a_name_may_have_inner_spaces_but_none_at_its_ends():
    assert validators.name("my  context") == "my  context"
    for bad in (" x", "x ", " ", "\u00a0x", "x" * 201):
        with pytest.raises(InvalidValue):
            validators.name(bad)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a", "must be a list"),
        (["a", ""], "item 2: has 0 characters"),
        (["a", 1], "item 2: must be a string"),
        (["a", "b", "a"], "item 3 repeats item 1"),
        (["x" * 201], "item 1: has 201 characters"),
        ([str(n) for n in range(101)], "has 101 items"),
    ],
)
def test_a_list_of_strings_says_which_item_is_wrong(value, message):
    with pytest.raises(InvalidValue, match=message):
        validators.string_list(value)


UUID = "6f1c0c0e-8a9d-1f57-9d0a-0f6a3c0b2f11"


@pytest.mark.parametrize("text", [UUID, f"conn-{UUID}"])
def test_a_new_connection_takes_a_uuid_and_what_chittyconnect_makes_of_one(text):
    assert validators.new_connection_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "first", "conn-", UUID.upper(), UUID[:-1], f"{{{UUID}}}", f" {UUID}", f"{UUID}\n"),
        *(f"CONN-{UUID}", f"conn_{UUID}", f"conn-conn-{UUID}", f"connection:{UUID}"),
    ],
)
def test_a_new_connection_takes_no_other_id(text):
    with pytest.raises(InvalidValue, match=r"must be a UUID .*, or conn- and a UUID"):
        validators.new_connection_id(text)


@pytest.mark.parametrize("text", ["CTX-1", "CHITTY-ACTOR-abc", "ada", " x ", "né 漢", "x" * 200])
def test_the_id_of_a_row_may_have_any_form(text):
    assert validators.chitty_id_of_row(f"did:chitty:{text}") == text
    assert validators.connection_id_of_row(text) == text


@pytest.mark.parametrize(
    ("validator", "value"),
    [(validators.chitty_id_of_row, bad) for bad in ("", "x" * 201)]
    + [(validators.connection_id_of_row, "x" * 1_001)]
    + [
        (validator, bad)
        for validator in (validators.chitty_id_of_row, validators.connection_id_of_row)
        for bad in ("a\x00b", "a\nb", "\x7f", "\u2028", "\ud800", None, 7)
    ],
)
def test_the_id_of_a_row_is_bounded_and_free_of_control_characters(validator, value):
    with pytest.raises(InvalidValue):
        validator(value)


def test_numbers_booleans_members_and_instants_are_validated():
    assert validators.whole_number(1, 3)(3) == 3
    assert validators.boolean(False) is False
    assert validators.one_of(ActorType)(ActorType.AI) is ActorType.AI
    assert validators.instant("2026-11-22T10:30:00+01:00") == "2026-11-22T09:30:00.000Z"

    for shape, bad in [
        (validators.whole_number(1, 3), 4),
        (validators.whole_number(1, 3), True),
        (validators.whole_number(1, 3), 2.0),
        (validators.boolean, 1),
        (validators.one_of(ActorType), "ai"),
        (validators.instant, "yesterday"),
    ]:
        with pytest.raises(InvalidValue):
            shape(bad)
