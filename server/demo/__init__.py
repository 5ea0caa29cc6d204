"""The demonstration registry."""
