"""Documents: parsed, measured, validated and priced once, then cached by their text.

Preparing a document takes more than half of a small request.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    KnownDirectivesRule,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from db.program import ReadTimes
from resolvers.policy import Policy
from schema.built import GRAPHQL
from schema.errors import MAX_ERRORS, MORE_ERRORS, RequestRefused, first_errors
from schema.execution.variables import Variables
from schema.fields.collect_fields import directive_variables
from schema.limits import document_size
from schema.limits.cost import Cost, CostCalculator
from schema.limits.limits import LIMITS, Excess, Limits, first_excess

# A prepared document takes about a hundred bytes for each of its characters.
MAX_CACHED_CHARACTERS = 500_000
MAX_CACHED_DOCUMENTS = 500
MAX_WRONG_VALUES = 5
MAX_NUMBER_DIGITS = 4_000  # `int` refuses more than 4,300
INTROSPECTION_DISABLED = (
    "introspection is disabled: start the server with CHITTYGRAPH_INTROSPECTION=true to enable it"
)
# With the library's own budget, a kilobyte that repeats one field takes half a second. Generated documents
# spend some hundreds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 30_000


@dataclass(eq=False, slots=True)
class Operation:
    """One operation of a document, with its plans by the values of directive variables.

    An operation that is part of another one, which was measured as a whole, has no cost.
    """

    node: OperationDefinitionNode
    variables: Variables
    name: str | None
    is_query: bool
    is_subscription: bool
    cost: Cost | None = None
    plans: dict[Any, Any] = field(default_factory=dict)
    read_times: ReadTimes = field(default_factory=ReadTimes)
    events: Any = None  # the EventQuery of a subscription, once it is made

    @classmethod
    def of(cls, node: OperationDefinitionNode) -> "Operation":
        name = node.name.value if node.name else None
        variables = Variables(node.variable_definitions or ())
        kind = node.operation
        return cls(
            node,
            variables,
            name,
            is_query=kind is OperationType.QUERY,
            is_subscription=kind is OperationType.SUBSCRIPTION,
        )


@dataclass(eq=False, slots=True)
class PreparedDocument:
    """A valid document; `digest` is its text's SHA-256 in hexadecimal.

    `directive_variables` decide @skip and @include. `hide_suggestions` keeps "Did you mean" out of errors,
    which would reveal a hidden schema.
    """

    ast: DocumentNode
    operations: Mapping[str | None, Operation]
    fragments: Mapping[str, FragmentDefinitionNode]
    directive_variables: tuple[str, ...] = ()
    hide_suggestions: bool = False
    text: str = ""
    digest: str = ""

    @classmethod
    def of(cls, ast: DocumentNode, *, hide_suggestions: bool = False) -> "PreparedDocument":
        operations, fragments = {}, {}
        for definition in ast.definitions:
            if isinstance(definition, OperationDefinitionNode):
                operation = Operation.of(definition)
                operations[operation.name] = operation
            elif isinstance(definition, FragmentDefinitionNode):
                fragments[definition.name.value] = definition
        return cls(ast, operations, fragments, directive_variables(ast), hide_suggestions)

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, or the only one; raises RequestRefused."""
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


class NoIntrospection(NoSchemaIntrospectionCustomRule):
    """Refuses introspection with one error per document, which names the setting that allows it."""

    _is_reported = False

    def report_error(self, error: GraphQLError) -> None:
        if not self._is_reported:
            self._is_reported = True
            super().report_error(GraphQLError(INTROSPECTION_DISABLED, error.nodes))


class KnownDirectives(KnownDirectivesRule):
    """Reports an unknown directive once per document, however often it is repeated."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._reported: set[str] = set()

    def report_error(self, error: GraphQLError) -> None:
        if error.message not in self._reported:
            self._reported.add(error.message)
            super().report_error(error)


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """Ends validation after MAX_WRONG_VALUES errors: each prints the whole literal, which takes long."""

    _reported = 0

    def report_error(self, error: GraphQLError) -> None:
        if self._reported == MAX_WRONG_VALUES:
            raise ValidationAbortedError(MORE_ERRORS)
        self._reported += 1
        super().report_error(error)


OWN_RULES = {KnownDirectivesRule: KnownDirectives, ValuesOfCorrectTypeRule: ValuesOfCorrectType}


class Documents:
    def __init__(
        self, *, introspection: bool, limits: Limits = LIMITS, policy: Policy | None = None
    ) -> None:
        self._limits = limits
        self._costs = CostCalculator(GRAPHQL, policy or Policy(), limits.cost)
        self._rules = [OWN_RULES.get(rule, rule) for rule in specified_rules]
        self._hide_suggestions = not introspection
        if not introspection:
            self._rules.append(NoIntrospection)
        self._cache: LRUCache[str, PreparedDocument] = LRUCache(MAX_CACHED_CHARACTERS, _weight)

    def prepare(self, text: str) -> PreparedDocument:
        """Parse, measure, validate and price a document; raises RequestRefused."""
        try:
            return self._cache[text]
        except KeyError:
            pass
        try:
            document = self._prepare(text)
        except RecursionError:
            raise RequestRefused.because(
                "TOO_LARGE", "the document nests too deep to be read"
            ) from None
        document.text = text
        document.digest = hashlib.sha256(text.encode()).hexdigest()
        if len(text) <= MAX_CACHED_CHARACTERS:
            self._cache[text] = document
        return document

    def check_cost(self, operation: Operation, variables: Mapping[str, Any]) -> int:
        """The cost with these variables, which are not coerced yet; raises RequestRefused over a limit."""
        assert operation.cost is not None  # noqa: S101 - documents are prepared with it
        if operation.cost.inputs.uses:
            too_large = operation.cost.inputs.excess(variables, self._limits)
            if too_large:
                raise RequestRefused.over_limit(too_large)
        amount = operation.cost.amount
        points = amount if isinstance(amount, int) else amount(variables)
        if points > self._limits.cost:
            raise RequestRefused.over_limit(Excess("cost", points, self._limits.cost))
        introspected, allowed = operation.cost.introspected, self._limits.introspection
        if introspected > allowed:
            raise RequestRefused.over_limit(Excess("introspection", introspected, allowed))
        return points

    def _prepare(self, text: str) -> PreparedDocument:
        ast = self._parse(text)
        too_large = document_size.excess(ast, self._limits)
        if too_large:
            raise RequestRefused.over_limit(too_large)
        errors = validate(
            GRAPHQL,
            ast,
            self._rules,
            max_errors=MAX_ERRORS - 1,
            hide_suggestions=self._hide_suggestions,
        )
        if [type(error) for error in errors] == [ValidationAbortedError]:
            raise RequestRefused.because(
                "TOO_LARGE", "the document selects the same fields too often: select each once"
            )
        if errors:
            raise RequestRefused("INVALID_DOCUMENT", first_errors(errors))
        document = PreparedDocument.of(ast, hide_suggestions=self._hide_suggestions)
        for operation in document.operations.values():
            operation.cost = self._costs.cost_of(operation.node, document.fragments)
            too_large = operation.cost.inputs.excess({}, self._limits)
            if too_large and not operation.cost.inputs.uses:
                raise RequestRefused.over_limit(too_large)
        return document

    def _parse(self, text: str) -> DocumentNode:
        max_tokens = self._limits.tokens
        too_long = (
            first_excess(self._limits, tokens=document_size.tokens(text))
            if len(text) > max_tokens
            else None
        )
        if too_long:
            raise RequestRefused.over_limit(too_long)
        if len(text) > MAX_NUMBER_DIGITS and document_size.longest_number(text) > MAX_NUMBER_DIGITS:
            raise RequestRefused.because(
                "TOO_LARGE", f"a number of the document has more than {MAX_NUMBER_DIGITS} digits"
            )
        try:
            return parse(
                text,
                max_lexical_tokens=max_tokens,
                max_comments=max_tokens,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            raise RequestRefused("SYNTAX", [error]) from None


def _weight(document: PreparedDocument) -> int:
    """A document's share of MAX_CACHED_CHARACTERS, large enough to keep MAX_CACHED_DOCUMENTS at most."""
    return max(len(document.text), MAX_CACHED_CHARACTERS // MAX_CACHED_DOCUMENTS)
