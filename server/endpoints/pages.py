"""The pages for browsers, GraphiQL at /graphql and the graph at /graph, and their static files.

`web/build.py` builds and compresses them. Their names contain a hash of their content, so browsers cache
them for good. A build while the server runs takes effect at once.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from server.http import compression, etags
from server.http.errors import HTTPError
from server.http.headers import by_name
from server.service import Service
from server.telemetry.operation_log import KEY

STATIC = Path(__file__).parents[1] / "static"
ASSETS = "/static/assets/{name}"
GRAPH = "/graph"
METHODS = ("GET", "HEAD")
YEAR_SECONDS = 31_536_000

# The pages talk to this server only. Monaco colours its text with style elements.
CONTENT_SECURITY_POLICY = "; ".join(
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
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
# Isolates the page from windows that opened it. Browsers that send Sec-Fetch-Dest (over https, and for
# this machine) obey it; others report an error on their console.
ISOLATION = (b"cross-origin-opener-policy", b"same-origin")
FETCH_DEST = b"sec-fetch-dest"
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
# Smallest first.
SUFFIXES = {"br": ".br", "gzip": ".gz"}
NAME = re.compile(r"[\w-][\w.-]{0,99}", re.ASCII)  # of a file; cannot leave its folder

_NOTICE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ChittyGraph</title>
<link rel="icon" href="data:,">
<style>
html { color-scheme: light dark }
body { font: 1.1em/1.5 system-ui; margin: 3em auto; max-width: 38em; padding: 0 1em }
</style>
<h1>%s</h1>
%s
</html>
"""
NOT_BUILT = _NOTICE % (
    "This page is not built",
    """<p>The API at <code>graphql</code> beside this address works: send it queries with POST. Only the
pages are missing, because building them failed or was left out when the server was set up.</p>
<p>They are made of npm packages, which are fetched over the network, once. Run
<code>python web/build.py</code> in the environment that serves: it builds them, or says
what is in the way; then load this page again. <code>./run serve</code> builds them too.</p>""",
)
# Does not name GraphiQL, which scanners look for.
SWITCHED_OFF = _NOTICE % (
    "The page for browsers is switched off",
    """<p>%s, with the setting <code>CHITTYGRAPH_GRAPHIQL=true</code>.</p>
<p>The answer to this request is %s: %s.</p>""",
)
NO_EDITOR = """This is the address of a GraphQL API: send it queries with POST. Whoever runs this server
can serve a page to write them in"""
NO_GRAPH = """The API is at <code>graphql</code> beside this address. Whoever runs this server can serve
a page here that draws what it holds"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuiltPage:
    """The page as built, or a notice that it is not; `version` identifies the build."""

    version: tuple[int, ...]
    html: bytes
    tag: str
    fixed_headers: Sequence[tuple[bytes, bytes]]

    @classmethod
    def of(cls, version: tuple[int, ...], html: bytes) -> "BuiltPage":
        tag = hashlib.sha256(html).hexdigest()[:32]
        headers = SECURITY_HEADERS | {
            "cache-control": "no-cache",
            "vary": "Accept, Origin, Sec-Fetch-Dest",
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        return cls(version, html, tag, [*encoded, etags.header(tag, compression.IDENTITY)])

    def is_cached_by(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether the request's headers say that the client has this page."""
        matching = etags.matching_header(by_name(headers), self.tag, compression.IDENTITY_ONLY)
        return matching is not None

    def headers(self, requested: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        is_supported = any(name == FETCH_DEST for name, _ in requested)
        return [*self.fixed_headers, *([ISOLATION] if is_supported else ())]


def notice(error: HTTPError, what: str) -> Response:
    """Tells a browser why there is no page, with the status and headers of the refusal; `what` is HTML."""
    [refusal] = error.body["errors"]
    headers = {"cache-control": "no-store", "vary": "Accept", **SECURITY_HEADERS, **error.headers}
    html = SWITCHED_OFF % (what, error.status, escape(refusal["message"]))
    return HTMLResponse(html, error.status, headers)


class Page:
    """One page, which is read again once another was built."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._built = self._read()

    @property
    def is_built(self) -> bool:
        return self._built.version != ()

    def current(self) -> BuiltPage:
        """The page, read again if another was built."""
        if self._version() != self._built.version:
            self._built = self._read()
        return self._built

    def _version(self) -> tuple[int, ...]:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return ()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _read(self) -> BuiltPage:
        version = self._version()  # first: a build during the read is then noticed next time
        try:
            return BuiltPage.of(version, self._file.read_bytes())
        except FileNotFoundError:
            return BuiltPage.of((), NOT_BUILT.encode())

    async def respond(self, scope: Scope, send: Send) -> None:
        """Send the page, or 304 if the browser has it."""
        if scope["raw_path"].endswith(b"/"):  # addresses in the page are relative to its own
            await _redirect(scope, send)
            return
        built, requested = self.current(), scope["headers"]
        headers, status, body = built.headers(requested), 304, b""
        if not built.is_cached_by(requested):
            status, body = 200, built.html
            length = (b"content-length", b"%d" % len(body))
            headers = [length, (b"content-type", b"text/html; charset=utf-8"), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Pages:
    """GraphiQL, the graph, and the files of both."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the pages; logs a warning if they are not built."""
        folder = folder or STATIC
        self.graphiql = Page(folder / "index.html")
        self.graph = Page(folder / "graph.html")
        self._assets = folder / "assets"
        if not self.graphiql.is_built:
            log.warning("graphiql is not built", extra={"build_it_with": "python web/build.py"})

    async def asset(self, request: Request) -> Response:
        """Answer with a static file, at ASSETS."""
        name: str = request.path_params["name"]
        file = self._assets / name
        if not NAME.fullmatch(name) or file.suffix not in MEDIA_TYPES or not file.is_file():
            raise HTTPException(404, "the page has no such file: load it again")
        headers = SECURITY_HEADERS | {
            "cache-control": f"public, max-age={YEAR_SECONDS}, immutable",
            "vary": "Accept-Encoding, Origin",
            "accept-ranges": "none",
        }
        # Ranges are ignored: files are small, and the library answers a bad range in plain text.
        headers_list = request.scope["headers"]
        request.scope["headers"] = [head for head in headers_list if head[0] != b"range"]
        accepted = (
            compression.accepted_codings(by_name(request.scope["headers"]))
            or compression.IDENTITY_ONLY
        )
        media_type = MEDIA_TYPES[file.suffix]
        for coding, suffix in SUFFIXES.items():
            smaller = self._assets / (name + suffix)
            if coding in accepted.codings and smaller.is_file():
                headers["content-encoding"] = coding
                return FileResponse(smaller, headers=headers, media_type=media_type)
        return FileResponse(file, headers=headers, media_type=media_type)


async def _redirect(scope: Scope, send: Send) -> None:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    headers = [(b"location", b".." + scope["path"].encode() + query), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class GraphPage:
    """GET /graph: public, as it holds no data; in open mode Host is checked, as for everything."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in METHODS:
            allow = {"allow": ", ".join(METHODS)}
            raise HTTPError(405, f"{scope['method']} is not for {GRAPH}", allow)
        service: Service = scope["app"].service
        if service.operations.gate is None:
            await service.operations.viewer(scope, scope[KEY], scope["headers"])
        await self._page.respond(scope, send)
