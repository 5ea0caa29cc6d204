"""Moving a registry from one engine to another."""
