"""The history of the registry's rows: what any engine can read of it, and remove from it."""
