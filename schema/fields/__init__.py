"""The building blocks of GraphQL types: fields, where their values come from, and scalars."""
