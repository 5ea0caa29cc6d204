"""Where the changes begin that are retained, and where they and the erasures of persons end."""

LAST_PRUNED = "(SELECT coalesce(max(sequence), 0) FROM checkpoint)"
"""SQL: the sequence number of the last change that was cut off, or 0."""
NEWEST_ERASURE = "(SELECT coalesce(max(erasure), 0) FROM erasures)"
"""SQL: the number of the newest erasure of a person, or 0."""
NEWEST_CHANGE = "(SELECT coalesce(max(sequence), 0) FROM changes)"
"""SQL: the sequence number of the newest change, or 0."""
