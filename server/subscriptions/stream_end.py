"""Why a stream of changes ends, other than by its client."""

from typing import Any

# Reasons, as metrics and logs have them.
GONE, STOPPING, CUT_OFF, MISSED = "client", "stopping", "slow", "missed"
RIGHTS, UNAVAILABLE, FAILED = "rights", "unavailable", "failed"


class StreamEnd(Exception):
    """Raised to end a stream with an error. From `cursor`, if there is one, the client goes on."""

    def __init__(self, reason: str, code: str, message: str, cursor: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.cursor = cursor

    def formatted(self) -> list[dict[str, Any]]:
        """The errors of the response that tells the client."""
        extensions = {"code": self.code}
        if self.cursor is not None:
            extensions["cursor"] = self.cursor
        return [{"message": str(self), "extensions": extensions}]
