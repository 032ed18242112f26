"""The host's side of the protocol with the runner in a box."""
