"""Authentication: credentials, the actors that they belong to, and rate limits per actor and address."""
