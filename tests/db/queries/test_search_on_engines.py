"""Search finds the same on each engine."""

from tests.support.services.api import running

ADD = """
    INSERT INTO actors (chitty_id, actor_type, display_name, email, created_at, updated_at)
    VALUES (:id, 'ai', :name, :email, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
"""
NAMES = [
    "Octo-Org",
    "octo",
    "Zoë Octavia",
    "ΣΊΣΥΦΟΣ",
    "日本語",
    "nul\0END",
    "@octo/api",
    "İstanbul",
    "straße",
]
QUERY = """
    query ($text: String!) {
        search(text: $text) { totalCount edges { field highlight node { id } } }
    }
"""
FOUND = {
    "octo": ["octo", "@octo/api", "Octo-Org"],
    "OCT": ["@octo/api", "octo", "Octo-Org", "Zoë Octavia"],
    "zoe": ["Zoë Octavia"],
    "日本": ["日本語"],
    "i": ["İstanbul"],
    "api octo": ["@octo/api"],
    '"octo" OR zoe*': [],
    "nul": ["nul\0END"],
}


async def test_a_search_finds_the_same_on_each_engine(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        for number, name in enumerate(NAMES):
            await api.put(ADD, id=f"CHITTY-ACTOR-00000{number}-AAAA", name=name, email=None)

        for text, names in FOUND.items():
            page = (await api.ask(QUERY, text=text))["search"]
            shown = [
                edge["highlight"].replace("\ue000", "").replace("\ue001", "")
                for edge in page["edges"]
            ]

            assert sorted(shown) == sorted(name.partition("\0")[0] for name in names), text
            assert page["totalCount"] == len(names)

        await api.put("UPDATE actors SET display_name = 'octo again' WHERE display_name = 'straße'")
        await api.put("DELETE FROM actors WHERE display_name = 'octo'")
        assert (await api.ask(QUERY, text="octo"))["search"]["totalCount"] == 3
