"""The schema with @semanticNonNull on each field that is null only on error.

Clients that handle errors themselves (Relay's @throwOnFieldError, Apollo Kotlin's @catch) need no case for
null there. The directive is that of https://specs.apollo.dev/nullability/v0.4.
"""

from functools import cache
from typing import Any

from graphql import ObjectTypeDefinitionNode, parse

from schema import built
from schema.fields.sources import DEFINITION, NULL_ON_ERROR

SEMANTIC = "semantic"
_DIRECTIVE = '''"""
The field is null only if the answer has an error there or further down. Level 0 is the field itself,
1 the items of its list
"""
directive @semanticNonNull(levels: [Int!]! = [0]) on FIELD_DEFINITION

'''


@cache
def sdl() -> str:
    """The text of `built.sdl()` with the directive's definition and its uses; nothing else differs."""
    text = built.sdl()
    ends = [
        field.loc.end
        for type_ in parse(text).definitions
        if isinstance(type_, ObjectTypeDefinitionNode)
        for field in type_.fields or ()
        if field.loc and _is_null_on_error(type_.name.value, field.name.value)
    ]
    parts = [text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return _DIRECTIVE + " @semanticNonNull".join(parts)


def _is_null_on_error(type_name: str, field_name: str) -> bool:
    type_: Any = built.GRAPHQL.type_map[type_name]
    definition = type_.fields[field_name].extensions[DEFINITION]
    return bool(definition.metadata.get(NULL_ON_ERROR))
