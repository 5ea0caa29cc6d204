"""Random operations: whole documents with everything that is sent beside them."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from graphql import GraphQLSchema, parse

from schema.built import SCHEMA
from schema.limits import document_size
from schema.limits.limits import LIMITS
from tests.support.corpus.chance import Chance
from tests.support.corpus.draft import ABSENT, Draft, Used
from tests.support.corpus.keys import Keys
from tests.support.corpus.pool import Pool
from tests.support.corpus.selections import Place, Selections

GRAPHQL: GraphQLSchema = SCHEMA._schema
CAREFUL = 0.8
MOST_TOKENS = 900
MEDIA_TYPES = ("application/json", "application/graphql-response+json")
# Operations made by chance may have more of these than clients are allowed.
ROOM = {"max_aliases": 300, "max_directives": 100, "max_cost": 10**9}
_LIMITS = replace(LIMITS, aliases=ROOM["max_aliases"], directives=ROOM["max_directives"])
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.|\w+|[^\s,]')


@dataclass(frozen=True)
class Operation:
    """What is sent; `label` says how to make it again."""

    label: str
    document: str
    variables: dict[str, Any]
    name: str | None
    media_type: str
    by_get: bool = False

    def __str__(self) -> str:
        sent = json.dumps({"variables": self.variables, "operationName": self.name})
        how = "GET" if self.by_get else "POST"
        return f"# {self.label}, {how}, {self.media_type}\n{self.document}\n# {sent}"


def query(pool: Pool, seed: int, number: int) -> Operation:
    """A random query, the same one for the same registry, seed and number."""
    return _made(pool, seed, number, "query")


def again(operation: Operation) -> Operation:
    """The same document with other variables, for which its plan is there already."""
    variables = {name: _other(value) for name, value in operation.variables.items()}
    return replace(operation, label=f"{operation.label}, again", variables=variables)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {name: _other(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_other(item) for item in value[::-1]]
    return value % 5 + 1 if isinstance(value, int) and 0 < value < 10 else value


def mutation(pool: Pool, seed: int, number: int) -> Operation:
    """A random operation of one to three mutations."""
    return _made(pool, seed, number, "mutation")


def _made(pool: Pool, seed: int, number: int, word: str) -> Operation:
    fields = 20
    while True:
        made = _Maker(pool, seed, number, word, fields).operation()
        is_short = len(_TOKEN.findall(made.document)) <= MOST_TOKENS
        if is_short and document_size.excess(parse(made.document), _LIMITS) is None:
            return made
        fields //= 2


class _Maker:
    def __init__(self, pool: Pool, seed: int, number: int, word: str, fields: int) -> None:
        self.chance = Chance(seed, number)
        self.label = f"seed {seed}, {word} {number}"
        self.word = word
        careful = self.chance.yes(CAREFUL)
        # Rows that one operation changes may or may not share a millisecond: no list is ordered by it.
        ordered = word == "query" or self.chance.yes(0.6)
        self.single = word == "mutation" and ordered
        self.draft = Draft(number, self.chance, pool, careful, ordered, fields)
        self.selections = Selections(self.draft, GRAPHQL)

    def operation(self) -> Operation:
        names: list[str | None] = [None] if self.chance.yes(0.7) else ["Main"]
        if self.chance.yes(0.04):
            names = ["Main", "query", "Other"][: self.chance.randint(2, 3)]
        definitions = [self._definition(name) for name in names]
        fragments = dict.fromkeys(
            name for _, used in definitions for name in self.draft.reached(used)[1]
        )
        texts = [text for text, _ in definitions]
        texts += [
            f"fragment {name} on {made.type} {made.body}"
            for name, made in self.draft.fragments.items()
            if name in fragments
        ]
        self.chance.shuffle(texts)
        return Operation(
            self.label,
            "\n".join(texts),
            self._variables(definitions[0][1]),
            self._name(names),
            self.chance.pick(MEDIA_TYPES),
            by_get=self.word == "query" and self.chance.yes(0.03),
        )

    def _name(self, names: list[str | None]) -> str | None:
        if not self.draft.careful and self.chance.yes(0.03):
            return "Nobody"
        return names[0] if len(names) > 1 or self.chance.yes(0.3) else None

    def _definition(self, name: str | None) -> tuple[str, Used]:
        with self.draft.definition() as used:
            body = self._body()
        declared = ", ".join(
            self.draft.variables[each].declared for each in self.draft.reached(used)[0]
        )
        if not declared and name is None and self.word == "query" and self.chance.yes(0.5):
            return body, used
        return f"{self.word} {name or ''}{f'({declared})' if declared else ''} {body}", used

    def _body(self) -> str:
        place = Place(Keys(), self.chance.randint(2, 9), rows=1)
        if self.word == "query":
            return self.selections.of(GRAPHQL.query_type, place)
        return self.selections.mutations(GRAPHQL.mutation_type, place, 1 if self.single else 3)

    def _variables(self, used: Used) -> dict[str, Any]:
        found = [self.draft.variables[name] for name in self.draft.reached(used)[0]]
        return {each.name: each.value for each in found if each.value is not ABSENT}
