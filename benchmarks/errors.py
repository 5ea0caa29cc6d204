"""The error that ends a benchmark early."""


class BenchmarkError(Exception):
    """Raised if a result would be meaningless or impossible; the message says why and what to do."""
