"""From a document to a result: prepared once, carried out as often as it comes.

Preparing is parsing, measuring and validating; it costs more than half of a small request, so that
documents which passed are kept by their text, the most recently used ones.
"""

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from resolvers.operation_context import OperationContext
from resolvers.policy import Policy
from schema.built import GRAPHQL
from schema.errors import RequestRefused
from schema.execution.variables import Variables
from schema.limits import document_size
from schema.limits.cost import FREE, Cost, CostCalculator
from schema.limits.limits import LIMITS, Excess, Limits, first_excess

# A prepared document takes about a hundred bytes for each of its characters.
CHARACTERS_KEPT = 500_000
DOCUMENTS_KEPT = 500
LONGEST_NUMBER = 4_000  # Python reads no longer ones
MAX_VALIDATION_ERRORS = 20
NOT_TOLD = "the schema is not told here: that takes a server with CHITTYGRAPH_INTROSPECTION=true"
# The library's own budget lets a kilobyte of one field that is repeated take half a second. What programs
# generate spends some hundreds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 30_000


@dataclass(eq=False, slots=True)
class Operation:
    """One operation of a document, what it costs, and the plans made of it so far."""

    node: OperationDefinitionNode
    variables: Variables
    cost: Cost = FREE
    plans: dict[Any, Any] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self.node.name.value if self.node.name else None

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.node.operation is OperationType.QUERY


@dataclass(eq=False, slots=True)
class Prepared:
    """A document that may be carried out; `digest` is the SHA-256 of its text, in hexadecimal.

    `directed` names the variables that @skip and @include depend on, once that was looked up. Where
    clients may not ask for the schema, no error tells them names that are like the one they sent.
    """

    document: DocumentNode
    operations: Mapping[str | None, Operation]
    fragments: Mapping[str, FragmentDefinitionNode]
    directed: tuple[str, ...] | None = None
    digest: str = ""
    length: int = 0  # of its text, in characters
    hide_suggestions: bool = False

    @classmethod
    def of(cls, document: DocumentNode) -> "Prepared":
        """A valid document's parts by name."""
        operations, fragments = {}, {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                variables = Variables(definition.variable_definitions or ())
                made = Operation(definition, variables)
                operations[made.name] = made
            elif isinstance(definition, FragmentDefinitionNode):
                fragments[definition.name.value] = definition
        return cls(document, operations, fragments)

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, or the only one.

        Raises RequestRefused when it is not there, or when it is not clear which one is meant.
        """
        if name is not None:
            if name not in self.operations:
                raise RequestRefused.because(
                    "UNKNOWN_OPERATION", f"the document has no operation named {name[:100]!r}"
                )
            return self.operations[name]
        if len(self.operations) != 1:
            raise RequestRefused.because(
                "AMBIGUOUS_OPERATION",
                f"the document has {len(self.operations)} operations: name one in operationName",
            )
        (only,) = self.operations.values()
        return only


class SchemaNotTold(NoSchemaIntrospectionCustomRule):
    """Refuses a document that asks for the schema, once: there is nothing to mend in each of its fields."""

    _is_said = False

    def report_error(self, error: GraphQLError) -> None:
        """Say it in words that help whoever runs the server."""
        if not self._is_said:
            self._is_said = True
            super().report_error(GraphQLError(NOT_TOLD, error.nodes))


class Documents:
    """Prepares documents, and keeps the ones that passed."""

    def __init__(
        self, *, introspection: bool, limits: Limits = LIMITS, policy: Policy | None = None
    ) -> None:
        self._limits = limits
        self._costs = CostCalculator(GRAPHQL, policy or Policy(), limits.cost)
        self._rules = list(specified_rules)
        self._hide_suggestions = not introspection  # "Did you mean" tells the schema word by word
        if not introspection:
            self._rules.append(SchemaNotTold)
        self._kept: LRUCache[str, Prepared] = LRUCache(CHARACTERS_KEPT, _weight)

    def prepare(self, text: str) -> Prepared:
        """Parse, measure, validate and price a document.

        Raises RequestRefused with what is wrong with it. What it costs is held to the limit when it is
        carried out, since its variables may decide about that.
        """
        if text in self._kept:
            return self._kept[text]
        try:
            prepared = self._prepare(text)
        except RecursionError:
            raise RequestRefused.because(
                "TOO_LARGE", "the document nests too deep to be read"
            ) from None
        prepared.digest = hashlib.sha256(text.encode()).hexdigest()
        prepared.length = len(text)
        if prepared.length <= CHARACTERS_KEPT:
            self._kept[text] = prepared
        return prepared

    def requested(self, operation: Operation, variables: Mapping[str, Any]) -> int:
        """What an operation costs with these variables; raises RequestRefused when it is too much."""
        points = operation.cost.requested(variables)
        if points > self._limits.cost:
            raise RequestRefused.over_limit(Excess("cost", points, self._limits.cost))
        return points

    def _prepare(self, text: str) -> Prepared:
        document = self._parsed(text)
        too_large = document_size.excess(document, self._limits)
        if too_large:
            raise RequestRefused.over_limit(too_large)
        errors = validate(
            GRAPHQL,
            document,
            self._rules,
            max_errors=MAX_VALIDATION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if [type(error) for error in errors] == [ValidationAbortedError]:
            raise RequestRefused.because(
                "TOO_LARGE", "the document selects the same fields too often: select each once"
            )
        if errors:
            raise RequestRefused("INVALID_DOCUMENT", errors)
        prepared = Prepared.of(document)
        prepared.hide_suggestions = self._hide_suggestions
        for operation in prepared.operations.values():
            operation.cost = self._costs.cost_of(operation.node, prepared.fragments)
        return prepared

    def _parsed(self, text: str) -> DocumentNode:
        most = self._limits.tokens
        too_long = (
            first_excess(self._limits, tokens=document_size.tokens(text))
            if len(text) > most
            else None
        )
        if too_long:
            raise RequestRefused.over_limit(too_long)
        if len(text) > LONGEST_NUMBER and document_size.longest_number(text) > LONGEST_NUMBER:
            raise RequestRefused.because(
                "TOO_LARGE", f"a number of the document has more than {LONGEST_NUMBER} digits"
            )
        try:
            return parse(
                text,
                max_lexical_tokens=most,
                max_comments=most,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            raise RequestRefused("SYNTAX", [error]) from None


def _weight(prepared: Prepared) -> int:
    """How many of CHARACTERS_KEPT a document takes: never so few that more than DOCUMENTS_KEPT fit."""
    return max(prepared.length, CHARACTERS_KEPT // DOCUMENTS_KEPT)


def only_fields(prepared: Prepared, name: str | None, nodes: Sequence[FieldNode]) -> Prepared:
    """The document with one operation, which is the named one with nothing but these root fields."""
    whole = prepared.operation(name).node
    operation = OperationDefinitionNode(
        operation=whole.operation,
        variable_definitions=whole.variable_definitions,
        directives=whole.directives,
        selection_set=SelectionSetNode(selections=tuple(nodes)),
    )
    return Prepared.of(DocumentNode(definitions=(operation, *prepared.fragments.values())))


async def run(
    prepared: Prepared, ctx: OperationContext, variables: dict[str, Any], operation_name: str | None
) -> ExecutionResult:
    """Carry out one operation through Strawberry's resolvers and the scope's loaders.

    Raises RequestRefused when the operation is not clear or its variables do not fit.
    """
    prepared.operation(operation_name)
    result = execute(
        GRAPHQL,
        prepared.document,
        context_value=ctx,
        variable_values=variables,
        operation_name=operation_name,
        hide_suggestions=prepared.hide_suggestions,
    )
    done: ExecutionResult = await result if inspect.isawaitable(result) else result
    if done.data is None and done.errors and all(error.path is None for error in done.errors):
        raise RequestRefused("BAD_VARIABLES", done.errors)
    return done
