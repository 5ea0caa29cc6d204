"""Deliveries of different instants lead to the same row in whatever order, and however often, they arrive.

Of one instant, the one that was first received later decides.
"""

import copy
import random
import sqlite3

import orjson
import pytest

from db.commands import pending_installations, webhook_deliveries
from db.commands.pending_installations import Claim, ClaimTerm
from db.program import Statement, run
from db.security.row_security import UNRESTRICTED
from db.sqlite.connection_thread import execute
from resolvers.github import deliveries
from tests.support.corpus.sharing import counts
from tests.support.other_programs.github_payloads import example, examples, github_at, schema
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


def called(action, full_name, at, **changes):
    """GitHub's example of a repository that has another name since then, as one of this installation."""
    made = example("repository", action) | {"changes": changes, "installation": {"id": 957387}}
    owner, _, name = full_name.partition("/")
    made["repository"] |= {"id": 186853007, "full_name": full_name, "name": name, "updated_at": at}
    made["repository"]["owner"] |= {"login": owner}
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
    removed["repositories_removed"][0] |= {"id": 186853002, "full_name": "Codertocat/Hello-World"}
    gone = copy.deepcopy(removed)
    gone["repositories_removed"][0] |= {"id": 186853008, "full_name": "Codertocat/Later-Name"}
    added["repositories_added"].append({"id": 186853008, "full_name": "Codertocat/First-Name"})
    renamed_again = {"repository": {"name": {"from": "Space"}}}
    moved = {"owner": {"from": {"user": {"login": "Codertocat", "id": 21031067}}}}
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
        (
            "repository",
            called("renamed", "Codertocat/Room", "2023-11-14T22:14:15Z", **renamed_again),
        ),
        ("installation_repositories", at(gone, 60, repository_selection="all")),
        ("installation_target", renamed("Renamedcat", "2023-11-14T22:14:25Z")),
        ("repository", called("transferred", "Octocoders/Room", "2023-11-14T22:14:27Z", **moved)),
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
            reading.delivery, reading.outcome, reading.facts, claim=ClaimTerm()
        )
        run(storing, lambda statement: execute(connection, statement, UNRESTRICTED))
        if number + 1 >= identified_after:
            claim = Claim(int(str(reading.delivery.installation_id)), "token")
            identifying = pending_installations.identify(claim, "CHITTY-X")
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
    assert right["selected_repositories"] == '["Octocoders/Room"]'


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


def test_of_one_instant_the_later_first_receipt_decides(connection):
    """With GitHub's recorded pair, which shares its `updated_at`."""
    suspend, unsuspend = example("installation", "suspend"), example("installation", "unsuspend")
    assert suspend["installation"]["updated_at"] == unsuspend["installation"]["updated_at"]
    off, on = bodies([("installation", suspend), ("installation", unsuspend)])

    assert end_of(connection, [off, on])["suspended_at"] is None
    assert end_of(connection, [on, off])["suspended_at"] == "2021-04-29T02:32:50.000Z"


def test_a_redelivery_of_a_known_body_is_never_later(connection):
    off, on = bodies(
        [("installation", example("installation", action)) for action in ("suspend", "unsuspend")]
    )
    forged = ("push", off[1])

    assert end_of(connection, [off, on, off, off])["suspended_at"] is None
    assert end_of(connection, [forged, on, off])["suspended_at"] is None


def test_of_one_instant_a_deletion_is_the_last(connection):
    created = at(example("installation", "created"), 0)
    suspend = at(example("installation", "suspend"), 0)
    sent = bodies(
        [("installation", each) for each in (suspend, created, created | {"action": "deleted"})]
    )

    ends = [end_of(connection, order) for order in shuffled(sent, 20)]

    assert all(end == ends[0] for end in ends)
    assert (ends[0]["uninstalled_at"], ends[0]["suspended_at"]) == (
        "2023-11-14T22:13:20.000Z",
        None,
    )


def test_a_repository_added_removed_and_added_again_at_one_instant_belongs(connection):
    created = example("installation", "created")
    added, again = (
        payload
        for event, payload in examples()
        if event == "installation_repositories" and payload["action"] == "added"
    )
    removed = added | {"action": "removed", "repositories_added": []}
    removed |= {"repositories_removed": added["repositories_added"]}
    instants = {each["installation"]["updated_at"] for each in (created, added, again)}
    assert len(instants) == 1
    first, *rest = bodies(
        [("installation", created)]
        + [("installation_repositories", each) for each in (added, removed, again)]
    )

    back = end_of(connection, [first, *rest])["selected_repositories"]
    gone = end_of(connection, [first, rest[0], rest[2], rest[1]])["selected_repositories"]

    assert back == '["Codertocat/Hello-World","Codertocat/Space"]'
    assert gone == '["Codertocat/Hello-World"]'


async def test_an_old_rename_without_an_instant_that_is_redelivered_stays_old(tmp_path):
    first, second = renamed("Firstcat", None), renamed("Secondcat", None)
    async with github_at(tmp_path) as sender:
        await sender.send("installation", at(example("installation", "created"), 0))
        await sender.send("installation_target", first)
        await sender.send("installation_target", second)

        again = await sender.send("installation_target", first, delivery="again")

        assert again.json() == {"outcome": "unchanged"}
        assert await sender.row("account_login") == ("Secondcat",)
