"""Webhook events of a GitHub App."""
