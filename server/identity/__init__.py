"""Mints ChittyIDs: locally, or by the identity authority."""
