"""GraphiQL: the page that browsers get at /graphql, and the files that it is made of.

`web/build.py` makes them and their compressed twins beforehand, so that a request costs reading a file.
Their names hold a hash of what is in them: a browser asks for each of them once.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from server import compression, etags

STATIC = Path(__file__).parent / "static"
YEAR_SECONDS = 31_536_000

# Nothing but this server is talked to. Monaco colours its text with style elements.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
GUARDS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
# Smallest first: of what a client takes, it gets the first.
SUFFIXES = {"br": ".br", "gzip": ".gz"}

NOT_BUILT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ChittyGraph</title>
<style>body { color-scheme: light dark; font: 1.1em/1.5 system-ui; margin: 3em auto; max-width: 38em }</style>
<h1>GraphiQL is not built</h1>
<p>The API at this address works: send it queries with POST. Only this page is missing, because building it
failed or was left out when the server was set up.</p>
<p>It is made of npm packages, which are fetched over the network, once. Run
<code>python web/build.py</code> in the environment that serves: it builds the page, or says
what is in the way. Then start the server again; <code>./run serve</code> does both.</p>
</html>
"""

log = logging.getLogger(__name__)


class Page:
    """The page as it was built, or one that says that it was not."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Look at what was built; a warning is logged when nothing was."""
        self._assets = {file.name: file for file in folder.glob("assets/*")}
        built = folder / "index.html"
        self.html = built.read_bytes() if built.exists() else NOT_BUILT
        if self.html is NOT_BUILT:
            log.warning("graphiql is not built", extra={"build_it_with": "python web/build.py"})
        self._tag = hashlib.sha256(self.html).hexdigest()[:32]
        headers = GUARDS | {"cache-control": "no-cache", "vary": "Accept"}
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.headers.append(etags.header(self._tag, compression.IDENTITY))

    def is_held(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a client says in these headers of its request that it has the page as it is."""
        return etags.still_held(headers, self._tag, compression.PLAIN) is not None

    def routes(self) -> list[Route]:
        """Where the page's files are."""
        return [Route("/static/assets/{name}", self._asset)]

    async def _asset(self, request: Request) -> Response:
        file = self._assets.get(request.path_params["name"])
        if file is None or file.suffix not in TYPES or not file.exists():
            raise HTTPException(404, "the page has no such file: load it again")
        headers = GUARDS | {
            "cache-control": f"public, max-age={YEAR_SECONDS}, immutable",
            "vary": "Accept-Encoding",
            "accept-ranges": "none",
        }
        # Files are small, and what the library says of a range that it cannot send is no JSON.
        heads = request.scope["headers"]
        request.scope["headers"] = [head for head in heads if head[0] != b"range"]
        accepted = compression.accepted(request.scope["headers"]) or compression.PLAIN
        media_type = TYPES[file.suffix]
        for coding, suffix in SUFFIXES.items():
            smaller = self._assets.get(file.name + suffix)
            if smaller and coding in accepted.codings:
                headers["content-encoding"] = coding
                return FileResponse(smaller, headers=headers, media_type=media_type)
        return FileResponse(file, headers=headers, media_type=media_type)
