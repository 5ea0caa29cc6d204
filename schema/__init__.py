"""What is shown: the public GraphQL schema, and how an operation on it is carried out."""
