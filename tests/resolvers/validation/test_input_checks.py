"""Checks of an input collect all its problems."""

import pytest

from db.errors import ErrorCode, Refused
from resolvers.validation import validators
from resolvers.validation.input_checks import InputChecks


def test_every_problem_of_an_input_is_reported_at_its_own_field():
    checks = InputChecks({"email": "ada", "url": None, "name": None}, path=("1",))

    email = checks.optional("email", validators.email)
    url = checks.optional("url", validators.url)
    checks.required("name", validators.name)
    checks.required("owner", validators.chitty_id)
    with pytest.raises(Refused) as refusal:
        checks.raise_problems()

    assert (email, url) == (None, None)
    found = [(problem.code, problem.path) for problem in refusal.value.problems]
    assert found == [(ErrorCode.INVALID, ("1", field)) for field in ("email", "name", "owner")]


def test_changes_contain_the_fields_sent_and_null_clears_only_nullable_ones():
    checks = InputChecks({"email": None, "tools": None})

    changes = checks.changes(
        {"email": validators.email, "url": validators.url},
        {"tools": validators.string_list, "data": validators.string_list},
    )

    assert changes == {"email": None, "tools": None}
    assert [problem.path for problem in checks.problems] == [("tools",)]
