"""The settings: each is declared here once, with its type, default and help text.

They are read once, at start, from flags, from `CHITTYGRAPH_*` variables or from a file of these.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from starlette.datastructures import Secret

from db import database_url
from db.database_url import Address
from resolvers.policy import DEFAULT_POLICY
from schema.limits.limits import LIMITS
from server import setting_checks, setting_fields
from server.setting_fields import InvalidSetting, comma_separated, setting, variable
from server.setting_files import SettingFile

UNSET = Secret("")
# All are asymmetric: with a shared key, whoever can verify a token could also sign one.
JWT_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
GET_CHITTYID = "/get-chittyid"  # what the URL ends in of an authority that is asked by GET
# Each section of the settings begins with this one, and has those declared after it.
SECTIONS = {
    "database": "Server and database",
    "auth": "Who may ask",
    "readers": "Reading and rules",
    "github_webhook_secret": "GitHub webhooks",
    "webhooks_out": "Outgoing webhooks",
    "replica_of": "Replicas",
    "chittyid_url": "ChittyIDs",
    "jwt_issuer": "Tokens",
    "trusted_proxies": "Proxies and rates",
    "graphiql": "What clients may send",
    "max_tokens": "Limits of an operation",
    "head_seconds": "Timeouts and connections",
    "metrics": "Logs, metrics and traces",
}
LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Raises InvalidSetting for invalid or contradictory values."""

    database: str = setting(
        "chittygraph.db",
        "Path of the SQLite file, which `serve`, `migrate`, `demo` and `import` create; or a URL:"
        " `sqlite:///PATH`, `rqlite://USER:PASSWORD@HOST:PORT,HOST:PORT`, `rqlites://` for TLS,"
        " `d1+https://TOKEN@HOST/PATH`.",
        is_secret=True,
    )
    boot_check: Literal["auto", "full", "quick"] = setting(
        "auto",
        "How much of the file is read for damage at the start. `full`: all; `quick`: a part, if it is"
        " large; `auto`: all after an unclean end, else as `quick`.",
    )
    history_days: int = setting(
        0, "Days that changes are kept in the history; 0 keeps them all.", 0, 100_000
    )
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8000, "Port to listen on; 0 picks a free one.", 0, 65535)
    workers: int = setting(1, "Number of server processes.", 1, 64)
    pin_cpus: bool = setting(
        False, "Pin each worker to one CPU: faster if nothing else needs that CPU."
    )
    auth: Literal["open", "protected"] = setting(
        "open",
        "`open`: everyone may do everything. `protected`: every request needs a credential.",
    )
    allow_open_network: bool = setting(False, "Let an `open` server listen beyond this machine.")
    allowed_origins: str = setting(
        "",
        "Origins of web pages that may use the API, separated by commas, such as `https://app.example.com`,"
        " or `*` for all; without any, an `open` server allows pages of this machine.",
    )
    readers: int = setting(2, "Database connections for reads, per worker.", 1, 64)
    read_seconds: float = setting(
        5.0, "Time limit for the reads of one request, in seconds.", 0.01, 3600
    )
    wait_seconds: float = setting(
        1.0,
        "Longest time that a request waits for its turn, in seconds; later it gets a 503.",
        0.01,
        60,
    )
    page_default: int = setting(
        DEFAULT_POLICY.page_default, "Items per page if a query does not say how many.", 1, 1000
    )
    page_max: int = setting(DEFAULT_POLICY.page_max, "Most items per page.", 1, 1000)
    failure_threshold: int = setting(
        DEFAULT_POLICY.failure_threshold,
        "Number of consecutive errors that makes a connection FAILED.",
        1,
    )
    github_webhook_secret: Secret = setting(
        UNSET, "Secret that signs GitHub webhook deliveries; separate several with commas."
    )
    webhooks_out: bool = setting(True, "Deliver changes to the outgoing webhooks that admins make.")
    private_webhook_targets: bool = setting(
        False,
        "Let outgoing webhooks use http, any port, and addresses of this machine and of private networks.",
    )
    replica_of: str = setting(
        "",
        "Where litestream keeps the primary's database, as a URL for it; if set, this server is a"
        " replica, which only reads.",
        is_secret=True,
    )
    primary: str = setting(
        "", "URL of the primary, to which a replica forwards what writes and what must see it."
    )
    max_lag: float = setting(
        30.0,
        "How many seconds old a replica's copy may be for `/readyz` and for checking credentials.",
        0.1,
        1_000_000,
    )
    litestream: str = setting(
        "", "The program litestream, which a replica runs; without it, the one on PATH."
    )
    heartbeat_seconds: float = setting(
        0.0,
        "Seconds between heartbeats in the database, by which replicas know how old their copy is; 0 writes"
        " none.",
        0,
        3600,
    )
    chittyid_url: str = setting(
        "",
        "URL of the identity authority, or of its `/mint` or `/get-chittyid`; if set, it mints every"
        " ChittyID.",
    )
    chittyid_mint: Literal["local", "authority"] = setting(
        "local", "`authority`: never mint locally; refuse to start without the authority's URL."
    )
    chittyid_token: Secret = setting(UNSET, "Bearer token for the identity authority.")
    jwt_issuer: str = setting(
        "", "Issuer that tokens must have; set the issuer, audience and JWKS URL together."
    )
    jwt_audience: str = setting(
        "", "Audience that tokens must have; separate several with commas: one suffices."
    )
    jwt_jwks_url: str = setting("", "URL of the JSON Web Key Set that verifies tokens.")
    jwt_algorithms: str = setting(
        "RS256", "Signature algorithms that tokens may use, separated by commas."
    )
    jwt_claim: str = setting(
        "sub", "Token claim that holds the actor's ChittyID or ChittyAuth principal."
    )
    trusted_proxies: str = setting(
        "", "Addresses or networks of proxies whose `X-Forwarded-For` is trusted."
    )
    root_path: str = setting(
        "",
        "Path under which a proxy serves everything, such as `/registry`; paths with and"
        " without it work.",
    )
    failed_credentials_per_minute: int = setting(
        30, "Failed credentials per minute and client address; 0 is unlimited."
    )
    requests_per_minute: int = setting(6_000, "Requests per minute and actor; 0 is unlimited.")
    points_per_minute: int = setting(
        1_000_000, "Total cost of operations per minute and actor; 0 is unlimited."
    )
    graphiql: bool | None = setting(
        None,
        "Serve GraphiQL to browsers at `/graphql` and the graph at `/graph`; `auto`: in open mode only.",
    )
    compiled: bool = setting(
        True, "Compile operations to SQL plans; if off, plain resolvers execute them all."
    )
    introspection: bool | None = setting(
        None, "Allow introspection, and suggest names in errors; `auto`: in open mode only."
    )
    http_status: Literal["2025", "draft"] = setting(
        "2025",
        "Statuses of operations that are refused or fail in part. `2025`: those that clients expect"
        " today; `draft`: those of the draft of GraphQL over HTTP.",
    )
    documents: str = setting("", "JSON files of persisted documents, separated by commas.")
    documents_only: bool = setting(False, "Refuse every document that is not in those files.")
    max_tokens: int = setting(LIMITS.tokens, "Most tokens in a document.", 1)
    max_depth: int = setting(LIMITS.depth, "Deepest nesting of fields.", 1, 100)
    max_aliases: int = setting(LIMITS.aliases, "Most aliases in an operation.")
    max_root_fields: int = setting(LIMITS.root_fields, "Most root fields in an operation.", 1)
    max_directives: int = setting(LIMITS.directives, "Most directives in an operation.")
    max_fields: int = setting(LIMITS.fields, "Most fields in an operation.", 1)
    max_cost: int = setting(
        LIMITS.cost,
        "Highest cost of an operation: the objects it may return, the parts of its filters, and reads of"
        " whole tables.",
        1,
    )
    max_body_bytes: int = setting(100_000, "Largest body of a GraphQL request, in bytes.", 1_000)
    head_seconds: float = setting(
        10.0, "Time limit for a client to send a request's headers, in seconds.", 0.01
    )
    body_seconds: float = setting(
        10.0, "Time limit to send a request's body, or each 256 KiB of it, in seconds.", 0.01
    )
    answer_seconds: float = setting(
        10.0, "Time limit to receive a response, or each 256 KiB of it, in seconds.", 0.01
    )
    idle_seconds: int = setting(
        75,  # more than most proxies keep connections, which must be the first to close them
        "Time that a connection may stay open between requests, in seconds.",
        1,
    )
    stop_seconds: int = setting(
        5, "Time for running requests to finish when the server stops, in seconds.", 0, 3600
    )
    peer_sockets: int = setting(
        256, "Open connections per client address and worker; 0 is unlimited."
    )
    max_subscriptions: int = setting(
        2_000, "Open subscriptions per worker, of which one viewer may have half.", 1, 100_000
    )
    metrics: bool = setting(
        True, "Serve Prometheus metrics at `/metrics`, to this machine or with the token."
    )
    metrics_token: Secret = setting(UNSET, "Bearer token that opens `/metrics` to other machines.")
    metrics_operations: int = setting(
        100, "Number of operation names that each worker's metrics tell apart.", 0, 10_000
    )
    otlp_url: str = setting(
        "", "URL of an OpenTelemetry collector, which gets a span of each request."
    )
    min_free_mb: int = setting(64, "Free disk space, in MiB, below which writes are refused.")
    log_format: LogFormat = setting("auto", "`json`, `text`, or `auto`: text on a terminal.")
    log_level: LogLevel = setting(
        "info", "Lowest level that is logged: `debug`, `info`, `warning` or `error`."
    )

    def __post_init__(self) -> None:
        for declared in fields(self):
            setting_fields.check(variable(declared.name), declared, getattr(self, declared.name))
        setting_checks.database(self.database)
        self._check_minting()
        self._check_tokens()
        setting_checks.networks("trusted_proxies", self.trusted_proxy_list)
        setting_checks.allowed_origins(self.allowed_origins, is_open=self.auth == "open")
        setting_checks.root_path(self.root_path)
        self._check_documents_and_pages()
        setting_checks.collector_url(self.otlp_url)
        setting_checks.replica(self.replica_of, self.primary, self.address)
        if self.github_webhook_secret and not self.github_secrets:
            raise InvalidSetting(
                f"{variable('github_webhook_secret')} holds no secret, only commas or spaces:"
                " give it one or leave it out"
            )
        if (
            self.auth == "open"
            and not self.allow_open_network
            and not setting_checks.is_loopback(self.host)
        ):
            raise InvalidSetting(
                f"without authentication, anyone who reaches {self.host!r} could change the registry:"
                " listen on 127.0.0.1, or choose --auth protected,"
                " or add --allow-open-network if you mean it"
            )

    @classmethod
    def read(
        cls,
        environ: Mapping[str, str] = os.environ,
        flags: Mapping[str, str] | None = None,
        file: SettingFile | None = None,
    ) -> "Settings":
        """The values set by `flags` (by setting name), else by variables, else in a file.

        Raises InvalidSetting.
        """
        if file is None:
            return cls(**setting_fields.read(cls, environ, flags or {}))
        both = {**file.variables, **environ}
        places = {name: file.place(name) for name in file.variables.keys() - environ.keys()}
        return cls(**setting_fields.read(cls, both, flags or {}, places))

    @property
    def address(self) -> Address:
        """Where the database is, in the only form in which it is shown."""
        return database_url.parse(self.database)

    @property
    def database_path(self) -> Path:
        """The database's file; raises InvalidSetting if it is on an engine that is reached over HTTP."""
        address = self.address
        if address.file is None:
            raise InvalidSetting(f"database {address} is no file: give the path of one")
        return address.file

    @property
    def shows_graphiql(self) -> bool:
        return self.auth == "open" if self.graphiql is None else self.graphiql

    @property
    def shows_schema(self) -> bool:
        return self.auth == "open" if self.introspection is None else self.introspection

    @property
    def jwt_algorithm_list(self) -> tuple[str, ...]:
        return comma_separated(self.jwt_algorithms)

    @property
    def jwt_audience_list(self) -> tuple[str, ...]:
        return comma_separated(self.jwt_audience)

    @property
    def mint_url(self) -> str | None:
        """Where the identity authority mints ChittyIDs; None if they are minted locally."""
        base = self.chittyid_url.rstrip("/")
        if not base or base.endswith(("/mint", GET_CHITTYID)):
            return base or None
        return f"{base}/v1/mint"

    @property
    def trusted_proxy_list(self) -> tuple[str, ...]:
        return comma_separated(self.trusted_proxies)

    @property
    def allowed_origin_list(self) -> tuple[str, ...]:
        return comma_separated(self.allowed_origins)

    @property
    def primary_url(self) -> str:
        """Where the primary's API is."""
        return f"{self.primary.rstrip('/').removesuffix('/graphql')}/graphql"

    @property
    def document_files(self) -> tuple[Path, ...]:
        return tuple(map(Path, comma_separated(self.documents)))

    @property
    def github_secrets(self) -> tuple[str, ...]:
        return comma_separated(str(self.github_webhook_secret))

    def _check_documents_and_pages(self) -> None:
        if self.documents_only and not self.document_files:
            raise InvalidSetting(
                f"{variable('documents_only')} is true and {variable('documents')} names no file,"
                " so every request would be refused: name a file"
            )
        if self.page_default > self.page_max:
            raise InvalidSetting(
                f"{variable('page_default')} is {self.page_default}, more than"
                f" {variable('page_max')}, which is {self.page_max}: lower it or raise that"
            )

    def _check_tokens(self) -> None:
        needed = ("jwt_issuer", "jwt_audience", "jwt_jwks_url")
        missing = [variable(name) for name in needed if not getattr(self, name)]
        if 0 < len(missing) < len(needed):
            raise InvalidSetting(
                f"{' and '.join(missing)} must be set too: a token is only accepted if its issuer,"
                " audience and keys are all known"
            )
        if self.jwt_audience and not self.jwt_audience_list:
            raise InvalidSetting(
                f"{variable('jwt_audience')} names no audience, only commas or spaces: name one"
            )
        if self.jwt_jwks_url:
            setting_checks.service_url("jwt_jwks_url", self.jwt_jwks_url)
        unknown = [name for name in self.jwt_algorithm_list if name not in JWT_ALGORITHMS]
        if unknown or not self.jwt_algorithm_list:
            raise InvalidSetting(
                f"{variable('jwt_algorithms')} is {self.jwt_algorithms!r}: it must name some of"
                f" {', '.join(JWT_ALGORITHMS)}"
            )

    def _check_minting(self) -> None:
        if self.chittyid_url:
            setting_checks.service_url("chittyid_url", self.chittyid_url)
        elif self.chittyid_mint == "authority":
            raise InvalidSetting(
                f"{variable('chittyid_mint')} is authority and {variable('chittyid_url')} is not set:"
                " set it to the authority's URL, or leave both out to mint ChittyIDs locally"
            )
        if not re.fullmatch(r"[!-~]*", str(self.chittyid_token)):
            raise InvalidSetting(
                f"{variable('chittyid_token')} must be one line of visible ASCII, without spaces"
            )
