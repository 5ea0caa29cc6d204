"""What the log, the metrics and traces report of one request, or of one operation on a WebSocket."""

from db.program import Usage
from server.telemetry.server_timing import ServerTiming

KEY = "chittygraph.operation"


class OperationLog:
    """Filled in while a request or an operation is handled; a request's is in its ASGI scope.

    An instance has what is known, for the rest the class's None: to set it for each request took time (W6).
    """

    client: str | None = None  # its address; None until it is found
    actor: str | None = None
    operation: str | None = None  # its name, empty without one; None until it is found
    document: str | None = None  # SHA-256
    execution: str | None = None  # compiled or generic
    outcome: str | None = None
    code: str | None = None  # of a refusal
    cost: int | None = None
    usage: Usage | None = None
    timing: ServerTiming | None = None
    seconds: float | None = None  # until its stream began: what counts as its duration

    def refuse(self, code: str) -> None:
        self.outcome, self.code = "refused", code
