"""Settings: each declared once, read once, from `CHITTYGRAPH_*` variables or the matching flags."""

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import unquote, urlsplit

from starlette.config import Config
from starlette.datastructures import Secret

from resolvers.policy import DEFAULT_POLICY
from schema.limits.limits import LIMITS
from server import ip_addresses
from server.http.client_address import Proxies

PREFIX = "CHITTYGRAPH_"
# Read by the test suite, not by the server.
NOT_OURS = frozenset({"CHITTYGRAPH_TEST_STRICT"})

UNSET = Secret("")
# Verified with a public key: with any other kind, who may verify a token may also sign one.
JWT_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingRefused(Exception):
    """Raised when a setting is unknown or has a value that it cannot take; the message names it."""


def setting(default: Any, help: str, low: float = 0, high: float = sys.maxsize) -> Any:  # noqa: A002
    """A setting with its default and what it means; a number must lie from `low` to `high`."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may choose; raises SettingRefused for values out of range or at odds."""

    database: str = setting("chittygraph.db", "Path or `sqlite:///` URL; created when missing.")
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8000, "Port to listen on; 0 takes a free one.", 0, 65535)
    workers: int = setting(1, "Server processes.", 1, 64)
    pin_cpus: bool = setting(
        False, "Keep each worker on one CPU: faster, if nothing else wants it."
    )
    auth: Literal["open", "protected"] = setting(
        "open", "`open`: every caller may do all. `protected`: each needs a credential."
    )
    allow_open_network: bool = setting(False, "Let `open` listen beyond this machine.")
    readers: int = setting(2, "Database connections for reading, per process.", 1, 64)
    read_seconds: float = setting(5.0, "Longest that one request may read.", 0.01, 3600)
    page_default: int = setting(
        DEFAULT_POLICY.page_default, "Items on a page when a query names no number.", 1, 1000
    )
    page_max: int = setting(DEFAULT_POLICY.page_max, "Most items on a page.", 1, 1000)
    failure_threshold: int = setting(
        DEFAULT_POLICY.failure_threshold, "Errors in a row that make a connection FAILED.", 1
    )
    github_webhook_secret: Secret = setting(UNSET, "What signs deliveries; several with commas.")
    chittyid_url: str = setting("", "The identity authority, which then mints all ChittyIDs.")
    chittyid_mint: Literal["local", "authority"] = setting(
        "local", "`authority`: never mint here, and refuse to start without its URL."
    )
    chittyid_token: Secret = setting(UNSET, "Bearer token for the identity authority.")
    jwt_issuer: str = setting("", "Issuer that tokens must come from; with the next two, or none.")
    jwt_audience: str = setting("", "Audience that tokens must be meant for.")
    jwt_jwks_url: str = setting("", "Where the keys are that tokens are signed with.")
    jwt_algorithms: str = setting("RS256", "How tokens may be signed, with commas between.")
    jwt_claim: str = setting("sub", "Claim with the actor's ChittyID or ChittyAuth principal.")
    trusted_proxies: str = setting(
        "", "Addresses or networks of proxies whose `X-Forwarded-For` is believed."
    )
    failed_credentials_per_minute: int = setting(
        30, "Credentials that may fail in a minute, of each address; 0: any number."
    )
    requests_per_minute: int = setting(
        6_000, "Requests that an actor may make in a minute; 0: any number."
    )
    points_per_minute: int = setting(
        1_000_000, "Cost of what an actor may ask for in a minute; 0: any."
    )
    graphiql: bool | None = setting(
        None, "Serve the GraphiQL page to browsers at `/graphql`; `auto`: when open."
    )
    compiled: bool = setting(True, "Compile operations; off, every one takes the generic road.")
    introspection: bool | None = setting(
        None, "Let clients ask for the schema, and suggest names in errors; `auto`: when open."
    )
    documents: str = setting("", "JSON files of trusted documents, with commas between.")
    documents_only: bool = setting(False, "Carry out trusted documents and no others.")
    max_tokens: int = setting(LIMITS.tokens, "Most tokens of a document.", 1)
    max_depth: int = setting(LIMITS.depth, "Deepest that fields may nest.", 1, 100)
    max_aliases: int = setting(LIMITS.aliases, "Most aliases of an operation.")
    max_root_fields: int = setting(LIMITS.root_fields, "Most fields at an operation's root.", 1)
    max_directives: int = setting(LIMITS.directives, "Most directives of an operation.")
    max_fields: int = setting(LIMITS.fields, "Most fields of an operation.", 1)
    max_cost: int = setting(LIMITS.cost, "Most objects that an operation may return.", 1)
    max_body_bytes: int = setting(100_000, "Largest body of a GraphQL request.", 1_000)
    head_seconds: float = setting(10.0, "Longest that a request's headers may take.", 0.01)
    body_seconds: float = setting(
        10.0, "Longest that a request's body, or 256 KiB of it, may take.", 0.01
    )
    answer_seconds: float = setting(
        10.0, "Longest that a client may take to read an answer, or 256 KiB of it.", 0.01
    )
    idle_seconds: int = setting(5, "Longest that a connection may stay open without a request.", 1)
    peer_sockets: int = setting(
        256, "Connections that one client address may hold to a worker; 0 is no limit."
    )
    metrics: bool = setting(
        True, "Serve figures for Prometheus at `/metrics`, to this machine or for the token."
    )
    metrics_token: Secret = setting(UNSET, "Bearer token that opens `/metrics` to others.")
    metrics_operations: int = setting(
        100,
        "Operation names that the figures tell apart: the first so many of each worker.",
        0,
        10_000,
    )
    otlp_url: str = setting("", "OpenTelemetry collector, which then gets a span of each request.")
    min_free_mb: int = setting(64, "Free disk space below which nothing is written.")
    log_format: LogFormat = setting("auto", "`json`, `text`, or `auto`: text on a terminal.")
    log_level: LogLevel = setting("info", "`debug`, `info`, `warning` or `error`.")

    def __post_init__(self) -> None:
        """Check every value, so that settings made in code are held to the same rules."""
        for declared in fields(self):
            _check(variable(declared.name), declared, getattr(self, declared.name))
        _database_path(self.database)
        self._check_minting()
        self._check_tokens()
        self._check_proxies()
        _check_collector(self.otlp_url)
        if self.github_webhook_secret and not self.github_secrets:
            raise SettingRefused(
                f"{variable('github_webhook_secret')} holds no secret, only commas or spaces:"
                " give it one or leave it out"
            )
        if self.documents_only and not self.document_files:
            raise SettingRefused(
                f"{variable('documents_only')} is true and {variable('documents')} names no file:"
                " nothing could be asked"
            )
        if self.page_default > self.page_max:
            raise SettingRefused(
                f"{variable('page_default')} is {self.page_default}, more than"
                f" {variable('page_max')}, which is {self.page_max}: lower it or raise that"
            )
        if self.auth == "open" and not self.allow_open_network and not _is_loopback(self.host):
            raise SettingRefused(
                f"auth is open, so anyone who reaches {self.host!r} could change the registry:"
                " listen on 127.0.0.1, or choose --auth protected,"
                " or add --allow-open-network if that is meant"
            )

    @classmethod
    def read(
        cls, environ: Mapping[str, str] = os.environ, flags: Mapping[str, str] | None = None
    ) -> "Settings":
        """The settings that flags (by setting's name) and, after them, variables give.

        Raises SettingRefused, naming the flag or the variable and what it takes.
        """
        _refuse_unknown(environ)
        config = Config(environ=environ, env_prefix=PREFIX)
        types = get_type_hints(cls)
        given: dict[str, Any] = {}
        for declared in fields(cls):
            source, text = variable(declared.name), config.get(declared.name.upper(), default=None)
            if flags is not None and declared.name in flags:
                source, text = flag(declared.name), flags[declared.name]
            if text is not None:
                value = _parse(source, types[declared.name], text)
                _check(source, declared, value)
                given[declared.name] = value
        return cls(**given)

    @property
    def database_path(self) -> Path:
        """The file that holds the registry."""
        return _database_path(self.database)

    @property
    def shows_graphiql(self) -> bool:
        """Whether browsers get the page."""
        return self.auth == "open" if self.graphiql is None else self.graphiql

    @property
    def shows_schema(self) -> bool:
        """Whether clients may ask for the schema."""
        return self.auth == "open" if self.introspection is None else self.introspection

    @property
    def jwt_algorithm_list(self) -> tuple[str, ...]:
        """How tokens may be signed."""
        return _parts(self.jwt_algorithms)

    @property
    def mint_url(self) -> str | None:
        """Where ChittyIDs are asked for by POST; None when they are minted here."""
        base = self.chittyid_url.rstrip("/")
        return (base if base.endswith("/mint") else f"{base}/v1/mint") if base else None

    @property
    def trusted_proxy_list(self) -> tuple[str, ...]:
        """The proxies that are believed."""
        return _parts(self.trusted_proxies)

    @property
    def document_files(self) -> tuple[Path, ...]:
        """The files that hold the trusted documents."""
        return tuple(map(Path, _parts(self.documents)))

    @property
    def github_secrets(self) -> tuple[str, ...]:
        """The secrets that a webhook's signature may be made with."""
        return _parts(str(self.github_webhook_secret))

    def _check_proxies(self) -> None:
        try:
            Proxies(self.trusted_proxy_list)
        except ValueError as error:
            raise SettingRefused(
                f"{variable('trusted_proxies')}: {error}; give addresses or networks, with commas"
                " between, as 127.0.0.1,10.0.0.0/8"
            ) from None

    def _check_tokens(self) -> None:
        needed = ("jwt_issuer", "jwt_audience", "jwt_jwks_url")
        lacking = [variable(name) for name in needed if not getattr(self, name)]
        if 0 < len(lacking) < len(needed):
            raise SettingRefused(
                f"{' and '.join(lacking)} must be set too: tokens are taken only where their issuer,"
                " audience and keys are all known"
            )
        if self.jwt_jwks_url:
            _check_service("jwt_jwks_url", self.jwt_jwks_url)
        unknown = [name for name in self.jwt_algorithm_list if name not in JWT_ALGORITHMS]
        if unknown or not self.jwt_algorithm_list:
            raise SettingRefused(
                f"{variable('jwt_algorithms')} is {self.jwt_algorithms!r}: it takes names of"
                f" {', '.join(JWT_ALGORITHMS)}"
            )

    def _check_minting(self) -> None:
        if self.chittyid_url:
            _check_service("chittyid_url", self.chittyid_url)
        elif self.chittyid_mint == "authority":
            raise SettingRefused(
                f"{variable('chittyid_mint')} is authority and {variable('chittyid_url')} is not set:"
                " give it the authority's URL, or leave both out to mint ChittyIDs here"
            )
        if not re.fullmatch(r"[!-~]*", str(self.chittyid_token)):
            raise SettingRefused(
                f"{variable('chittyid_token')} must be one line of visible ASCII, without spaces"
            )


def _parts(text: str) -> tuple[str, ...]:
    """What commas divide."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The command line flag of a setting."""
    return "--" + name.replace("_", "-")


def accepted(hint: Any) -> str:
    """What a setting of this type takes, in words."""
    if hint is bool:
        return "true or false"
    if hint == bool | None:
        return "true, false or auto"
    if hint is int:
        return "a whole number"
    return "a number" if hint is float else " or ".join(get_args(hint)) or "a text"


def shown(default: object) -> str:
    """A setting's default, as its variable would spell it."""
    if default is None:
        return "auto"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _parse(source: str, hint: Any, text: str) -> Any:
    if hint is Secret:
        return Secret(text)
    value = text.strip()
    choices: dict[str, Any] = {str(choice): choice for choice in get_args(hint)}
    if hint in (bool, bool | None):
        choices = {"true": True, "1": True, "false": False, "0": False}
        if hint is not bool:
            choices["auto"] = None
    try:
        return choices[value.lower()] if choices else hint(value)
    except (KeyError, ValueError):
        raise SettingRefused(f"{source} is {text!r}: it takes {accepted(hint)}") from None


def _check(source: str, declared: Field[Any], value: Any) -> None:
    low, high = declared.metadata["low"], declared.metadata["high"]
    if isinstance(value, int | float) and not low <= value <= high:
        top = "" if high == sys.maxsize and not value > high else f" and at most {high}"
        raise SettingRefused(f"{source} is {value}: it must be at least {low}{top}")
    if value == "" and isinstance(value, str) and declared.default != "":
        raise SettingRefused(f"{source} is empty: give it a value or leave it out")


def _database_path(database: str) -> Path:
    scheme, separator, rest = database.partition("://")
    if not separator:
        if database.startswith(":"):
            raise SettingRefused(f"database {database!r} is no file: give the path of one")
        return Path(database)
    if scheme == "sqlite" and re.match(r"/.", rest):
        return Path(unquote(rest[1:]))
    if scheme in {"rqlite", "d1+https"}:
        raise SettingRefused(f"database {scheme}://… is not built yet: give the path of a file")
    raise SettingRefused(
        f"database {scheme}://… is not known: give the path of a file, or sqlite:///PATH"
    )


def _check_service(setting: str, url: str) -> None:
    name = variable(setting)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingRefused(f"{name} is no URL: give one as https://id.example.org") from None
    if not host or re.search(r"[^!-~]", url) or parts.query or parts.fragment:
        raise SettingRefused(f"{name} must be a URL without a query, as https://id.example.org")
    if "@" in parts.netloc:
        raise SettingRefused(
            f"{name} must not carry a user name or password"
            + (f": use {variable('chittyid_token')}" if setting == "chittyid_url" else "")
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise SettingRefused(f"{name} must begin with https://, but on this machine with http://")


def _check_collector(url: str) -> None:
    if not url:
        return
    if importlib.util.find_spec("opentelemetry") is None:
        raise SettingRefused(
            f"{variable('otlp_url')} needs OpenTelemetry, which is not installed:"
            " install chittygraph[otel], or leave the setting out"
        )
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or any(mark in url for mark in "@?#"):
        raise SettingRefused(
            f"{variable('otlp_url')} must be a URL without a query or password, as"
            " http://127.0.0.1:4318: headers for the collector go into OTEL_EXPORTER_OTLP_HEADERS"
        )


def _is_loopback(host: str) -> bool:
    address = ip_addresses.parsed(host)
    return host == "localhost" if address is None else address.is_loopback


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {variable(declared.name) for declared in fields(Settings)}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known | NOT_OURS:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "the README lists the settings"
            raise SettingRefused(f"{name} is not a setting: {hint}")
