"""Rows that `chittygraph import` accepts or rejects, by the rules of the registry."""

import pytest

from db.transfer.layout import TRANSFERS
from resolvers.import_rules import VALIDATORS, RowChecker
from tests.support.registries.databases import new_registry
from tests.support.registries.transfers import (
    ACTOR,
    CONNECTION,
    CONTEXT,
    INSTALLATION,
    REGISTRY,
    rejected,
)

MISSING = "CHITTY-ACTOR-999999-AAAA"
ID, OTHER_ID = "CHITTY-ACTOR-000010-AAAA", "CHITTY-ACTOR-000011-AAAA"
BAD_SETS = {
    "an owner who is missing": (
        [CONTEXT | {"owner_chitty_id": MISSING}],
        f"owner_chitty_id names none of the actors, neither in the file nor in the registry: {MISSING}",
    ),
    "a source of the other type": (
        [CONTEXT, CONNECTION | {"source_type": "actor"}, INSTALLATION],
        "line 2: source_chitty_id names none of the actors",
    ),
    "an installation that is missing": ([CONTEXT, CONNECTION], "line 2: installation_id names"),
    "a suspender who is missing": (
        [INSTALLATION | {"suspended_by_chitty_id": MISSING}],
        "suspended_by_chitty_id names none",
    ),
    "a key twice": ([CONTEXT, CONTEXT], "line 2: has the same chitty_id as line 1"),
    "a name twice": (
        [CONTEXT, CONTEXT | {"chitty_id": "CHITTY-CONTEXT-000002-AAAA"}],
        "line 2: has the same name as line 1",
    ),
    "a ChittyID of two types": (
        [CONTEXT, INSTALLATION | {"chitty_id": CONTEXT["chitty_id"]}],
        "has the ChittyID of line",
    ),
    "a ChittyID that an actor has": (
        [CONTEXT | {"chitty_id": ACTOR["chitty_id"]}],
        "line 1: has a ChittyID that one of the actors in the registry has",
    ),
    "a principal twice": (
        [
            {**ACTOR, "chitty_id": f"CHITTY-ACTOR-00001{n}-AAAA", "chitty_auth_principal_id": "p"}
            for n in range(2)
        ],
        "line 2: has the same chitty_auth_principal_id as line 1",
    ),
    "a principal that is the ChittyID of another line": (
        [
            ACTOR | {"chitty_id": ID, "display_name": "Eve"},
            ACTOR | {"chitty_id": OTHER_ID, "chitty_auth_principal_id": f"did:chitty:{ID}"},
        ],
        "line 2: has the ChittyID of line 1 as its chitty_auth_principal_id",
    ),
    "a principal that is the ChittyID of an actor in the registry": (
        [ACTOR | {"chitty_id": ID, "chitty_auth_principal_id": ACTOR["chitty_id"]}],
        f"line 1: has the ChittyID of {ACTOR['chitty_id']} in the registry as its chitty_auth",
    ),
    "two active connections to one place": (
        [
            CONTEXT,
            INSTALLATION,
            CONNECTION,
            CONNECTION | {"connection_id": "00000000-0000-4000-8000-000000000002"},
        ],
        "line 4: has the same source, service and endpoint of an active connection as line 3",
    ),
    "a fact that is no JSON": (
        [
            {
                "type": "installation_facts",
                "installation_id": 7,
                "aspect": "events",
                "at": "2026-01-01T00:00:00.000Z",
                "rank": 0,
                "value": "ada",
            }
        ],
        "value: must be a string that contains JSON",
    ),
}


@pytest.mark.parametrize(("rows", "said"), BAD_SETS.values(), ids=BAD_SETS)
def test_rows_that_break_a_rule_are_rejected(transfers, rows, said):
    transfers.given(ACTOR)

    assert said in rejected(transfers, *rows)


@pytest.mark.parametrize("prefix", ["", "did:chitty:"], ids=["bare", "with its DID"])
def test_a_chittyid_that_is_a_principal_in_the_registry_is_rejected(transfers, prefix):
    transfers.given(ACTOR | {"chitty_auth_principal_id": prefix + ID})

    said = rejected(transfers, ACTOR | {"chitty_id": ID})

    assert "line 1: has a chitty_id that an actor in the registry has as its chitty_auth" in said


def test_an_actor_takes_an_id_that_the_same_file_frees_as_a_principal(transfers):
    transfers.given(ACTOR | {"chitty_auth_principal_id": ID})

    freed = ACTOR | {"chitty_auth_principal_id": "free"}
    code, _ = transfers.take(freed, ACTOR | {"chitty_id": ID}, flags=("--update",))[:2]

    assert code == 0


def test_a_row_is_not_rejected_for_referring_to_a_rejected_one(transfers):
    new_registry(transfers.path)

    said = rejected(transfers, ACTOR | {"email": "ada"}, CONTEXT)

    assert "line 1: email" in said
    assert "line 2" not in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (CONTEXT, "has the same name as CHITTY-CONTEXT-000001-AAAA in the registry"),
        (CONNECTION, "has the same source, service and endpoint of an active connection as 0000"),
    ],
    ids=["name", "place"],
)
def test_values_that_are_in_use_in_the_registry_are_rejected(transfers, row, said):
    transfers.given(*REGISTRY)
    key = "connection_id" if "connection_id" in row else "chitty_id"

    again = row | {key: row[key].replace("0001", "0002")}

    assert said in rejected(transfers, again)


def test_a_row_that_differs_is_rejected_with_the_differing_columns(transfers):
    transfers.given(*REGISTRY)

    said = rejected(transfers, CONTEXT | {"name": "quay", "tools": ["git"]})

    assert "line 1: is already in the registry, with another name, tools: leave" in said


def test_a_hundred_reasons_are_shown_and_all_are_written_to_a_file(transfers):
    new_registry(transfers.path)
    everything = transfers.folder / "rejects.txt"
    rows = [CONTEXT | {"chitty_id": f"CHITTY-CONTEXT-{n:06}-AAAA"} for n in range(150)]

    shown = rejected(transfers, *rows)
    rejected(transfers, *rows, flags=("--rejects", str(everything)))

    assert sum(line.startswith("line ") for line in shown.splitlines()) == 100
    assert "150 lines were rejected" in shown
    assert {line.split(":")[0] for line in everything.read_text().splitlines()} == {
        f"line {n}" for n in range(1, 151)
    }


def test_as_stored_accepts_unusual_values_that_the_schema_can_express(transfers):
    odd = ACTOR | {"chitty_id": "ada", "email": "ada", "display_name": "\0", "session_count": -1}

    refused = transfers.take(odd)
    taken = transfers.take(odd, flags=("--as-stored",))

    (line,) = transfers.lines()
    assert (refused[0], taken[0]) == (1, 0)
    assert "email" in refused[2]
    assert odd.items() <= line.items()


@pytest.mark.parametrize(
    "given",
    [
        {"capabilities": "[]"},
        {"capabilities": {}},
        {"email": ["a"]},
        {"email": 1},
        {"session_count": True},
        {"session_count": "1"},
        {"status": "archived"},
        {"created_at": "yesterday"},
        {"display_name": "\ud800"},
        {"capabilities": ["\ud800"]},
    ],
    ids=str,
)
def test_as_stored_rejects_values_that_the_schema_cannot_express(transfers, given):
    new_registry(transfers.path)

    said = rejected(transfers, ACTOR | given, flags=("--as-stored",))

    assert said.startswith(f"line 1: {next(iter(given))}: ")


@pytest.mark.parametrize("flags", [(), ("--as-stored",)], ids=["ruled", "as stored"])
@pytest.mark.parametrize(
    "given", ["2025-10-21 18:52:06", 1761072726, 1761072726000, 1761072726.0, "1761072726.0"]
)
def test_an_instant_may_have_any_form_that_programs_store(transfers, given, flags):
    new_registry(transfers.path)

    code, _, said = transfers.take(ACTOR | {"created_at": given}, flags=flags)

    assert (code, said) == (0, "")
    assert transfers.lines()[0]["created_at"] == "2025-10-21T18:52:06.000Z"


@pytest.mark.parametrize("given", [7, 17610727260, True, 1e300, "176107272", "1e9"])
def test_a_number_that_is_no_unix_time_is_rejected(transfers, given):
    new_registry(transfers.path)

    said = rejected(transfers, ACTOR | {"created_at": given})

    assert said.startswith("line 1: created_at: must be ")


@pytest.mark.parametrize("transfer", TRANSFERS, ids=lambda each: each.type)
def test_every_column_has_a_validator_and_every_validator_a_column(transfer):
    RowChecker(now="2026-01-01T00:00:00.000Z", as_stored=False)  # knows the rule of every column

    assert VALIDATORS[transfer.table].keys() <= transfer.table.columns.keys()
