"""What recording costs: the same work without, with a ring, and with a file."""
