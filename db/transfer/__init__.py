"""Rows that move between registries as text: what an export reads, and what an import checks and writes."""
