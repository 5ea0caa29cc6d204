"""Who asks: credentials, the actors they stand for, and how often these may ask."""
