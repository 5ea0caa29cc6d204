"""One GraphQL request, from its body to its operation."""
