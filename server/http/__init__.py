"""HTTP semantics that all endpoints share: negotiation, compression, caching, errors."""
