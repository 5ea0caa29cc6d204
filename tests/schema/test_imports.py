"""Imports in `schema` point one way: fields and limits below the types, execution above everything."""

from tests.support.imports import circles, imports_of, wrong_arrows

LAYERS = [
    ["schema"],
    ["schema.fields", "schema.enums"],
    ["schema.limits"],
    ["schema.errors", "schema.filters", "schema.references"],
    ["schema.inputs"],
    ["schema.filter_reader"],
    ["schema.groups"],
    ["schema.pages", "schema.statistics"],
    ["schema.types", "schema.services"],
    ["schema.payloads", "schema.webhook_filters"],
    ["schema.outgoing_webhooks"],
    ["schema.searching", "schema.walks"],
    ["schema.query", "schema.subscription"],
    ["schema.mutations"],
    ["schema.built"],
    ["schema.compiled"],
    ["schema.semantic_nullability"],
    ["schema.execution"],
]


def test_imports_point_from_execution_down_to_fields():
    assert wrong_arrows(imports_of("schema"), LAYERS) == []


def test_compiled_plans_do_not_depend_on_the_schema_that_they_are_compiled_for():
    compiled = {
        name: others
        for name, others in imports_of("schema").items()
        if name.startswith("schema.compiled")
    }

    assert [name for name, others in compiled.items() if "schema.built" in others] == []


def test_no_modules_import_each_other():
    assert circles(imports_of("schema")) == []
