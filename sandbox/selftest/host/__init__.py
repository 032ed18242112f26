"""What must be true of an open box as the host sees it."""
