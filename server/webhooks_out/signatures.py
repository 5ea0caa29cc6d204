"""Secrets and signatures of Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac

from resolvers.outgoing_webhooks import PREFIX


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove a message; `timestamp` is in Unix seconds, of the attempt."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
