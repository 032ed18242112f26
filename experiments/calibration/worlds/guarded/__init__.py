"""A world with things in it that are not the agent's: a monitor, limits, somebody else's key."""
