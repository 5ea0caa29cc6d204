"""What one connection of a client may carry: a WebSocket, or a reserved event stream."""

MAX_OPERATIONS = 10  # queries and mutations that run, and as many subscriptions
MAX_ID_LENGTH = 200
