"""One episode: a box with a scaffold, a door and sensors, from its start to its record."""
