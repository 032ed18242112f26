"""What is attempted: the suite, its worlds, its services and its graders."""
