"""What is found valid is not validated again by the next service of this process.

Whether a document is valid follows from its text, the schema and the rules alone, and each test asks a
service of its own, which has none of the documents of the others. What is wrong is validated each time.
"""

from typing import Any

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate

from schema.execution import documents

MOST_KEPT = 2_000  # documents
_valid: LRUCache[Any, bool] = LRUCache(MOST_KEPT)


def validate_once(
    schema: GraphQLSchema, ast: DocumentNode, rules: list[type[Any]], **options: Any
) -> list[GraphQLError]:
    """The same as the library's `validate`."""
    text = ast.loc.source.body if ast.loc else None
    key = (schema, text, *rules)
    if key in _valid:
        return []
    errors = validate(schema, ast, rules, **options)
    if text is not None and not errors:
        _valid[key] = True
    return errors


documents.validate = validate_once  # type: ignore[assignment, attr-defined]
