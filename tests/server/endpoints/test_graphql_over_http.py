"""GraphQL over HTTP, as graphql-http audits servers: each of its audits is a test here, by its id.

They know the rules of 2025. Where the draft has another status, an audit fails, for that reason alone.
"""

import json
import re

import pytest

from tests.support.other_programs import node
from tests.support.services.server_process import served, url_of

AUDITS = re.findall(
    r"\w+",
    """
    22EB 4655 47DE 80D8 82A3 BF61 78D5 2C94 5A70 9C48 9ABE 03D4 A5BF 423L LKJ0 LKJ1 LKJ2 LKJ3
    34A2 13EE 6C00 6C01 6C02 6C03 8161 B8B3 94B0 0220 94B1 0221 94B2 0222 4760 4761 4762 4763
    2EA1 28B9 D6D5 6A70 58B0 58B1 58B2 58B3 428F 1B7A B6DC BCF8 B7N8 8764 3E3A 572B FDE2 7B9B
    865D 556A D586 51FE 74FF 5E5B 86EE
    """,
)
# What the draft answers where an audit has another status; the documents of FDE2 and 74FF are not GraphQL.
BY_DRAFT = dict.fromkeys(["572B", "FDE2"], 400) | dict.fromkeys(
    re.findall(
        r"\w+",
        """
        423L LKJ0 LKJ1 LKJ2 LKJ3 6C00 6C01 6C02 6C03 4760 4761 4762 4763 58B0 58B1 58B2 58B3 3E3A
        7B9B 86EE
        """,
    ),
    422,
)


def audit(path, *flags):
    """What each audit found, by its id, of a real server."""
    with served(path, *flags) as (_, said):
        printed = node.run_script("graphql-http", "audit.mjs", url_of(said, "/graphql"))
    found = [json.loads(line) for line in printed.splitlines()]
    return {each["id"]: each for each in found}


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    return audit(tmp_path_factory.mktemp("audited") / "registry.db")


@pytest.mark.parametrize("id_", AUDITS)
def test_an_audit_passes(audited, id_):
    found = audited[id_]

    assert found["status"] == "ok", f"{found['name']}: {found['reason']}"


def test_no_audit_is_left_out(audited):
    assert (len(AUDITS), audited.keys()) == (61, set(AUDITS))


@pytest.mark.thorough
def test_by_the_draft_all_pass_but_those_of_another_status(tmp_path):
    found = audit(tmp_path / "registry.db", "--http-status", "draft")

    failed = {id_: each["answered"] for id_, each in found.items() if each["status"] != "ok"}
    assert failed == BY_DRAFT
    assert found.keys() == set(AUDITS)
