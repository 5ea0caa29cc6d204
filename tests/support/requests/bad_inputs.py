"""Bad requests, made by hand: bodies, documents, and values in every place that takes one."""

from typing import Any

TWICE: dict[str, bytes] = {
    "at the top": b'{"query":"{a}","query":"{__typename}"}',
    "of the same value": b'{"query":"{__typename}","query":"{__typename}"}',
    "spelled in two ways": b'{"query":"{__typename}","\\u0071uery":"{__typename}"}',
    "in variables": b'{"query":"{__typename}","variables":{"a":1,"a":2}}',
    "deep in variables": b'{"query":"{__typename}","variables":{"a":[{"b":{"c":1,"c":1}}]}}',
    "in extensions": b'{"query":"{__typename}","extensions":{"cost":true,"cost":false}}',
}
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a string": b'"x"',
    "a list": b"[]",
    "a batch": b'[{"query":"{__typename}"},{"query":"{__typename}"}]',
    "an empty object": b"{}",
    "invalid UTF-8": b'{"query":"{__typename}\xff"}',
    "UTF-16": '{"query":"{__typename}"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"query":"{__typename}"}',
    "100,000 brackets": b"[" * 100_000,
    "16,000 nested objects": b'{"a":' * 16_000 + b"1" + b"}" * 16_000,
    "1,000 nested variables": b'{"query":"{__typename}","variables":{"a":'
    + b"[" * 1000
    + b"]" * 1000
    + b"}}",
    "a cut body": b'{"query":"{__typename}"',
    "trailing text": b'{"query":"{__typename}"} {"query":"{__typename}"}',
    "NaN": b'{"query":"{__typename}","variables":{"a":NaN}}',
    "Infinity": b'{"query":"{__typename}","variables":{"a":-Infinity}}',
    "1e999": b'{"query":"{__typename}","variables":{"a":1e999}}',
    "5,000 digits": b'{"query":"{__typename}","variables":{"a":' + b"9" * 5_000 + b"}}",
    "a lone surrogate in an escape": b'{"query":"{contextByName(name:\\"\\ud800\\"){id}}"}',
    "a lone surrogate in bytes": b'{"query":"{contextByName(name:\\"\xed\xa0\x80\\"){id}}"}',
    "a raw NUL": b'{"query":"{__typename}\x00"}',
    "an escaped NUL": b'{"query":"{__typename}\\u0000"}',
    "comments": b'{"query":"{__typename}" /* x */}',
    "single quotes": b"{'query':'{__typename}'}",
    "a query that is a number": b'{"query":1}',
    "a query that is a list": b'{"query":["{__typename}"]}',
    "variables that are a string": b'{"query":"{__typename}","variables":"{}"}',
    "variables that are a list": b'{"query":"{__typename}","variables":[]}',
    "extensions that are a number": b'{"query":"{__typename}","extensions":1}',
    "an operation name that is an object": b'{"query":"{__typename}","operationName":{}}',
    "a megabyte of tokens": b'{"query":"{' + b"a " * 500_000 + b'}"}',
    "99 KB of tokens": b'{"query":"{' + b"a " * 49_000 + b'}"}',
    "99 KB of one name": b'{"query":"{' + b"a" * 99_000 + b'}"}',
    "99 KB of comments": b'{"query":"' + b"#\\n" * 33_000 + b'"}',
    "99 KB of braces": b'{"query":"' + b"{" * 99_000 + b'"}',
    **{f"a key twice {where}": body for where, body in TWICE.items()},
    "keys of JavaScript": b'{"__proto__":{"query":"x"},"query":"{__typename}"}',
}


def spread_bomb(levels: int, start: str = "{...f0}") -> str:
    """Fragments that spread the next one twice: 2 to the power of `levels` fields."""
    nested = "".join(f" fragment f{n} on Query{{...f{n + 1} ...f{n + 1}}}" for n in range(levels))
    return f"{start}{nested} fragment f{levels} on Query{{viewer{{capabilities}}}}"


def field_bomb(levels: int) -> str:
    """Fragments whose fields nest the next one twice."""
    nested = "".join(
        f" fragment f{n} on Actor{{a:contexts{{nodes{{owner{{...f{n + 1}}}}}}}"
        f" b:contexts{{nodes{{owner{{...f{n + 1}}}}}}}}}"
        for n in range(levels)
    )
    return f"{{viewer{{actor{{...f0}}}}}}{nested} fragment f{levels} on Actor{{id}}"


def cycle(length: int) -> str:
    """Fragments in a ring, each spreading the next two."""
    ring = "".join(
        f" fragment f{n} on Query{{...f{(n + 1) % length} ...f{(n + 2) % length} __typename}}"
        for n in range(length)
    )
    return "{...f0}" + ring


def wide(document: str, times: int) -> str:
    return "{" + document * times + "}"


REGISTER = "{ registerActor(input: { actorType: AI }) { errors { code } } }"
DOCUMENTS: dict[str, str] = {
    "an empty document": " ",
    "a document of one comment": "# nothing",
    "a document of commas": "," * 90_000,
    "a NUL": "{\0}",
    "a control character": "{\x1b[31m}",
    "a byte order mark within": "{ __\ufefftypename }",
    "letters that look alike": "{ __t\u0443pename }",
    "an unfinished string": '{ contextByName(name: "work) { id } }',
    "an unfinished block string": '{ contextByName(name: """work) { id } }',
    "a lone surrogate in a literal": r'{ contextByName(name: "\uD800") { id } }',
    "a lone surrogate in braces": r'{ contextByName(name: "\u{D800}") { id } }',
    "an escape beyond Unicode": r'{ contextByName(name: "\u{FFFFFFFF}") { id } }',
    "2^20 spreads": spread_bomb(20),
    "2^40 spreads": spread_bomb(40),
    "2^40 spreads that are not used": spread_bomb(40, "{__typename}"),
    "2^20 fields": field_bomb(20),
    "2^6 levels of pages": field_bomb(6),
    "a fragment that spreads itself": "{...f} fragment f on Query{...f}",
    "a ring of fragments": cycle(60),
    "an unknown fragment": "{ ...nothing }",
    "an unused fragment": "{ __typename } fragment f on Query { __typename }",
    "a fragment twice": "{...f} fragment f on Query{__typename} fragment f on Query{__typename}",
    "a fragment on nothing": "{ ...f } fragment f on Nothing { id }",
    "a fragment where it cannot be": "{ viewer { ...f } } fragment f on Actor { id }",
    "400 levels": "{a" * 400 + "}" * 400,
    "300 inline fragments": "{...{" * 300 + "__typename" + "}}" * 300,
    "450 lists in a literal": "{actors(filter:" + "[" * 450 + "]" * 450 + "){totalCount}}",
    "90 lists in a literal": "{actors(filter:" + "[" * 90 + "]" * 90 + "){totalCount}}",
    "90 variables of lists": "query($a:" + "[" * 90 + "Int" + "]" * 90 + "){__typename}",
    "1,001 tokens": wide("__typename ", 1_000),
    "pages that conflict": "{"
    + "".join(f"contexts(first:{n}){{totalCount}}" for n in range(80))
    + "}",
    "450 directives": "{viewer" + "@x" * 450 + "{capabilities}}",
    "an unknown directive": "{ viewer @nothing { capabilities } }",
    "@defer": "{ ... @defer { viewer { capabilities } } }",
    "@stream": "{ actors { nodes @stream(initialCount: 1) { id } } }",
    "@skip without its argument": "{ viewer @skip { capabilities } }",
    "a subscription": "subscription { contextChanged { id } }",
    "a schema definition": "type Query { a: Int }",
    "a schema definition beside a query": "{ __typename } extend type Query { a: Int }",
    "an unknown field": "{ contexts { nodes { nothing } } }",
    "an unknown argument": "{ contexts(nothing: 1) { totalCount } }",
    "an object without fields": "{ viewer }",
    "a leaf with fields": "{ __typename { id } }",
    "an empty selection": "{ }",
    "a name of JavaScript": "{ __proto__ constructor toString }",
    "a private name of Python": "{ __class__ _raw_info }",
    "two nameless operations": "{ __typename } { __typename }",
    "two operations of one name": "query A { __typename } query A { __typename }",
    "two mutations unnamed": f"mutation A {REGISTER} mutation B {REGISTER}",
    "a missing variable": "{ actors(first: $first) { totalCount } }",
    "a variable twice": "query($a: Int, $a: Int) { actors(first: $a) { totalCount } }",
    "a variable not used": "query($a: Int) { __typename }",
    "a variable of no type": "query($a: Nothing) { actors(first: $a) { totalCount } }",
    "a variable of an output type": "query($a: Actor) { actors(first: $a) { totalCount } }",
    "a variable of the wrong type": "query($a: String) { actors(first: $a) { totalCount } }",
    "a required variable not given": "query($a: Int!) { actors(first: $a) { totalCount } }",
    "an unknown enum value": "{ actors(filter: { status: { eq: GONE } }) { totalCount } }",
    "an enum as a string": '{ actors(filter: { status: { eq: "ACTIVE" } }) { totalCount } }',
    "an unknown filter": "{ actors(filter: { password: { eq: 1 } }) { totalCount } }",
    "a filter that is null within": "{ actors(filter: { displayName: { eq: null } }) { totalCount } }",
    "an ordering of nothing": "{ actors(orderBy: [{}]) { totalCount } }",
    "a mutation without an input": "mutation { registerActor { errors { code } } }",
    "a mutation with null": "mutation { registerActor(input: null) { errors { code } } }",
    "a mutation in a query": "{ registerActor(input: { actorType: AI }) { errors { code } } }",
}

NUMBERS = (
    "2147483648",
    "-2147483649",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "9" * 300,
    "9" * 5_000,
    "1.5",
    "1e2",
    "1e999",
    "-0",
    "true",
    '""',
    '"1_000"',
    '"\u0661"',
    "[1]",
    "{a: 1}",
)
TAKES_NUMBERS = (
    "{{ installation(installationId: {}) {{ id }} }}",
    "{{ actors(first: {}) {{ totalCount nodes {{ id }} }} }}",
    "{{ actors(filter: {{ sessionCount: {{ gt: {} }} }}) {{ totalCount }} }}",
    "{{ connections(filter: {{ errorCount: {{ eq: {} }} }}) {{ totalCount }} }}",
    "{{ connections(filter: {{ requestCount: {{ in: [{}] }} }}) {{ totalCount }} }}",
    'mutation {{ disconnect(input: {{ connectionId: "x", ifUpdatedAt: {} }}) {{ errors {{ code }} }} }}',
    'mutation {{ openConnection(input: {{ source: "x", targetService: "x", config: {{ a: {} }} }})'
    " {{ errors {{ code }} }} }}",
)
TEXTS = {
    "nothing": "",
    "a space": " ",
    "a NUL": "\0",
    "a NUL within": "atlas\0research",
    "an escape": "\x1b[2J",
    "line ends": "a\r\nb\u2028c",
    "SQL": "' OR '1'='1'; DROP TABLE actors; --",
    "SQL in double quotes": '" UNION SELECT name FROM sqlite_master --',
    "a LIKE pattern": "%_%",
    "a format": "%s{0}{row}{column}",
    "a placeholder": ":v0 ?1 @a $b",
    "a path": "../../etc/passwd\0.txt",
    "turned writing": "\u202etxt.exe",
    "a noncharacter": "\uffff\U0010ffff",
    "marks upon marks": "e" + "\u0301" * 500,
    "an emoji family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "full width": "\uff23\uff28\uff29\uff34\uff34\uff39-\uff21",
    "did twice": "did:chitty:did:chitty:CHITTY-ACTOR-ADA",
    "did alone": "did:chitty:",
    "another did": "did:web:example.org",
    "an id of no type": "Tm90aGluZzox",
    "an id without a key": "QWN0b3I6",
    "an id of 2^64": "SW5zdGFsbGF0aW9uOjE4NDQ2NzQ0MDczNzA5NTUxNjE2",
    "an id of an Arabic digit": "SW5zdGFsbGF0aW9uOtmh",
    "an id with its padding": "QWN0b3I6eA==",
    "half of base64": "QWN0b3I6e",
    "a cursor of zeros": "AQ" + "A" * 40,
    "200 letters": "A" * 200,
    "90,000 letters": "x" * 90_000,
    "30,000 quotes": '"' * 30_000,
}
TAKES_TEXT = (
    "query($v: ID!) { node(id: $v) { id } nodes(ids: [$v, $v]) { id } connection(connectionId: $v) { id } }",
    "query($v: ChittyID!) { actor(chittyId: $v) { id } context(chittyId: $v) { id } }",
    "query($v: BigInt!) { installation(installationId: $v) { id } }",
    "query($v: String!) { contextByName(name: $v) { id } }",
    "query($v: String) { actors(after: $v) { nodes { id } } }",
    "query($v: String) { contexts(last: 2, before: $v) { pageInfo { hasNextPage } } }",
    "query($v: String) { connections(first: 2) { nodes { source { ... on Context {"
    " connections(after: $v) { nodes { id } } } } } } }",
    "query($v: String!) { contexts(filter: { or: [{ name: { eq: $v } }, { name: { not: $v } },"
    " { name: { in: [$v] } }, { name: { contains: $v } }, { name: { startsWith: $v } },"
    " { tools: { contains: $v } }, { tools: { containsAny: [$v] } }, { tools: { containsAll: [$v] } }]"
    " }) { totalCount nodes { id } } }",
    "query($v: ChittyID!) { actors(filter: { chittyId: { in: [$v] } }) { totalCount } }",
    "query($v: DateTime) { actors(filter: { createdAt: { gt: $v } }) { totalCount } }",
    "query($v: ActorStatus) { actors(filter: { status: { eq: $v } }) { totalCount } }",
)


def nested_lists(levels: int) -> list[Any]:
    """A list in a list in a list, and so on."""
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


INSTANTS = (
    "2026-13-01T00:00:00Z",
    "2026-01-01",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
)
WRONG: dict[str, tuple[str, Any]] = {
    **{f"the instant {instant}": (TAKES_TEXT[9], {"v": instant}) for instant in INSTANTS},
    "a configuration of 900 lists": (
        "mutation($v: JSON) { openConnection(input: {"
        ' source: "CHITTY-CONNECT-SYSTEM", targetService: "x", config: $v }) { errors { code } } }',
        {"v": nested_lists(900)},
    ),
    "no value": ("query($v: Int!) { actors(first: $v) { totalCount } }", {"v": None}),
    "a NUL in a literal": (r'{ contextByName(name: "wo\u0000rk") { id } }', {}),
    "the same pages 80 times": (wide("contexts(first:1){nodes{id}}", 80), {}),
    "a variable nobody asked for": ("{ __typename }", {"more": 1}),
    "a variable named __proto__": (
        "query($__proto__: Int) { actors(first: $__proto__) { totalCount } }",
        {"__proto__": {}},
    ),
    "an object for a number": (
        "query($v: Int) { actors(first: $v) { totalCount } }",
        {"v": {"a": 1}},
    ),
    "101 ids": ("query($v: [ID!]!) { nodes(ids: $v) { id } }", {"v": ["x"] * 101}),
    "20,000 ids": ("query($v: [ID!]!) { nodes(ids: $v) { id } }", {"v": ["x"] * 20_000}),
    "20,000 names": (
        "query($v: [String!]) { contexts(filter: { name: { in: $v } }) { totalCount } }",
        {"v": [str(n) for n in range(12_000)]},
    ),
    "1,000 filters": (
        "query($v: [ContextFilter!]) { contexts(filter: { or: $v }) { totalCount } }",
        {"v": [{"name": {"eq": "x"}}] * 1_000},
    ),
    "1,000 orderings": (
        "query($v: [ContextOrder!]) { contexts(orderBy: $v) { nodes { id } } }",
        {"v": [{"field": "NAME"}] * 1_000},
    ),
    "no number of nodes": ("{ actors(first: 0) { nodes { id } } }", {}),
    "a negative number of nodes": ("{ actors(first: -5) { nodes { id } } }", {}),
    "too many nodes": ("{ actors(last: 2147483647) { nodes { id } } }", {}),
    "both directions": ("{ actors(first: 1, last: 1) { nodes { id } } }", {}),
}


def nested_filter(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"and": [found], "not": {"or": [found]}} if levels < 8 else {"not": found}
    return found


for levels in (7, 11, 31, 50, 200, 900):
    WRONG[f"a filter of {levels} levels"] = (
        "query($v: ContextFilter) { contexts(filter: $v) { totalCount } }",
        {"v": nested_filter(levels)},
    )
for kind, text in TEXTS.items():
    for place, document in enumerate(TAKES_TEXT):
        WRONG[f"{kind} as text {place}"] = (document, {"v": text})
for number in NUMBERS:
    for place, document in enumerate(TAKES_NUMBERS):
        WRONG[f"{number[:20]} as number {place}"] = (document.format(number), {})
