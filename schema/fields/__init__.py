"""Fields of GraphQL types, and where their values come from."""
