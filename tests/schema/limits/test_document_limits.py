"""Operations that are too large are refused before validation, with the measured size."""

import time
from dataclasses import fields, replace

import pytest
from graphql import SelectionSetNode, Visitor, get_introspection_query, parse, visit

from schema.errors import RequestRefused
from schema.execution.documents import Documents
from schema.limits import document_size
from schema.limits.limits import LIMITS, Limits
from tests.support.requests.bad_inputs import cycle
from tests.support.requests.fragment_bombs import BOMBS
from tests.support.services.api import running

SECONDS = 1  # what takes milliseconds here may take longer on a machine that is busy


def many(part: str, count: int) -> str:
    return " ".join(part.format(n=n) for n in range(count))


def nested(depth: int) -> str:
    """Contexts and owners in alternation, with a field of the last."""
    words = ['contextByName(name: "")', *["owner", "contexts", "nodes"] * depth][: depth - 1]
    return "{" + "{".join([*words, "__typename"]) + "}" * depth


# Of each limit, a document that has this much of it and little of all else.
MADE = {
    "tokens": lambda count: "{ nodes(ids: [" + '"a" ' * (count - 12) + "]) { id } }",
    "depth": nested,
    "aliases": lambda count: "{ viewer {" + many("a{n}: capabilities", count) + "} }",
    "root_fields": lambda count: "{" + "__typename " * count + "}",
    "directives": lambda count: "{ viewer {" + many("capabilities @skip(if: false)", count) + "} }",
    "fields": lambda count: (
        "{ viewer {" + "...f " * ((count - 1) // 50) + "capabilities " * ((count - 1) % 50) + "} }"
        " fragment f on Viewer {" + "capabilities " * 50 + "}"
    ),
}
FIXED = {
    "expanded_directives": lambda count: (
        "{ viewer {" + "...f " * (count // 40) + "@skip(if: false) " * (count % 40) + "} }"
        " fragment f on Viewer {"
        + many("... @skip(if: false) {{ capabilities @skip(if: false) }}", 20)
        + "}"
    ),
    "expanded_fragments": lambda count: (
        "{ viewer {" + "...f " * (count // 50) + "... { capabilities } " * (count % 50) + "} }"
        " fragment f on Viewer {" + "...{" * 49 + "capabilities" + "}" * 49 + "}"
    ),
}


@pytest.fixture
def documents():
    return Documents(introspection=True)


def refusal(documents, text):
    with pytest.raises(RequestRefused) as refused:
        documents.prepare(text)
    [error] = refused.value.formatted()
    return error


def test_every_limit_but_the_cost_and_those_on_inputs_is_tested_here():
    others = {"cost", "input_objects", "input_values", "introspection"}

    assert {*MADE, *FIXED, *others} == {each.name for each in fields(Limits)}


@pytest.mark.parametrize(("name", "made"), [*MADE.items(), *FIXED.items()], ids=[*MADE, *FIXED])
def test_a_document_at_a_limit_passes_and_one_over_it_is_refused_with_both_numbers(
    documents, name, made
):
    allowed = getattr(LIMITS, name)

    documents.prepare(made(allowed))
    error = refusal(documents, made(allowed + 1))

    figures = {"limit": name, "measured": allowed + 1, "allowed": allowed}
    assert error["extensions"] == {"code": "TOO_LARGE", **figures}
    assert f" {allowed + 1} " in error["message"]
    assert error["message"].endswith(f"; {allowed} are allowed")


@pytest.mark.parametrize("name", MADE)
async def test_each_limit_is_a_setting(tmp_path, name):
    allowed = 12 if name == "tokens" else 6
    async with running(tmp_path / "registry.db", **{f"max_{name}": allowed}) as api:
        answer = await api.post(MADE[name](allowed + 1))

    assert answer["errors"][0]["extensions"]["allowed"] == allowed


@pytest.mark.parametrize(
    "document",
    [nested(25)[:-1] + " __typename }", "{ __typename " + nested(25)[1:]],
    ids=["before a field", "after a field"],
)
def test_the_deepest_selection_of_a_level_counts_wherever_it_stands(documents, document):
    error = refusal(documents, document)

    assert error["extensions"] == {
        "code": "TOO_LARGE",
        "limit": "depth",
        "measured": 25,
        "allowed": LIMITS.depth,
    }


def test_the_fields_of_a_fragment_count_wherever_it_is_spread():
    spread = (
        "{ viewer {" + "...f " * 16 + "} } fragment f on Viewer { a: capabilities capabilities }"
    )

    excess = document_size.excess(parse(spread), replace(LIMITS, fields=32))

    assert (excess.name, excess.measured) == ("fields", 33)


def test_aliases_and_directives_of_a_fragment_count_once_however_often_it_is_spread(documents):
    """A component's fragment in a page of a frontend is spread in many places."""
    owner = "nodes { owner { ...card } }"
    page = "contexts(first: 1) { " + owner * 20 + "} ...deep"
    document = (
        "query($more: Boolean!) { viewer { actor { ...card " + page + " } } ...aside }"
        " fragment deep on Actor { connections(first: 1) { nodes { source { ...card } } } }"
        " fragment aside on Query { actors(first: 1) { nodes { ...card @skip(if: $more) } } }"
        " fragment card on Actor { name: displayName email @include(if: $more) }"
    )
    exact = replace(LIMITS, aliases=1, directives=2)

    documents.prepare(document)

    assert document_size.excess(parse(document), exact) is None
    for name, measured in (("aliases", 1), ("directives", 2)):
        excess = document_size.excess(parse(document), replace(exact, **{name: measured - 1}))
        assert (excess.name, excess.measured) == (name, measured)


def test_directives_count_wherever_they_stand():
    document = (
        "query @a @a($x: Int @a @a) { ...f @a @a ... @a @a { viewer @a @a { capabilities } } }"
        " fragment f on Query @a { __typename }"
    ).replace("query @a @a($x: Int @a @a)", "query($x: Int @a @a) @a @a")

    excess = document_size.excess(parse(document), replace(LIMITS, directives=10))

    assert (excess.name, excess.measured) == ("directives", 11)


def test_the_limits_apply_to_each_operation_of_a_document_separately(documents):
    fits = MADE["aliases"](20)

    documents.prepare(f"query A {fits} query B {fits}")
    error = refusal(documents, f"query A {fits} query B {MADE['aliases'](31)}")

    assert error["extensions"]["measured"] == 31


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("{a}", 3),
        ("{ a, b # c d e\n }", 4),
        ('{a(b:"c d \\" e",f:-1.5e+3)}', 11),
        ('{a(b:"""c "d" \\""" e\n""")}', 8),
        ("query($a:[Int!]=[1]){...b@c}", 20),
        ('{a(b:"not closed', 6),
        ('{a(b:"""not closed " either', 6),
    ],
)
def test_tokens_are_counted_as_graphql_defines_them(text, count):
    assert document_size.tokens(text) == count


@pytest.mark.parametrize(
    "document",
    ["{ viewer {" + "capabilities " * 990 + "} }", "{contexts{nodes{" + "owner{id}" * 238 + "}}}"],
    ids=["a field", "an object"],
)
def test_too_many_repeated_fields_are_refused_with_advice(documents, document):
    error = refusal(documents, document)

    assert error["extensions"] == {"code": "TOO_LARGE"}
    assert error["message"].endswith("select each once")


def test_equal_selections_in_many_fragments_pass(documents):
    names = [f"f{number}" for number in range(40)]
    fragment = "fragment {} on Context {{ id name owner {{ id displayName }} }}"
    spread = " ".join(f"...{name}" for name in names)

    assert documents.prepare(
        f"{{ contexts {{ nodes {{ {spread} }} }} }} " + " ".join(map(fragment.format, names))
    )


def test_a_number_that_is_too_long_to_parse_is_refused_with_our_own_message(documents):
    error = refusal(documents, "{ contexts(first: " + "9" * 5_000 + ") { totalCount } }")

    assert error["extensions"] == {"code": "TOO_LARGE"}
    assert error["message"] == "a number of the document has more than 4000 digits"


@pytest.mark.parametrize(
    "text",
    [
        '{ contextByName(name: "DIGITS") { id } }',
        '{ contextByName(name: """DIGITS""") { id } }',
        '{ contextByName(name: "\\"DIGITS") { id } }',
        "{ viewer { capabilities } } # DIGITS",
    ],
    ids=["a text", "a text of several lines", "a text with a quote", "a comment"],
)
def test_digits_outside_of_numbers_are_not_limited(documents, text):
    assert documents.prepare(text.replace("DIGITS", "9" * 5_000))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("{ a }", 0),
        ("{ a(b: 123, c: [-1234]) }", 4),
        ('{ a1234(b: "12345") { c } } # 123456', 0),
        ('{ a(b: """12345 " \\""" 6""", c: 12) }', 2),
    ],
)
def test_the_longest_number_is_found_among_the_tokens(text, digits):
    assert document_size.longest_number(text) == digits


@pytest.mark.parametrize("levels", [20, 40])
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_for_its_size_at_once(documents, bomb, levels):
    before = time.process_time()

    error = refusal(documents, bomb(levels))

    assert time.process_time() - before < SECONDS
    assert error["extensions"]["code"] == "TOO_LARGE"
    assert error["extensions"]["measured"] > error["extensions"]["allowed"]


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_part_of_a_bomb_is_visited_twice(bomb):
    document = parse(bomb(40))
    looks = []

    class RecordedRegistry(tuple):
        def __iter__(self):
            looks.append(id(self))
            return super().__iter__()

    class Watch(Visitor):
        def enter_selection_set(self, node: SelectionSetNode, *_):
            object.__setattr__(node, "selections", RecordedRegistry(node.selections))

    visit(document, Watch())
    looks.clear()
    document_size.excess(document, LIMITS)

    assert len(looks) == len(set(looks)) >= 40


@pytest.mark.parametrize("length", [1, 2, 3])
def test_fragments_that_spread_themselves_are_left_to_validation(documents, length):
    with pytest.raises(RequestRefused) as refused:
        documents.prepare(cycle(length))

    assert refused.value.code == "INVALID_DOCUMENT"


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_a_refused_operation_is_a_request_error(tmp_path, accept):
    sent = {"query": MADE["depth"](21)}
    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.post("/graphql", json=sent, headers={"accept": accept})

    assert answer.status_code == (200 if accept == "application/json" else 400)
    assert answer.json()["errors"] == [
        {
            "message": "the operation nests 21 levels deep; 20 are allowed",
            "extensions": {"code": "TOO_LARGE", "limit": "depth", "measured": 21, "allowed": 20},
        }
    ]
    assert "data" not in answer.json()


def test_several_introspections_are_refused_for_the_objects_of_all(documents):
    each = "__schema { types { fields { args { type { name } } } } }"
    one = documents.prepare("{ " + each + " }").operation(None).cost.introspected
    fitting = LIMITS.introspection // one
    operations = [
        documents.prepare("{" + " ".join(f"a{n}: {each}" for n in range(count)) + "}").operation(
            None
        )
        for count in (fitting, fitting + 1)
    ]

    documents.check_cost(operations[0], {})
    with pytest.raises(RequestRefused) as refused:
        documents.check_cost(operations[1], {})

    [error] = refused.value.formatted()
    assert error["extensions"] == {
        "code": "TOO_LARGE",
        "limit": "introspection",
        "measured": (fitting + 1) * one,
        "allowed": LIMITS.introspection,
    }


def test_conditions_that_fragments_multiply_are_priced_within_the_limit_at_once(documents):
    """Each level doubles the ways to the last fragment, each with its own variables in its condition."""

    def document(levels: int) -> str:
        declared = " ".join(f"$a{n}: Boolean! $b{n}: Boolean!" for n in range(levels))
        spreads = [
            f"...f{n + 1} @include(if: $a{n}) ...f{n + 1} @include(if: $b{n})"
            for n in range(levels)
        ]
        chain = " ".join(f"fragment f{n} on Actor {{ {each} }}" for n, each in enumerate(spreads))
        last = f"fragment f{levels} on Actor {{ contexts {{ nodes {{ id }} }} }}"
        return f"query({declared}) {{ viewer {{ actor {{ ...f0 }} }} }} {chain} {last}"

    before = time.process_time()
    prepared = documents.prepare(document(9))
    documents.check_cost(prepared.operation(None), {})
    error = refusal(documents, document(10))

    assert time.process_time() - before < SECONDS
    assert error["extensions"]["limit"] == "expanded_directives"


def test_inline_fragments_in_fragments_that_conditions_multiply_are_refused(documents):
    """All of them would be walked for each combination of conditions, and for each type of a node."""
    levels = range(9)
    declared = " ".join(f"$a{n}: Boolean!" for n in levels)
    chain = " ".join(
        f"fragment f{n} on Node {{ ...f{n + 1} @include(if: $a{n}) ...f{n + 1} @skip(if: $a{n}) }}"
        for n in levels
    )
    last = "fragment f9 on Node {" + "...{" * 150 + "id" + "}" * 150 + "}"

    error = refusal(documents, f'query({declared}) {{ node(id: "a") {{ ...f0 }} }} {chain} {last}')

    assert error["extensions"]["limit"] == "expanded_fragments"


def test_an_introspection_with_a_directive_at_each_part_passes(documents):
    """As sgqlc sends it: eleven, with a fragment's spread wherever an argument is described."""
    value = "fragment value on __InputValue { name description @include(if: $described) }"
    deprecated = "isDeprecated @include(if: $all) deprecationReason @include(if: $all)"
    document = (
        "query($described: Boolean! = true, $all: Boolean! = true) { __schema {"
        "  description @include(if: $described) types { ...full }"
        "  directives { name description @include(if: $described) args { ...value } } } }"
        " fragment full on __Type { name description @include(if: $described)"
        f"  fields(includeDeprecated: $all) {{ name {deprecated} args {{ ...value }} }}"
        f"  inputFields {{ ...value {deprecated} }} interfaces {{ name }}"
        f"  enumValues(includeDeprecated: $all) {{ name {deprecated} }} }} {value}"
    )

    prepared = documents.prepare(document)

    assert documents.check_cost(prepared.operation(None), {}) < LIMITS.cost


def test_the_introspection_of_graphiql_and_of_generators_passes(documents):
    whole = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    prepared = documents.prepare(whole)

    assert documents.check_cost(prepared.operation(None), {}) < LIMITS.cost / 10
