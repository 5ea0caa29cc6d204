"""Answers: asked for, and compared byte for byte where they must be equal."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from tests.support.corpus.operations import Operation
from tests.support.services.api import Api

# Of the answer to a request, and of changes, whatever their key.
_REQUEST_ID = re.compile(r'"[0-9a-f]{32}"')
_DATA = '{"data":'


@dataclass(frozen=True)
class Answer:
    """What a client sees of a response."""

    status: int
    content_type: str
    body: str

    @property
    def data(self) -> str:
        """The data's text, byte for byte; empty where the answer has none."""
        if not self.body.startswith(_DATA):
            return ""
        _, end = json.JSONDecoder().raw_decode(self.body, len(_DATA))
        return self.body[len(_DATA) : end]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors in an order of their own."""
        found = json.loads(self.body).get("errors", [])
        return sorted(found, key=lambda error: json.dumps(error, sort_keys=True))

    @property
    def codes(self) -> list[str]:
        """The code of every error."""
        return [error["extensions"]["code"] for error in self.errors]


async def ask(api: Api, operation: Operation) -> Answer:
    """The answer to an operation."""
    sent: dict[str, Any] = {"query": operation.document, "variables": operation.variables}
    if operation.name is not None:
        sent["operationName"] = operation.name
    headers = {"accept": operation.media_type}
    if operation.by_get:
        sent["variables"] = json.dumps(operation.variables)
        response = await api.client.get("/graphql", params=sent, headers=headers)
        found = Answer(response.status_code, response.headers["content-type"], response.text)
    else:
        answer = await api.client.answer(sent, headers)
        found = Answer(answer.status, answer.content_type, answer.body.decode())
    return replace(found, body=_REQUEST_ID.sub('"…"', found.body))


def fault(answer: Answer) -> str | None:
    """What no answer to a valid operation may be, or None."""
    if answer.status >= 500 or "INTERNAL" in answer.codes:
        return f"a fault of the server: {answer.status} {answer.body[:1000]}"
    if {"SYNTAX", "INVALID_DOCUMENT", "TOO_LARGE"} & {*answer.codes}:
        return f"the operation is not valid: {answer.body[:1000]}"
    return None


def difference(expected: Answer, found: Answer) -> str | None:
    """Where two answers to the same operation differ first, or None.

    Of several faults below one value that became null, any one may be told of: which it is depends
    on the order in which they are met. All else is equal, and so are the places that became null.
    """
    if expected == found:
        return None
    for name in ("status", "content_type"):
        if getattr(expected, name) != getattr(found, name):
            return f"{name}: {getattr(expected, name)} and {getattr(found, name)}"
    if expected.data != found.data:
        return "data: " + _apart(expected.data, found.data)
    if expected.errors == found.errors:
        return None
    if _alone(expected) == _alone(found) and _nulled(expected) == _nulled(found):
        return None
    return "errors: " + _apart(json.dumps(expected.errors), json.dumps(found.errors))


def _nulled(answer: Answer) -> list[list[Any]]:
    """The places that errors made null, each once."""
    data = json.loads(answer.data or "null")
    places = [_place(data, error.get("path", [])) for error in answer.errors]
    return sorted((place for n, place in enumerate(places) if place not in places[:n]), key=str)


def _alone(answer: Answer) -> list[dict[str, Any]]:
    """The errors of values that are null themselves: nothing above them gave way."""
    data = json.loads(answer.data or "null")
    return [
        error
        for error in answer.errors
        if _place(data, error.get("path", [])) == error.get("path", [])
    ]


def _place(data: Any, path: list[Any]) -> list[Any]:
    for length, step in enumerate(path):
        if data is None:
            return path[:length]
        data = data[step]
    return path


def _apart(expected: str, found: str) -> str:
    both = zip(expected, found, strict=False)
    same = next(
        (n for n, (one, other) in enumerate(both) if one != other), min(len(expected), len(found))
    )
    start = max(0, same - 80)
    return (
        f"from character {same}:\n  {expected[start : same + 120]}\n  {found[start : same + 120]}"
    )
