"""Imports in `resolvers` point one way: validation and permissions below the rules that use them."""

import pytest

from tests.support.imports import circles, imports_of, wrong_arrows

LAYERS = [
    ["resolvers"],
    [
        *("resolvers.validation", "resolvers.policy", "resolvers.minting", "resolvers.dataloader"),
        "resolvers.groups",
    ],
    ["resolvers.permissions", "resolvers.loaders", "resolvers.github"],
    ["resolvers.idempotency"],
    ["resolvers.operation_context"],
    ["resolvers.message_ids"],
    ["resolvers.pages", "resolvers.recording_context"],
    ["resolvers.outgoing_pages", "resolvers.search", "resolvers.walks"],
    [
        *("resolvers.actors", "resolvers.contexts", "resolvers.connections"),
        *("resolvers.installations", "resolvers.outgoing_webhooks"),
    ],
    ["resolvers.import_rules"],
]
RULES = LAYERS[-2]


def test_imports_point_from_the_rules_down():
    assert wrong_arrows(imports_of("resolvers"), LAYERS) == []


def test_no_modules_import_each_other():
    assert circles(imports_of("resolvers")) == []


@pytest.mark.parametrize("rules", RULES)
def test_the_rules_of_one_type_do_not_import_those_of_another(rules: str):
    assert imports_of("resolvers")[rules].isdisjoint(RULES)
