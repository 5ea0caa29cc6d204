"""The paths that are served."""
