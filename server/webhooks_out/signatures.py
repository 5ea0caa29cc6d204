"""Secrets and signatures of Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac

from db.model.outgoing_webhooks import SigningSecrets
from resolvers.outgoing_webhooks import PREFIX


def headers(
    secrets: SigningSecrets, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers that prove a message; `timestamp` is in Unix seconds, of the attempt."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (_signature(secret, signed) for secret in secrets.valid_at(timestamp))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
