"""What browsers ask for of themselves, and people who know the server's name only: / and /favicon.ico."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

ROOT, FAVICON = "/", "/favicon.ico"
ICON = (
    Path(__file__).with_name("favicon.ico").read_bytes()
)  # web/src/icon.svg at 16, 32 and 48 pixels
WEEK_SECONDS = 604_800


class Landing:
    """Leads from / to GraphQL, which is at `graphql` below `root_path`."""

    def __init__(self, root_path: str, graphql: str) -> None:
        # Without a root path a proxy may still serve everything under one, which it removes: only a relative
        # address is right then, too.
        self._location = root_path + graphql if root_path else graphql.removeprefix(ROOT)

    async def redirect(self, request: Request) -> Response:
        return RedirectResponse(self._location, headers={"vary": "origin"})


async def favicon(request: Request) -> Response:
    headers = {"cache-control": f"public, max-age={WEEK_SECONDS}", "vary": "origin"}
    return Response(ICON, media_type="image/vnd.microsoft.icon", headers=headers)
