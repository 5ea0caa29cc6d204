"""What may happen: the rules of the registry, in terms of rows."""
