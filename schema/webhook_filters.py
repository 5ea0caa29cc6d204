"""The filters of outgoing webhooks: kept as JSON with the names of GraphQL."""

import json
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from db.errors import ErrorCode, Problem, Refused
from db.queries.conditions import Condition
from resolvers.validation.input_checks import Inputs
from schema import filter_reader
from schema.enums import ChangeOperation, NodeKind
from schema.filters import ChangeFilter, DateTimeFilter

FILTER = "filter"
AT = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "isNull": "is_null"}
CACHED = 256


def with_json(inputs: Inputs) -> Inputs:
    """The inputs with the filter, if there is one, as JSON; raises Refused for a null in it."""
    sent = inputs.get(FILTER)
    if sent is None:
        return inputs
    text = json.dumps(_in_json(sent, (FILTER,)), ensure_ascii=False, separators=(",", ":"))
    return {**inputs, FILTER: text}


@lru_cache(CACHED)
def condition(stored: str) -> Condition:
    """What a stored filter asks of a change."""
    sent: dict[str, Any] = json.loads(stored)
    if not sent:
        return filter_reader.NO_FILTER.condition
    filter_ = ChangeFilter(
        kinds=[NodeKind[name] for name in sent["kinds"]] if "kinds" in sent else UNSET,
        operations=(
            [ChangeOperation[name] for name in sent["operations"]]
            if "operations" in sent
            else UNSET
        ),
        entity_id=sent.get("entityId", UNSET),
        actor=sent.get("actor", UNSET),
        at=(
            DateTimeFilter(**{AT[name]: value for name, value in sent["at"].items()})
            if "at" in sent
            else UNSET
        ),
    )
    return filter_reader.read(filter_).condition


def _in_json(sent: Any, path: tuple[str, ...]) -> Any:
    if isinstance(sent, Mapping):
        return {to_camel_case(name): _in_json(each, (*path, name)) for name, each in sent.items()}
    if isinstance(sent, list):
        return [_in_json(each, path) for each in sent]
    if sent is None:
        message = "must have a value, not null: leave it out to ask nothing"
        raise Refused([Problem(ErrorCode.INVALID, path, message)])
    return sent.name if isinstance(sent, Enum) else sent
