"""Why a token is not accepted: apart from what verifies tokens, which is slow to load and seldom needed."""

RETRY_SECONDS = 30.0
"""Time after which keys that could not be fetched are tried again."""


class InvalidToken(Exception):
    """The message says why verification failed, without quoting the token."""


class KeysUnavailable(Exception):
    """Raised while the keys cannot be fetched and those that are cached do not suffice."""
