"""The variables that Kubernetes sets for each service: of one named chittygraph they look like settings.

See https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
"""

import re
from collections.abc import Iterable, Mapping

_URL = r"(?:tcp|udp|sctp)://[^\s/]+:\d+"
_ADDRESS = r"[\d.]+|[\da-fA-F:.]*:[\da-fA-F:.]*"
# Of `CHITTYGRAPH` and of services such as `chittygraph-x`; the values tell them from misspelt settings.
_FORMS = tuple(
    (re.compile(rf"CHITTYGRAPH(?:_[A-Z0-9_]+)?_{name}"), re.compile(value))
    for name, value in (
        (r"PORT", _URL),
        (r"SERVICE_HOST", _ADDRESS),
        (r"SERVICE_PORT(?:_[A-Z0-9_]+)?", r"\d+"),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)", _URL),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_PROTO", r"tcp|udp|sctp"),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_PORT", r"\d+"),
        (r"PORT_\d+_(?:TCP|UDP|SCTP)_ADDR", _ADDRESS),
    )
)
HINT = (
    "Kubernetes sets these for a service of that name, and they are no settings: set"
    " `enableServiceLinks: false` in the pod, or give the service another name"
)


def among(environ: Mapping[str, str]) -> list[str]:
    """The names of those variables, in order."""
    return sorted(name for name, value in environ.items() if _is_one(name, value))


def warning(names: Iterable[str]) -> str:
    return f"ignored {', '.join(names)}: {HINT}"


def _is_one(name: str, value: str) -> bool:
    return any(names.fullmatch(name) and values.fullmatch(value) for names, values in _FORMS)
