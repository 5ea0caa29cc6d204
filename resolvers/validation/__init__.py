"""Validation of the input of mutations."""
