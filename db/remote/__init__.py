"""Databases reached over HTTP: rqlite and Cloudflare D1, which run the same statements as a file."""
