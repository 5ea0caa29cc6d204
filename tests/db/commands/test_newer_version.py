"""A server writes nothing into a database that a newer version has migrated, and goes on reading it."""

from pathlib import Path

from tests.support.engines.engine import present
from tests.support.services.api import running

REGISTER = """
    mutation ($name: String!) { registerActor(input: { actorType: HUMAN, displayName: $name }) {
        actor { displayName } errors { code message } } }
"""
NAMES = "{ actors(first: 10) { nodes { displayName } } }"
LATER = (
    "INSERT INTO chittygraph_migrations (name, checksum, applied_at) VALUES ('9999_later', '', '')"
)
GONE = "DELETE FROM chittygraph_migrations WHERE name = '9999_later'"


async def test_nothing_is_written_over_the_schema_of_a_newer_version_until_it_is_this_ones_again(
    tmp_path: Path,
):
    path = tmp_path / "registry.db"
    async with running(path) as api:
        await api.ask(REGISTER, name="Ada")
        other = present().connect(path)
        other.execute(LATER)

        refused = await api.post(REGISTER, name="Grace")
        seen = await api.ask(NAMES)
        ready = await api.client.get("/readyz")
        other.execute(GONE)
        written = await api.ask(REGISTER, name="Edsger")
        other.close()

    (error,) = refused["data"]["registerActor"]["errors"]
    assert error["code"] == "UNAVAILABLE"
    assert "a newer version of ChittyGraph has migrated the database" in error["message"]
    assert [each["displayName"] for each in seen["actors"]["nodes"]] == ["Ada"]
    assert ready.status_code == 503
    assert written["registerActor"]["errors"] == []
