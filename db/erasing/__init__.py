"""Erases what a registry holds about a person."""
