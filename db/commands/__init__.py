"""Statements that write: one batch for each mutation or webhook delivery."""
