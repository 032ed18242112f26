"""The model APIs that the door speaks: what a request means, and the exact form of each answer."""
