"""ChittyIDs from the identity authority."""
