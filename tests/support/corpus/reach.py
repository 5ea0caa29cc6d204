"""How much of the schema operations reach: every field, argument and input field by name."""

from typing import Any

from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)

OF_GRAPH = {"neighborhood", "shortestPath", "services", "registryStats", "stats", "search"}


def is_left_out(name: str) -> bool:
    """Whether a field or type is of outgoing webhooks, which only generic execution shows."""
    return "webhook" in name.lower() or name.startswith("Outgoing")


def everything(schema: GraphQLSchema) -> set[str]:
    """All that queries and mutations can name, introspection and outgoing webhooks apart."""
    found: set[str] = set()
    for name, kind in schema.type_map.items():
        if name.startswith("__") or kind is schema.subscription_type or is_left_out(name):
            continue
        if isinstance(kind, GraphQLInputObjectType):
            found |= {f"{name}.{field}" for field in kind.fields}
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                if is_left_out(field):
                    continue
                found.add(f"{name}.{field}")
                found |= {f"{name}.{field}({argument})" for argument in definition.args}
    return found


def named(schema: GraphQLSchema, document: DocumentNode) -> set[str]:
    """What a document names."""
    types = TypeInfo(schema)
    finder = _Finder(types)
    visit(document, TypeInfoVisitor(types, finder))
    return finder.found


class _Finder(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[str] = set()

    def enter_field(self, node: Any, *_: Any) -> None:
        self._place = f"{self._types.get_parent_type()}.{node.name.value}"
        self.found.add(self._place)
        self.found |= {f"{self._place}({argument.name.value})" for argument in node.arguments or ()}

    def enter_object_value(self, node: Any, *_: Any) -> None:
        kind = get_named_type(self._types.get_input_type())
        self.found |= {f"{kind}.{field.name.value}" for field in node.fields}
