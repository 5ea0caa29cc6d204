"""Checks of a deployment, which change nothing."""
