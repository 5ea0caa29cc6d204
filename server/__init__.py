"""The server: HTTP, settings, logs, webhooks and the command line."""

import db as db  # before any module here imports sqlite3, which it may have to replace
