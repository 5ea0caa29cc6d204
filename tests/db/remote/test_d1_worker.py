"""The Worker of deploy/d1-proxy: authentication, what it refuses, and atomic batches in sessions of D1."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.other_programs.d1_worker import TOKEN, D1Worker

SECONDS = 60
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def url(d1_worker: D1Worker) -> str:
    return d1_worker.new_url()


def post(url: str, body: object, headers: dict[str, str] = AUTHORIZED) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.post(url, content=content, headers=headers, timeout=SECONDS, trust_env=False)


def batch(*statements: Any, session: str = "first-primary") -> dict[str, Any]:
    pairs = [
        [statement, []] if isinstance(statement, str) else statement for statement in statements
    ]
    return {"session": session, "statements": pairs}


def error_of(response: httpx2.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
    ],
)
def test_nobody_is_answered_without_the_token(url: str, headers: dict[str, str]):
    response = post(url, batch("SELECT 1 AS one"), headers)
    assert error_of(response) == (401, "UNAUTHORIZED", "the bearer token is missing or wrong")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(url: str, method: str):
    response = httpx2.request(method, url, headers=AUTHORIZED, timeout=SECONDS, trust_env=False)
    assert error_of(response) == (
        405,
        "METHOD_NOT_ALLOWED",
        f"send a batch of statements with POST, not {method}",
    )
    assert response.headers["Allow"] == "POST"


SESSION = 'session is not "first-primary", "first-unconstrained" or a bookmark'
NO_PAIR = "statement 2 is not a list of SQL and a list of values"
ONE = ["SELECT 1 AS one", []]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not JSON in UTF-8"),
        (b'{"session": "first-primary", "statements": [["SELECT', "the body is not JSON in UTF-8"),
        (b'{"session": "\xff"}', "the body is not JSON in UTF-8"),
        ([], "the body is not an object of JSON"),
        (None, "the body is not an object of JSON"),
        ({"statements": [ONE]}, SESSION),
        ({"session": " ", "statements": [ONE]}, SESSION),
        ({"session": "s", "statements": [ONE], "seconds": 0}, "seconds is not a number above 0"),
        ({"session": "s", "statements": [ONE], "seconds": "5"}, "seconds is not a number above 0"),
        ({"session": "s"}, "statements is not a list of at least one statement"),
        (batch(), "statements is not a list of at least one statement"),
        (batch(ONE, [1, []]), NO_PAIR),
        (batch(ONE, ["SELECT 1"]), NO_PAIR),
        (batch(ONE, ["SELECT 1", [], []]), NO_PAIR),
        (
            batch(["SELECT ?1 AS x", [True]]),
            "statement 1 has a value that is no text, no number and not null",
        ),
    ],
)
def test_a_damaged_request_is_told_what_is_wrong(url: str, body: object, message: str):
    assert error_of(post(url, body)) == (400, "INVALID", message)


def test_a_request_has_bounds(url: str):
    large = batch(["SELECT ?1 AS x", ["x" * 16_000_000]])
    assert error_of(post(url, large)) == (413, "TOO_LARGE", "the body has more than 16000000 bytes")
    many = batch(*["SELECT 1 AS one"] * 1_001)
    assert error_of(post(url, many)) == (413, "TOO_LARGE", "there are more than 1000 statements")


def test_a_body_of_unknown_length_has_the_same_bound(url: str):
    chunks = (b" " * 1_000_000 for _ in range(17))
    response = httpx2.post(
        url, content=chunks, headers=AUTHORIZED, timeout=SECONDS, trust_env=False
    )
    assert error_of(response)[1] == "TOO_LARGE"


def test_a_batch_is_applied_as_a_whole_or_not_at_all(d1_worker: D1Worker):
    url = d1_worker.new_url()
    made = post(url, batch("CREATE TABLE t (a UNIQUE)", ["INSERT INTO t VALUES (?1)", ["one"]]))
    assert made.status_code == 200
    twice = batch(["INSERT INTO t VALUES (?1)", ["two"]], ["INSERT INTO t VALUES (?1)", ["one"]])
    assert error_of(post(url, twice)) == (
        422,
        "SQL",
        "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
    )
    damaged = batch(["INSERT INTO t VALUES (?1)", ["three"]], "SELECT * FROM missing")
    assert error_of(post(url, damaged)) == (
        422,
        "SQL",
        "no such table: missing: SQLITE_ERROR",
    )
    read = post(url, batch("SELECT a FROM t", session="first-unconstrained"))
    assert read.json()["results"] == [[["one"]]]


def test_rows_are_arrays_in_the_order_of_the_columns(url: str):
    answered = post(
        url,
        batch(
            "SELECT 'z' AS z, 1 AS y, 1.5 AS x, NULL AS w, X'00ff' AS v",
            "SELECT 1 AS one WHERE FALSE",
            ["SELECT ?1 AS b, ?2 AS a", ["x\0\U0001f4a5", -7]],
        ),
    )
    assert answered.json()["results"] == [
        [["z", 1, 1.5, None, {"blob": "00ff"}]],
        [],
        [["x\0\U0001f4a5", -7]],
    ]


def test_columns_with_numbers_for_names_are_refused(url: str):
    status, _, message = error_of(post(url, batch("SELECT 'b', 7")))
    assert (status, message) == (500, "name the column 7 of the result: AS some_name")


def test_an_answer_has_a_bookmark_with_which_a_session_goes_on(d1_worker: D1Worker):
    url = d1_worker.new_url()
    written = post(url, batch("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")).json()
    assert written["meta"]["size_after"] > 0
    assert written["meta"]["rows_written"] > 0
    read = post(url, batch("SELECT a FROM t", session=written["bookmark"])).json()
    assert read["results"] == [[[1]]]
    assert read["bookmark"] >= written["bookmark"]
