"""What the log, the metrics and traces report of one request or operation."""

from dataclasses import dataclass

from starlette.types import Scope

from db.program import Usage
from server.telemetry.server_timing import ServerTiming

KEY = "chittygraph.operation"


@dataclass(slots=True)
class OperationLog:
    """Filled in on the way. A request keeps one in its ASGI scope; each operation on a WebSocket has its own.

    `operation` is the name of the operation, empty if it has none, and None until one was found.
    `document` is the SHA-256 of its document, `code` that of a refusal, and `execution` is compiled
    or generic.
    """

    actor: str | None = None
    operation: str | None = None
    document: str | None = None
    execution: str | None = None
    outcome: str | None = None
    code: str | None = None
    cost: int | None = None
    usage: Usage | None = None
    timing: ServerTiming | None = None

    def refuse(self, code: str) -> None:
        self.outcome, self.code = "refused", code


def of(scope: Scope) -> OperationLog:
    """The log of a request, which `server.http.middleware` puts into its scope."""
    log: OperationLog = scope[KEY]
    return log
