"""What a webhook is sent: the changes that it selects, as `Query.changes` shows them to its creator."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import parse

from db.database import Database
from db.errors import Unreadable
from db.model.outgoing_webhooks import OutgoingWebhook
from db.queries import outgoing_changes
from resolvers import message_ids
from resolvers.operation_context import OperationContext
from resolvers.permissions import Viewer
from resolvers.policy import Policy
from schema import webhook_filters
from schema.execution.documents import PreparedDocument
from schema.execution.executor import Executor
from schema.fields import global_ids

CHANGE = PreparedDocument.of(
    parse(
        """
        query ($id: ID!) {
            node(id: $id) {
                ... on Change {
                    id cursor at operation cause actor { id chittyId displayName }
                    kind entityId before after requestId
                }
            }
        }
        """
    )
)


@dataclass(frozen=True, slots=True)
class SelectedChange:
    """A change that is to be sent; `message_id` is the same each time.

    `problem` says why it cannot be read, if it cannot.
    """

    sequence: int
    message_id: str
    body: bytes
    problem: str | None = None


class Feed:
    def __init__(
        self, db: Database, cursor_key: bytes, policy: Policy, *, compile_operations: bool
    ) -> None:
        self._db = db
        self._key = cursor_key
        self._policy = policy
        self._executor = Executor(compile_operations=compile_operations)

    async def next(
        self, webhook: OutgoingWebhook, viewer: Viewer, after: int
    ) -> tuple[SelectedChange | None, int]:
        """The next change after a sequence, if it is near, and how far no other one is.

        Raises Unavailable and EngineError.
        """
        where = webhook_filters.condition(webhook.filter)
        finding = outgoing_changes.next_selected(where, after)
        sequence, reached = await self._db.read(finding, viewer.security)
        if sequence is None:
            return None, reached
        return await self.one(viewer, sequence), reached

    async def one(self, viewer: Viewer, sequence: int) -> SelectedChange | None:
        """One change; None if it is no longer kept, or the viewer does not see it.

        Raises Unavailable and EngineError.
        """
        message_id = message_ids.encode(self._key, sequence)
        try:
            change = await self._shown(viewer, sequence)
        except Unreadable as unreadable:
            return SelectedChange(sequence, message_id, b"", f"the change: {unreadable}")
        if change is None:
            return None
        message = {
            "type": f"change.{change['operation'].lower()}",
            "timestamp": change["at"],
            "data": change,
        }
        return SelectedChange(sequence, message_id, orjson.dumps(message))

    async def _shown(self, viewer: Viewer, sequence: int) -> dict[str, Any] | None:
        operation = CHANGE.operation(None)
        variables = {"id": global_ids.of_change(self._key, sequence)}
        async with OperationContext(self._db, self._key, viewer, self._policy) as ctx:
            result = await self._executor.execute(CHANGE, operation, ctx, variables)
        node = (result.data or {}).get("node")
        if node is None and result.errors:
            for error in result.errors:
                if error.original_error is not None:
                    raise error.original_error
            raise Unreadable(result.errors[0].message)
        # The plan may have written a part of it as JSON.
        shown: dict[str, Any] | None = orjson.loads(orjson.dumps(node))
        return shown
