"""GraphiQL: the page that browsers get at /graphql, and the files that it is made of.

`web/build.py` makes them and their compressed twins beforehand, so that a request costs reading a file.
Their names hold a hash of what is in them: a browser asks for each of them once. It may build them again
while the server runs, so that what is served is what is there now.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from server.http import compression, etags

STATIC = Path(__file__).parents[1] / "static"
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
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# Apart from windows that opened it. Browsers heed it over https and from this machine, where they tell
# what they fetch; elsewhere it would be an error on their console.
APART = (b"cross-origin-opener-policy", b"same-origin")
TELLING = b"sec-fetch-dest"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
# Smallest first: of what a client takes, it gets the first.
SUFFIXES = {"br": ".br", "gzip": ".gz"}
NAME = re.compile(r"[\w-][\w.-]{0,99}", re.ASCII)  # of a file, and never a way out of its folder

NOT_BUILT = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ChittyGraph</title>
<link rel="icon" href="data:,">
<style>
html { color-scheme: light dark }
body { font: 1.1em/1.5 system-ui; margin: 3em auto; max-width: 38em; padding: 0 1em }
</style>
<h1>GraphiQL is not built</h1>
<p>The API at this address works: send it queries with POST. Only this page is missing, because building it
failed or was left out when the server was set up.</p>
<p>It is made of npm packages, which are fetched over the network, once. Run
<code>python web/build.py</code> in the environment that serves: it builds the page, or says
what is in the way; then load this page again. <code>./run serve</code> builds it too.</p>
</html>
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """The page as it was built, or one that says that it was not; `made` tells it from others."""

    made: tuple[int, ...]
    html: bytes
    tag: str
    guards: Sequence[tuple[bytes, bytes]]

    @classmethod
    def of(cls, made: tuple[int, ...], html: bytes) -> "Built":
        """The page of this text."""
        tag = hashlib.sha256(html).hexdigest()[:32]
        headers = GUARDS | {"cache-control": "no-cache", "vary": "Accept, Sec-Fetch-Dest"}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        return cls(made, html, tag, [*encoded, etags.header(tag, compression.IDENTITY)])

    def is_held(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a client says in these headers of its request that it has the page as it is."""
        return etags.matching_header(headers, self.tag, compression.IDENTITY_ONLY) is not None

    def headers(self, asked: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers that the page is sent with to a client that asked with these."""
        is_heeded = any(name == TELLING for name, _ in asked)
        return [*self.guards, *([APART] if is_heeded else ())]


class Page:
    """What there is of the page in a folder, at any time."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Look at what was built; a warning is logged when nothing was."""
        self._index = folder / "index.html"
        self._assets = folder / "assets"
        self._built = self._read()

    def built(self) -> Built:
        """The page as it is now; it is read again when another was built."""
        if self._made() != self._built.made:
            self._built = self._read()
        return self._built

    def _made(self) -> tuple[int, ...]:
        try:
            found = self._index.stat()
        except FileNotFoundError:
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _read(self) -> Built:
        made = self._made()  # looked at first, so that what is built meanwhile is read next time
        try:
            return Built.of(made, self._index.read_bytes())
        except FileNotFoundError:
            log.warning("graphiql is not built", extra={"build_it_with": "python web/build.py"})
            return Built.of((), NOT_BUILT)

    def routes(self) -> list[Route]:
        """Where the page's files are."""
        return [Route("/static/assets/{name}", self._asset)]

    async def _asset(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        file = self._assets / name
        if not NAME.fullmatch(name) or file.suffix not in TYPES or not file.is_file():
            raise HTTPException(404, "the page has no such file: load it again")
        headers = GUARDS | {
            "cache-control": f"public, max-age={YEAR_SECONDS}, immutable",
            "vary": "Accept-Encoding",
            "accept-ranges": "none",
        }
        # Files are small, and what the library says of a range that it cannot send is no JSON.
        heads = request.scope["headers"]
        request.scope["headers"] = [head for head in heads if head[0] != b"range"]
        accepted = (
            compression.accepted_codings(request.scope["headers"]) or compression.IDENTITY_ONLY
        )
        media_type = TYPES[file.suffix]
        for coding, suffix in SUFFIXES.items():
            smaller = self._assets / (name + suffix)
            if coding in accepted.codings and smaller.is_file():
                headers["content-encoding"] = coding
                return FileResponse(smaller, headers=headers, media_type=media_type)
        return FileResponse(file, headers=headers, media_type=media_type)
