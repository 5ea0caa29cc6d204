"""HTTP semantics that all endpoints share."""
