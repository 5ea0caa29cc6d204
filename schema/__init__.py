"""The public GraphQL schema, its limits, and the execution of operations."""
