"""What a replica does that no other server does: follow its primary, and forward to it."""
