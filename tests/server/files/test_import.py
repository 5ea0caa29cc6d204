"""`chittygraph import`: all rows of a file or none."""

from db.model.tables import TABLES
from db.transfer.layout import TRANSFERS
from tests.support.registries.transfers import (
    ACTOR,
    CONNECTION,
    CONTEXT,
    INSTALLATION,
    REGISTRY,
    content,
    untouched,
)


def test_rows_may_come_in_any_order(transfers):
    code, out, err = transfers.take(CONNECTION, CONTEXT, INSTALLATION, ACTOR)

    assert (code, err) == (0, "")
    assert [line["type"] for line in transfers.lines()] == [
        "actors",
        "installations",
        "contexts",
        "connections",
    ]
    assert "1 actors added, 0 changed, 0 unchanged" in out


def test_what_a_line_leaves_out_gets_its_default(transfers):
    transfers.given(*REGISTRY)

    actor, _, context, connection = transfers.lines()

    assert (actor["capabilities"], actor["session_count"], actor["email"]) == ([], 0, None)
    assert actor["created_at"] == actor["updated_at"] == context["created_at"]
    assert (context["status"], connection["status"], connection["config"]) == (
        "active",
        "active",
        {},
    )


def test_times_and_states_are_those_of_the_file_in_canonical_form(transfers):
    times = {"created_at": "2025-10-21 18:52:06", "updated_at": "2025-10-21T20:52:06.5+02:00"}

    transfers.take(ACTOR | {"status": "deleted"} | times, CONTEXT)

    actor, _ = transfers.lines()
    assert actor["status"] == "deleted"
    assert actor["created_at"] == "2025-10-21T18:52:06.000Z"
    assert actor["updated_at"] == "2025-10-21T18:52:06.500Z"


def test_importing_the_same_rows_again_succeeds_and_writes_nothing(transfers):
    transfers.given(*REGISTRY)
    file = transfers.write("all.jsonl", transfers.exported())

    with untouched(transfers.path):
        code, out, err = transfers.run("import", file)

    assert (code, err) == (0, "")
    assert "0 contexts added, 0 changed, 1 unchanged" in out


def test_an_update_replaces_what_a_line_names_and_leaves_the_rest(transfers):
    transfers.take(ACTOR | {"email": "ada@example.org", "session_count": 7})
    (before,) = transfers.lines()

    code, out, _ = transfers.take(ACTOR | {"display_name": "Ada"}, flags=("--update",))

    (after,) = transfers.lines()
    assert code == 0
    assert "0 actors added, 1 changed" in out
    assert after == before | {"display_name": "Ada", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


def test_rows_may_swap_unique_values(transfers):
    second = CONTEXT | {"chitty_id": "CHITTY-CONTEXT-000002-AAAA", "name": "quay"}
    transfers.take(ACTOR, CONTEXT, second)

    code, _, err = transfers.take(
        CONTEXT | {"name": "quay"}, second | {"name": "harbour"}, flags=("--update",)
    )

    assert (code, err) == (0, "")
    assert [line["name"] for line in transfers.lines() if "name" in line] == ["quay", "harbour"]


def test_an_active_connection_may_give_its_place_to_another(transfers):
    transfers.given(*REGISTRY)
    heir = CONNECTION | {"connection_id": "00000000-0000-4000-8000-000000000002"}

    code, _, err = transfers.take(heir, CONNECTION | {"status": "inactive"}, flags=("--update",))

    assert (code, err) == (0, "")
    assert [line["status"] for line in transfers.lines()[-2:]] == ["inactive", "active"]


def test_facts_are_imported_and_those_of_a_replaced_installation_are_deleted(transfers):
    fact = {
        "type": "installation_facts",
        "installation_id": 7,
        "aspect": "account_login",
        "at": "2026-01-01T00:00:00.000Z",
        "rank": 0,
        "value": '"octocat"',
    }
    transfers.take(ACTOR, INSTALLATION, fact)
    stored = content(transfers.path)["installation_facts"]

    transfers.take(INSTALLATION | {"account_login": "hubot"}, flags=("--update",))

    assert stored == [(7, "account_login", fact["at"], 0, '"octocat"', 0)]
    assert content(transfers.path)["installation_facts"] == []


def test_facts_of_an_older_version_keep_the_order_of_their_ranks(transfers):
    aspects = {"selected_repositories": 0, "repository:a/b": 1, "repository:a/c": 2}
    aspects |= {"suspended_at": 3, "uninstalled_at": 4}
    at = "2026-01-01T00:00:00.000Z"
    facts = [
        {"installation_id": 7, "aspect": aspect, "at": at, "rank": rank, "value": "null"}
        for aspect, rank in aspects.items()
    ]

    code, _, err = transfers.take(
        ACTOR, INSTALLATION, *({"type": "installation_facts"} | each for each in facts)
    )

    assert (code, err) == (0, "")
    stored = content(transfers.path)["installation_facts"]
    ranked = {aspect: (rank, receipt) for _, aspect, _, rank, _, receipt in stored}
    assert ranked == {aspect: (4 * (rank == 4), rank) for aspect, rank in aspects.items()}


def test_every_table_is_exported_and_imported():
    assert {each.table for each in TRANSFERS} > set(TABLES)
