import pytest

from db import chitty_id

UUID = "6f1c0c0e-8a9d-4f57-9d0a-0f6a3c0b2f11"


@pytest.mark.parametrize(
    "text",
    [
        f"CHITTY-ACTOR-{UUID}",
        f"CHITTY-PEO-{UUID.upper()}",
        "CHITTY-CONTEXT-000123-A1B2",
        "CHITTY-CONNECT-SYSTEM",
        "CHITTY-SYSTEM",
        "01-C-ACT-4829-PEO-Q5-7-0",
        "03-1-USA-0001-P-2510-3-8",
    ],
)
def test_every_known_form_is_well_formed(text):
    assert chitty_id.is_well_formed(text)
    assert chitty_id.problem(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must not be empty"),
        ("ada", "must be a ChittyID"),
        ("CHITTY", "must be a ChittyID"),
        ("CHITTY-", "a type in capital letters"),
        ("chitty-connect-system", "must be in capital letters"),
        (f"CHITTY-Actor-{UUID}", "must be in capital letters"),
        (f"CHITTY-ACTOR-{UUID}0", "must go on after its type"),
        (f"CHITTY-ACTOR-{UUID}\n", "must go on after its type"),
        ("CHITTY-ACTOR-12345-ABCD", "must go on after its type"),
        ("CHITTY-ACTOR-١٢٣٤٥٦-ABCD", "must go on after its type"),
        ("01-C-ACT-48290-PEO-Q5-7-0", "as part 4 of 8, its sequence"),
        ("01-C-ACT-4829-P3O-Q5-7-0", "as part 5 of 8, its type"),
        ("01-C-ACT-4829-PEO-Q5-7-!", "as part 8 of 8, its check"),
        ("01-C-ACT-4829-PEO-Q5-7", "must be a ChittyID"),
        ("did:chitty:CHITTY-SYSTEM", "must not have did:chitty: twice"),
        ("CHITTY-" + "A" * 194, "has 201 characters"),
    ],
)
def test_a_malformed_one_is_told_what_is_wrong(text, said):
    assert not chitty_id.is_well_formed(text)
    assert said in (chitty_id.problem(text) or "")


def test_one_did_prefix_is_stripped_and_nothing_else():
    assert chitty_id.normalise("did:chitty:CHITTY-SYSTEM") == "CHITTY-SYSTEM"
    assert chitty_id.normalise("did:chitty:did:chitty:X") == "did:chitty:X"
    assert chitty_id.normalise("DID:chitty:X") == "DID:chitty:X"
    assert chitty_id.normalise(" X ") == " X "


def test_the_type_is_read_where_the_form_has_one():
    assert chitty_id.type_of(f"CHITTY-ACTOR-{UUID}") == "ACTOR"
    assert chitty_id.type_of("CHITTY-CONTEXT-000123-A1B2") == "CONTEXT"
    assert chitty_id.type_of("01-C-ACT-4829-PEO-Q5-7-0") == "PEO"
    assert chitty_id.type_of("CHITTY-CONNECT-SYSTEM") is None
    assert chitty_id.type_of("nothing") is None


def test_a_locally_minted_one_is_well_formed_typed_and_new():
    first, second = chitty_id.local("ACTOR"), chitty_id.local("ACTOR")

    assert chitty_id.is_well_formed(first)
    assert chitty_id.type_of(first) == "ACTOR"
    assert first != second
