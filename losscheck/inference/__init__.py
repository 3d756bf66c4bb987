"""Which task does this loss take? Told by the user, or found by reading the source and by trying."""
