"""A world behind whose door small services are metered, shared and shut down."""
