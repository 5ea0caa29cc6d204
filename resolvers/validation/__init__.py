"""Checks of a mutation's input, each problem with the path of its field."""
