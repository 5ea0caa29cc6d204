"""The Subscription type. Its events are read by queries: see `schema.execution.events`."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from strawberry import UNSET

from schema.fields.sources import METADATA, Events
from schema.filters import ChangeFilter
from schema.types import Change

After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of a change: they begin after it. Without one they begin now"
    ),
]
Filter = Annotated[
    ChangeFilter | None,
    strawberry.argument(description="Only changes that match this filter; null is no filter"),
]
CHANGES = (
    "Every change after the cursor that the viewer sees, each once and in order, across restarts and"
    " processes"
)


@strawberry.type(description="Events as they happen, over WebSockets and event streams")
class Subscription:
    @strawberry.subscription(description=CHANGES, metadata={METADATA: Events()})
    async def changes(
        self,
        after: After = UNSET,
        filter: Filter = UNSET,  # noqa: A002
    ) -> AsyncGenerator[Change]:
        none: tuple[Change, ...] = ()
        for change in none:
            yield change
