"""Where the changes begin that are retained."""

LAST_PRUNED = "(SELECT coalesce(max(sequence), 0) FROM checkpoint)"
"""SQL: the sequence number of the last change that was cut off, or 0."""
