"""ChittyIDs of new rows: minted by the authority if one is configured, else locally."""

import pytest
from starlette.datastructures import Secret

from db.model import chitty_id
from server.setting_fields import InvalidSetting
from server.settings import Settings
from tests.support.other_programs.identity_authority import an_authority, named
from tests.support.registries.record_installation import INSTALLED, RECORD
from tests.support.services.api import running
from tests.support.services.commands import command_process
from tests.support.services.log_capture import captured_logs

ADA = "CHITTY-ACTOR-ADA"
REGISTER = """
    mutation ($input: RegisterActorInput!) {
        done: registerActor(input: $input) { row: actor { chittyId } errors { code path message } }
    }
"""
CREATE = """
    mutation ($input: CreateContextInput!) {
        done: createContext(input: $input) { row: context { chittyId } errors { code path message } }
    }
"""
HUMAN = {"actorType": "HUMAN"}
HARBOUR = {"name": "harbour", "owner": ADA}
NEW = [
    pytest.param(REGISTER, HUMAN, "ACTOR", id="actor"),
    pytest.param(CREATE, HARBOUR, "CONTEXT", id="context"),
    pytest.param(RECORD, INSTALLED, "INSTALLATION", id="installation"),
]
EVERYTHING = """
    SELECT chitty_id FROM actors UNION ALL SELECT chitty_id FROM contexts
    UNION ALL SELECT chitty_id FROM installations UNION ALL SELECT aspect FROM installation_facts
"""


@pytest.fixture
def authority():
    with an_authority() as authority:
        yield authority


@pytest.fixture
async def api(authority, tmp_path):
    async with running(tmp_path / "registry.db", chittyid_url=authority.url) as api:
        await api.ask(REGISTER, input={"chittyId": ADA, **HUMAN})
        yield api


async def done(api, mutation, inputs):
    return (await api.ask(mutation, input=inputs))["done"]


def refusals(payload):
    return [(error["code"], error["path"]) for error in payload["errors"]]


@pytest.mark.parametrize(("mutation", "inputs", "kind"), NEW)
async def test_a_new_row_gets_the_id_that_the_authority_minted(
    api, authority, mutation, inputs, kind
):
    payload = await done(api, mutation, inputs)

    assert payload["errors"] == []
    assert chitty_id.type_of(payload["row"]["chittyId"]) == kind
    assert [asked.body["type"] for asked in authority.asked] == [kind]


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize(("mutation", "inputs", "kind"), NEW)
async def test_if_no_id_can_be_minted_the_mutation_is_unavailable_and_nothing_is_written(
    api, authority, mutation, inputs, kind, status
):
    authority.refuse(status)
    before = await api.rows(EVERYTHING)

    payload = await done(api, mutation, inputs)

    assert payload["row"] is None
    assert refusals(payload) == [("UNAVAILABLE", ["input"])]
    assert await api.rows(EVERYTHING) == before


@pytest.mark.parametrize(("mutation", "inputs", "kind"), NEW)
async def test_no_id_is_minted_if_the_client_sends_one(api, authority, mutation, inputs, kind):
    payload = await done(api, mutation, {"chittyId": f"did:chitty:CHITTY-{kind}-GIVEN", **inputs})

    assert payload["row"]["chittyId"] == f"CHITTY-{kind}-GIVEN"
    assert authority.asked == []


@pytest.mark.parametrize(
    ("mutation", "inputs", "path"),
    [
        (REGISTER, {**HUMAN, "email": "nobody"}, "email"),
        (CREATE, {**HARBOUR, "name": " harbour"}, "name"),
        (RECORD, {**INSTALLED, "accountLogin": "a/b"}, "accountLogin"),
    ],
)
async def test_no_id_is_minted_for_an_invalid_input(api, authority, mutation, inputs, path):
    payload = await done(api, mutation, inputs)

    assert refusals(payload) == [("INVALID", ["input", path])]
    assert authority.asked == []


async def test_a_known_installation_keeps_its_id_and_none_is_minted(api, authority):
    first = await done(api, RECORD, INSTALLED)
    again = await done(api, RECORD, {**INSTALLED, "accountLogin": "octodog"})

    assert again == {
        "row": {"chittyId": first["row"]["chittyId"], "accountLogin": "octodog"},
        "errors": [],
    }
    assert len(authority.asked) == 1


@pytest.mark.parametrize(("mutation", "inputs", "kind"), NEW)
async def test_if_the_minted_id_is_taken_another_is_minted(api, authority, mutation, inputs, kind):
    authority.answers = [named(ADA)]

    with captured_logs() as heard:
        payload = await done(api, mutation, inputs)

    first, second = authority.asked
    assert first.key != second.key
    assert payload["errors"] == []
    assert chitty_id.type_of(payload["row"]["chittyId"]) == kind
    assert [line["entity"] for line in heard.lines("minted chitty id is taken")] == [kind]


@pytest.mark.parametrize(("mutation", "inputs", "kind"), NEW)
async def test_if_the_second_id_is_taken_too_the_mutation_is_unavailable_and_nothing_is_written(
    api, authority, mutation, inputs, kind
):
    authority.answers = [named(ADA), named(ADA)]
    before = await api.rows(EVERYTHING)

    payload = await done(api, mutation, inputs)

    assert refusals(payload) == [("UNAVAILABLE", ["input"])]
    assert await api.rows(EVERYTHING) == before
    assert len(authority.asked) == 2


async def test_other_problems_are_reported_but_not_that_the_minted_id_is_taken(api, authority):
    await done(api, CREATE, HARBOUR)
    authority.answers = [named(ADA)]

    payload = await done(api, CREATE, HARBOUR)

    assert refusals(payload) == [("ALREADY_EXISTS", ["input", "name"])]


async def test_an_authority_that_is_asked_by_get_mints_for_mutations(authority, tmp_path):
    url = f"{authority.url}/api/get-chittyid"
    async with running(tmp_path / "registry.db", chittyid_url=url) as api:
        payload = await done(api, REGISTER, HUMAN)

    [asked] = authority.asked
    assert (asked.method, asked.path, asked.body["type"]) == ("GET", "/api/get-chittyid", "person")
    assert chitty_id.type_of(payload["row"]["chittyId"]) == "PERSON"


async def test_without_an_authority_ids_are_minted_locally(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        payload = await done(api, REGISTER, HUMAN)

    assert chitty_id.type_of(payload["row"]["chittyId"]) == "ACTOR"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("", None),
        ("https://id.example.org", "https://id.example.org/v1/mint"),
        ("https://id.example.org/api/", "https://id.example.org/api/v1/mint"),
        ("https://id.example.org/mint", "https://id.example.org/mint"),
        ("https://id.example.org/api/get-chittyid", "https://id.example.org/api/get-chittyid"),
        ("https://id.example.org/api/get-chittyid/", "https://id.example.org/api/get-chittyid"),
        ("http://localhost:8787", "http://localhost:8787/v1/mint"),
        ("http://[::1]:8787/", "http://[::1]:8787/v1/mint"),
    ],
)
def test_the_url_is_the_authoritys_own_or_that_of_its_mint(url, asked):
    assert Settings(chittyid_url=url).mint_url == asked


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://id.example.org", "must begin with https://"),
        ("http://127.0.0.1.example.org", "must begin with https://"),
        ("ftp://127.0.0.1", "must begin with https://"),
        ("id.example.org", "must be a URL"),
        ("https://", "must be a URL"),
        ("https://id.example.org/?token=hush", "without a query"),
        ("https://id.example.org/#hush", "without a query"),
        ("https://id.example.org/a b", "must be a URL"),
        ("https://me:hush@id.example.org", "use CHITTYGRAPH_CHITTYID_TOKEN"),
        ("https://[::1", "is not a URL"),
        ("https://id.example.org:hush", "is not a URL"),
    ],
)
def test_a_forbidden_authority_url_is_rejected_without_repeating_it(url, says):
    with pytest.raises(InvalidSetting) as refused:
        Settings(chittyid_url=url)

    assert str(refused.value).startswith("CHITTYGRAPH_CHITTYID_URL ")
    assert says in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_token_that_fits_no_header_is_rejected_without_repeating_it():
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_CHITTYID_TOKEN must be") as refused:
        Settings(chittyid_token=Secret("hush\r\nX-Evil: 1"))

    assert "hush" not in str(refused.value)
    assert "hush" not in repr(Settings(chittyid_token=Secret("hush")))


def test_if_local_minting_is_forbidden_the_server_does_not_start_without_an_authority(tmp_path):
    path = tmp_path / "registry.db"
    flags = ["--database", str(path), "--chittyid-mint", "authority"]

    serve = command_process("serve", *flags)

    assert serve.returncode == 2
    assert serve.stderr == (
        "chittygraph: CHITTYGRAPH_CHITTYID_MINT is authority and CHITTYGRAPH_CHITTYID_URL is not"
        " set: set it to the authority's URL, or leave both out to mint ChittyIDs locally\n"
    )
    assert not path.exists()
