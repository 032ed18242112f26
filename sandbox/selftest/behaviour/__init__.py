"""What a box does under a load that is meant to break it, and how it begins and ends."""
