"""The field that lists services, which are no rows: they have no ordering but that by name."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from db.model.services import SERVICES
from resolvers.pages import LazyPage
from schema.fields.fields import Info, field, object_type
from schema.fields.sources import NamedServices
from schema.filters import StringFilter
from schema.pages import (
    ALL_SERVICES,
    LOOK_AHEAD_FIELD,
    After,
    Before,
    First,
    Last,
    RelayPage,
    requested_page,
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
    listed, page_range = requested_page(
        info.context,
        ALL_SERVICES,
        first=first,
        after=after,
        last=last,
        before=before,
        filter=filter,
    )
    look_ahead = selects_of_page(info, "pageInfo", LOOK_AHEAD_FIELD[page_range.backward])
    return RelayPage(page=LazyPage(info.context, listed, page_range, None, look_ahead=look_ahead))


listed = field(
    NamedServices(),
    _services,
    _PAGE,
    "A page of all services that connections lead to, disconnected ones aside, ordered by name: by code "
    "point, so that all capitals come before all small letters",
    null_on_error=True,
)
