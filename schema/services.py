"""The field that lists services, which are no rows: they have no ordering but that by name."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from db.model.services import SERVICES
from resolvers import services
from schema import filter_reader
from schema.fields.fields import Info, field, object_type
from schema.fields.sources import OnlyGeneric
from schema.filters import StringFilter
from schema.pages import (
    LOOK_AHEAD_FIELD,
    After,
    Before,
    First,
    Last,
    RelayPage,
    page_arguments,
    selects_of_page,
)

_PAGE: Any = RelayPage[object_type(SERVICES)]  # type: ignore[misc]


def _services(
    self: Any,
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    filter: Annotated[  # noqa: A002
        StringFilter | None,
        strawberry.argument(
            description="Only services whose name matches this filter; null is no filter"
        ),
    ] = UNSET,
) -> Any:
    arguments = page_arguments(first, after, last, before)
    where = filter_reader.read_text(SERVICES.key, filter).condition
    is_backward = arguments.last is not None
    look_ahead = selects_of_page(info, "pageInfo", LOOK_AHEAD_FIELD[is_backward])
    return RelayPage(page=services.page(info.context, where, arguments, look_ahead=look_ahead))


listed = field(
    OnlyGeneric(),
    _services,
    _PAGE,
    "A page of all services that connections lead to, disconnected ones aside, ordered by name: by code "
    "point, so that all capitals come before all small letters",
    null_on_error=True,
)
