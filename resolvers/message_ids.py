"""Ids of messages to webhooks and of their deliveries: a sequence number would tell how much others write."""

from db.queries import sealed_sequences
from db.queries.sealed_sequences import Purpose


def encode(key: bytes, sequence: int) -> str:
    """The id of a change's message, the same at each attempt and to each webhook."""
    return sealed_sequences.seal(key, sequence, Purpose.WEBHOOK)


def encode_delivery(key: bytes, webhook_id: str, sequence: int) -> str:
    """The id of the delivery of a change to one webhook."""
    return f"{webhook_id}.{encode(key, sequence)}"


def decode_delivery(key: bytes, delivery_id: str) -> tuple[str, int] | None:
    """The webhook and the sequence number; None for what is no such id."""
    webhook_id, _, message_id = delivery_id.rpartition(".")
    sequence = sealed_sequences.unseal(key, message_id, Purpose.WEBHOOK)
    return None if sequence is None else (webhook_id, sequence)
