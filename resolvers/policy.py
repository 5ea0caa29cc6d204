"""The registry's policy: page sizes and thresholds that operators may set, with their defaults.

Imports nothing heavy, so that settings can take their defaults from here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`failure_threshold` is how many unhealthy reports in a row mark a connection as FAILED.

    `private_webhook_targets` lets webhooks be sent by http, and to addresses of private networks.
    """

    page_default: int = 20
    page_max: int = 100
    failure_threshold: int = 5
    private_webhook_targets: bool = False


DEFAULT_POLICY = Policy()
