"""How it is served: HTTP, settings, logs, webhooks and the command line."""
