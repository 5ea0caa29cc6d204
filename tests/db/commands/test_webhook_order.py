"""Deliveries lead to the same row in whatever order, and however often, they arrive."""

import copy
import random
import sqlite3

import orjson
import pytest

from db.commands import pending_installations, webhook_deliveries
from db.model import instants
from db.program import Statement, run
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute
from resolvers.github import deliveries
from tests.support.corpus.sharing import counts
from tests.support.other_programs.github_payloads import example, github_at, schema
from tests.support.registries.databases import new_registry

BEGUN = 1_700_000_000
STATE = "SELECT * FROM installations"


def renamed(login, at):
    """An installation_target event with what the published schema requires."""
    event = schema("installation_target$renamed")
    account = {
        "login": login,
        "id": 21031067,
        "node_id": "MDQ6",
        "avatar_url": "https://avatars.example/2",
        "html_url": f"https://github.com/{login}",
        "type": "User",
        "updated_at": at,
    }
    made = {
        "action": event["properties"]["action"]["enum"][0],
        "target_type": "User",
        "account": account,
        "changes": {"login": {"from": "Codertocat"}},
        "installation": {"id": 957387, "node_id": "MDIz"},
    }
    assert set(event["required"]) <= made.keys()
    assert set(event["properties"]["account"]["required"]) <= account.keys()
    return made


def at(payload, seconds, **changes):
    """The payload as one of this installation's life, so long after it began."""
    made = copy.deepcopy(payload)
    created = example("installation", "created")["installation"]
    made["installation"] |= {"id": 957387, "account": created["account"], "created_at": BEGUN}
    made["installation"] |= {"updated_at": BEGUN + seconds, **changes}
    return made


def life():
    added = example("installation_repositories", "added")
    removed = example("installation_repositories", "removed")
    removed["repositories_removed"][0]["full_name"] = "Codertocat/Hello-World"
    suspended_at = "2023-11-15T00:13:20Z"
    accepted = at(example("installation", "new_permissions_accepted"), 30)
    accepted.pop("repositories")
    return [
        ("installation", at(example("installation", "created"), 0)),
        ("installation_repositories", at(added, 10)),
        ("installation_repositories", at(removed, 20)),
        ("installation", accepted),
        ("installation", at(example("installation", "suspend"), 40, suspended_at=suspended_at)),
        ("installation", at(example("installation", "unsuspend"), 50)),
        ("installation_target", renamed("Renamedcat", "2023-11-14T22:14:25Z")),
        ("installation", with_login(at(example("installation", "deleted"), 70), "Renamedcat")),
    ]


def with_login(payload, login):
    payload["installation"]["account"] = payload["installation"]["account"] | {"login": login}
    payload.pop("repositories", None)
    return payload


def bodies(events):
    return [(event, orjson.dumps(payload)) for event, payload in events]


@pytest.fixture
def connection(tmp_path):
    new_registry(tmp_path / "registry.db")
    connection = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    yield connection
    connection.close()


def end_of(connection, sent, *, identified_after=1):
    """The row that these deliveries end in, but for our own clock; its id comes after so many."""
    connection.execute("BEGIN")
    for number, (event, body) in enumerate(sent):
        reading = deliveries.parse(body, event=event, delivery_id=str(number))
        storing = webhook_deliveries.store(
            reading.delivery, reading.outcome, reading.facts, claimed_until=instants.now()
        )
        run(storing, lambda statement: execute(connection, statement, UNRESTRICTED))
        if number + 1 >= identified_after:
            identifying = pending_installations.identify(
                reading.delivery.installation_id, "CHITTY-X"
            )
            run(identifying, lambda statement: execute(connection, statement, UNRESTRICTED))
    (row,) = execute(connection, Statement(STATE), UNRESTRICTED)
    names = [column[0] for column in connection.execute(STATE).description]
    connection.execute("ROLLBACK")
    found = dict(zip(names, row, strict=True))
    del found["updated_at"]
    return found


def shuffled(sent, times):
    for seed in range(times):
        order = list(sent)
        random.Random(seed).shuffle(order)
        yield order


@pytest.mark.parametrize("ways", counts(200, by_default=20))
def test_deliveries_of_a_whole_life_in_any_order_lead_to_the_same_row(connection, ways):
    sent = bodies(life())
    right = end_of(connection, sent)

    ends = [end_of(connection, order) for order in shuffled(sent, ways)]

    assert all(end == right for end in ends)
    assert right["account_login"] == "Renamedcat"
    assert right["uninstalled_at"] == "2023-11-14T22:14:30.000Z"
    assert right["suspended_at"] is None
    assert right["selected_repositories"] == '["Codertocat/Space"]'


@pytest.mark.parametrize("ways", counts(200, by_default=20))
def test_deliveries_before_a_removal_in_any_order_with_repeats_lead_to_a_live_row(connection, ways):
    sent = bodies(life()[:-1])
    right = end_of(connection, sent)

    ends = [end_of(connection, order) for order in shuffled(sent + sent[:4], ways)]

    assert all(end == right for end in ends)
    assert right["uninstalled_at"] is None
    assert right["repository_selection"] == "all"


@pytest.mark.parametrize("ways", counts(100, by_default=20))
def test_deliveries_of_a_pending_installation_lead_to_the_same_row(connection, ways):
    sent = bodies(life())
    right = end_of(connection, sent)

    ends = [
        end_of(connection, order, identified_after=number % len(sent) + 1)
        for number, order in enumerate(shuffled(sent, ways))
    ]

    assert all(end == right for end in ends)


def test_at_the_same_instant_removal_beats_suspension_which_beats_the_rest(connection):
    base = example("installation", "suspend")
    suspend, unsuspend = at(base, 0), at(example("installation", "unsuspend"), 0)
    created = at(example("installation", "created"), 0)
    deleted = created | {"action": "deleted"}

    living = bodies([("installation", each) for each in (suspend, unsuspend, created)])
    ending = bodies([("installation", each) for each in (suspend, created, deleted)])
    states = [end_of(connection, order) for order in shuffled(living, 20)]
    ends = [end_of(connection, order) for order in shuffled(ending, 20)]

    assert all(state == states[0] for state in states)
    assert states[0]["suspended_at"] == "2021-04-29T02:32:50.000Z"
    assert all(end == ends[0] for end in ends)
    assert (ends[0]["uninstalled_at"], ends[0]["suspended_at"]) == (
        "2023-11-14T22:13:20.000Z",
        None,
    )


def test_at_the_same_instant_a_removed_repository_beats_an_added_one_which_beats_a_list(connection):
    created = at(example("installation", "created"), 0)
    added = at(example("installation_repositories", "added"), 0)
    removed = at(example("installation_repositories", "removed"), 0)
    removed["repositories_removed"] = [
        {"full_name": "Codertocat/Space"},
        {"full_name": "Codertocat/Hello-World"},
    ]
    kept = [("installation", created), ("installation_repositories", added)]

    with_both = [end_of(connection, o) for o in shuffled(bodies(kept), 6)]
    taken = [
        end_of(connection, o)
        for o in shuffled(bodies([*kept, ("installation_repositories", removed)]), 12)
    ]

    assert {end["selected_repositories"] for end in with_both} == {
        '["Codertocat/Hello-World","Codertocat/Space"]'
    }
    assert {end["selected_repositories"] for end in taken} == {"[]"}


async def test_an_old_rename_without_an_instant_that_is_redelivered_stays_old(tmp_path):
    first, second = renamed("Firstcat", None), renamed("Secondcat", None)
    async with github_at(tmp_path) as sender:
        await sender.send("installation", at(example("installation", "created"), 0))
        await sender.send("installation_target", first)
        await sender.send("installation_target", second)

        again = await sender.send("installation_target", first, delivery="again")

        assert again.json() == {"outcome": "unchanged"}
        assert await sender.row("account_login") == ("Secondcat",)
