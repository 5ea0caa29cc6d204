"""What people state of installations: recorded, suspended, brought back, removed."""

import pytest

from db.commands import installation_facts
from db.commands.installation_facts import Fact, Rank
from db.errors import Refused
from db.model.enums import AccountType, RepositorySelection
from db.program import Statement, Value, rows
from resolvers import installations
from resolvers.permissions import Viewer
from tests.support.mutations import ADA, ask, empty, register

GIVEN = {
    "installation_id": 42,
    "account_id": 7,
    "account_login": "octocat",
    "account_type": AccountType.USER,
    "repository_selection": RepositorySelection.SELECTED,
}
REF = {"installation_id": 42}


@pytest.fixture
async def scope(tmp_path):
    async with empty(tmp_path) as scope:
        yield scope


async def stored(scope):
    installed = await ask(scope, "SELECT * FROM installations")
    return installed, await ask(scope, "SELECT * FROM installation_facts")


async def refused(scope, mutation, given):
    before = await stored(scope)
    with pytest.raises(Refused) as refusal:
        await mutation(scope, given)
    assert await stored(scope) == before
    return [(problem.code.value, problem.path) for problem in refusal.value.problems]


async def webhook_says(scope, *told, at="2020-01-01T00:00:00.000Z"):
    """Facts of a delivery, all of this instant."""
    bind: dict[str, Value] = {
        "installation_id": 42,
        "new_chitty_id": "CHITTY-NEW",
        "installed_at": None,
        "now": "2026-01-01T00:00:00.000Z",
    }
    dated = [Fact(fact.aspect, fact.value, at, fact.rank) for fact in told]

    def program():
        yield [installation_facts.merge(dated, bind, at=":now"), installation_facts.project(bind)]

    await scope.write(program())


async def test_an_installation_is_recorded_with_all_that_is_given(scope):
    row = await installations.record(
        scope,
        GIVEN
        | {
            "chitty_id": "CHITTY-INSTALLED",
            "account_avatar_url": "https://avatars.example/7",
            "permissions": [{"name": "issues", "access": "write"}],
            "events": ["push"],
            "selected_repositories": ["octocat/b", "octocat/a"],
            "installed_at": "2025-05-05T05:05:05Z",
        },
    )

    assert (row.chitty_id, row.account_type) == ("CHITTY-INSTALLED", "User")
    assert row.permissions == '{"issues":"write"}'
    assert row.selected_repositories == '["octocat/a","octocat/b"]'
    assert row.installed_at == "2025-05-05T05:05:05.000Z"


async def test_recording_the_same_again_changes_nothing_visible(scope):
    first = await installations.record(scope, GIVEN)

    again = await installations.record(scope, GIVEN)

    assert again == first
    assert first.chitty_id.startswith("CHITTY-INSTALLATION-")


async def test_what_is_absent_stays_and_null_clears(scope):
    more = {"account_avatar_url": "https://avatars.example/7", "events": ["push"]}
    await installations.record(scope, GIVEN | more)

    row = await installations.record(scope, GIVEN | {"account_avatar_url": None})

    assert (row.account_avatar_url, row.events) == (None, '["push"]')


async def test_a_chitty_id_that_something_else_has_is_refused(scope):
    await register(scope, ADA)

    assert await refused(scope, installations.record, GIVEN | {"chitty_id": ADA}) == [
        ("ALREADY_EXISTS", ("chitty_id",))
    ]


async def test_an_installation_keeps_its_chitty_id(scope):
    await installations.record(scope, GIVEN)

    assert await refused(scope, installations.record, GIVEN | {"chitty_id": "CHITTY-OTHER"}) == [
        ("CONFLICT", ("chitty_id",))
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("installation_id", 0),
        ("account_id", -1),
        ("account_login", ""),
        ("account_login", "a" * 101),
        ("account_login", None),
        ("account_avatar_url", "ftp://x"),
        ("permissions", None),
        ("events", None),
        ("selected_repositories", ["no-owner"]),
        ("selected_repositories", ["a/b", "a/b"]),
        ("installed_at", "2999-01-01T00:00:00Z"),
        ("installed_at", None),
        ("chitty_id", "nonsense"),
    ],
)
async def test_a_malformed_field_is_refused_at_its_path(scope, field, value):
    assert await refused(scope, installations.record, GIVEN | {field: value}) == [
        ("INVALID", (field,))
    ]


async def test_each_wrong_permission_is_named_by_its_place(scope):
    wrong = [
        {"name": "Issues", "access": "read"},
        {"name": "checks", "access": "delete"},
        {"name": "pages", "access": "read"},
        {"name": "pages", "access": "write"},
    ]

    assert await refused(scope, installations.record, GIVEN | {"permissions": wrong}) == [
        ("INVALID", ("permissions", "0", "name")),
        ("INVALID", ("permissions", "1", "access")),
        ("INVALID", ("permissions", "3", "name")),
    ]


async def test_the_viewer_suspends_and_a_late_webhook_does_not_undo_it(scope):
    await register(scope, ADA, capabilities=["admin"])
    await installations.record(scope, GIVEN)
    scope.viewer = Viewer(ADA, ("admin",))

    row = await installations.suspend(scope, REF)
    await webhook_says(scope, Fact("suspended_at", None), Fact("suspended_by_chitty_id", None))

    assert row.suspended_at is not None
    found = await ask(scope, "SELECT suspended_at, suspended_by_chitty_id FROM installations")
    assert found == [(row.suspended_at, ADA)]


async def test_a_mutation_takes_effect_even_when_githubs_clock_is_ahead(scope):
    await installations.record(scope, GIVEN)
    ahead = Fact("suspended_at", "2090-01-01T00:00:00.000Z", rank=Rank.SUSPENSION)
    await webhook_says(scope, ahead, at="2090-01-01T00:00:00.000Z")

    row = await installations.unsuspend(scope, REF)

    assert row.suspended_at is None


async def test_asking_for_the_state_it_has_changes_nothing(scope):
    first = await installations.record(scope, GIVEN)

    assert await installations.unsuspend(scope, REF) == first
    suspended = await installations.suspend(scope, REF)
    assert await installations.suspend(scope, REF) == suspended
    removed = await installations.remove(scope, REF)
    assert await installations.remove(scope, REF) == removed


async def test_an_unknown_or_deleted_actor_suspends_nothing(scope):
    await installations.record(scope, GIVEN)
    by_ada = REF | {"suspended_by": ADA}

    unknown = await refused(scope, installations.suspend, by_ada)
    await register(scope, ADA)
    await scope.db.write(rows(Statement("UPDATE actors SET status = 'deleted'")))
    deleted = await refused(scope, installations.suspend, by_ada)

    assert unknown == [("NOT_FOUND", ("suspended_by",))]
    assert deleted == [("CONFLICT", ("suspended_by",))]


@pytest.mark.parametrize("name", ["suspend", "unsuspend", "remove"])
async def test_an_unknown_installation_is_not_found(scope, name):
    assert await refused(scope, getattr(installations, name), REF) == [
        ("NOT_FOUND", ("installation_id",))
    ]


@pytest.mark.parametrize("name", ["suspend", "unsuspend"])
async def test_a_removed_installation_is_neither_suspended_nor_resumed(scope, name):
    await installations.record(scope, GIVEN)
    await installations.remove(scope, REF)

    assert await refused(scope, getattr(installations, name), REF) == [
        ("CONFLICT", ("installation_id",))
    ]


async def test_recording_a_removed_installation_brings_it_back(scope):
    first = await installations.record(scope, GIVEN)
    removed = await installations.remove(scope, REF)

    back = await installations.record(scope, GIVEN)
    await webhook_says(scope, Fact("uninstalled_at", "2020-01-01T00:00:00.000Z", rank=Rank.REMOVAL))

    assert removed.uninstalled_at is not None
    assert (back.uninstalled_at, back.chitty_id) == (None, first.chitty_id)
    assert await ask(scope, "SELECT uninstalled_at FROM installations") == [(None,)]
    assert back.updated_at > removed.updated_at > first.updated_at


async def test_a_row_made_by_another_program_keeps_what_nobody_spoke_of(scope):
    await installations.record(scope, GIVEN | {"selected_repositories": ["octocat/a"]})
    await scope.db.write(rows(Statement("DELETE FROM installation_facts")))

    await webhook_says(scope, Fact("repository:octocat/b", True, rank=Rank.REPOSITORY_ADDED))

    found = await ask(scope, "SELECT account_login, selected_repositories FROM installations")
    assert found == [("octocat", '["octocat/a","octocat/b"]')]
