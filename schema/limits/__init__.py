"""How large and how expensive an operation may be."""
