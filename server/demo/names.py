"""The names and numbers of the demo registry, all of them fictional."""

from typing import NamedTuple

from db.model.enums import AccountType, ActorType, ConnectionType

PROJECTS = (
    "atlas",
    "beacon",
    "cobalt",
    "driftwood",
    "ember",
    "foxglove",
    "granite",
    "harbour",
    "inkwell",
    "juniper",
    "kestrel",
    "lantern",
    "meridian",
    "northwind",
    "orchard",
    "paragon",
    "quarry",
    "rosetta",
    "saffron",
    "tidewater",
    "umbra",
    "vantage",
    "willow",
    "zephyr",
)


class Facet(NamedTuple):
    """A part of a project that has its own context, and what that context works with."""

    name: str
    data: tuple[str, ...]
    systems: tuple[str, ...]
    tools: tuple[str, ...]


FACETS = (
    Facet("api", ("openapi", "request-logs"), ("gateway", "auth"), ("pytest", "k6", "curl")),
    Facet("web", ("analytics", "copy-deck"), ("cdn",), ("vite", "playwright")),
    Facet("pipeline", ("events", "warehouse"), ("queue", "scheduler"), ("dbt",)),
    Facet("infra", ("inventory",), ("kubernetes", "dns", "vault"), ("terraform", "helm")),
    Facet("docs", ("handbook", "changelog"), (), ("vale",)),
)


class Person(NamedTuple):
    """An actor: its type, its name and its capabilities, of which some mean nothing here."""

    kind: ActorType
    name: str
    capabilities: tuple[str, ...]


def _all(kind: ActorType, names: tuple[str, ...], capabilities: tuple[str, ...]) -> list[Person]:
    return [Person(kind, name, capabilities) for name in names]


ACTORS = (
    *_all(
        ActorType.HUMAN,
        (
            "Amara Whitlock",
            "Benedikt Sorensen",
            "Carys Pemberton",
            "Dario Fontanel",
            "Elspeth Okonjo",
            "Farid Nazemi",
            "Greta Lindqvist",
            "Hiro Takamine",
            "Ines Carvalhal",
            "Jonah Brackenridge",
            "Keziah Mbeki-Rowe",
            "Luca Ferrandino",
            "Maren Hollis",
            "Nadia Zelenko",
            "Otis Farrow",
            "Priya Venkataram",
            "Quentin Ashgrove",
            "Rosalind Achterberg",
        ),
        ("registry:write",),
    ),
    *_all(
        ActorType.AI,
        (
            "Research Agent",
            "Triage Agent",
            "Code Review Agent",
            "Release Notes Agent",
            "Support Agent",
            "Data Quality Agent",
            "Incident Agent",
            "Translation Agent",
        ),
        ("registry:read", "connections:report", "tools.call"),
    ),
    *_all(
        ActorType.SERVICE,
        (
            "Deploy Bot",
            "Backup Runner",
            "Billing Sync",
            "Search Indexer",
            "Mail Relay",
            "Metrics Collector",
            "Dependency Bot",
            "Certificate Renewer",
            "Feature Flag Sync",
        ),
        ("installations:write", "connections:report"),
    ),
    *_all(
        ActorType.SYSTEM,
        ("Connect System", "Auth System", "Chronicle System", "Gateway System", "Mint System"),
        ("admin",),
    ),
)
# By their place in ACTORS.
OWNER_OF_MANY = 0
SUSPENDED_ACTORS = (9, 24)
DELETED_ACTORS = (16, 33)
# The others that own contexts, each those of about one project.
OWNERS = (1, 2, 3, 4, 16, 6, 8, 7, 9, 10, 11, 12, 14, 15, 5, 18, 23, 19, 20, 24, 22, 25, 33, 21)


class Target(NamedTuple):
    """A service, its endpoint (`{project}` stands for the project's name) and the type of connection."""

    service: str
    endpoint: str | None
    kind: ConnectionType


GITHUB = Target("github", "https://api.github.com/repos/{login}/{project}", ConnectionType.API)
TARGETS = (
    GITHUB,
    Target("linear", "https://api.linear.app/graphql", ConnectionType.OAUTH),
    Target("slack", "https://slack.com/api/chat.postMessage", ConnectionType.OAUTH),
    Target("notion", "https://api.notion.com/v1", ConnectionType.OAUTH),
    Target("stripe", "https://api.stripe.com/v1", ConnectionType.API),
    Target("postgres", "db.example.com:5432/{project}", ConnectionType.DIRECT),
    Target("cloudflare", "https://api.cloudflare.com/client/v4", ConnectionType.API),
    Target("redis", "cache.example.com:6379/0", ConnectionType.DIRECT),
    Target("s3", "https://{project}.storage.example.com", ConnectionType.API),
    Target("openai", "https://api.openai.com/v1", ConnectionType.API),
    Target("anthropic", "https://api.anthropic.com/v1", ConnectionType.API),
    Target("sentry", "https://hooks.example.com/sentry/{project}", ConnectionType.WEBHOOK),
    Target("datadog", None, ConnectionType.API),
    Target("pagerduty", "https://hooks.example.com/pagerduty/{project}", ConnectionType.WEBHOOK),
    Target("google-drive", None, ConnectionType.OAUTH),
    Target("google-calendar", None, ConnectionType.OAUTH),
    Target("figma", "https://api.figma.com/v1", ConnectionType.OAUTH),
    Target("jira", "https://{project}.atlassian.example.com", ConnectionType.OAUTH),
    Target("hubspot", None, ConnectionType.OAUTH),
    Target("twilio", "https://api.twilio.com/2010-04-01", ConnectionType.API),
    Target("sendgrid", "https://api.sendgrid.com/v3", ConnectionType.API),
    Target("elasticsearch", "search.example.com:9200/{project}", ConnectionType.DIRECT),
    Target("kafka", "events.example.com:9092", ConnectionType.DIRECT),
    Target("vercel", "https://hooks.example.com/vercel/{project}", ConnectionType.WEBHOOK),
    Target("chittychronicle", None, ConnectionType.DIRECT),
    Target("ledger", "https://ledger.example.com/v2", ConnectionType.API),
    Target("payouts", "https://payouts.example.com/v1", ConnectionType.API),
    Target("payroll", "https://payroll.example.com/api", ConnectionType.OAUTH),
)
TARGET = {target.service: target for target in TARGETS}

# Neighbouring projects work with the same services: four projects for each line.
STACKS = (
    ("kafka", "elasticsearch", "postgres", "s3"),
    ("s3", "twilio", "google-calendar", "sendgrid"),
    ("notion", "figma", "vercel", "google-drive"),
    ("stripe", "payouts", "hubspot", "payouts"),
    ("openai", "anthropic", "redis", "chittychronicle"),
    ("datadog", "cloudflare", "pagerduty", "sentry"),
)
# What a part of a project needs, whatever the project does: by its place in FACETS.
NEEDS = (
    ("sentry", "redis", "postgres"),
    ("vercel", "cloudflare", "sentry"),
    ("postgres", "kafka", "datadog"),
    ("pagerduty", "datadog", "s3"),
    ("slack", "linear", "jira"),
)

# What fails together: the services whose calls all end the same way, and the projects that use the ledger.
OUTAGE = {
    "ledger": "certificate has expired",
    "payouts": "502 Bad Gateway: the ledger does not answer",
}
LEDGER_PROJECTS = ("meridian", "northwind", "orchard", "paragon")
# The one context that reads the payroll.
PAYROLL_READER = "quarry-pipeline"

# The services that actors reach by connections of their own.
REACHED = {
    "Amara Whitlock": ("github", "slack", "google-calendar"),
    "Benedikt Sorensen": ("linear", "notion"),
    "Dario Fontanel": ("figma",),
    "Elspeth Okonjo": ("slack", "jira", "google-drive", "google-calendar"),
    "Farid Nazemi": ("datadog", "pagerduty"),
    "Greta Lindqvist": ("figma",),
    "Hiro Takamine": ("slack", "openai", "figma"),
    "Ines Carvalhal": ("pagerduty", "linear"),
    "Jonah Brackenridge": ("hubspot",),
    "Keziah Mbeki-Rowe": ("anthropic", "jira"),
    "Luca Ferrandino": ("linear", "notion", "google-drive"),
    "Nadia Zelenko": ("hubspot",),
    "Otis Farrow": ("stripe", "hubspot", "linear", "github"),
    "Priya Venkataram": ("google-calendar", "jira"),
    "Quentin Ashgrove": ("linear",),
    "Rosalind Achterberg": ("payroll",),
    "Research Agent": (
        "github",
        "notion",
        "google-drive",
        "linear",
        "jira",
        "slack",
        "hubspot",
        "openai",
        "anthropic",
        "elasticsearch",
        "postgres",
        "kafka",
        "s3",
        "stripe",
        "datadog",
        "figma",
        "chittychronicle",
    ),
    "Triage Agent": ("linear",),
    "Code Review Agent": ("github", "slack"),
    "Release Notes Agent": ("notion", "slack", "sendgrid"),
    "Data Quality Agent": ("elasticsearch",),
    "Incident Agent": ("pagerduty", "slack", "datadog", "linear"),
    "Translation Agent": ("github", "redis"),
    "Deploy Bot": ("vercel", "github"),
    "Dependency Bot": ("github",),
    "Backup Runner": ("s3", "postgres", "elasticsearch"),
    "Billing Sync": ("stripe", "ledger"),
    "Search Indexer": ("elasticsearch",),
    "Mail Relay": ("sendgrid", "twilio"),
    "Metrics Collector": ("datadog", "postgres", "redis"),
    "Certificate Renewer": ("ledger", "cloudflare"),
    "Feature Flag Sync": ("chittychronicle", "cloudflare", "redis", "vercel"),
    "Connect System": ("chittychronicle", "anthropic"),
    "Auth System": ("redis",),
    "Chronicle System": ("chittychronicle", "elasticsearch", "kafka"),
    "Gateway System": ("cloudflare", "github"),
    "Mint System": ("chittychronicle",),
}

ACCOUNTS = (
    ("harbour-labs", AccountType.ORGANIZATION),
    ("meridian-collective", AccountType.ORGANIZATION),
    ("northwind-tools", AccountType.ORGANIZATION),
    ("amara-whitlock", AccountType.USER),
    ("paragon-group", AccountType.ENTERPRISE),
    ("kestrel-works", AccountType.ORGANIZATION),
    ("hiro-takamine", AccountType.USER),
    ("lantern-studio", AccountType.ORGANIZATION),
    ("inkwell-press", AccountType.ORGANIZATION),
    ("maren-hollis", AccountType.USER),
    ("orchard-data", AccountType.ORGANIZATION),
    ("otis-farrow", AccountType.USER),
)
# By their place in ACCOUNTS.
SUSPENDED_INSTALLATION = 7
REMOVED_INSTALLATION = 10

PERMISSIONS = (
    {"contents": "read", "issues": "write", "metadata": "read", "pull_requests": "write"},
    {"actions": "read", "checks": "write", "contents": "read", "metadata": "read"},
    {"contents": "write", "deployments": "write", "members": "read", "metadata": "read"},
)
EVENTS = (
    ("issues", "pull_request", "push"),
    ("check_run", "push", "workflow_run"),
    ("deployment", "deployment_status", "push", "release"),
)
ERRORS = (
    "connect timed out after 5000 ms",
    "401 Unauthorized: the token has expired",
    "503 Service Unavailable",
    "429 Too Many Requests: retry after 60 s",
    "certificate has expired",
)
