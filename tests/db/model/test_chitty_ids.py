import pytest

from db.model import chitty_id

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
        "CP-A-001-1234-P-2509-I-82",
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
        (f"CHITTY-ACTOR-{UUID}0", "a UUID of 8-4-4-4-12 digits, not 8-4-4-4-13"),
        (f"CHITTY-ACTOR-{UUID.replace('6', 'g')}", "a UUID: digits, and letters from A to F"),
        (f"CHITTY-ACTOR-{UUID.replace('-', '')}", "must go on after its type with a UUID"),
        (f"CHITTY-ACTOR-{UUID}\n", "must not begin or end with a space"),
        ("CHITTY-ACTOR-12345-ABCD", "with six digits and four of A-Z and 0-9"),
        ("CHITTY-ACTOR-١٢٣٤٥٦-ABCD", "with six digits and four of A-Z and 0-9"),
        ("CHITTY-ACTOR-", "must go on after its type"),
        ("01-C-ACT-48290-PEO-Q5-7-0", "as part 4 of 8, its sequence"),
        ("01-C-ACT-4829-P3O-Q5-7-0", "as part 5 of 8, its type"),
        ("01-C-ACT-4829-PEO-Q5-7-!", "as part 8 of 8, its check"),
        ("01-C-ACT-4829-PEO-Q5-7", "must be a ChittyID of 8 parts"),
        ("01-C-ACT-4829-PEO-Q5-7-0-1", "not of 9"),
        ("01-C-ACT-4829-PEO-Q5-7-", "as part 8 of 8, its check"),
        ("2025-10-21T18:52:06Z", "must be a ChittyID such as"),
        ("DID:chitty:CHITTY-SYSTEM", "did:chitty: in small letters, or leave it out"),
        ("did:web:example.org", "of DIDs only those with did:chitty:"),
        (" CHITTY-SYSTEM", "must not begin or end with a space"),
        ("did:chitty:CHITTY-SYSTEM", "must not have did:chitty: twice"),
        ("CHITTY-" + "A" * 194, "has 201 characters"),
    ],
)
def test_a_malformed_chittyid_is_explained(text, said):
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


def test_a_locally_minted_chittyid_is_well_formed_typed_and_new():
    first, second = chitty_id.local("ACTOR"), chitty_id.local("ACTOR")

    assert chitty_id.is_well_formed(first)
    assert chitty_id.type_of(first) == "ACTOR"
    assert first != second
