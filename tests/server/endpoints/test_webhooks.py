"""POST /webhooks/github, with the payloads that GitHub sends."""

import hashlib
import json

import pytest
import pytest_asyncio

from server.endpoints import github_webhooks
from server.files.webhook_replay import replay
from server.http import errors
from server.service import MAX_DELIVERY_BYTES
from tests.support.other_programs.github_payloads import (
    INSTALLATION_EVENTS,
    changed,
    example,
    examples,
    github_at,
    headers_of,
    signature,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def github(tmp_path):
    async with github_at(tmp_path) as github:
        yield github


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing(tmp_path_factory):
    """GitHub at a service that refuses all that these tests send: nothing may be stored there."""
    async with github_at(tmp_path_factory.mktemp("refusing")) as github:
        yield github


async def test_all_installation_payloads_are_applied(github):
    sent = [(event, payload) for event, payload in examples() if event in INSTALLATION_EVENTS]

    answers = [await github.send(event, payload) for event, payload in sent]

    assert len(sent) == 10
    assert {answer.status_code for answer in answers} == {200}
    found = await github.table(
        "installations", "installation_id, account_login, uninstalled_at IS NULL"
    )
    assert sorted(found) == [
        (2, "octocat", 0),
        (957387, "Codertocat", 1),
        (16598467, "Codertocat", 1),
    ]


async def test_every_other_payload_with_an_installation_is_stored_and_makes_no_row(github):
    sent = [
        (event, payload)
        for event, payload in examples()
        if event not in INSTALLATION_EVENTS and "installation" in payload
    ]

    answers = [await github.send(event, payload) for event, payload in sent]

    assert len(sent) == 123
    assert {(a.status_code, a.json()["outcome"]) for a in answers} == {(202, "stored")}
    assert await github.table("installations") == []
    assert await github.table("webhook_deliveries", "sum(times)") == [(len(sent),)]


async def test_a_created_installation_has_everything_the_payload_says(github):
    await github.send("installation", example("installation", "created"))

    row = await github.row(
        "account_id", "account_type", "repository_selection", "events",
        "selected_repositories", "installed_at", "suspended_at", "uninstalled_at",
    )  # fmt: skip
    assert row == (
        21031067, "User", "selected", "[]", '["Codertocat/Hello-World"]',
        "2019-05-15T15:19:51.000Z", None, None,
    )  # fmt: skip


async def test_a_redelivery_is_counted_and_changes_nothing(github):
    created = example("installation", "created")
    await github.send("installation", created)
    before = await github.table("installations")

    again = await github.send("installation", created, delivery="2")

    assert (again.status_code, again.json()) == (200, {"outcome": "unchanged"})
    assert await github.table("installations") == before
    assert await github.table("webhook_deliveries", "outcome, times") == [("applied", 2)]


async def test_a_replay_under_another_event_neither_applies_nor_keeps_the_true_one_out(github):
    created = example("installation", "created")

    forged = [
        await github.send(event, created, delivery="9")
        for event in ("push", "installation_repositories", "installation_target")
    ]
    nothing = await github.table("installations")
    true = await github.send("installation", created, delivery="9")

    assert [answer.status_code for answer in forged] == [202, 202, 202]
    assert nothing == []
    assert true.json() == {"outcome": "applied"}


async def test_a_short_payload_under_the_event_installation_is_mismatched(github):
    payload = {"action": "created", "installation": {"id": 5, "node_id": "x"}}

    answer = await github.send("installation", payload)

    assert (answer.status_code, answer.json()) == (202, {"outcome": "mismatched"})
    assert await github.table("installations") == []


async def test_an_unknown_action_is_stored(github):
    payload = example("installation", "created") | {"action": "polished"}

    answer = await github.send("installation", payload)

    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})


async def test_a_null_account_keeps_the_old_one(github):
    created = example("installation", "created")
    await github.send("installation", created)
    later = changed(
        created, lambda p: p["installation"].update(account=None, updated_at=1757933591)
    )
    later["installation"]["repository_selection"] = "all"

    answer = await github.send("installation", later)

    assert answer.json() == {"outcome": "applied"}
    assert await github.row("account_login", "repository_selection") == ("Codertocat", "all")


async def test_a_null_account_without_a_row_just_stores_the_delivery(github):
    created = changed(
        example("installation", "created"), lambda p: p["installation"].update(account=None)
    )

    answer = await github.send("installation", created)

    assert (answer.status_code, answer.json()) == (202, {"outcome": "stored"})
    assert await github.table("installations") == []


async def test_a_redelivery_is_reported_as_applied_when_the_first_one_could_only_be_stored(github):
    created = example("installation", "created")
    nameless = changed(created, lambda p: p["installation"].update(account=None))

    first = await github.send("installation", nameless)
    await github.send("installation", created)
    again = await github.send("installation", nameless, delivery="2")

    assert (first.status_code, first.json()) == (202, {"outcome": "stored"})
    assert (again.status_code, again.json()) == (200, {"outcome": "unchanged"})
    assert await github.table("webhook_deliveries", "outcome, times") == [
        ("applied", 2),
        ("applied", 1),
    ]


async def test_an_enterprise_is_known_by_its_slug(github):
    account = {"id": 7, "slug": "octo-corp", "name": "Octo", "avatar_url": None}
    created = changed(
        example("installation", "created"), lambda p: p["installation"].update(account=account)
    )

    await github.send("installation", created)

    assert await github.row("account_login", "account_type") == ("octo-corp", "Enterprise")


async def test_an_account_of_an_unknown_type_is_stored_only(github):
    created = example("installation", "created")
    created["installation"]["account"]["type"] = "Bot"

    answer = await github.send("installation", created)

    assert answer.status_code == 202
    assert await github.table("installations") == []


async def test_a_deletion_before_the_creation_leaves_a_tombstone(github):
    created = example("installation", "created")
    deleted = changed(created, lambda p: p.update(action="deleted"))

    await github.send("installation", deleted)
    late = await github.send("installation", created)

    assert late.status_code == 200
    assert await github.row("uninstalled_at") == ("2019-05-15T15:19:51.000Z",)


async def test_both_secrets_are_good_while_they_are_rotated(tmp_path):
    async with github_at(tmp_path, secrets=("old", "new")) as github:
        answers = [
            await github.send("ping", b"{}", x_hub_signature_256=signature(b"{}", secret))
            for secret in ("old", "new", "other")
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]


async def test_without_a_secret_every_delivery_is_refused(tmp_path):
    async with github_at(tmp_path, secrets=()) as github:
        answer = await github.send("ping", b"{}")

    assert answer.status_code == 503
    [error] = answer.json()["errors"]
    assert "CHITTYGRAPH_GITHUB_WEBHOOK_SECRET" in error["message"]
    assert error["extensions"]["code"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    "wrong", ["absent", "", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=é"]
)
async def test_a_wrong_signature_is_refused_and_leaves_no_trace(refusing, wrong):
    headers = {**headers_of(b"{}"), "x-hub-signature-256": wrong}
    sent = [(name, value.encode("latin-1")) for name, value in headers.items() if value != "absent"]

    answer = await refusing.client.post(github_webhooks.PATH, content=b"{}", headers=sent)

    assert answer.status_code == 401
    assert await refusing.table("webhook_deliveries") == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"x_github_event": "absent"}, 400),
        (b"{}", {"x_github_delivery": "absent"}, 400),
        (b"{}", {"x_github_event": "No Event"}, 400),
        (b"{}", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"content_type": "absent"}, 415),
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"null", {}, 400),
        (b'{"a": NaN}', {}, 400),
        (b'{"a": "\xff"}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"installation": {"id": 9223372036854775808}}', {}, 400),
        (b'{"installation": {"id": "1"}}', {}, 400),
        (b'{"installation": {"id": true}}', {}, 400),
        (b'{"installation": {"id": 1.5}}', {}, 400),
        (b'{"installation": {"id": 0}}', {}, 400),
    ],
)
async def test_a_signed_but_malformed_delivery_is_refused_in_json(refusing, body, headers, status):
    answer = await refusing.send("installation", body, **headers)

    assert answer.status_code == status
    [error] = answer.json()["errors"]
    assert error["message"]
    assert error["extensions"]["code"] == errors.CODES[status]
    assert await refusing.table("webhook_deliveries") == []


AMBIGUOUS = (
    (b'{"action": "deleted", "action": "created"}', "action"),
    (b'{"action": "created", "\\u0061ction": "deleted"}', "action"),
    (b'{"installation": {"account": {"id": 1, "type": "User", "id": 2}}}', "id"),
    (b'{"repositories": [{"full_name": "a/b"}, {"id": 1, "full_name": "a/b", "id": 1}]}', "id"),
)


@pytest.mark.parametrize(("body", "key"), AMBIGUOUS)
@pytest.mark.parametrize("event", ["installation", "push"])
async def test_a_key_that_comes_twice_is_refused_as_graphql_does(refusing, event, body, key):
    answer = await refusing.send(event, body)
    unsigned = await refusing.send(event, body, x_hub_signature_256="sha256=" + "0" * 64)
    by_graphql = await refusing.client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )

    said = f"'{key}' comes twice in one object: send it once"
    [error] = answer.json()["errors"]
    assert answer.status_code == by_graphql.status_code == 400
    assert error == {"message": f"the body: {said}", "extensions": {"code": "BAD_REQUEST"}}
    assert said in by_graphql.text
    assert unsigned.status_code == 401
    assert await refusing.table("webhook_deliveries") == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_post_is_accepted(refusing, method):
    answer = await refusing.client.request(method, github_webhooks.PATH)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-type"] == "application/json"


async def test_25_megabytes_are_accepted_and_one_byte_more_is_not(github):
    whole = json.dumps({"a": "x" * (MAX_DELIVERY_BYTES - 9)}).encode()

    taken = await github.send("push", whole)
    refused = await github.send("push", whole + b" ")

    assert len(whole) == MAX_DELIVERY_BYTES
    assert (taken.status_code, refused.status_code) == (202, 413)


async def test_a_body_of_undeclared_length_is_cut_off_at_25_megabytes(refusing):
    async def chunks():
        for _ in range(26):
            yield b" " * 2**20

    answer = await refusing.client.post(
        github_webhooks.PATH, content=chunks(), headers=headers_of(b"another body")
    )

    assert answer.status_code == 413


async def test_a_database_that_cannot_be_written_shows_as_a_failure(github):
    await github.database.close()

    answer = await github.send("installation", example("installation", "created"))

    assert answer.status_code == 503


async def test_saved_payloads_are_replayed_and_a_bad_file_does_not_stop_them(github, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    created = example("installation", "created")
    added = example("installation_repositories", "added")
    (folder / "1.json").write_text(json.dumps(created))
    (folder / "2.json").write_text("{")
    (folder / "3.json").write_text(
        json.dumps({"event": "installation_repositories", "payload": added})
    )
    (folder / "4.json").write_text(json.dumps([{"name": "installation", "examples": [created]}]))

    done = [each async for each in replay(github.database, [folder, tmp_path / "missing.json"])]

    assert [each.outcome for each in done] == ["applied", None, "applied", "unchanged", None]
    assert [each.error is None for each in done] == [True, False, True, True, False]
    assert await github.row("selected_repositories") == (
        '["Codertocat/Hello-World","Codertocat/Space"]',
    )


@pytest.mark.parametrize(("last", "is_suspended"), [("suspend", True), ("unsuspend", False)])
async def test_files_of_one_instant_are_replayed_in_the_order_of_their_names(
    github, tmp_path, last, is_suspended
):
    first = {"suspend": "unsuspend", "unsuspend": "suspend"}[last]
    folder = tmp_path / "saved"
    folder.mkdir()
    for name, action in (("20.json", last), ("10.json", first), ("00.json", first)):
        payload = example("installation", action)
        if name == "00.json":
            payload |= {"action": "created"}
        (folder / name).write_text(json.dumps(payload))

    places = [each.where async for each in replay(github.database, [folder])]

    assert places == [str(folder / name) for name in ("00.json", "10.json", "20.json")]
    ((suspended_at,),) = await github.table("installations", "suspended_at")
    assert (suspended_at is not None) == is_suspended


async def test_a_saved_file_with_a_key_twice_is_refused(github, tmp_path):
    bare, wrapped = tmp_path / "bare.json", tmp_path / "wrapped.json"
    bare.write_bytes(AMBIGUOUS[0][0])
    wrapped.write_bytes(b'{"event": "installation", "payload": %s}' % AMBIGUOUS[0][0])

    found = [each.error async for each in replay(github.database, [bare, wrapped])]

    assert found == ["the file: 'action' comes twice in one object: send it once"] * 2


async def test_a_saved_event_of_a_renamed_repository_is_known_by_its_keys(github, tmp_path):
    for action in ("renamed", "transferred"):
        (tmp_path / f"{action}.json").write_text(json.dumps(example("repository", action)))

    found = [each.event async for each in replay(github.database, [tmp_path])]

    assert found == ["repository", "repository"]


async def test_a_delivery_is_kept_by_the_hash_of_its_body(github):
    body = json.dumps(example("installation", "suspend")).encode()

    await github.send("installation", body, delivery="abc")

    kept = await github.table(
        "webhook_deliveries", "body_sha256, event, delivery_id, action, installation_id"
    )
    assert kept == [(hashlib.sha256(body).hexdigest(), "installation", "abc", "suspend", 16598467)]


async def test_deliveries_may_be_sent_to_the_path_of_chittyconnect_too(github):
    event, payload = next(each for each in examples() if each[0] == "installation")
    body = json.dumps(payload).encode()

    signed = await github.client.post(
        "/integrations/github/webhook", content=body, headers=headers_of(body, event)
    )
    repeated = await github.send(event, payload)
    unsigned = await github.client.post("/integrations/github/webhook", content=body)

    assert (signed.status_code, signed.json()) == (200, {"outcome": "applied"})
    assert repeated.status_code == 200
    assert unsigned.status_code == 401
