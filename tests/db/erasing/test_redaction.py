"""A person is found by whole texts, however JSON and URLs spell them, and not within longer words."""

import json
import random

import pytest

from db.erasing.redaction import MARK, Redaction

ID = "CHITTY-ACTOR-000001-ANNA"
EMAIL, NAME = "ann@example.org", 'Ann "A" Zöllner'


def erased(text: str, *texts: str) -> str:
    redaction = Redaction(texts or (EMAIL, NAME), ID)
    stored = text.encode("utf-8", "surrogateescape")
    new = redaction.applied(stored)
    assert new is not None
    assert redaction.mentions(stored) == (new != stored)
    assert redaction.may_mention(stored) or new == stored
    assert redaction.applied(new) == new
    return new.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "text",
    [EMAIL, "Ann@Example.ORG", f"<{EMAIL}>", f"mailto:{EMAIL}?x", f"{EMAIL}.", f"a {EMAIL},b"],
)
def test_an_address_is_found_whatever_its_case(text):
    assert erased(text) == text.lower().replace(EMAIL, MARK).replace("ann@example.org", MARK)


@pytest.mark.parametrize(
    "text",
    [
        f"jo{EMAIL}",
        f"jo.{EMAIL}",
        f"jo+{EMAIL}",
        f"{EMAIL}.uk",
        f"{EMAIL}s",
        f"{EMAIL}-x",
        "ann@",
        "",
    ],
)
def test_another_address_that_contains_it_stays(text):
    assert erased(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann", True),
        ("Ann's", True),
        ("(Ann)", True),
        ("Anna", False),
        ("Joann", False),
        ("ann", False),
        ("Ann2", False),
        ("Ann_x", False),
        ("Änn", False),
    ],
)
def test_a_name_is_found_as_a_word(text, found):
    assert (erased(text, "Ann") != text) == found


def test_a_name_in_a_script_without_spaces_is_found_between_others():
    assert erased("是王伟的项目", "王伟") == f"是{MARK}的项目"


def test_a_name_is_found_with_its_accents_in_one_or_apart():
    assert erased("Zo\u0308llner", "Z\u00f6llner") == MARK
    assert erased("Z\u00f6llner", "Zo\u0308llner") == MARK


@pytest.mark.parametrize("text", ["https://x/ann%40example.org/y", "https://x/Ann%40Example.org/y"])
def test_an_address_is_found_in_urls(text):
    assert erased(text) == f"https://x/{MARK}/y"


@pytest.mark.parametrize("escape", [json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_it_is_found_in_json_and_in_json_within_it(escape, depth):
    value: object = {"to": [NAME], EMAIL: {"n": 1}}
    for _ in range(depth):
        value = {"within": escape(value)}

    found = json.loads(erased(escape(value)))

    for _ in range(depth):
        found = json.loads(found["within"])
    assert found == {"to": [MARK], MARK: {"n": 1}}


def test_escapes_of_json_that_no_writer_needs_hide_nothing():
    hidden = "".join(f"\\u{ord(letter):04X}" for letter in EMAIL)

    assert erased(f'{{"a": "{hidden}"}}') == f'{{"a": "{MARK}"}}'


def test_the_rest_of_a_json_text_stays_to_the_letter():
    text = f'{{ "a":1.50, "b" : "\\u0041", "c":1e999,"d":"{EMAIL}" }}'

    assert erased(text) == text.replace(EMAIL, MARK)


def test_half_a_character_stays_an_escape():
    assert json.loads(erased(f'["\\ud800 {EMAIL}"]')) == [f"\ud800 {MARK}"]


def test_a_text_that_is_not_utf_8_is_searched_too():
    assert erased(f"\udcff {EMAIL}") == f"\udcff {MARK}"


@pytest.mark.parametrize("text", ["{", "[", "[[", f'{{"a": {EMAIL}', "[" * 100_000])
def test_a_text_that_only_begins_like_json_is_read_as_words(text):
    assert erased(text) == text.replace(EMAIL, MARK)


@pytest.mark.parametrize("text", ["", "x", " ", ID, f"did:chitty:{ID}"])
def test_a_text_that_would_find_anything_and_the_pseudonym_are_not_looked_for(text):
    assert not Redaction([text], ID)
    assert erased(f"a {text} b x", text) == f"a {text} b x"


def test_the_longest_of_several_texts_is_taken_whole():
    assert erased("Ann Zöllner", "Ann", "Ann Zöllner", "Zöllner") == MARK


def test_what_was_erased_is_never_erased_again():
    assert erased(f"{MARK} erased", "erased") == f"{MARK} {MARK}"


def test_of_random_texts_nothing_is_left_in_either_case_or_escape():
    choose = random.Random(17)
    pieces = [EMAIL, EMAIL.upper(), NAME, "x", " ", "[", "é", "\\", '"', MARK, "%", "\u0000"]
    for _ in range(500):
        words = " ".join(choose.choices(pieces, k=choose.randrange(1, 8)))
        text = choose.choice([words, json.dumps([words]), json.dumps({"a": json.dumps([words])})])

        left = erased(text).lower()

        assert EMAIL not in left
        assert "zöllner" not in left.replace("\\u00f6", "ö").replace("\\\\u00f6", "ö")
