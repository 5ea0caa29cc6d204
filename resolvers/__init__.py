"""The rules of the registry: who may change what, and how, in terms of rows."""
