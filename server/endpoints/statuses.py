"""The statuses of responses from /graphql that are not complete: those of 2025, or of the draft since.

The draft of GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes) tells
apart what cannot be read (400) from what makes no sense (422), and marks a response that lacks data (294).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.graphql.request import JSON, MalformedRequest
from server.http.errors import HTTPError

RESPONSE_JSON = "application/graphql-response+json"


@dataclass(frozen=True, slots=True)
class Statuses:
    """One of the two sets of rules. `media_type` is what the client has asked for."""

    partial: int  # of a response with data and errors
    malformed: int  # of JSON that is no GraphQL request
    refused: int
    refused_by_code: Mapping[str, int] = field(default_factory=dict)
    is_lenient: bool = False  # with clients of application/json, to which a refusal is 200

    def of_refusal(self, code: str, media_type: str | None) -> tuple[int, str]:
        """The status and media type of an operation that is refused with this code."""
        if self.is_lenient and media_type != RESPONSE_JSON:
            return 200, JSON
        return self.refused_by_code.get(code, self.refused), RESPONSE_JSON

    def of_error(self, error: HTTPError, media_type: str | None) -> tuple[int, str]:
        """The status and media type of a request that is refused."""
        status = self.malformed if isinstance(error, MalformedRequest) else error.status
        # In the draft only a 2xx says application/json: anything between client and server may send that.
        return status, RESPONSE_JSON if media_type == RESPONSE_JSON or not self.is_lenient else JSON


STATUSES = {
    "2025": Statuses(partial=200, malformed=400, refused=400, is_lenient=True),
    "draft": Statuses(
        partial=294,
        malformed=422,
        refused=422,
        refused_by_code={"SYNTAX": 400, "DOCUMENT_NOT_TRUSTED": 403},
    ),
}
