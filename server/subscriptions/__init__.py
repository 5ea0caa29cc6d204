"""Live changes: one reader of the log for all who listen to it, whatever transport tells them."""
