"""Adopts registries that other programs made, and repairs what they write later."""
