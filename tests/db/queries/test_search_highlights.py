"""What a search marks, in texts of all scripts, and that no text is syntax, whatever is stored or asked."""

import json

import pytest

from resolvers.search import LONGEST
from tests.support.services.api import Api, running

ADD = """
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
    VALUES ('CHITTY-ADA', 'ai', :name, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
QUERY = "query ($text: String!) { search(text: $text) { totalCount edges { field highlight } } }"


@pytest.fixture
async def api(tmp_path):
    async with running(tmp_path / "registry.db") as service:
        yield service


async def marked(api: Api, text: str) -> str | None:
    """The display name that is found, with brackets round what is marked."""
    page = (await api.ask(QUERY, text=text))["search"]
    assert page["totalCount"] == len(page["edges"])
    if not page["edges"]:
        return None
    (edge,) = page["edges"]
    assert edge["field"] == "displayName"
    return str(edge["highlight"]).replace("\ue000", "[").replace("\ue001", "]")


QUOTED = """<b>bold</b> & "q" 'r'"""
OPERATORS = 'NEAR("a" b, 5) -c ^d e:f* {g}'


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ("Zoë Öztürk", {"zoe": "[Zoë] Öztürk", "OZT": "Zoë [Özt]ürk", "oz z": "[Z]oë [Öz]türk"}),
        ("Zoe\u0308 \u0301x", {"zo": "[Zo]e\u0308 \u0301x", "zoë": "[Zoe\u0308] \u0301x"}),
        ("İstanbul \u0131s", {"istan": "[İstan]bul \u0131s", "\u0131": "İstanbul [\u0131]s"}),
        ("Straße STRASSE", {"straß": "[Straß]e STRASSE", "strass": "Straße [STRASS]E"}),
        ("日本語 中文", {"日本": "[日本]語 中文", "中文": "日本語 [中文]", "本": None}),
        # Of emoji the tokenizer knows those of Unicode 6.1, which separate words.
        ("👩fox 🦊dev", {"fox": "👩[fox] 🦊dev", "dev": None, "🦊": "👩fox [🦊]dev", "👩": None}),
        (QUOTED, {"<b>": "<[b]>[b]old</[b]> & \"q\" 'r'", "q r": "<b>bold</b> & \"[q]\" '[r]'"}),
        (OPERATORS, {"near": f"[NEAR]{OPERATORS[4:]}", "f*": OPERATORS.replace("f", "[f]")}),
        ("ab\0cd", {"ab": "[ab]", "cd": None}),
        ("a\ue000b\ue001 c", {"c": "ab [c]"}),
        ("שלום עולם", {"עול": "שלום [עול]ם"}),
        ("x" * 1_000 + " tail", {"tail": None, "x" * 200: f"[{'x' * 200}]{'x' * 800}"}),
    ],
)
async def test_what_is_found_is_marked(api: Api, stored: str, found: dict[str, str | None]):
    await api.put(ADD, name=stored)

    assert {text: await marked(api, text) for text in found} == found


async def test_a_stored_text_of_100_kb_is_searched_in_its_beginning(api: Api):
    await api.put(ADD, name="begin " + "word " * 20_000)

    assert await marked(api, "end") is None
    assert str(await marked(api, "begin")).startswith("[begin] word")


SYNTAX = [
    *('"', '""', "*", "a*", '"a', "NEAR", "NEAR(", "NEAR(a b)", "a AND", "OR a", "NOT", "a NOT b"),
    *("-a", "- a", ":", "a:", "name:a", "{a b}: c", "^a", "a ^", "+", "a + b", "(", ")", "()", "'"),
    *(
        "\0",
        "a\0b",
        "\x01",
        "\ue000",
        "\ue001",
        "\ufeff",
        "\uffff",
        "\U0010ffff",
        "\u202e",
        "\\",
        "%",
    ),
    *(
        "\U0001d538",
        "e\u0301" * 100,
        "\u0301" * 200,
        "a" * LONGEST,
        "é" * LONGEST,
        "🦊" * LONGEST,
        " " * LONGEST,
    ),
]


async def test_no_text_that_is_asked_for_is_syntax(api: Api):
    await api.put(ADD, name="name NEAR octo")

    for text in SYNTAX:
        answer = await api.post(QUERY, text=text)

        assert "errors" not in answer, (text, answer)


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "a \\ud83e b"])
async def test_half_a_character_is_refused_with_the_request(api: Api, half: str):
    sent = json.dumps({"query": QUERY, "variables": {"text": "?"}}).replace("?", half)

    headers = {"Content-Type": "application/json"}
    answer = await api.client.post("/graphql", content=sent.encode(), headers=headers)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" * (LONGEST + 1), "201 characters: at most 200"),
        ("a b c d e f g h i", "9 words: at most 8"),
    ],
)
async def test_what_is_refused_is_told_what_to_do(api: Api, text: str, says: str):
    (error,) = (await api.post(QUERY, text=text))["errors"]

    assert error["extensions"]["code"] == "BAD_SEARCH"
    assert says in error["message"]
