"""Outgoing webhooks: sends each change that a webhook selects to its URL, signed, once and in order."""
