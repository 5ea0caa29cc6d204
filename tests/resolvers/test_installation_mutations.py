"""Mutations of installations: recorded, suspended, restored, removed."""

import pytest

from db.commands import installation_facts
from db.commands.installation_facts import Fact, Origin, Rank
from db.errors import Refused
from db.model.enums import AccountType, RepositorySelection
from db.program import Statement, Value, rows
from resolvers import installations
from resolvers.permissions import Viewer
from tests.support.registries.mutations import ADA, ask, empty, register

GIVEN = {
    "installation_id": 42,
    "account_id": 7,
    "account_login": "octocat",
    "account_type": AccountType.USER,
    "repository_selection": RepositorySelection.SELECTED,
}
REF = {"installation_id": 42}


@pytest.fixture
async def ctx(tmp_path):
    async with empty(tmp_path) as ctx:
        yield ctx


async def stored(ctx):
    installed = await ask(ctx, "SELECT * FROM installations")
    return installed, await ask(ctx, "SELECT * FROM installation_facts")


async def refused(ctx, mutation, inputs):
    before = await stored(ctx)
    with pytest.raises(Refused) as refusal:
        await mutation(ctx, inputs)
    assert await stored(ctx) == before
    return [(problem.code.value, problem.path) for problem in refusal.value.problems]


async def apply_webhook(ctx, *facts, at="2020-01-01T00:00:00.000Z"):
    """The facts of a delivery, all of this instant."""
    bind: dict[str, Value] = {
        "installation_id": 42,
        "new_chitty_id": "CHITTY-NEW",
        "installed_at": None,
        "now": "2026-01-01T00:00:00.000Z",
    }
    dated = [Fact(fact.aspect, fact.value, at, fact.rank) for fact in facts]

    def program():
        origin = Origin(receipt="1", at=":now")
        yield [installation_facts.store(dated, bind, origin), installation_facts.write_row(bind)]

    await ctx.write(program())


async def test_an_installation_is_recorded_with_all_fields_sent(ctx):
    row = await installations.record(
        ctx,
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


async def test_recording_the_same_again_changes_nothing_visible(ctx):
    first = await installations.record(ctx, GIVEN)

    again = await installations.record(ctx, GIVEN)

    assert again == first
    assert first.chitty_id.startswith("CHITTY-INSTALLATION-")


async def test_absent_fields_stay_and_null_clears(ctx):
    more = {"account_avatar_url": "https://avatars.example/7", "events": ["push"]}
    await installations.record(ctx, GIVEN | more)

    row = await installations.record(ctx, GIVEN | {"account_avatar_url": None})

    assert (row.account_avatar_url, row.events) == (None, '["push"]')


async def test_a_chitty_id_of_another_object_is_an_error(ctx):
    await register(ctx, ADA)

    assert await refused(ctx, installations.record, GIVEN | {"chitty_id": ADA}) == [
        ("ALREADY_EXISTS", ("chitty_id",))
    ]


async def test_an_installation_keeps_its_chitty_id(ctx):
    await installations.record(ctx, GIVEN)

    assert await refused(ctx, installations.record, GIVEN | {"chitty_id": "CHITTY-OTHER"}) == [
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
async def test_an_invalid_field_is_reported_at_its_path(ctx, field, value):
    assert await refused(ctx, installations.record, GIVEN | {field: value}) == [
        ("INVALID", (field,))
    ]


async def test_each_invalid_permission_is_reported_at_its_position(ctx):
    wrong = [
        {"name": "Issues", "access": "read"},
        {"name": "checks", "access": "delete"},
        {"name": "pages", "access": "read"},
        {"name": "pages", "access": "write"},
    ]

    assert await refused(ctx, installations.record, GIVEN | {"permissions": wrong}) == [
        ("INVALID", ("permissions", "0", "name")),
        ("INVALID", ("permissions", "1", "access")),
        ("INVALID", ("permissions", "3", "name")),
    ]


async def test_the_viewer_suspends_and_a_late_webhook_does_not_undo_it(ctx):
    await register(ctx, ADA, capabilities=["admin"])
    await installations.record(ctx, GIVEN)
    ctx.viewer = Viewer(ADA, ("admin",))

    row = await installations.suspend(ctx, REF)
    await apply_webhook(ctx, Fact("suspended_at", None), Fact("suspended_by_chitty_id", None))

    assert row.suspended_at is not None
    found = await ask(ctx, "SELECT suspended_at, suspended_by_chitty_id FROM installations")
    assert found == [(row.suspended_at, ADA)]


async def test_a_mutation_takes_effect_even_when_githubs_clock_is_ahead(ctx):
    await installations.record(ctx, GIVEN)
    ahead = Fact("suspended_at", "2090-01-01T00:00:00.000Z")
    await apply_webhook(ctx, ahead, at="2090-01-01T00:00:00.000Z")

    row = await installations.unsuspend(ctx, REF)

    assert row.suspended_at is None


async def test_requesting_the_present_state_changes_nothing(ctx):
    first = await installations.record(ctx, GIVEN)

    assert await installations.unsuspend(ctx, REF) == first
    suspended = await installations.suspend(ctx, REF)
    assert await installations.suspend(ctx, REF) == suspended
    removed = await installations.remove(ctx, REF)
    assert await installations.remove(ctx, REF) == removed


async def test_an_unknown_or_deleted_actor_cannot_suspend_an_installation(ctx):
    await installations.record(ctx, GIVEN)
    by_ada = REF | {"suspended_by": ADA}

    unknown = await refused(ctx, installations.suspend, by_ada)
    await register(ctx, ADA)
    await ctx.db.write(rows(Statement("UPDATE actors SET status = 'deleted'")))
    deleted = await refused(ctx, installations.suspend, by_ada)

    assert unknown == [("NOT_FOUND", ("suspended_by",))]
    assert deleted == [("CONFLICT", ("suspended_by",))]


@pytest.mark.parametrize("name", ["suspend", "unsuspend", "remove"])
async def test_an_unknown_installation_is_not_found(ctx, name):
    assert await refused(ctx, getattr(installations, name), REF) == [
        ("NOT_FOUND", ("installation_id",))
    ]


@pytest.mark.parametrize("name", ["suspend", "unsuspend"])
async def test_a_removed_installation_is_neither_suspended_nor_resumed(ctx, name):
    await installations.record(ctx, GIVEN)
    await installations.remove(ctx, REF)

    assert await refused(ctx, getattr(installations, name), REF) == [
        ("CONFLICT", ("installation_id",))
    ]


async def test_recording_a_removed_installation_restores_it(ctx):
    first = await installations.record(ctx, GIVEN)
    removed = await installations.remove(ctx, REF)

    back = await installations.record(ctx, GIVEN)
    await apply_webhook(ctx, Fact("uninstalled_at", "2020-01-01T00:00:00.000Z", rank=Rank.DELETION))

    assert removed.uninstalled_at is not None
    assert (back.uninstalled_at, back.chitty_id) == (None, first.chitty_id)
    assert await ask(ctx, "SELECT uninstalled_at FROM installations") == [(None,)]
    assert back.updated_at > removed.updated_at > first.updated_at


async def test_a_row_of_another_program_keeps_the_fields_that_are_not_sent(ctx):
    await installations.record(ctx, GIVEN | {"selected_repositories": ["octocat/a"]})
    await ctx.db.write(rows(Statement("DELETE FROM installation_facts")))

    await apply_webhook(ctx, Fact("repository:octocat/b", True))

    found = await ask(ctx, "SELECT account_login, selected_repositories FROM installations")
    assert found == [("octocat", '["octocat/a","octocat/b"]')]
